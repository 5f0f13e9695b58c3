"""How steady moving pictures are, against painting each frame by itself, and at what price in style.

    python benchmarks/video.py --methods adain,linear,johnson --photos ../shared/images/content --size 192

Six clips with known motion are made of photographs. Each is painted twice by each method: as `impasto video` does,
and each frame by itself. Both are measured against the photographs' flow (warp error at 1 and 10 frames, flicker) and
against the style (Gram distance and sliced Wasserstein at layers that were not optimised, of five frames). What was
measured is kept in `--work`, and not measured again.
"""

import math
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from harness import ROOT, Table, heading, parser, remembered
from torch import Tensor

from impasto import images
from impasto.evaluation import Evaluator
from impasto.images import Picture
from impasto.recipe.catalogue import METHODS
from impasto.video.api import stylize_video
from impasto.video.evaluate import evaluate_clip
from impasto.video.settings import Coherence, Writing

FRAMES = 14


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


def make(kind: str, photo: Path, other: Path, size: tuple[int, int]) -> list[Tensor]:
    """Return the frames (1, 3, H, W) of a clip of `size` (height, width), of two photographs."""
    side = round(1.15 * size[0])
    return KINDS[kind](_photo(photo, side), size, _photo(other, side))


PHOTOS = {
    "pan": ("golden_gate", "chicago"),
    "zoom": ("kodim08_houses", "lion"),
    "cutout": ("kodim13_stream", "lion"),
    "light": ("kodim22_barn", "lion"),
    "cut": ("chicago", "kodim19_lighthouse"),
    "shake": ("kodim16_beach", "lion"),
}
"""The photographs of each clip."""
STYLE_METRICS = ("gram_distance/1", "sliced_wasserstein/1")
CLIP_METRICS = ("warp_error/1", "warp_error_far/1", "flicker/1")


def settings(method: str, size: int) -> dict[str, Any]:
    """Return the settings of a method: drafts by petite where it optimises."""
    values: dict[str, Any] = {"method": method, "size": size, "precision": "float32"}
    if METHODS[method].optimizes:
        values |= {"iterations": 50, "encoder": "petite"}
    if method == "johnson":
        values |= {"network": "swirls"}
    if method == "texture_net":
        values |= {"network": "pointillism"}
    return values


def painted(source: Path, style: Path, method: str, size: int, coherence: Coherence, output: Path) -> float:
    """Paint a clip into a folder; return the seconds a frame."""
    began = time.monotonic()
    styles = [style] if METHODS[method].styles else []
    stylize_video(source, styles, output, coherence=coherence, writing=Writing(force=True), **settings(method, size))
    return (time.monotonic() - began) / FRAMES


def measured(source: Path, style: Path, method: str, size: int, smooth: float, work: Path) -> dict[str, Any]:
    """Paint one clip in both ways and measure both."""
    figures: dict[str, Any] = {}
    for name, coherence in (("alone", Coherence(independent=True)), ("video", Coherence(smooth=smooth))):
        output = work / f"{source.name}-{method}-{name}"
        figures[f"{name} seconds"] = painted(source, style, method, size, coherence, output)
        evaluator = Evaluator("petite", "petite")
        wanted = [*CLIP_METRICS, *STYLE_METRICS]
        found = evaluate_clip(output, source, [style], evaluator, metrics=wanted)
        figures |= {f"{name} {key}": value for key, value in found.values.items()}
    return figures


def main() -> None:
    """Paint, measure, and print a table."""
    options = parser(__doc__)
    options.add_argument("--methods", default="adain,linear,wct,johnson,texture_net")
    options.add_argument("--clips", default=",".join(KINDS))
    options.add_argument("--photos", type=Path, default=ROOT.parent / "shared" / "images" / "content")
    options.add_argument("--style", type=Path, default=ROOT / "assets" / "styles" / "swirls.jpg")
    options.add_argument("--size", type=int, default=192)
    options.add_argument("--smooth", type=float, default=Coherence().smooth)
    options.add_argument("--work", type=Path, required=True)
    given = options.parse_args()
    size = (given.size * 3 // 4, given.size)
    heading(f"{FRAMES} frames of {size[1]}x{size[0]} px, smooth {given.smooth}")
    table = Table("method", "clip", "warp 1", "warp 10", "flicker", "Gram distance", "Wasserstein", "s a frame")
    ratios: dict[str, list[float]] = {}
    for method in given.methods.split(","):
        style = given.style if method != "texture_net" else given.style.with_name("pointillism.jpg")
        for kind in given.clips.split(","):
            source = given.work / "clips" / kind
            if not source.exists():
                source.mkdir(parents=True)
                photo, other = (given.photos / f"{name}.jpg" for name in PHOTOS[kind])
                for number, frame in enumerate(make(kind, photo, other, size)):
                    images.save(Picture(frame.contiguous()), source / f"{number:03}.png")
            figures = remembered(
                given.work / f"{kind}-{method}-{given.smooth}.json",
                lambda: measured(source, style, method, given.size, given.smooth, given.work),  # noqa: B023
            )
            cells = []
            for key in (*CLIP_METRICS, *STYLE_METRICS):
                alone, video = figures[f"alone {key}"], figures[f"video {key}"]
                if key in CLIP_METRICS:
                    factor = alone / video if alone is not None and video else None
                    cells.append("-" if factor is None else f"{alone:.4f} / {video:.4f} = {factor:.1f}")
                    if factor is not None:
                        ratios.setdefault(f"{method} {key}", []).append(factor)
                else:
                    cells.append(f"{alone:.3f} / {video:.3f}")
            table.row(method, kind, *cells, f"{figures['alone seconds']:.2f} / {figures['video seconds']:.2f}")
    print()
    for name, factors in ratios.items():
        print(f"{name}: falls by {statistics.median(factors):.1f} ({min(factors):.1f}-{max(factors):.1f})")


if __name__ == "__main__":
    main()
