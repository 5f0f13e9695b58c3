"""The weave of decoders: a pattern of two pixels that doubling to the full size leaves, and how it is taken out.

Neighbouring pixels come from different channels of one neuron. Where features are not those that a decoder was trained
on, the channels are off by different amounts, which lie over even areas as a fabric of single pixels. It keeps its
phase over wide areas, so it fills narrow bands around half a cycle a pixel, along rows, columns and both, and these are
taken out. Forms are hardly in them: an edge is changed by less than a twenty-fifth of its height.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

STEP = 4
"""Pixels from one measured amplitude to the next: a small multiple of the pattern's period, for speed."""
DEVIATION = 1.5
"""Standard deviation of the blur of amplitudes, in steps, so 6 pixels. Wider misses how a weave changes, narrower takes
from fine strokes: chosen by the metric `weave` and by eye on six pairs."""
WINDOW = (1.0, 2.0, 2.0, 2.0, 1.0)
"""Weights of the pixels that an amplitude is measured over: symmetric, and 0 for even areas and for even slopes."""
ROWS = 512
"""Rows that are worked on at a time, a multiple of `STEP`: large pictures need no copy."""


def remove_weave(painted: Tensor, *, wrap: bool = False) -> None:
    """Take the weave out of `painted` (1, 3, H, W), in place, and clamp it to [0, 1].

    `wrap`: the picture repeats without seams, and has even sides. Pictures of less than 8 px are left as they are.
    """
    height, width = painted.shape[-2:]
    if min(height, width) < 2 * STEP:
        return
    # All are measured before any is taken out, so that the order does not matter.
    measured = []
    for alternate in ((False, True), (True, False), (True, True)):
        parts = [_measured(painted, top, alternate, wrap) for top in range(0, height, ROWS)]
        measured.append((alternate, _blurred(torch.cat(parts, 2), wrap)))
    for top in range(0, height, ROWS):
        part = painted[:, :, top : top + ROWS]
        for alternate, amplitudes in measured:
            part -= _alternated(_laid_out(amplitudes, top, part, wrap), alternate)
    painted.clamp_(0, 1)


def _measured(painted: Tensor, top: int, alternate: tuple[bool, bool], wrap: bool) -> Tensor:
    """Return the pattern's amplitudes (1, 3, h, w) at every `STEP`th pixel of the rows from `top`."""
    height, reach = painted.shape[2], len(WINDOW) // 2
    rows = torch.arange(top - reach, min(top + ROWS, height) + reach, device=painted.device)
    # Mirrored or repeated rows keep their phase.
    rows = rows % height if wrap else (height - 1) - ((height - 1) - rows.abs()).abs()
    signal = _alternated(painted[:, :, rows], alternate)  # `top` and `reach` are even
    signal = F.pad(signal, (reach, reach, 0, 0), mode="circular" if wrap else "reflect")
    window = signal.new_tensor(WINDOW)
    kernel = torch.outer(window, window) / window.sum() ** 2
    return F.conv2d(signal, kernel.expand(3, 1, -1, -1), stride=STEP, groups=3)


def _alternated(values: Tensor, alternate: tuple[bool, bool]) -> Tensor:
    """Return `values` (1, C, H, W) with the sign changed from row to row, from column to column, or both."""
    signs = values.new_ones(values.shape[2:])
    if alternate[0]:
        signs[1::2] *= -1
    if alternate[1]:
        signs[:, 1::2] *= -1
    return values * signs


def _blurred(amplitudes: Tensor, wrap: bool) -> Tensor:
    """Blur amplitudes (1, 3, h, w) by `DEVIATION`."""
    reach = math.ceil(3 * DEVIATION)
    offsets = torch.arange(-reach, reach + 1, device=amplitudes.device, dtype=amplitudes.dtype)
    weights = torch.exp(-((offsets / DEVIATION) ** 2) / 2)
    weights = weights / weights.sum()
    for axis in (2, 3):
        size = amplitudes.shape[axis]
        places = torch.arange(size, device=amplitudes.device)[:, None] + offsets.long()
        places = places % size if wrap else places.clamp(0, size - 1)
        moved = amplitudes.movedim(axis, -1)[..., places]
        amplitudes = (moved @ weights).movedim(-1, axis)
    return amplitudes


def _laid_out(amplitudes: Tensor, top: int, part: Tensor, wrap: bool) -> Tensor:
    """Return amplitudes at each pixel of a `part` of the picture from row `top`, linear between what was measured."""
    height, width = part.shape[2:]
    # Only the rows that the part needs, before they are as wide as the picture.
    needed = torch.arange(top // STEP, top // STEP + -(-height // STEP) + 1, device=part.device)
    size = amplitudes.shape[2]
    laid = amplitudes.index_select(2, needed % size if wrap else needed.clamp(max=size - 1))
    for axis, length in ((3, width), (2, height)):
        places = torch.arange(length, device=part.device)
        before, weight = places // STEP, (places % STEP).to(part) / STEP
        after = before + 1
        if axis == 3:
            after = after % laid.shape[3] if wrap else after.clamp(max=laid.shape[3] - 1)
        else:
            weight = weight[:, None]
        laid = torch.lerp(laid.index_select(axis, before), laid.index_select(axis, after), weight)
    return laid
