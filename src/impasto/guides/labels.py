"""From a palette to one label a pixel, with care at the edges.

A pixel whose colour is not clearly one of the palette, or is one only because two neighbours were blended into it, is
*uncertain* and goes to a region it touches: never to a third one.
"""

import torch
import torch.nn.functional as functional
from torch import Tensor

from impasto.guides.palette import flatness, tolerance

UNCERTAIN = 255
"""The label of pixels that nothing is known of yet: palettes have fewer colours than 255."""

_NEAR = 48.0
"""The distance in sRGB levels within which a pixel is surely of its nearest colour."""
_BLEND = 60.0
"""The distance in sRGB levels of a colour to the line between two others, within which their blend passes for it."""
_SIGHT = 12
"""How far in pixels a doubtful pixel looks for the two regions that it may be the blend of: soft brushes are
narrower."""
_REACH = 64
"""The most rounds in which regions grow into uncertain pixels, one pixel each: blurred edges are narrower."""
_SHIFT = 2
"""Colours are looked up in steps of 1 << 2 levels: a table of 64³ entries, and finer than any of the distances here."""
_RAYS = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))
"""The eight directions, (down, right), in which a doubtful pixel looks for regions."""


def label(mask: Tensor, colors: Tensor) -> Tensor:
    """Return the index of the palette colour of each pixel (H, W) uint8.

    mask: (3, H, W) uint8; colours: (n, 3) in 0 ... 255, n < 255.
    """
    nearest, clear, close = _tables(colors)
    codes = _codes(mask)
    labels = torch.where(clear & close, nearest, UNCERTAIN)[codes]
    if bool((labels == UNCERTAIN).any()):  # else the edges are hard, and no pixel is a blend
        core = _core(mask)
        # Blends are not flat: a flat area farther off is a colour of the palette painted unevenly.
        off = core & (labels == UNCERTAIN)
        labels[off] = torch.where(clear, nearest, UNCERTAIN)[codes[off]]
        _doubt_blends(labels, core, colors)
        fill(labels, mask, colors)
        far = labels == UNCERTAIN
        labels[far] = nearest[codes[far]]
    return labels


def fill(labels: Tensor, mask: Tensor, colors: Tensor) -> None:
    """Fill each uncertain pixel of `labels` (H, W) with the label of the nearest certain one, in place.

    Among labels equally near, the one with the nearest colour wins. Pixels farther than 64 from any certain one stay.
    """
    height, width = labels.shape
    framed = functional.pad(labels, (1, 1, 1, 1), value=UNCERTAIN).flatten()
    stride = width + 2
    at = (framed == UNCERTAIN).nonzero()[:, 0]
    row = at.div(stride, rounding_mode="floor")
    column = at - row * stride
    inside = (row > 0) & (row <= height) & (column > 0) & (column <= width)
    at, row, column = at[inside], row[inside] - 1, column[inside] - 1
    pixels = mask[:, row, column].T.float()
    around = torch.tensor([dy * stride + dx for dy, dx in _RAYS])
    palette = torch.cat([colors.float(), torch.full((256 - len(colors), 3), torch.inf)])
    for _ in range(_REACH):
        beside = framed[at[:, None] + around]
        reached = (beside != UNCERTAIN).any(1)
        if not bool(reached.any()):
            break
        beside = beside[reached]
        which = (palette[beside.int()] - pixels[reached][:, None]).square().sum(2).argmin(1)
        framed[at[reached]] = beside.gather(1, which[:, None])[:, 0]
        at, pixels = at[~reached], pixels[~reached]
    labels.copy_(framed.reshape(height + 2, stride)[1:-1, 1:-1])


def _codes(mask: Tensor) -> Tensor:
    red, green, blue = (mask >> _SHIFT).int()
    codes: Tensor = red.bitwise_left_shift_(12).bitwise_or_(green.bitwise_left_shift_(6)).bitwise_or_(blue)
    return codes


def _tables(colors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Tabulate, in steps of 4 levels: the nearest of the palette; is it twice as near as others; is it near."""
    axis = (torch.arange(256 >> _SHIFT) << _SHIFT).float() + ((1 << _SHIFT) - 1) / 2
    cube = torch.cartesian_prod(axis, axis, axis)
    distance = torch.cdist(cube, colors.float(), compute_mode="donot_use_mm_for_euclid_dist")
    first = distance.min(1)
    clear = torch.ones(len(cube), dtype=torch.bool)
    if len(colors) > 1:
        clear = 2 * first.values <= distance.topk(2, largest=False).values[:, 1]
    return first.indices.to(torch.uint8), clear, first.values <= _NEAR


def _core(mask: Tensor) -> Tensor:
    """Return which pixels (H, W) lie in a flat block of 2 x 2."""
    height, width = mask.shape[1:]
    core = torch.zeros(height, width, dtype=torch.bool)
    if min(height, width) < 2:
        return core
    # Half of what is allowed in three pixels: the same slope.
    flat = flatness(mask) <= min(tolerance(mask), 48) // 2
    for dy in (0, 1):
        for dx in (0, 1):
            core[dy : height - 1 + dy, dx : width - 1 + dx] |= flat
    return core


def _between(colors: Tensor) -> dict[int, list[tuple[int, int]]]:
    """Return for each colour the pairs of others whose blend passes near it."""
    ones, others = torch.tril_indices(len(colors), len(colors), -1)
    line = colors[ones] - colors[others]
    away = colors[:, None] - colors[others]
    along = (away * line).sum(2) / line.square().sum(1).clamp_min(1e-9)
    off = (away - along[..., None] * line).norm(dim=2)
    middles = torch.arange(len(colors))[:, None]
    near = (along > 0.05) & (along < 0.95) & (off < _BLEND) & (ones != middles) & (others != middles)
    pairs: dict[int, list[tuple[int, int]]] = {}
    for middle, pair in near.nonzero().tolist():
        pairs.setdefault(middle, []).append((int(ones[pair]), int(others[pair])))
    return pairs


def _doubt_blends(labels: Tensor, core: Tensor, colors: Tensor) -> None:
    """Mark pixels of `labels` as uncertain that look like a third region, but are the blend of the two beside them."""
    pairs = _between(colors)
    if not pairs:
        return
    # What a ray can end at: flat areas, and the frame.
    seen = functional.pad(torch.where(core, labels, UNCERTAIN), (1, 1, 1, 1), value=UNCERTAIN - 1)
    doubtful = torch.zeros(256, dtype=torch.bool)
    doubtful[list(pairs)] = True
    rows, columns = (doubtful[labels.int()] & ~core).nonzero().T
    if len(rows) == 0:
        return
    sees = torch.zeros(len(rows), len(colors) + 1, dtype=torch.bool)
    for dy, dx in _RAYS:
        going = torch.arange(len(rows))
        y, x = rows + 1, columns + 1
        for _ in range(_SIGHT):
            y, x = y + dy, x + dx
            met = seen[y, x]
            ended = met != UNCERTAIN
            sees[going[ended], met[ended].long().clamp_max(len(colors))] = True
            going, y, x = going[~ended], y[~ended], x[~ended]
            if len(going) == 0:
                break
    own = labels[rows, columns]
    blended = torch.zeros(len(rows), dtype=torch.bool)
    for middle, ends in pairs.items():
        for one, other in ends:
            blended |= (own == middle) & sees[:, one] & sees[:, other]
    labels[rows[blended], columns[blended]] = UNCERTAIN
