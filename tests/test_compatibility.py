"""Files of earlier versions are still read: recipes, pictures, and checkpoints that end in the same picture."""

from pathlib import Path

import pytest
import torch

import impasto
from impasto import metadata
from impasto.checkpoint import Checkpoint

OLD = Path(__file__).parent / "data" / "f5ba1bc"
CHECKPOINTS = sorted(OLD.glob("*.checkpoint"))


def test_there_are_old_files() -> None:
    assert len(CHECKPOINTS) == 5


@pytest.mark.parametrize("path", CHECKPOINTS, ids=lambda path: path.stem)
def test_an_old_checkpoint_ends_in_the_picture_that_was_begun(path: Path) -> None:
    checkpoint = Checkpoint.load(path)
    styles = [OLD / "style.png", OLD / "other.png"][: sum(each["role"] == "style" for each in checkpoint.inputs)]
    painting = impasto.begin(OLD / "photo.png", styles, checkpoint.recipe)
    assert isinstance(painting, impasto.Stylizer)
    painting.restore(checkpoint)
    for _ in painting:
        pass
    wanted = impasto.load(path.with_suffix(".png")).pixels
    # Another machine may round otherwise, and 8 bits are what was kept.
    assert torch.allclose(painting.result().picture.pixels, wanted, atol=0.03)


@pytest.mark.parametrize("path", CHECKPOINTS, ids=lambda path: path.stem)
def test_the_recipe_in_an_old_picture_is_that_of_its_checkpoint(path: Path) -> None:
    document = metadata.read(path.with_suffix(".png"))
    assert document is not None
    assert impasto.Recipe.parse(document["recipe"]) == Checkpoint.load(path).recipe


def test_keys_under_their_old_names_are_read() -> None:
    old = {"normalisation": "zhao", "global_share": 0.5, "layer_shares": {"relu1_1": [1, 0]}, "region_share": "equal"}
    recipe = impasto.Recipe.parse(old)
    assert (recipe.normalization, recipe.global_fraction, recipe.region_balance) == ("zhao", 0.5, "equal")
    assert recipe.layer_style_weights == {"relu1_1": (1, 0)}
    nnst = impasto.Recipe.parse({"method": "nnst"}).replace(content_share=0.25, neighbour_layers="relu3_1")
    assert (nnst.content_fraction, nnst.neighbor_layers) == (0.25, {"relu3_1": 1})
    assert "normalisation" not in recipe.to_json()


def test_a_key_under_both_names_is_refused() -> None:
    with pytest.raises(impasto.ImpastoError, match="'global_share' is called 'global_fraction' now"):
        impasto.Recipe.parse({"global_share": 0.5, "global_fraction": 0.5})
