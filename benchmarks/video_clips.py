"""Six clips with known motion, made of photographs: what the benchmarks of moving pictures paint.

With each comes the clip of a mask, in two colours, that moves as the photographs do.
"""

import math
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from harness import ROOT
from torch import Tensor

from impasto import images
from impasto.images import Picture

FRAMES = 12
"""Enough for two that are ten apart."""
PHOTOS = ROOT.parent / "shared" / "images" / "content"


def _photo(path: Path, side: int) -> Tensor:
    """Return a photograph (1, 3, H, W) whose short side is `side`."""
    picture = images.load(path)
    scale = side / min(picture.size)
    height, width = (max(side, round(scale * length)) for length in picture.size)
    return images.resize(picture.pixels, (height, width)).clamp(0, 1)


def _view(photo: Tensor, size: tuple[int, int], x: float, y: float, scale: float = 1.0, turn: float = 0.0) -> Tensor:
    """Return what a camera sees of a photograph: `size` pixels about (x, y), enlarged and turned (radians)."""
    height, width = size
    rows = torch.arange(height) - (height - 1) / 2
    columns = torch.arange(width) - (width - 1) / 2
    v, u = torch.meshgrid(rows / scale, columns / scale, indexing="ij")
    at_x = x + math.cos(turn) * u - math.sin(turn) * v
    at_y = y + math.sin(turn) * u + math.cos(turn) * v
    tall, wide = photo.shape[2:]
    grid = torch.stack([(2 * at_x + 1) / wide - 1, (2 * at_y + 1) / tall - 1], -1)[None]
    seen = F.grid_sample(photo, grid, mode="bicubic", padding_mode="reflection", align_corners=False)
    return seen.clamp(0, 1)


def pan(photo: Tensor, size: tuple[int, int], _other: Tensor) -> list[Tensor]:
    """The camera turns to the right by 2.5 pixels a frame."""
    middle = photo.shape[2] / 2
    return [_view(photo, size, size[1] / 2 + 2.5 * number, middle) for number in range(FRAMES)]


def zoom(photo: Tensor, size: tuple[int, int], _other: Tensor) -> list[Tensor]:
    """The camera comes nearer by 1.5 per cent a frame."""
    height, width = photo.shape[2:]
    return [_view(photo, size, width / 2, height / 2, 1.015**number) for number in range(FRAMES)]


def cutout(photo: Tensor, size: tuple[int, int], other: Tensor) -> list[Tensor]:
    """A disc cut out of another photograph moves over the still photograph by 4 pixels a frame."""
    height, width = size
    still = _view(photo, size, photo.shape[3] / 2, photo.shape[2] / 2)
    radius = 0.28 * height
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    frames = []
    for number in range(FRAMES):
        x = radius + 4.0 * number
        disc = (radius - (rows - height / 2).hypot(columns - x)).add(0.5).clamp(0, 1)
        thing = _view(other, size, other.shape[3] / 2 + width / 2 - x, other.shape[2] / 2)
        frames.append(torch.lerp(still, thing, disc))
    return frames


def light(photo: Tensor, size: tuple[int, int], _other: Tensor) -> list[Tensor]:
    """The light of a still scene falls to two thirds and comes back."""
    still = _view(photo, size, photo.shape[3] / 2, photo.shape[2] / 2)
    return [still * (0.83 + 0.17 * math.cos(2 * math.pi * number / FRAMES)) for number in range(FRAMES)]


def cut(photo: Tensor, size: tuple[int, int], other: Tensor) -> list[Tensor]:
    """After half of a pan, another scene."""
    return pan(photo, size, other)[: FRAMES // 2] + pan(other, size, photo)[: FRAMES - FRAMES // 2]


def shake(photo: Tensor, size: tuple[int, int], _other: Tensor) -> list[Tensor]:
    """A camera in a hand: up to 3 pixels and half a degree a frame, at random."""
    random = torch.Generator().manual_seed(3)
    x, y, turn = photo.shape[3] / 2, photo.shape[2] / 2, 0.0
    frames = []
    for _ in range(FRAMES):
        frames.append(_view(photo, size, x, y, 1.0, turn))
        away = torch.rand(3, generator=random) * 2 - 1
        x, y, turn = x + 3 * float(away[0]), y + 3 * float(away[1]), turn + math.radians(0.5 * float(away[2]))
    return frames


KINDS: dict[str, Callable[[Tensor, tuple[int, int], Tensor], list[Tensor]]] = {
    "pan": pan,
    "zoom": zoom,
    "cutout": cutout,
    "light": light,
    "cut": cut,
    "shake": shake,
}


NAMES = {
    "pan": ("golden_gate", "chicago"),
    "zoom": ("kodim08_houses", "lion"),
    "cutout": ("kodim13_stream", "lion"),
    "light": ("kodim22_barn", "lion"),
    "cut": ("chicago", "kodim19_lighthouse"),
    "shake": ("kodim16_beach", "lion"),
}
"""The photographs of each clip."""


def write_clip(folder: Path, kind: str, size: tuple[int, int], photos: Path = PHOTOS) -> tuple[Path, Path]:
    """Write the frames of a clip of `size` (height, width), and of its mask, unless they are there; return both."""
    clip, masks = folder / kind, folder / f"{kind}-masks"
    if not masks.exists():
        side = round(1.15 * size[0])
        photo, other = (_photo(photos / f"{name}.jpg", side) for name in NAMES[kind])
        _write(clip, KINDS[kind](photo, size, other))
        _write(masks, [_colored(frame) for frame in KINDS[kind](mask_of(photo), size, mask_of(other))])
    return clip, masks


def mask_of(photo: Tensor) -> Tensor:
    """Return what is light in a picture (1, 3, H, W) in red, and the rest in blue: in halves, and without specks."""
    side = max(3, photo.shape[3] // 16 * 2 + 1)
    light = F.avg_pool2d(photo.mean(1, keepdim=True), side, 1, side // 2, count_include_pad=False)
    return _colored(torch.cat([light - light.median() + 1 / 3] * 3, 1))


def _colored(image: Tensor) -> Tensor:
    """Return red (1, 3, H, W) where the first channel is above a third, under any light of the clips, else blue."""
    red = (image[:, :1] > 1 / 3).float()
    return torch.cat([red, torch.zeros_like(red), 1 - red], 1)


def _write(folder: Path, frames: list[Tensor]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(frames):
        images.save(Picture(frame.contiguous()), folder / f"{number:03}.png", force=True)
