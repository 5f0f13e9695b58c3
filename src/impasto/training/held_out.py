"""Pictures that a training is measured on and never learns from."""

from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from impasto import images
from impasto.errors import ImageError, InputError
from impasto.events import notice
from impasto.training import sources

SIDE = 320
"""Short side, in pixels, of what is cut from the middle of each picture: as large as crops that encoders are compared
on usually are, and small enough for sixteen of them to be measured within seconds."""
MAX_PICTURES = 16
"""More pictures than this only make the evaluation slower; they are taken evenly from the folder."""


def pictures(folder: Path | None) -> list[Tensor]:
    """Read every k-th picture of `folder`: the middle, short side 320 px, sides multiples of 16, (1, 3, H, W).

    Without a folder there are none. Those that cannot be read are left out, with a notice. Raises `InputError` when
    none can.
    """
    if folder is None:
        return []
    try:
        if not folder.is_dir():
            raise InputError(f"{folder}: is not a folder with pictures to hold out")
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: cannot be read as a folder with pictures to hold out ({error})") from None
    names = sources.pictures(folder)
    chosen = names[:: -(-len(names) // MAX_PICTURES)]
    read: list[Tensor] = []
    problems: list[str] = []
    # Others stand in only where all those cannot be read.
    for picture in [*chosen, *(name for name in names if name not in chosen)]:
        if len(read) + len(problems) >= len(chosen) and read:
            break
        try:
            read.append(_middle(images.load(picture.read(), max_pixels=sources.MAX_PIXELS).pixels))
        except ImageError as error:
            problems.append(f"{picture.name} ({str(error).removeprefix('bytes: ')})")
    if not read:
        raise InputError(f"{folder}: none of its {len(names)} pictures could be read; the first is {problems[0]}")
    if problems:
        notice(f"{folder}: {len(problems)} pictures could not be read and are left out; the first is {problems[0]}")
    return read


def _middle(pixels: Tensor) -> Tensor:
    height, width = pixels.shape[-2:]
    scale = SIDE / min(height, width)
    # Whole cells of the deepest layer, so that no border weighs more in one picture than in another.
    size = [max(16, int(side * scale + 0.5) // 16 * 16) for side in (height, width)]
    shrunk = F.interpolate(pixels, size, mode="bilinear", antialias=True).clamp(0, 1)
    top, left = (size[0] - SIDE) // 2, (size[1] - SIDE) // 2
    return shrunk[..., top : top + SIDE, left : left + SIDE]
