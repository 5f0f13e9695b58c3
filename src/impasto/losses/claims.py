"""Matching with a bound on use: the most alike pairs of all come first, and nobody is taken too often.

Every query asks the patch that is most alike among those that might still take it; a patch keeps the best that asked,
as many as it may, and turns away the others, who ask elsewhere (deferred acceptance, Gale & Shapley 1962). Both sides
rank by the same likeness, so there is one stable outcome, whatever the order of asking: that of going through all
pairs from the most alike down and taking each that still can be taken. Hence all ask at once, here.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

ASKED = 48
"""Patches that a query notes at a time; only when all of them turned it away it looks through the bank again."""

Best = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""From numbers of queries (n,) and bars (M,) to the likeness (n, k) of the best patches, and their numbers (n, k), of
those that are more alike than their bar: falling from left to right, -inf where there are no more."""


def claim(first: tuple[Tensor, Tensor], best: Best, patches: int, capacity: int) -> tuple[Tensor, Tensor]:
    """Return for each query the number of its patch, and how alike they are; no patch more than `capacity` times.

    `first` is what `best` gives for all queries while there are no bars.

    Raises `ValueError` where there are too few patches, or a likeness is no number.
    """
    queries, kind = len(first[0]), first[0].dtype
    if capacity * patches < queries:
        raise ValueError(f"{patches} patches, {capacity} times each, are too few for {queries}")
    found = torch.full((queries,), -1)
    alike = torch.full((queries,), -torch.inf, dtype=kind)
    # What a patch that has all it may take has least: who is not more alike need not ask.
    bars = torch.full((patches,), -torch.inf, dtype=kind)
    free = torch.arange(queries)
    while len(free):
        likeness, numbers = first if len(free) == queries else best(free, bars)
        if bool((likeness[:, 0] == -torch.inf).any()):
            raise ValueError("patches whose likeness is no number cannot be matched")
        row = torch.full((queries,), -1)
        row[free] = torch.arange(len(free))
        at = torch.zeros(len(free), dtype=torch.long)
        asking = torch.arange(len(free))
        while len(asking):
            asks = free[asking]
            found[asks], alike[asks] = numbers[asking, at[asking]], likeness[asking, at[asking]]
            refused = row[_turned_away(found, alike, bars, capacity)]
            refused = refused[refused >= 0]
            open_to = likeness[refused] > bars[numbers[refused]]
            # The first of a row; a row with none has to look again.
            at[refused] = open_to.int().argmax(1)
            asking = refused[open_to.any(1)]
        free = (found < 0).nonzero()[:, 0]
    return found, alike


def best_of(
    tables: Iterable[tuple[slice, int, Tensor]], rows: int, most: int, kind: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return the best of each row and their numbers, falling: (rows, most).

    `tables` (P, S) come with the rows that they are of, and the number that their columns begin with.
    """
    best = torch.full((rows, most), -torch.inf, dtype=kind, device=device)
    numbers = torch.zeros((rows, most), dtype=torch.long, device=device)
    for part, begin, table in tables:
        top = table.topk(min(most, table.shape[1]), 1)
        both = torch.cat([best[part], top.values], 1), torch.cat([numbers[part], top.indices + begin], 1)
        best[part], order = both[0].topk(most, 1)
        numbers[part] = both[1].gather(1, order)
    return best, numbers


def _turned_away(found: Tensor, alike: Tensor, bars: Tensor, capacity: int) -> Tensor:
    """Free those who are one too many at their patch, raise its bar, and give their numbers."""
    order = (found >= 0).nonzero()[:, 0]
    order = order[alike[order].argsort(descending=True, stable=True)]
    order = order[found[order].argsort(stable=True)]
    counts = torch.bincount(found[order], minlength=len(bars))
    rank = torch.arange(len(order)) - (counts.cumsum(0) - counts)[found[order]]
    last, away = order[rank == capacity - 1], order[rank >= capacity]
    bars[found[last]] = alike[last]
    found[away], alike[away] = -1, -torch.inf
    return away
