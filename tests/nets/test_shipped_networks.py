"""The networks that ship: small, whole, ours, and able to paint."""

import hashlib
from pathlib import Path

import pytest
import torch

from impasto.encoders import Petite
from impasto.feedforward import FeedForward
from impasto.images import load
from impasto.nets import store
from impasto.nets.decoder import LAYERS
from impasto.painting.api import begin
from impasto.recipe import Recipe, shipped_networks
from impasto.recipe.catalogue import METHODS
from impasto.recipe.shipped_networks import shipped

ASSETS = Path(__file__).resolve().parents[2] / "assets"
DATA = Path(str(shipped_networks.FOLDER))
FILES = sorted(DATA.glob("*.safetensors"))
MOST_BYTES = 12_000_000
STYLES = {"johnson": 3, "texture_net": 1}


def test_all_methods_have_their_networks() -> None:
    assert list(shipped("wct")) == list(LAYERS)
    assert list(shipped("adain")) == list(shipped("linear")) == ["relu4_1"]
    assert list(shipped("avatar")) == ["any"]
    for method, least in STYLES.items():
        assert len(shipped(method)) >= least


def test_together_they_are_small() -> None:
    assert sum(file.stat().st_size for file in FILES) <= MOST_BYTES


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_is_what_its_name_and_its_card_say(file: Path) -> None:
    tensors, card = store.load(file)
    method, _, name = file.stem.partition("-")
    assert card.method == method
    assert all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values())
    assert card.training["steps"] > 0
    assert card.training["pictures"] > 0
    assert str(Path.home()) not in card.text()
    if METHODS[method].styles:
        assert card.layer == ("" if method == "avatar" else name)  # which decodes several layers at once
        if method != "linear":
            assert card.encoder == Petite.embedded().sha256
    else:
        painting = ASSETS / "styles" / f"{name}.jpg"
        assert card.style_sha256 == hashlib.sha256(painting.read_bytes()).hexdigest(), "of a painting of our own"


def painted(method: str, **settings: object) -> FeedForward:
    styles = [ASSETS / "styles" / "swirls.jpg"] if METHODS[method].styles else []
    recipe = Recipe.parse({"method": method, "size": 160, "precision": "float32", **settings})
    painting = begin(ASSETS / "photos" / "astronaut.jpg", styles, recipe)
    assert isinstance(painting, FeedForward)
    for _ in painting:
        pass
    return painting


@pytest.mark.parametrize("method", [name for name, each in METHODS.items() if each.feed_forward])
def test_a_painting_keeps_the_photographs_forms_and_takes_other_colours(method: str) -> None:
    settings: dict[str, object] = {} if METHODS[method].styles else {"network": next(iter(shipped(method)))}
    if method in ("wct", "reshuffle", "nnst_fast"):  # which at full strength give the light of the painting too
        settings["alpha"] = 0.5
    result = painted(method, **settings).result().picture.pixels
    photo = load(ASSETS / "photos" / "astronaut.jpg").pixels
    photo = torch.nn.functional.interpolate(photo, result.shape[-2:], mode="area")
    # Forms: light and dark stay where they are at a coarse scale. Colours: they do not.
    coarse = [torch.nn.functional.adaptive_avg_pool2d(x.mean(1), 12).flatten() for x in (photo, result)]
    assert float(torch.corrcoef(torch.stack(coarse))[0, 1]) > 0.4
    assert float((result.mean((2, 3)) - photo.mean((2, 3))).abs().max()) > 0.02


@pytest.mark.parametrize(("layer", "least_db"), [("relu1_1", 32.0), ("relu2_1", 26.0), ("relu3_1", 22.0)])
def test_a_decoder_of_a_shallow_layer_gives_the_photograph_back(layer: str, least_db: float) -> None:
    network = DATA / f"wct-{layer}.safetensors"
    recipe = Recipe.parse({"method": "wct", "alpha": 0.0, "size": 128, "precision": "float32"})
    photo = load(ASSETS / "photos" / "coffee.jpg")
    painting = begin(photo, [photo], recipe, network=network)
    assert isinstance(painting, FeedForward)
    for _ in painting:
        pass
    result = painting.result().picture.pixels
    wanted = painting.scene.photo(painting.level)
    assert -10 * float((result - wanted).square().mean().log10()) > least_db
