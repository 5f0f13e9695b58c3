"""What a painting did to the colours of its photograph, as a table that other programs apply (a 3D LUT).

A painting changes colours and adds strokes. The colours alone are a map of the colour cube into itself: the optimal
transport between the two pictures' distributions, linear first (Pitié & Kokaram 2007), then what is left along the axes
of random rotations (Pitié, Kokaram & Dahyot 2007), smoothed over neighbouring colours. As a table of nodes it is what
video and photo tools read, and costs them nothing.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.color.histogram import GRID, displaced_lattice, interpolate
from impasto.color.match import linear_map
from impasto.color.regions import check_pictures, moments
from impasto.errors import ImageError, UsageError

SIZE = 33
"""Nodes a side of a `.cube` table: what the field's tools write, and enough for a map that is as smooth as this."""
HALD_LEVEL = 8
"""Level of the HALD picture: 64 colours a side in 512 x 512 pixels, the size that its readers are tested with."""
MOST_SIZE = 256
"""Nodes a side of the largest table that is read, as the format's description allows."""
REACH = 3
"""Rounds in which displacements spread into colours that the photograph lacks: each reaches three nodes farther, and a
tenth of the range is as far as one can tell anything from its neighbours."""

Map = Callable[[Tensor], Tensor]
"""From colours (3, n), sRGB, to colours (3, n), which may lie outside [0, 1]."""


def color_map(source: Tensor, target: Tensor, alpha: Tensor | None = None, target_alpha: Tensor | None = None) -> Map:
    """Return the map of colours that gives `source` (1, 3, H, W) the distribution of `target` (1, 3, h, w), both sRGB.

    It is smooth, and knows what to do with colours that `source` lacks: near to those that it has, what they do; far
    from them, the linear map alone. Transparent pixels (`alpha`, (1, 1, H, W)) count as much as they are seen.

    Raises `UsageError` for shapes that do not fit, `ImageError` where all of a picture is transparent.
    """
    check_pictures(3, source=source, target=target)
    points, aims = source.detach().flatten(2)[0], target.detach().flatten(2)[0]
    weights, aim_weights = _weights(alpha, "photograph"), _weights(target_alpha, "painting")
    mean, covariance = moments(points, weights)
    aim_mean, aim_covariance = moments(aims, aim_weights)
    matrix = linear_map(covariance, aim_covariance, "sym")
    shift = aim_mean - matrix @ mean
    lattice = _spread(displaced_lattice(points, weights, aims, aim_weights, matrix, shift))

    def change(colors: Tensor) -> Tensor:
        values = colors.double()
        return (matrix @ values + shift + interpolate(lattice, values)).to(colors.dtype)

    return change


def table(change: Map, size: int = SIZE) -> Tensor:
    """Return a map as a table (3, size, size, size) float32 in [0, 1], indexed by blue, green and red of the colour.

    Raises `UsageError` for a size below 2 or above `MOST_SIZE`.
    """
    if not 2 <= size <= MOST_SIZE:
        raise UsageError(f"a table of colours has 2 to {MOST_SIZE} nodes a side, not {size}")
    side = torch.linspace(0, 1, size, dtype=torch.float64)
    blue, green, red = torch.meshgrid(side, side, side, indexing="ij")
    colors = torch.stack([red, green, blue]).reshape(3, -1)
    return change(colors).clamp(0, 1).reshape(3, size, size, size).float()


def apply(nodes: Tensor, pixels: Tensor) -> Tensor:
    """Return `pixels` (B, 3, H, W) with the colours of a table (3, N, N, N), interpolated between its nodes."""
    if nodes.ndim != 4 or nodes.shape[0] != 3 or len(set(nodes.shape[1:])) != 1:
        raise UsageError(f"a table of colours is (3, N, N, N), not {tuple(nodes.shape)}")
    changed = torch.empty_like(pixels)
    for number, picture in enumerate(pixels):
        # grid_sample takes the last axis of the table, red, first.
        where = picture.clamp(0, 1).permute(1, 2, 0)[None, None] * 2 - 1
        sampled = F.grid_sample(
            nodes[None].to(picture), where, mode="bilinear", padding_mode="border", align_corners=True
        )
        changed[number] = sampled[0, :, 0]
    return changed


def to_cube(nodes: Tensor, title: str = "impasto") -> str:
    """Return a table as the text of a `.cube` file (Adobe, Cube LUT Specification 1.0): red changes fastest."""
    size = nodes.shape[1]
    title = " ".join(title.replace('"', "'").split())[:80]
    head = f'TITLE "{title}"\nLUT_3D_SIZE {size}\nDOMAIN_MIN 0.0 0.0 0.0\nDOMAIN_MAX 1.0 1.0 1.0\n'
    rows = nodes.reshape(3, -1).T.tolist()
    return head + "".join(f"{red:.6f} {green:.6f} {blue:.6f}\n" for red, green, blue in rows)


def from_cube(text: str, name: str = "table") -> Tensor:
    """Read the text of a `.cube` file with a 3D table over [0, 1]; return the table (3, N, N, N).

    Raises `ImageError`, which begins with `name`, for any other text.
    """
    size, rows = 0, []
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith("#") or words[0] == "TITLE":
            continue
        if words[0] == "LUT_3D_SIZE" and len(words) == 2 and words[1].isascii() and words[1].isdigit():
            size = int(words[1])
            if not 2 <= size <= MOST_SIZE:
                raise ImageError(f"{name}: has {size} nodes a side, 2 to {MOST_SIZE} can be read")
        elif words[0] in ("DOMAIN_MIN", "DOMAIN_MAX"):
            if [_number(word) for word in words[1:]] != [float(words[0] == "DOMAIN_MAX")] * 3:
                raise ImageError(f"{name}: is for colours outside [0, 1]; export it for the ordinary range")
        elif words[0][0].isalpha() and words[0].lower() not in ("nan", "inf"):
            raise ImageError(f"{name}: {words[0][:40]} is no line of a 3D table; export it as a 3D LUT")
        else:
            rows.append([_number(word) for word in words])
            if len(rows) > max(size, 2) ** 3:
                break
    whole = size > 0 and len(rows) == size**3 and all(len(row) == 3 for row in rows)
    nodes = torch.tensor(rows if whole else [[math.nan]])
    # Asked of the table: what float64 holds may be too much for float32.
    if not bool(nodes.isfinite().all()):
        raise ImageError(f"{name}: is no whole table of {size}^3 colours; export it again")
    return nodes.T.reshape(3, size, size, size)


def to_hald(nodes: Tensor) -> Tensor:
    """Return a table of L² nodes a side as a HALD picture (1, 3, L³, L³), as ImageMagick and RawTherapee read them.

    Pixels in the order of rows are the nodes in the table's order. Raises `UsageError` where the size is no square.
    """
    size = nodes.shape[1]
    level = math.isqrt(size)
    if level * level != size:
        raise UsageError(f"a HALD picture has a square number of nodes a side, as 64, not {size}")
    return nodes.reshape(1, 3, level**3, level**3)


def _weights(alpha: Tensor | None, name: str) -> Tensor | None:
    if alpha is None:
        return None
    weights = alpha.detach().flatten()
    if not bool((weights > 0).any()):
        raise ImageError(f"the {name} is transparent everywhere, and has no colours to compare")
    return weights


def _spread(lattice: Tensor) -> Tensor:
    """Return sums and weights (4, GRID, GRID, GRID) that reach into colours without any, weaker round by round.

    Beyond that, weights of next to nothing let displacements fade to zero instead of breaking off.
    """
    for _ in range(REACH):
        wider = F.avg_pool3d(lattice[None], 7, stride=1, padding=3, count_include_pad=True)[0]
        lattice = lattice + 1e-3 * wider
    faint = lattice[3].sum() / GRID**3 * 1e-6
    return torch.cat([lattice[:3], lattice[3:] + faint])


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return math.nan
