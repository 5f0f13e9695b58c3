"""Where the photograph is to count more than elsewhere: in faces, or where a grey picture says so."""

import torch
from torch import Tensor

from impasto import images
from impasto.errors import UsageError
from impasto.events import notice
from impasto.images import Picture
from impasto.landmarks import detect
from impasto.recipe import Recipe

SEARCHED = 1024
"""Long side of the picture that is searched for faces: one of 40 pixels there is a twenty-fifth of the width."""
HALF_WIDTH, HALF_HEIGHT = 0.48, 0.62
"""Half axes of the ellipse that a face fills, in sides of the square that the detector draws around it."""
CENTER = 0.52
"""How far below the top of that square the middle of the face is."""
SOFT = 0.25
"""Fraction of the half axes over which the ellipse fades out at its rim, so that no outline is seen."""


def protection(recipe: Recipe, content: Picture | None, given: Picture | None) -> Tensor | None:
    """Return how far each part of the photograph is protected, (1, 1, h, w) in [0, 1]; None where nothing is.

    `given` is the grey picture of `protect` 'file', of which only what can be seen counts. Says so where no face is
    found. Raises `UsageError` where there is no photograph, where the picture is missing or not asked for, and where
    no detector is installed.
    """
    if (given is None) != (recipe.protect != "file"):
        raise UsageError("protect 'file' and protect_image belong together; give both or neither")
    if recipe.protect == "nothing":
        return None
    if content is None:
        raise UsageError("protect is of a photograph, and there is none; leave it out")
    if given is not None:
        gray = given.pixels.mean(1, keepdim=True)
        return gray if given.alpha is None else gray * given.alpha
    if not detect.available():
        raise UsageError(f"protect 'faces' needs a detector: {detect.INSTALL}; or name a grey picture of them")
    squares = detect.boxes(images.fill_hidden(content).pixels, SEARCHED)
    faces = [square for square, seen in squares if seen >= detect.SURE]
    if not faces:
        notice(f"no face is seen in {content.name}, and nothing is protected; name a grey picture instead")
        return None
    notice(f"protects {len(faces)} {'face' if len(faces) == 1 else 'faces'} in {content.name}")
    return ellipses(faces, images.fit_size(content.size, min(max(content.size), SEARCHED)))


def ellipses(faces: list[tuple[float, float, float, float]], size: tuple[int, int]) -> Tensor:
    """Return (1, 1, H, W): 1 in the ellipse of each face, falling to 0 at its rim.

    `faces` are left, top, width and height of squares, in fractions of the picture; `size` is (height, width).
    """
    rows, columns = ((torch.arange(side) + 0.5) / side for side in size)
    covered = torch.zeros(size)
    for left, top, width, height in faces:
        across = (columns - (left + width / 2)) / (HALF_WIDTH * width)
        down = (rows - (top + CENTER * height)) / (HALF_HEIGHT * height)
        radius = (down[:, None].square() + across[None].square()).sqrt()
        covered = torch.maximum(covered, ((1 - radius) / SOFT).clamp(0, 1))
    return covered[None, None]
