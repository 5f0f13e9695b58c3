"""How a picture is cut: every pixel and neuron is owned once, tiles begin where pools do, the cheapest cut is taken."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from impasto.errors import UsageError
from impasto.optim.grid import Grid

STRIDES = {"relu1_1": 1, "relu2_2": 2, "relu3_1": 4}
REACH = 10

sides = st.integers(8, 90)
tiles = st.integers(26, 100)


@given(sides, sides, tiles, st.booleans())
def test_each_pixel_and_each_neuron_has_one_owner(height: int, width: int, tile: int, wrap: bool) -> None:
    if wrap:
        height, width = 4 * max(1, height // 4), 4 * max(1, width // 4)
    grid = Grid((height, width), tile=tile, reach=REACH, strides=STRIDES, wrap=wrap)
    pixels = torch.zeros(height, width)
    neurons = {layer: torch.zeros(height // stride, width // stride) for layer, stride in STRIDES.items()}
    for piece in grid.tiles:
        pixels[piece.rows.start : piece.rows.stop, piece.columns.start : piece.columns.stop] += 1
        for layer, window in grid.windows(piece).items():
            neurons[layer][window] += 1
    assert bool((pixels == 1).all())
    assert all(bool((owners == 1).all()) for owners in neurons.values())


@given(sides, sides, tiles)
def test_tiles_are_bounded_and_see_what_they_need(height: int, width: int, tile: int) -> None:
    grid = Grid((height, width), tile=tile, reach=REACH, strides=STRIDES)
    for piece in grid.tiles:
        for span in (piece.rows, piece.columns):
            assert span.begin % 4 == span.start % 4 == 0
            assert span.begin == 0 or span.start - span.begin >= REACH
            assert span.end == span.side or span.end - span.stop >= REACH
        assert len(piece.rows) * len(piece.columns) <= tile**2
    assert grid.encoded[0] * grid.encoded[1] <= tile**2
    assert grid.overhead >= 1


@given(sides, sides, tiles, st.booleans())
def test_adding_is_the_transpose_of_cutting(height: int, width: int, tile: int, wrap: bool) -> None:
    if wrap:
        height, width = 4 * max(1, height // 4), 4 * max(1, width // 4)
    image = torch.rand(1, 3, height, width, dtype=torch.float64)
    for piece in Grid((height, width), tile=tile, reach=REACH, strides=STRIDES, wrap=wrap).tiles:
        for part in (piece, piece.beyond()):
            cut = part.cut(image)
            other, back = torch.rand_like(cut), torch.zeros_like(image)
            part.add(back, other)
            torch.testing.assert_close((cut * other).sum(), (image * back).sum())


def test_a_cut_is_a_copy() -> None:
    image = torch.zeros(1, 3, 64, 64)
    for piece in Grid((64, 64), tile=40, reach=REACH, strides=STRIDES).tiles:
        piece.cut(image).add_(1)
    assert float(image.abs().max()) == 0


def test_halos_come_from_the_other_side_of_a_picture_that_repeats() -> None:
    image = torch.arange(64.0).expand(1, 1, 64, 64)
    first, *_, last = Grid((64, 64), tile=36, reach=REACH, strides=STRIDES, wrap=True).tiles
    assert first.cut(image)[0, 0, 0, :14].tolist() == [*range(52, 64), 0, 1]
    assert last.cut(image)[0, 0, 0, -REACH:].tolist() == [*range(10)]


def test_a_picture_that_fits_is_one_tile() -> None:
    for size in ((64, 64), (128, 32)):
        grid = Grid(size, tile=64, reach=REACH, strides=STRIDES)
        assert len(grid.tiles) == 1
        assert (grid.encoded, grid.overhead) == (size, 1.0)


def test_the_cheapest_shapes_are_taken() -> None:
    # Strips waste no halo across: a wide picture of little height is cut in one direction only.
    wide = Grid((64, 1024), tile=128, reach=REACH, strides=STRIDES)
    assert {len(tile.rows) for tile in wide.tiles} == {64}
    # And no sliver is left over: tiles are encoded at about the same size.
    for grid in (wide, Grid((1000, 1000), tile=512, reach=70, strides={"relu5_1": 16})):
        areas = [len(tile.rows) * len(tile.columns) for tile in grid.tiles]
        assert max(areas) < 1.25 * min(areas)
    # Cutting finer costs more.
    overheads = [Grid((1000, 1000), tile=tile, reach=70, strides={"relu5_1": 16}).overhead for tile in (700, 500, 300)]
    assert overheads == sorted(overheads)
    assert overheads[0] < 1.31


def test_the_smallest_tile_that_is_named_works() -> None:
    for reach, strides in ((REACH, STRIDES), (70, {"relu5_1": 16})):
        with pytest.raises(UsageError, match=r"use --tile \d+$") as caught:
            Grid((1000, 700), tile=20, reach=reach, strides=strides)
        least = int(str(caught.value).split()[-1])
        assert len(Grid((1000, 700), tile=least, reach=reach, strides=strides).tiles) > 100
        with pytest.raises(UsageError):
            Grid((1000, 700), tile=least - 1, reach=reach, strides=strides)


def test_large_pictures_are_planned_at_once() -> None:
    grid = Grid((32768, 32768), tile=1024, reach=70, strides={"relu5_1": 16})
    assert grid.overhead < 1.4
    assert len(grid.tiles) > 1024


def test_a_picture_that_repeats_must_be_a_multiple_of_the_stride() -> None:
    with pytest.raises(ValueError, match="multiples of 4"):
        Grid((64, 62), tile=40, reach=REACH, strides=STRIDES, wrap=True)
