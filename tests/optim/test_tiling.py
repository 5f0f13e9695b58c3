"""The great law: `Tiled` answers what `WholeImage` answers, to 1e-10 in float64, whatever the tiles and the terms."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from impasto import encoders
from impasto.encoders import Petite, Vgg
from impasto.errors import NotTileableError
from impasto.losses import (
    Content,
    Gamut,
    Objective,
    PatchBank,
    Patches,
    PatchSource,
    Style,
    TotalVariation,
    blend,
    statistic,
)
from impasto.optim.evaluate import Encode, WholeImage
from impasto.optim.grid import Grid
from impasto.optim.tiling import Tiled, pieces
from impasto.weights import CAFFE

SHALLOW = ("relu1_1", "relu2_1", "relu3_1")
DEEP = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


def geometry(layers: Iterable[str]) -> dict[str, Any]:
    strides = {layer: encoders.VGG19.stride(layer) for layer in layers}
    reach = max((encoders.VGG19.receptive_field(layer) - stride) // 2 for layer, stride in strides.items())
    return {"strides": strides, "reach": reach}


def grid(judge: Objective, size: tuple[int, int], tile: int, *, wrap: bool = False, short: int = 0) -> Grid:
    known = geometry(judge.layers)
    return Grid(size, tile=tile, reach=known["reach"] - short, strides=known["strides"], wrap=wrap)


def smooth(*shape: int, seed: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def objective(
    encode: Encode,
    size: tuple[int, int],
    *,
    styles: tuple[str, ...] = SHALLOW,
    contents: tuple[str, ...] = ("relu2_2",),
    statistics: tuple[str, ...] = ("gram",),
    regions: int = 0,
    tv: str = "vector",
    wrap: bool = False,
    lift: Callable[[str], Tensor | None] = lambda _layer: None,
    dtype: torch.dtype = torch.float64,
) -> Objective:
    """Terms of every sort, each of a size that counts; targets are blends of two styles."""
    photo = smooth(1, 3, *size, seed=1).to(dtype)
    painted = [smooth(1, 3, 48, 64, seed=seed).to(dtype) for seed in (2, 3)]
    names = [f"region {number}" for number in range(regions)] or [""]
    found: list[Style] = []
    content_terms = []
    with torch.no_grad():
        measured = [encode(one, styles) for one in painted]
        whole = encode(photo, (*styles, *contents))
        for number, name in enumerate(names):
            for layer in styles:
                guide = smooth(*whole[layer].shape[-2:], seed=10 + number).square() if regions else None
                for kind in statistics:
                    method = statistic(kind, lift=lift(layer), seed=0)
                    targets = [method.finish(method.measure(features[layer])) for features in measured]
                    target = blend(targets, (1.0, 0.5 + number))
                    factor = method.calibration / max(method.power(target), 1e-9) / len(names)
                    found.append(Style(layer, method, target, factor, guide, name))
        for layer in contents:
            guide = smooth(*whole[layer].shape[-2:], seed=20) if regions else None
            content_terms.append(Content(layer, whole[layer], 1 / float(whole[layer].square().sum()), guide))
    pixels = (TotalVariation(tv, 1 / photo.numel(), wrap=wrap), Gamut(1 / photo.numel()))
    return Objective(tuple(content_terms), tuple(found), pixels)


def painting(size: tuple[int, int], dtype: torch.dtype = torch.float64) -> Tensor:
    """Colours a little out of range too, so that the gamut has something to say."""
    return (smooth(1, 3, *size, seed=5) * 1.4 - 0.2).to(dtype)


def difference(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())


def compare(encode: Encode, judge: Objective, cut: Grid, image: Tensor, tolerance: float = 1e-10) -> None:
    expected, slope = WholeImage(encode, judge)(image)
    report, gradient = Tiled(encode, judge, cut)(image)
    assert (gradient.shape, gradient.dtype) == (slope.shape, slope.dtype)
    assert difference(gradient, slope) < tolerance
    assert list(report.terms) == list(expected.terms)
    assert report.terms == pytest.approx(expected.terms, rel=tolerance)
    assert report.total == pytest.approx(expected.total, rel=tolerance)


@pytest.fixture(scope="module")
def tiny(tiny_tensors: Callable[..., dict[str, Tensor]]) -> Callable[..., Vgg]:
    """`tiny(padding, pooling)`: the tiny encoder in float64."""
    widths = {1: 4, 2: 6, 3: 8, 4: 10, 5: 12}
    tensors = {key: value.double() for key, value in tiny_tensors(widths).items()}

    def build(padding: str = "reflect", pooling: str = "average") -> Vgg:
        return Vgg(tensors, CAFFE, pooling=pooling, padding=padding, channels=widths)

    return build


# Whole strides, odd numbers, and long strips. Tiles of 26 px are nearly all halo, so a small picture has many of them.
@pytest.mark.parametrize(
    ("size", "tile"),
    [(size, tile) for tile in (40, 64) for size in ((64, 80), (61, 75), (33, 131))]
    + [((32, 44), 26), ((29, 43), 26), ((25, 51), 26)],
)
@pytest.mark.parametrize("pooling", ["average", "max"])
@pytest.mark.parametrize("padding", ["zero", "reflect", "replicate"])
def test_every_padding_and_pooling(
    tiny: Callable[..., Vgg], padding: str, pooling: str, size: tuple[int, int], tile: int
) -> None:
    encode = tiny(padding, pooling)
    judge = objective(encode, size)
    cut = grid(judge, size, tile)
    assert len(cut.tiles) > 1
    compare(encode, judge, cut, painting(size))


@pytest.mark.parametrize("pooling", ["average", "max"])
@pytest.mark.parametrize(
    ("size", "tile"), [((32, 48), 30), ((24, 80), 30), ((8, 160), 30), ((64, 80), 48), ((32, 100), 48), ((8, 300), 48)]
)
def test_pictures_that_repeat(tiny: Callable[..., Vgg], size: tuple[int, int], tile: int, pooling: str) -> None:
    encode = tiny("circular", pooling)
    judge = objective(encode, size, regions=2, wrap=True)
    cut = grid(judge, size, tile, wrap=True)
    assert len(cut.tiles) > 1
    compare(encode, judge, cut, painting(size))


@pytest.mark.parametrize(("size", "tile"), [((183, 190), 166), ((190, 301), 200), ((16, 400), 60), ((47, 333), 100)])
@pytest.mark.parametrize("padding", ["zero", "reflect", "circular"])
def test_the_deepest_layers(tiny: Callable[..., Vgg], padding: str, size: tuple[int, int], tile: int) -> None:
    # 166 px: a middle tile owns one neuron of relu5_1, and all else is halo. 16 px: maps of one row.
    wrap = padding == "circular"
    if wrap:
        # Every tile has two halos here: at 166 px each would own one neuron, and one row of them is many.
        size = (192, 224) if tile == 166 else (size[0] // 16 * 16, size[1] // 16 * 16)
        tile = 200 if tile == 166 else tile
    encode = tiny(padding)
    judge = objective(encode, size, styles=DEEP, contents=("relu4_2",), wrap=wrap)
    cut = grid(judge, size, tile, wrap=wrap)
    assert len(cut.tiles) > 1
    compare(encode, judge, cut, painting(size))


@given(st.integers(8, 48), st.integers(8, 48), st.integers(26, 48), st.sampled_from(["zero", "reflect", "replicate"]))
def test_any_size(tiny: Callable[..., Vgg], height: int, width: int, tile: int, padding: str) -> None:
    encode = tiny(padding)
    judge = objective(encode, (height, width), regions=1)
    compare(encode, judge, grid(judge, (height, width), tile), painting((height, width)))


@given(st.integers(1, 11), st.integers(1, 11), st.integers(26, 48))
def test_any_size_that_repeats(tiny: Callable[..., Vgg], height: int, width: int, tile: int) -> None:
    size = 4 * height, 4 * width
    encode = tiny("circular")
    judge = objective(encode, size, wrap=True)
    compare(encode, judge, grid(judge, size, tile, wrap=True), painting(size))


@pytest.mark.parametrize("regions", [0, 3])
@pytest.mark.parametrize("statistics", [("gram",), ("mean_std",), ("covariance",), ("gram", "mean_std", "covariance")])
def test_every_statistic_of_sums(tiny: Callable[..., Vgg], statistics: tuple[str, ...], regions: int) -> None:
    size = (70, 58)
    encode = tiny()
    judge = objective(encode, size, statistics=statistics, regions=regions)
    compare(encode, judge, grid(judge, size, 34), painting(size))


@pytest.mark.parametrize("wrap", [False, True])
@pytest.mark.parametrize("tv", ["l1", "l2", "vector", "huber"])
def test_terms_over_pixels(tiny: Callable[..., Vgg], tv: str, wrap: bool) -> None:
    size = (32, 44)
    encode = tiny("circular" if wrap else "reflect")
    judge = objective(encode, size, tv=tv, wrap=wrap)
    for terms in (judge, Objective(judge.contents, pixels=judge.pixels)):
        compare(encode, terms, grid(judge, size, 30, wrap=wrap), painting(size))
    # Alone: no encoder is asked at all, and a term may wrap where the encoder does not.
    alone = Objective(pixels=judge.pixels)
    compare(lambda _image, _layers: {}, alone, Grid(size, tile=9, reach=0, strides={}), painting(size))


def test_terms_one_by_one(tiny: Callable[..., Vgg]) -> None:
    size = (40, 50)
    encode = tiny()
    judge = objective(encode, size, regions=2)
    for one in (
        *(Objective(contents=(term,)) for term in judge.contents),
        *(Objective(styles=(term,)) for term in judge.styles),
        *(Objective(pixels=(term,)) for term in judge.pixels),
        Objective(judge.contents, judge.styles),
    ):
        compare(encode, one, grid(judge, size, 32), painting(size))


def test_a_region_that_most_tiles_do_not_see(tiny: Callable[..., Vgg]) -> None:
    size = (64, 64)
    encode = tiny()
    plain = objective(encode, size, regions=1)
    styles = []
    for term in plain.styles:
        assert term.guide is not None
        corner = torch.zeros_like(term.guide)
        corner[:3, :2] = 1
        styles.append(Style(term.layer, term.statistic, term.target, term.factor, corner, "corner"))
    judge = Objective(plain.contents, (*plain.styles, *styles), plain.pixels)
    compare(encode, judge, grid(judge, size, 30), painting(size))


@pytest.mark.parametrize("short", [1, 5])
def test_all_of_the_halo_is_needed(tiny: Callable[..., Vgg], short: int) -> None:
    size = (64, 80)
    encode, image = tiny(), painting(size)
    judge = objective(encode, size)
    _, expected = WholeImage(encode, judge)(image)
    # One pixel less of the ten that relu3_1 reaches, and the gradient is another.
    _, wrong = Tiled(encode, judge, grid(judge, size, 40, short=short))(image)
    assert difference(wrong, expected) > 1e-7


class Counting:
    """Counts calls and pixels, and notes whether there was a graph."""

    def __init__(self, encode: Encode) -> None:
        self.encode = encode
        self.pixels: list[int] = []
        self.graphs = 0
        self.layers: set[tuple[str, ...]] = set()

    def __call__(self, image: Tensor, layers: Iterable[str]) -> Mapping[str, Tensor]:
        self.pixels.append(image[0, 0].numel())
        self.graphs += image.requires_grad
        self.layers.add(tuple(layers))
        return self.encode(image, layers)


def test_tiles_are_encoded_no_oftener_and_no_larger_than_needed(tiny: Callable[..., Vgg]) -> None:
    size = (64, 80)
    judge = objective(tiny(), size, contents=("relu3_2",))
    cut = grid(judge, size, 40)
    count = len(cut.tiles)
    spy = Counting(tiny())
    Tiled(spy, judge, cut)(painting(size))
    assert max(spy.pixels) <= 40**2
    # The last tile of the first pass is the first of the second.
    assert (len(spy.pixels), spy.graphs) == (2 * count - 1, count)
    assert spy.layers == {SHALLOW, judge.layers}, "the first pass stops at what styles need"
    spy = Counting(tiny())
    pointwise = Objective(judge.contents, pixels=judge.pixels)
    Tiled(spy, pointwise, cut)(painting(size))
    assert (len(spy.pixels), spy.graphs) == (count, count), "without styles one pass is enough"


def test_one_tile_is_the_whole_image(tiny: Callable[..., Vgg]) -> None:
    size = (40, 40)
    judge = objective(tiny(), size, statistics=("gram", "sliced_wasserstein"))
    image = painting(size)
    spy = Counting(tiny())
    report, gradient = Tiled(spy, judge, grid(judge, size, 4096))(image)
    expected, slope = WholeImage(tiny(), judge)(image)
    assert spy.pixels == [1600]
    assert report == expected
    assert torch.equal(gradient, slope)


@pytest.mark.parametrize("name", ["histogram", "sliced_wasserstein"])
def test_sorted_statistics_are_refused(tiny: Callable[..., Vgg], name: str) -> None:
    judge = objective(tiny(), (64, 64), statistics=("gram", name))
    with pytest.raises(NotTileableError, match=rf"'{name}'.*--statistics gram.*--tile off") as caught:
        Tiled(tiny(), judge, grid(judge, (64, 64), 40))
    assert caught.value.exit_code == 2


def test_patches_are_refused(tiny: Callable[..., Vgg]) -> None:
    judge = Objective(
        patches=(Patches("relu3_1", PatchBank([PatchSource(torch.rand(8, 4, 4, dtype=torch.float64))]), 1.0),)
    )
    with pytest.raises(NotTileableError, match=r"patches.*cannot be tiled.*--method gatys.*--tile off"):
        Tiled(tiny(), judge, grid(judge, (64, 64), 40))
    report, gradient = Tiled(tiny(), judge, grid(judge, (64, 64), 4096))(painting((64, 64)))
    assert list(report.terms) == ["style relu3_1 patches"]
    assert gradient.abs().max() > 0


def test_another_size_is_refused(tiny: Callable[..., Vgg]) -> None:
    judge = objective(tiny(), (64, 64))
    with pytest.raises(ValueError, match="does not fit"):
        Tiled(tiny(), judge, grid(judge, (64, 64), 40))(painting((64, 60)))


def test_the_picture_is_left_alone_and_answers_repeat(tiny: Callable[..., Vgg]) -> None:
    size = (64, 64)
    judge, image = objective(tiny(), size), painting(size)
    before = image.clone()
    tiled = Tiled(tiny(), judge, grid(judge, size, 40))
    (first, slope), (second, again) = tiled(image), tiled(image)
    assert torch.equal(image, before)
    assert not image.requires_grad
    assert first == second
    assert torch.equal(slope, again)
    assert not slope.requires_grad


def test_targets_may_be_narrower_than_the_picture(tiny: Callable[..., Vgg]) -> None:
    size = (64, 64)
    judge = objective(tiny(), size)
    (content,) = judge.contents
    half = Content(content.layer, content.target.bfloat16(), content.factor)
    wide = Content(content.layer, half.target.double(), content.factor)
    image, cut = painting(size), grid(judge, size, 40)
    _, expected = Tiled(tiny(), Objective((wide,)), cut)(image)
    _, found = Tiled(tiny(), Objective((half,)), cut)(image)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("wrap", [False, True])
def test_pieces_are_the_whole_maps(tiny: Callable[..., Vgg], wrap: bool) -> None:
    size = (64, 80) if wrap else (61, 79)
    encode, image = tiny("circular" if wrap else "reflect"), painting(size)
    with torch.no_grad():
        whole = encode(image, SHALLOW)
    built = {layer: torch.full_like(features, torch.nan) for layer, features in whole.items()}
    known = geometry(SHALLOW)
    for features, windows in pieces(encode, image, SHALLOW, Grid(size, tile=36, **known, wrap=wrap)):
        for layer, found in features.items():
            assert not found.requires_grad
            built[layer][(..., *windows[layer])] = found
    for layer, expected in whole.items():
        torch.testing.assert_close(built[layer], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("regions", [0, 2])
def test_petite(regions: int) -> None:
    size, layers = (190, 320), ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
    encode = Petite.embedded()
    judge = objective(
        encode,
        size,
        styles=layers,
        contents=("relu4_2",),
        statistics=("gram", "mean_std"),
        regions=regions,
        lift=encode.lift,
        dtype=torch.float32,
    )
    cut = grid(judge, size, 240)
    assert len(cut.tiles) > 1
    compare(encode, judge, cut, painting(size, torch.float32), 2e-4)
