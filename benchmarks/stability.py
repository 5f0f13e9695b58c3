"""How steady the methods are on a moving picture: `python benchmarks/stability.py PHOTO PAINTING`.

A window pans over a photograph by a few pixels a frame, so that what moves where is known exactly. Each frame is
painted by itself, with the styles measured once; `gatys` paints each anew, as a draft. For each method: the mean
difference between neighbouring frames where they show the same, in levels of 255; that of their mean colours there; and
frames a second. With `--sheet FILE` a page of frames is drawn.
"""

import itertools
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from harness import Table, heading, parser
from torch import Tensor

from impasto import Picture, Recipe, Stylizer, begin, images, load
from impasto.images import Tile, contact_sheet

METHODS = ("wct", "adain", "linear", "johnson", "texture_net", "gatys")
BORDER = 24
"""Pixels at the sides that are left out: what lies beyond them differs."""


def frames(photo: Tensor, size: tuple[int, int], count: int, step: tuple[int, int]) -> Iterator[Tensor]:
    """Yield windows (3, height, width) of `photo` (1, 3, H, W), each `step` (down, right) pixels from the last."""
    for number in range(count):
        top, left = number * step[0], number * step[1]
        yield photo[0, :, top : top + size[0], left : left + size[1]]


def painted(method: str, windows: Sequence[Tensor], style: Path, network: str, size: int) -> tuple[list[Tensor], float]:
    """Paint all windows; return them (1, 3, H, W) and the seconds of one."""
    settings = {"method": method, "size": size}
    if method in ("johnson", "texture_net"):
        painting = begin(windows[0], [], Recipe.parse({**settings, "network": network}))
    elif method == "gatys":
        began, found = time.perf_counter(), []
        for window in windows:
            one = Stylizer(window, style, Recipe.from_preset("draft", **settings))
            for _ in one:
                pass
            found.append(one.result().picture.pixels)
        return found, (time.perf_counter() - began) / len(windows)
    else:
        painting = begin(windows[0], [style], Recipe.parse(settings))
    next(painting.frames(windows[:1]))
    began = time.perf_counter()
    found = [picture.pixels for picture in painting.frames(windows)]
    return found, (time.perf_counter() - began) / len(windows)


def flicker(pictures: Sequence[Tensor], step: tuple[int, int]) -> tuple[float, float]:
    """Return the mean difference of the same points, and of the mean colours of the frames, in levels of 255."""
    down, right = step
    apart, colors = [], []
    for one, two in itertools.pairwise(pictures):
        before, after = one[..., down:, right:], two[..., : two.shape[-2] - down, : two.shape[-1] - right]
        inner = (before - after)[..., BORDER:-BORDER, BORDER:-BORDER]
        apart.append(255 * float(inner.abs().mean()))
        colors.append(255 * float(inner.mean((2, 3)).abs().mean()))
    return statistics.mean(apart), statistics.mean(colors)


def main() -> None:
    """Print a table."""
    arguments = parser(__doc__)
    arguments.add_argument("content", type=Path)
    arguments.add_argument("style", type=Path)
    arguments.add_argument("--methods", nargs="+", choices=METHODS, default=["wct", "adain", "linear", "gatys"])
    arguments.add_argument("--network", default="swirls", help="of johnson and texture_net")
    arguments.add_argument("--size", type=int, default=384, help="width of a frame; its height is three quarters")
    arguments.add_argument("--frames", type=int, default=12)
    arguments.add_argument("--step", type=int, nargs=2, default=[1, 5], help="pixels down and right, a frame")
    arguments.add_argument("--sheet", type=Path)
    options = arguments.parse_args()
    step, size = tuple(options.step), (options.size * 3 // 4, options.size)
    needed = tuple(side + move * (options.frames - 1) for side, move in zip(size, step, strict=True))
    photo = images.resize(images.crop_to_aspect(load(options.content).pixels, needed), needed)
    windows = list(frames(photo, size, options.frames, step))
    heading(f"{options.frames} frames of {size[1]}x{size[0]} px, {step} px apart", threads=torch.get_num_threads())
    own = flicker([window[None] for window in windows], step)
    print(f"the photograph itself: {own[0]:.2f}")
    table = Table("method", "difference", "of the colours", "frames a second")
    rows = []
    for method in options.methods:
        found, seconds = painted(method, windows, options.style, options.network, options.size)
        apart, colors = flicker(found, step)
        table.row(method, f"{apart:.2f}", f"{colors:.2f}", f"{1 / seconds:.1f}")
        shown = found[:: max(1, (len(found) - 1) // 3)][:4]
        rows.append([Tile(Picture(pixels), label=f"difference {apart:.1f}") for pixels in shown])
    if options.sheet:
        page = contact_sheet(rows, height=240, names=options.methods)
        images.save(page, options.sheet, quality=86, force=True)


if __name__ == "__main__":
    main()
