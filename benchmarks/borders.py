"""Is the border painted like the inside? `python benchmarks/borders.py -o FOLDER --set init_noise=0`.

A white and a grey sheet and a line drawing are painted after three of our paintings. Of the frame of 12 px over the
inside: mean and standard deviation of the level, and mean slope. The table has the mean length of their logarithms (0
is alike), their mean, and on how many pictures the ratio is within 10 %. The last row is of sixty pieces that are cut
out of each painting: what a picture without a border effect has by chance. Pictures are kept, and painted once.
"""

import math
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

import harness
import torch
from torch import Tensor

from impasto import images
from impasto.painting.api import stylize
from impasto.recipe import Recipe

PAINTINGS = ("woodblock", "watercolour", "swirls")
FRAME = 12
PIECES = 60
PIECE = (171, 256)
LARGE = 560
"""Long side of a painting that pieces are cut from."""

Ratios = tuple[float, float, float]


def contents() -> dict[str, Tensor]:
    """Return what is painted, (3, H, W) each."""
    lines = torch.ones(3, 171, 256)
    rows, columns = torch.meshgrid(torch.arange(171), torch.arange(256), indexing="ij")
    radius = (((rows - 85) / 50) ** 2 + ((columns - 128) / 52) ** 2).sqrt()
    stroke = ((columns - 128) * 0.8 + rows - 85).abs() < 2
    lines[:, ((radius - 1).abs() < 0.03) | (stroke & (radius < 1))] = 0.0
    return {"white": torch.full((3, 171, 256), 0.98), "gray": torch.full((3, 256, 256), 0.5), "lines": lines}


def ratios(pixels: Tensor) -> Ratios:
    """Return frame over inside of pixels (3, H, W): mean level, its standard deviation, mean slope."""
    levels = pixels.double().mean(0)
    slope = levels.diff(dim=0)[:, :-1].abs() + levels.diff(dim=1)[:-1].abs()
    frame = torch.ones_like(levels, dtype=torch.bool)
    frame[FRAME:-FRAME, FRAME:-FRAME] = False
    near = frame[:-1, :-1]
    parts = [(levels[frame].mean(), levels[~frame].mean()), (levels[frame].std(), levels[~frame].std())]
    parts.append((slope[near].mean(), slope[~near].mean()))
    first, second, third = (float(outer / inner) for outer, inner in parts)
    return first, second, third


def pieces(painting: images.Picture) -> Iterator[Tensor]:
    """Yield pieces of a painting, as large as what is painted."""
    whole = images.resize(painting.pixels, images.fit_size(painting.size, LARGE))[0]
    random = torch.Generator().manual_seed(0)
    for _ in range(PIECES):
        top, left = (
            int(torch.randint(side - part + 1, (1,), generator=random))
            for side, part in zip(whole.shape[1:], PIECE, strict=True)
        )
        yield whole[:, top : top + PIECE[0], left : left + PIECE[1]]


def row(name: str, measured: Sequence[Ratios], table: harness.Table) -> None:
    """Print a row of the table."""
    cells = []
    for values in zip(*measured, strict=True):
        logs = [math.log(value) for value in values]
        near = sum(abs(value - 1) <= 0.1 for value in values) / len(values)
        cells.append(f"{statistics.mean(map(abs, logs)):.3f} ({statistics.mean(logs):+.3f}), {near:.0%}")
    table.row(name, *cells)


def main() -> None:
    """Paint what is missing, and print the table."""
    options = harness.parser(__doc__)
    options.add_argument("-o", "--out", type=Path, required=True, help="folder of the pictures")
    options.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="recipe keys")
    given = options.parse_args()
    torch.set_num_threads(1)
    recipe = Recipe.parse({"size": 256, **dict(setting.split("=", 1) for setting in given.set)})
    painted, cut = [], []
    for name in PAINTINGS:
        style = harness.ROOT / "assets" / "styles" / f"{name}.jpg"
        for content, pixels in contents().items():
            path = given.out / f"{content}_{name}.png"
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                stylize(pixels, style, recipe).save(path)
            painted.append(ratios(images.load(path).pixels[0]))
        cut += [ratios(piece) for piece in pieces(images.load(style))]
    harness.heading(f"frame of {FRAME} px over the inside: length of the logarithm (its mean), within 10 %")
    table = harness.Table("", "level", "standard deviation", "slope")
    row(" ".join(given.set) or "standard", painted, table)
    row("pieces of the paintings", cut, table)


if __name__ == "__main__":
    main()
