"""`Painter`: what is kept warm changes no picture."""

from typing import Any

import pytest
import torch

from impasto import images
from impasto.errors import UsageError
from impasto.executors.painter import NETWORKS_KEPT, Painter
from impasto.executors.sources import KEPT_IN_MEMORY, Pictures
from impasto.feedforward.per_style import PerStyle
from impasto.images import Picture
from impasto.nets.johnson import Johnson
from impasto.painting.api import begin_with
from impasto.recipe import Recipe
from impasto.scene.inputs import Inputs, Masks

METHODS: dict[str, dict[str, Any]] = {
    "adain": {},
    "wct": {"passes": 1},
    "linear": {},
    "nnst_fast": {},
    "johnson": {"network": "swirls"},
    "gatys": {"iterations": 2, "levels": 1},
}


def picture(seed: int, height: int = 48, width: int = 64) -> Picture:
    return images.load(torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed)))


def painted(painting):
    for _ in painting:
        pass
    return painting.result()


SLOW = ("nnst_fast", "gatys", "wct")


@pytest.mark.parametrize(
    "method", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in METHODS]
)
def test_what_is_warm_paints_the_same(method):
    recipe = Recipe.parse({"method": method, "size": 64, "precision": "float32", **METHODS[method]})
    style = picture(9, 56, 40)
    gray = Picture(picture(3).pixels.mean(1, keepdim=True).expand(-1, 3, -1, -1).contiguous(), sha256="gray")
    painter = Painter()
    # Another photograph, one without colours, one of another shape, and the first again.
    for photo in (picture(1), picture(2), gray, picture(4, 64, 48), picture(1)):
        inputs = Inputs(photo, [] if method == "johnson" else [style])
        warm, cold = painted(painter.begin(inputs, recipe)), painted(begin_with(inputs, recipe))
        assert torch.equal(warm.picture.pixels, cold.picture.pixels)
        assert warm.metadata == cold.metadata
        assert len(warm.history) == len(cold.history)


def test_networks_are_kept_from_photograph_to_photograph_and_not_for_ever():
    recipe = Recipe.parse({"method": "adain", "size": 64, "precision": "float32"})
    painter = Painter()
    first = painter.begin(Inputs(picture(1), [picture(9)]), recipe)
    assert painter.begin(Inputs(picture(2), [picture(9)]), recipe) is first
    assert painter.begin(Inputs(picture(2), [picture(9)]), recipe.replace(alpha=0.5)) is not first
    assert painter.begin(Inputs(picture(2, 64, 48), [picture(9)]), recipe) is not first
    for seed in range(10, 10 + NETWORKS_KEPT):
        painter.begin(Inputs(picture(1), [picture(seed)]), recipe)
    assert painter.begin(Inputs(picture(1), [picture(9)]), recipe) is not first


def test_a_painting_takes_a_photograph_of_its_shape_alone():
    painting = Painter().begin(Inputs(picture(1), [picture(9)]), Recipe.parse({"method": "adain", "size": 64}))
    with pytest.raises(UsageError, match="another shape"):
        painting.take(picture(1, 64, 48))
    painted(painting)
    assert painting.finished
    painting.take(picture(2))
    assert not painting.finished


def test_precision_is_settled_once(monkeypatch):
    from impasto.executors import painter as module

    asked = []

    def measured(_recipe, device):
        asked.append(device)
        return "float32"

    monkeypatch.setattr(module, "precision_of", measured)
    painter = Painter()
    recipes = [painter.settled(Recipe.parse({"seed": seed})) for seed in range(3)]
    assert [recipe.precision for recipe in recipes] == ["float32"] * 3
    assert len(asked) == 1
    assert painter.settled(Recipe.parse({"precision": "bfloat16"})).precision == "bfloat16"
    assert Painter(precision="bfloat16").settled(Recipe.parse({})).precision == "bfloat16"


def test_what_is_no_file_is_read_before_it_travels(tmp_path):
    path = tmp_path / "photo.png"
    images.save(picture(1), path)
    recipe = Recipe.parse({})
    painter = Painter()
    named = Inputs(path, [str(path)])
    assert painter.portable(named, recipe) is named
    array = picture(2).pixels[0].movedim(0, -1).numpy()
    mask = torch.zeros(3, 48, 64)
    mask[0, :20] = 1
    moved = painter.portable(Inputs(path, [array], masks=Masks(content=mask)), recipe)
    assert isinstance(moved.content, Picture)
    assert isinstance(moved.paintings[0], Picture)
    assert moved.regions is not None


def test_several_at_once_are_the_pictures_of_one_by_one(monkeypatch):
    recipe = Recipe.parse({"method": "johnson", "network": "swirls", "size": 64, "precision": "float32"})
    photos = [picture(seed, 64, 64) for seed in range(9)]
    monkeypatch.setattr(PerStyle, "_is_worth", lambda _self: True)
    passes: list[int] = []
    forward = Johnson.forward

    def counted(self, image, *rest):
        passes.append(len(image))
        return forward(self, image, *rest)

    alone = [painted(begin_with(Inputs(photo), recipe)).picture.pixels for photo in photos]
    monkeypatch.setattr(Johnson, "forward", counted)
    painter = Painter()
    for number, photo in enumerate(photos):
        following = [(Inputs(one), recipe, None, None) for one in photos[number : number + 5]]
        painter.foresee(following)
        assert torch.equal(painted(painter.begin(Inputs(photo), recipe)).picture.pixels, alone[number])
    # The first loads the network, four and four come together.
    assert passes == [1, 4, 4]


def test_several_at_once_have_to_be_the_same_to_the_last_bit(monkeypatch):
    recipe = Recipe.parse({"method": "johnson", "network": "swirls", "size": 64, "precision": "float32"})
    photos = [picture(seed, 64, 64) for seed in range(5)]
    forward = Johnson.forward
    monkeypatch.setattr(
        Johnson, "forward", lambda self, image, *rest: forward(self, image, *rest) + 1e-6 * (len(image) - 1)
    )
    painter = Painter()
    for number, photo in enumerate(photos):
        painter.foresee([(Inputs(one), recipe, None, None) for one in photos[number:]])
        expected = painted(begin_with(Inputs(photo), recipe)).picture.pixels
        assert torch.equal(painted(painter.begin(Inputs(photo), recipe)).picture.pixels, expected)


def test_pictures_of_a_stream_go_by_and_a_style_stays():
    pictures, style = Pictures(), torch.rand(3, 8, 8)
    first = pictures(style, images.load)
    for _ in range(3 * KEPT_IN_MEMORY):
        pictures(torch.rand(3, 8, 8), images.load)
        assert pictures(style, images.load) is first
    assert len(pictures._held) == KEPT_IN_MEMORY
