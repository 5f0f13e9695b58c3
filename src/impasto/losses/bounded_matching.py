"""Matching with a bound on use: the most similar pairs of all come first, and no patch is taken too often.

Every query asks its nearest patch among those that might still take it; a patch keeps the best that asked, as many as
it may, and rejects the others, who ask elsewhere (deferred acceptance, Gale & Shapley 1962). Both sides rank by the
same similarity, so there is one stable outcome, whatever the order of asking: that of going through all pairs from the
most similar down and taking each that still can be taken. Hence all ask at once, here.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

SHORTLIST = 48
"""The patches that a query notes at a time. Only when all of them rejected it, the query searches the bank again; with
this many that is rare, and the notes of a million queries still fit into memory."""

Search = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""From numbers of queries (n,) and thresholds (M,) to the similarity (n, k) of the best patches, and their numbers
(n, k), above their threshold: falling from left to right, -inf where there are no more."""


def match_bounded(first: tuple[Tensor, Tensor], search: Search, patches: int, capacity: int) -> tuple[Tensor, Tensor]:
    """Return for each query the number of its patch, and their similarity; no patch more than `capacity` times.

    `first` is what `search` returns for all queries while there are no thresholds.

    Raises `ValueError` where there are too few patches, or a similarity is no number.
    """
    queries, kind = len(first[0]), first[0].dtype
    if capacity * patches < queries:
        raise ValueError(f"{patches} patches, {capacity} times each, are too few for {queries}")
    matches = torch.full((queries,), -1)
    similarity = torch.full((queries,), -torch.inf, dtype=kind)
    # The least similarity among the queries of a patch that has all it may take: one that is no nearer need not ask.
    thresholds = torch.full((patches,), -torch.inf, dtype=kind)
    free = torch.arange(queries)
    while len(free):
        shortlist, numbers = first if len(free) == queries else search(free, thresholds)
        if bool((shortlist[:, 0] == -torch.inf).any()):
            raise ValueError("patches whose similarity is no number cannot be matched")
        row_of = torch.full((queries,), -1)
        row_of[free] = torch.arange(len(free))
        position = torch.zeros(len(free), dtype=torch.long)
        asking = torch.arange(len(free))
        while len(asking):
            asked_by = free[asking]
            matches[asked_by] = numbers[asking, position[asking]]
            similarity[asked_by] = shortlist[asking, position[asking]]
            rejected = row_of[_reject_surplus(matches, similarity, thresholds, capacity)]
            rejected = rejected[rejected >= 0]
            acceptable = shortlist[rejected] > thresholds[numbers[rejected]]
            # The first acceptable one of a row; a query with none has to search again.
            position[rejected] = acceptable.int().argmax(1)
            asking = rejected[acceptable.any(1)]
        free = (matches < 0).nonzero()[:, 0]
    return matches, similarity


def best_columns(
    tables: Iterable[tuple[slice, int, Tensor]], rows: int, most: int, kind: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return the `most` largest values of each row and the numbers of their columns, falling: (rows, most).

    `tables` (P, S) come with the rows that they are of, and the number that their columns begin with.
    """
    best = torch.full((rows, most), -torch.inf, dtype=kind, device=device)
    numbers = torch.zeros((rows, most), dtype=torch.long, device=device)
    for part, begin, table in tables:
        top = table.topk(min(most, table.shape[1]), 1)
        joined = torch.cat([best[part], top.values], 1), torch.cat([numbers[part], top.indices + begin], 1)
        best[part], order = joined[0].topk(most, 1)
        numbers[part] = joined[1].gather(1, order)
    return best, numbers


def _reject_surplus(matches: Tensor, similarity: Tensor, thresholds: Tensor, capacity: int) -> Tensor:
    """Free the queries that a patch has beyond its capacity, raise its threshold, and return their numbers."""
    order = (matches >= 0).nonzero()[:, 0]
    order = order[similarity[order].argsort(descending=True, stable=True)]
    order = order[matches[order].argsort(stable=True)]
    counts = torch.bincount(matches[order], minlength=len(thresholds))
    rank = torch.arange(len(order)) - (counts.cumsum(0) - counts)[matches[order]]
    last, surplus = order[rank == capacity - 1], order[rank >= capacity]
    thresholds[matches[last]] = similarity[last]
    matches[surplus], similarity[surplus] = -1, -torch.inf
    return surplus
