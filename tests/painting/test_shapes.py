"""Painting with an encoder of another shape than VGG's: nothing but its own class knows of it."""

from collections.abc import Iterable, Mapping
from typing import Any, Self

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.encoders import Encoder, Geometry
from impasto.errors import UsageError
from impasto.guides import Regions
from impasto.painting.stylizer import Stylizer
from impasto.recipe import Recipe
from impasto.result import Result
from tests.stylize_helpers import finite, gone_on_with, halves, pixels

GEOMETRY = Geometry("wide", {"relu1_1": ((5, 1),), "relu2_1": ((5, 1), (5, 3)), "relu2_2": ((5, 1), (5, 3), (5, 3))})
WIDTHS = {"relu1_1": 6, "relu2_1": 8, "relu2_2": 10}
LAYERS: dict[str, dict[str, Any]] = {
    "gatys": {"style_layers": "relu1_1,relu2_1,relu2_2", "content_layers": "relu2_1"},
    "mrf": {"patch_layers": "relu2_1,relu2_2", "content_layers": "relu2_1"},
    "doodle": {"patch_layers": "relu2_1", "content_layers": "relu2_1"},
    "nnst": {"neighbor_layers": "relu2_1,relu2_2", "finishing_steps": 2},
    "strotss": {"hypercolumn_layers": "relu1_1,relu2_1,relu2_2"},
    "portrait": {"gain_layers": "relu2_1", "style_layers": "relu1_1,relu2_1"},
}


class Wide:
    """Three 5x5 convolutions; the second and third take every third neuron."""

    name, sha256, precision = "wide", "1" * 64, None
    layers: tuple[str, ...] = GEOMETRY.layers
    channels: Mapping[str, int] = WIDTHS
    steps, stride, receptive_field = GEOMETRY.steps, GEOMETRY.stride, GEOMETRY.receptive_field

    def __init__(self, padding: str = "reflect", dtype: torch.dtype = torch.float32) -> None:
        self.padding, self.tensors, channels = padding, {}, 3
        random = torch.Generator().manual_seed(3)
        for layer, width in WIDTHS.items():
            self.tensors[layer] = torch.randn(width, channels, 5, 5, generator=random, dtype=dtype) / channels**0.5 / 4
            channels = width

    def __call__(self, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        found, x = {}, image - 0.5
        for layer, weight in self.tensors.items():
            stride = GEOMETRY.steps(layer)[-1][1]
            # So the windows lie about the middles of the neurons' cells.
            around = (5 - stride) // 2
            mode = "constant" if self.padding == "zero" else self.padding
            mode = "replicate" if mode == "reflect" and min(x.shape[2:]) <= around else mode
            x = F.relu(F.conv2d(F.pad(x, (around,) * 4, mode=mode), weight.to(x), stride=stride) + 0.1)
            found[layer] = x
        return {layer: found[layer] for layer in layers}

    def neurons(self, _layers: Iterable[str]) -> float:
        return sum(WIDTHS[layer] / GEOMETRY.stride(layer) ** 2 for layer in WIDTHS)

    def lift(self, _layer: str) -> None:
        return None

    def padded(self, padding: str) -> "Wide":
        return Wide(padding)

    def to(self, _device: torch.device | str) -> Self:
        return self


@pytest.fixture
def sides() -> Regions:
    """Left and right, on content (48, 64) and style (56, 40)."""
    return Regions(("left", "right"), halves(48, 64), (halves(56, 40),))


def recipe(quick: Recipe, method: str, **changes: object) -> Recipe:
    return Recipe.parse({**quick.model_dump(), "finishing_steps": 0, "method": method, **LAYERS[method], **changes})


def run(stylizer: Stylizer) -> Result:
    for _ in stylizer:
        pass
    return stylizer.result()


def test_it_is_an_encoder_and_its_gradients_show_its_geometry() -> None:
    encoder: Encoder = Wide("zero", torch.float64)
    assert [encoder.stride(layer) for layer in encoder.layers] == [1, 3, 9]
    assert [encoder.receptive_field(layer) for layer in encoder.layers] == [5, 9, 21]
    image = torch.rand(1, 3, 91, 64, dtype=torch.float64, requires_grad=True)
    for layer, features in encoder(image, encoder.layers).items():
        stride, field = encoder.stride(layer), encoder.receptive_field(layer)
        assert features.shape[2:] == (91 // stride, 64 // stride)
        row = features.shape[2] // 2
        (gradient,) = torch.autograd.grad(features[0, :, row].sum(), image, retain_graph=True)
        seen = gradient[0].abs().sum((0, 2)).nonzero().flatten()
        # The neuron's own cell, and as much before as behind it.
        reach = (field - stride) // 2
        assert (int(seen[0]), int(seen[-1])) == (row * stride - reach, (row + 1) * stride + reach - 1)


@pytest.mark.parametrize("method", LAYERS)
def test_every_method_that_optimises_paints_with_it(
    quick: Recipe, content: Tensor, style: Tensor, sides: Regions, method
) -> None:
    stylizer = Stylizer(content, style, recipe(quick, method), encoder=Wide(), regions=sides)
    losses = [step.loss for step in stylizer if step.level == 0]
    result = stylizer.result()
    assert finite(result)
    assert min(losses[1:]) < losses[0]
    assert result.recipe.encoder == "wide"
    plain = run(Stylizer(content, style, recipe(quick, method), encoder=Wide()))
    assert not torch.equal(pixels(result), pixels(plain))


@pytest.mark.parametrize("guides", ["simple", "mean", "all", "inside", "border"])
def test_masks_reach_its_layers_in_every_way(
    quick: Recipe, content: Tensor, style: Tensor, sides: Regions, guides: str
) -> None:
    asked = recipe(quick, "gatys", guides=guides, region_content_weights={"left": 0.5})
    stylizer = Stylizer(content, style, asked, encoder=Wide(), regions=sides)
    last = stylizer.levels[-1]
    shapes = {term.layer: tuple(term.guide.shape) for term in stylizer.objective(last).styles if term.guide is not None}
    assert shapes == {layer: tuple(side // GEOMETRY.stride(layer) for side in last.size) for layer in WIDTHS}
    assert finite(run(stylizer))


@pytest.mark.parametrize("tileable", [False, True])
def test_tiles_paint_what_one_piece_does(quick: Recipe, picture, style: Tensor, tileable: bool) -> None:
    asked = recipe(quick, "gatys", size=180, iterations=3, levels=1, tileable=tileable, init="style")
    photo = None if tileable else picture(120, 180, seed=4)[0]
    whole, tiled = (Stylizer(photo, style, asked, encoder=Wide(), tile=tile) for tile in ("off", 90))
    assert len(tiled.plans[-1].grid.tiles) > 1
    assert all(side % 9 == 0 for side in tiled.size) or not tileable
    difference = (pixels(run(whole)) - pixels(run(tiled))).abs()
    # Sums in another order, which three steps of L-BFGS enlarge: by more on some processors. A seam is a hundredth.
    assert difference.max() < 5e-3
    assert difference.mean() < 2e-5


@pytest.mark.parametrize("method", ["mrf", "nnst", "strotss"])
def test_a_painting_is_gone_on_with(quick: Recipe, content: Tensor, style: Tensor, method: str) -> None:
    more = {"patch_every": 4} if method == "mrf" else {}
    asked = recipe(quick, method, **more)

    def begin() -> Stylizer:
        return Stylizer(content, style, asked, encoder=Wide())

    assert torch.equal(pixels(run(begin())), pixels(gone_on_with(begin, 4)))


def test_petite_takes_no_steps_for_it(quick: Recipe, content: Tensor, style: Tensor, notices: list[str]) -> None:
    asked = recipe(quick, "gatys", finishing_steps=2, style_layers="relu1_1,relu2_1")
    stylizer = Stylizer(content, style, asked, encoder=Wide())
    assert stylizer.surrogate is None
    assert any("petite has another relu1_1" in line for line in notices)


def test_a_layer_that_it_lacks_is_refused_before_any_step(quick: Recipe, content: Tensor, style: Tensor) -> None:
    with pytest.raises(UsageError, match=r"unknown layer 'relu4_2'; the layers of wide are relu1_1 \.\.\. relu2_2"):
        Stylizer(content, style, recipe(quick, "gatys", content_layers="relu4_2"), encoder=Wide())
