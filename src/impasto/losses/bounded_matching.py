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

GROUP = 16
"""The columns of a table of similarities whose largest is looked at before they are."""
FEW = 16
"""Rows with at most so many new values among their largest are sorted together, apart from those with more."""

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

    `tables` (P, S) come with the rows that they are of, and the number that their columns begin with. After the first
    tables of some rows few values are among the largest still, and only those that are get sorted.
    """
    best = torch.full((rows, most), -torch.inf, dtype=kind, device=device)
    numbers = torch.zeros((rows, most), dtype=torch.long, device=device)

    def insert(at: Tensor, values: Tensor, columns: Tensor) -> None:
        """Take the largest of what is known of rows `at` (n,) and of more `values` (n, k) of theirs."""
        best[at], order = torch.cat([best[at], values], 1).topk(most, 1)
        numbers[at] = torch.cat([numbers[at], columns], 1).gather(1, order)

    for part, begin, table in tables:
        bars = best[part, -1]
        every = torch.arange(part.start, part.stop, device=device)
        if bool((bars == -torch.inf).any()):
            top = table.topk(min(most, table.shape[1]), 1)
            insert(every, top.values, top.indices + begin)
            continue
        row, column = _above(table, bars)
        counts = torch.bincount(row, minlength=len(table))
        first = counts.cumsum(0) - counts
        least = 0
        for wide in sorted({min(FEW, most), most}):
            chosen = ((counts > least) & (counts <= wide)).nonzero()[:, 0]
            place = torch.arange(wide, device=device)
            at = (first[chosen, None] + place).clamp_max_(max(0, len(row) - 1))
            columns = column[at]
            values = table[chosen[:, None], columns].masked_fill_(place >= counts[chosen, None], -torch.inf)
            insert(every[chosen], values, columns + begin)
            least = wide
        chosen = (counts > most).nonzero()[:, 0]
        top = table[chosen].topk(min(most, table.shape[1]), 1)
        insert(every[chosen], top.values, top.indices + begin)
    return best, numbers


def _above(table: Tensor, bars: Tensor) -> tuple[Tensor, Tensor]:
    """Return rows and columns of the values of `table` (P, S) above the `bars` (P,) of their rows, row by row.

    The largest of `GROUP` columns says whether any of these is, in a fraction of the time of looking at each.
    """
    across = table.shape[1] // GROUP
    groups = table[:, : GROUP * across].view(len(table), GROUP, across)
    row, group = (groups.amax(1) > bars[:, None]).nonzero(as_tuple=True)
    number, member = (groups.permute(0, 2, 1)[row, group] > bars[row, None]).nonzero(as_tuple=True)
    row, column = row[number], member * across + group[number]
    rest = table[:, GROUP * across :]
    if rest.shape[1]:
        more, last = (rest > bars[:, None]).nonzero(as_tuple=True)
        row, column = torch.cat([row, more]), torch.cat([column, last + GROUP * across])
        order = row.argsort(stable=True)
        row, column = row[order], column[order]
    return row, column


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
