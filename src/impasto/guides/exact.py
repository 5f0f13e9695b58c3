"""Masks of exact flat colours, as label maps and data sets have them: each colour is a region, however near another."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.guides.labels import UNCERTAIN, fill
from impasto.guides.palette import MAX_COLORS, MERGE_DISTANCE, Palette, grouped
from impasto.guides.regions import ABSENT

_COVER = 0.995
"""Part of each mask that exact flat colours have to fill: soft and compressed edges take more of one."""
_FLAT = 0.3
"""Part of a colour's pixels that begin a square of 2 x 2 of it: lines of one pixel, as soft edges are made of, have
none, and a line of three pixels has two thirds."""
_HARD = 4096
"""More different colours than this are a photograph's or a compressed picture's, whatever most of it is."""
_STEP = 1 << 20
"""Pixels that are counted at a time."""


@dataclass(frozen=True)
class ExactPalette(Palette):
    """Colours that masks have exactly."""

    codes: Tensor
    """(n,) int64, the number of each colour as `_codes` counts."""


def find(masks: Sequence[Tensor], count: int = 0) -> ExactPalette | int | None:
    """Find the colours of `masks`, each (3, H, W) in [0, 1], where at most 24 fill nearly all of them exactly.

    None where that is not so, and where no two colours of one mask are so near that they would be joined as colours
    painted carelessly: such masks are read by what fills their flat areas. `count` regions are made of the colours,
    0: one of each. Returns the number of colours instead where there are fewer than `count`.
    """
    counted = []
    for mask in masks:
        counts = _count(mask)
        if counts is None:
            return None
        counted.append(counts)
    known: dict[int, list[float]] = {}
    near = False
    for number, counts in enumerate(counted):
        flat = {code: part for code, (part, squares) in counts.items() if part >= ABSENT and squares >= _FLAT * part}
        if sum(flat.values()) < _COVER:
            return None
        colors = _colors(torch.tensor(list(flat)))
        if len(colors) > MAX_COLORS:
            return None
        near |= bool((torch.pdist(colors) < MERGE_DISTANCE).any())
        for code, part in flat.items():
            known.setdefault(code, [0.0] * len(masks))[number] = part
    if not near or len(known) > MAX_COLORS:
        return None
    if count > len(known):
        return len(known)
    ordered = sorted(known, key=lambda code: (-sum(known[code]), code))
    codes = torch.tensor(ordered)
    colors, fractions = _colors(codes), torch.tensor([known[code] for code in ordered]).double()
    region = grouped(colors, fractions.mean(1), count) if 0 < count < len(codes) else torch.arange(len(codes))
    return ExactPalette(colors, colors, fractions, region, codes)


def label(mask: Tensor, plane: Tensor, palette: ExactPalette) -> Tensor:
    """Return the index of the colour of each pixel (H, W) uint8 of `mask` (3, H, W) in [0, 1]; `plane` is it in uint8.

    What has none of the colours goes to a region beside it.
    """
    codes, order = palette.codes.sort()
    height, width = mask.shape[1:]
    labels = torch.empty(height, width, dtype=torch.uint8)
    step = max(1, _STEP // width)
    for top in range(0, height, step):
        rows = _codes(mask[:, top : top + step])
        at = torch.searchsorted(codes, rows).clamp_max(len(codes) - 1)
        labels[top : top + step] = torch.where(codes[at] == rows, order[at], UNCERTAIN).to(torch.uint8)
    if bool((labels == UNCERTAIN).any()):
        fill(labels, plane, palette.colors)
        left = labels == UNCERTAIN  # farther from everything than `fill` goes
        away = torch.cdist(plane[:, left].T.double(), palette.colors)
        labels[left] = away.argmin(1).to(torch.uint8)
    return labels


def _count(mask: Tensor) -> dict[int, tuple[float, float]] | None:
    """Return {code: (part of the mask, part that begins a square of 2 x 2 of it)}; None where there are too many."""
    height, width = mask.shape[1:]
    step = max(1, _STEP // width)
    pixels: dict[int, int] = {}
    squares: dict[int, int] = {}
    for top in range(0, height, step):
        codes = _codes(mask[:, top : top + step + 1])
        for some, into in ((codes[:step], pixels), (_squares(codes), squares)):
            values, counts = torch.unique(some, return_counts=True)
            for code, number in zip(values.tolist(), counts.tolist(), strict=True):
                into[code] = into.get(code, 0) + number
            if len(into) > _HARD:
                return None
    whole = height * width
    return {code: (number / whole, squares.get(code, 0) / whole) for code, number in pixels.items()}


def _squares(codes: Tensor) -> Tensor:
    """Return the codes (n,) of the pixels of `codes` (H, W) whose right, lower and lower right neighbours have them."""
    first = codes[:-1, :-1]
    alike = (first == codes[1:, :-1]) & (first == codes[:-1, 1:]) & (first == codes[1:, 1:])
    return first[alike]


def _codes(mask: Tensor) -> Tensor:
    """Return one number for each colour of `mask` (3, H, W), in 65536 levels: label maps can have 16 bits."""
    red, green, blue = mask.double().mul(65535).round_().clamp_(0, 65535).long()
    codes: Tensor = (red * 65536 + green) * 65536 + blue
    return codes


def _colors(codes: Tensor) -> Tensor:
    """Return the colours (n, 3) float64 in 0 ... 255 of codes."""
    return torch.stack([codes >> 32, codes >> 16 & 65535, codes & 65535], 1).double() / 257
