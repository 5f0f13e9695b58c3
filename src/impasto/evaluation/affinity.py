"""Affinities of places: to which others of its picture each place is alike, and how two pictures differ in that."""

from collections.abc import Iterator

import torch
from torch import Tensor

SCRATCH_BYTES = 4 << 20
"""Of affinities at a time, of both pictures, which stay in the cache: whole matrices take 1 GiB each at 512 px (a row
for each of 16384 places), and 256 GiB at 2048."""


def divergences(target: Tensor, other: Tensor, rows: Tensor | None = None, scratch: int = SCRATCH_BYTES) -> Tensor:
    """Return KL(P‖Q) of each row (n,), in nats, of P = softmax(target·targetᵀ) and Q = softmax(other·otherᵀ).

    `target` and `other` are (M, C): what the places of two pictures are like, in the same order; `rows` (n,) the
    places whose rows are taken, None: all. Needs no more than `scratch` bytes beside them, or two rows.
    """
    count = len(target)
    places = torch.arange(count, device=target.device) if rows is None else rows
    divergence = target.new_empty(len(places))
    for band in _bands(len(places), count * target.element_size() * 2, scratch):
        at = places[band]
        wanted, own = target[at] @ target.T, other[at] @ other.T
        # Σ P (a - b) - lg Σ exp a + lg Σ exp b, a and b the rows of the two products, which are not needed afterwards.
        highest = wanted.amax(1)
        apart = own.logsumexp(1) - highest
        own.neg_().add_(wanted)
        wanted.sub_(highest[:, None]).exp_()
        total = wanted.sum(1)
        divergence[band] = torch.linalg.vecdot(wanted, own) / total - total.log() + apart
    return divergence


def _bands(count: int, row_bytes: int, scratch: int) -> Iterator[slice]:
    step = max(1, scratch // row_bytes)
    for begin in range(0, count, step):
        yield slice(begin, min(count, begin + step))
