"""Affinities of places: to which others of its picture each place is alike, and how two pictures differ in that."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

SCRATCH_BYTES = 64 << 20
"""Of affinities at a time, of both pictures: whole matrices take 1 GiB each at 512 px (a row for each of 16384 places),
and 256 GiB at 2048."""


def divergences(target: Tensor, other: Tensor, rows: Tensor | None = None, scratch: int = SCRATCH_BYTES) -> Tensor:
    """Return KL(P‖Q) of each row (n,), in nats, of P = softmax(target·targetᵀ) and Q = softmax(other·otherᵀ).

    `target` and `other` are (M, C): what the places of two pictures are like, in the same order; `rows` (n,) the
    places whose rows are taken, None: all. Needs no more than `scratch` bytes beside them, or two rows.
    """
    count = len(target)
    places = torch.arange(count, device=target.device) if rows is None else rows
    found = target.new_empty(len(places))
    for band in _bands(len(places), count * target.element_size() * 4, scratch):
        at = places[band]
        wanted = F.log_softmax(target[at] @ target.T, dim=1)
        found[band] = F.kl_div(
            F.log_softmax(other[at] @ other.T, dim=1), wanted, reduction="none", log_target=True
        ).sum(1)
    return found


def _bands(count: int, row_bytes: int, scratch: int) -> Iterator[slice]:
    step = max(1, scratch // row_bytes)
    for begin in range(0, count, step):
        yield slice(begin, min(count, begin + step))
