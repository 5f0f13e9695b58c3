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
