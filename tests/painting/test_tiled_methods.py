"""Every method in tiles: the picture of one piece, or a refusal that says so; at small and at odd sizes."""

from collections.abc import Callable
from typing import Any, Literal

import pytest
from torch import Tensor

from impasto import Recipe, begin, stylize
from impasto.errors import NotTileableError, UsageError
from impasto.recipe.catalogue import METHODS
from tests.stylize_helpers import pixels

Picture = Callable[..., Tensor]
WHOLE = ("mrf", "doodle", "nnst", "strotss", "reshuffle", "nnst_fast")
"""Methods that look everywhere for each place."""
NETWORKS = {"johnson": "woodblock", "texture_net": None}
OPTIMIZED = ("gatys", "portrait")
EYES_TO_MOUTH = [[0.35, 0.4], [0.65, 0.4], [0.5, 0.55], [0.4, 0.7], [0.6, 0.7]]


def painted(method: str, photo: Tensor, style: Tensor, tile: int | Literal["auto", "off"]) -> Tensor:
    settings: dict[str, Any] = {"method": method, "size": max(photo.shape[-2:]), "precision": "float32"}
    if method in OPTIMIZED:
        settings |= {"encoder": "petite", "iterations": 1, "levels": 1}
    points = EYES_TO_MOUTH if method == "portrait" else None
    if method in NETWORKS:
        settings |= {"network": NETWORKS[method]} if NETWORKS[method] else {}
    styles = [style] if method not in NETWORKS else []
    painting = begin(photo, styles, Recipe.parse(settings), tile=tile, content_landmarks=points, style_landmarks=points)
    assert tile == "off" or painting.tiles != 1
    for _ in painting:
        pass
    return pixels(painting.result())


@pytest.mark.parametrize("method", [method for method in METHODS if method not in WHOLE])
def test_tiles_make_the_picture_of_one_piece(method: str, picture: Picture) -> None:
    # Each picture holds a little more pixels than a tile may, so that it takes several.
    tile, size = 200, (151, 331)
    if method == "wct":
        tile, size = 272, (187, 401)
    elif method in ("adain", "linear"):
        tile, size = 150, (121, 201)
    elif method in NETWORKS:
        tile, size = 64, (51, 97)
    assert size[0] * size[1] > tile**2
    photo, style = picture(*size, seed=4), picture(150, 131, seed=5)
    off = (painted(method, photo, style, tile) - painted(method, photo, style, "off")).abs()
    # Steps of an optimisation go on from the rounding of the ones before.
    assert float(off.max()) < (2e-3 if method in OPTIMIZED else 2e-4)


@pytest.mark.parametrize("method", [method for method in METHODS if method not in {*WHOLE, *NETWORKS}])
def test_a_tile_that_is_smaller_than_what_a_neuron_sees_is_refused(method: str, picture: Picture) -> None:
    with pytest.raises(UsageError, match="use --tile"):
        painted(method, picture(45, 61, seed=4), picture(60, 50, seed=5), 32)


@pytest.mark.parametrize("size", [(45, 61), (96, 17)])
@pytest.mark.parametrize("method", NETWORKS)
def test_small_pictures_in_small_tiles(method: str, size: tuple[int, int], picture: Picture) -> None:
    photo, style = picture(*size, seed=4), picture(60, 50, seed=5)
    assert float((painted(method, photo, style, 32) - painted(method, photo, style, "off")).abs().max()) < 2e-4


@pytest.mark.parametrize("method", WHOLE)
def test_what_looks_everywhere_refuses_tiles(method: str, picture: Picture) -> None:
    photo, style = picture(187, 331, seed=4), picture(150, 131, seed=5)
    with pytest.raises(NotTileableError, match=r"cannot be tiled|in one piece"):
        painted(method, photo, style, 200)


def test_a_texture_of_noise_is_made_in_one_piece() -> None:
    with pytest.raises(NotTileableError, match="leave --tile out"):
        stylize(None, [], method="texture_net", size=64, tile=32)
