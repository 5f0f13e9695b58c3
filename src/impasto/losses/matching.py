"""Ways to match the patches of a picture with those of a bank: freely, with a bound on use, or with a price on it."""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from impasto.losses.bounded_matching import SHORTLIST, best_columns, match_bounded
from impasto.losses.patch_products import PreparedMap
from impasto.losses.similarity import SimilarityTables, Table

Matches = tuple[Tensor, Tensor]
"""For each patch of the picture the number of its match, and their similarity: (Y, X) each."""


def match_freely(bank: SimilarityTables, query: PreparedMap, labels: Tensor | None) -> Matches:
    """Match each patch with its nearest neighbour."""
    device = query.planes[0].device
    similarity = torch.full(query.counts, -torch.inf, dtype=query.dtype, device=device).flatten()
    matches = torch.zeros(query.counts, dtype=torch.long, device=device).flatten()
    for rows, begin, table in bank.tables(query, labels):
        best, number = table.max(1)
        better = best > similarity[rows]
        similarity[rows] = torch.where(better, best, similarity[rows])
        matches[rows] = torch.where(better, number + begin, matches[rows])
    return matches.view(query.counts), similarity.view(query.counts)


def match_within_capacity(
    bank: SimilarityTables, query: PreparedMap, labels: Tensor | None, capacity: float
) -> Matches:
    """Match so that no patch is used more than `capacity` times its fair share, each label on its own."""
    device = bank.device
    flat = torch.full(query.counts, -1, device=device) if labels is None else labels.to(device)
    matches = torch.zeros(query.counts, dtype=torch.long, device=device).flatten()
    similarity = torch.zeros(query.counts, dtype=query.dtype, device=device).flatten()
    # Neurons of neighbouring patches are the same: for all of them at once that is a ninth of the work.
    first = best_columns(
        bank.tables(query, labels), math.prod(query.counts), min(SHORTLIST, len(bank)), query.dtype, device
    )
    for label in sorted({*flat.flatten().tolist()}):
        ours = (flat.flatten() == label).nonzero()[:, 0]
        theirs = torch.arange(len(bank), device=device)
        if label >= 0 and bank.allowed is not None:
            theirs = bank.allowed[label].nonzero()[:, 0]
        uses = math.ceil(capacity * len(ours) / len(theirs))
        place = torch.zeros(len(bank), dtype=torch.long, device=device)
        place[theirs] = torch.arange(len(theirs), device=device)
        # What may not stand for a label is less similar to it than all that may.
        most = min(SHORTLIST, len(theirs))
        shortlist = first[0][ours, :most].cpu(), place[first[1][ours, :most]].cpu()
        search = _Search(bank, query, ours, theirs)
        numbers, best = match_bounded(shortlist, search, len(theirs), uses)
        matches[ours], similarity[ours] = theirs[numbers.to(device)], best.to(similarity)
    return matches.view(query.counts), similarity.view(query.counts)


def match_at_a_price(bank: SimilarityTables, query: PreparedMap, labels: Tensor | None, penalty: float) -> Matches:
    """Match patches one after the other, each use of a patch taking `penalty` off its similarity for the next."""
    rows, columns = query.counts
    matches = torch.zeros(query.counts, dtype=torch.long)
    similarity = torch.zeros(query.counts, dtype=query.dtype)
    # Many small steps, each of which torch would take ten times as long for.
    numbers, values = matches.numpy(), similarity.numpy()
    cost = np.zeros(len(bank), values.dtype)
    used = np.zeros(len(bank), np.int64)
    for row in _reversed_bits(rows):
        table = bank.row(query, row, labels).cpu().numpy()
        for column in _reversed_bits(columns):
            number = (table[column] - cost).argmax()
            numbers[row, column], values[row, column] = number, table[column, number]
            used[number] += 1
            cost[number] = penalty * used[number]
    return matches.to(bank.device), similarity.to(bank.device)


class _Search:
    """Finds the nearest of `theirs` (m,) for some of `ours` (n,): the search that `match_bounded` asks for."""

    def __init__(self, bank: SimilarityTables, query: PreparedMap, ours: Tensor, theirs: Tensor) -> None:
        self._bank, self._query, self._ours, self._theirs = bank, query, ours, theirs

    def __call__(self, numbers: Tensor, thresholds: Tensor) -> tuple[Tensor, Tensor]:
        """Return the similarity (n, k) and the places in `theirs` (n, k) of the best above their thresholds."""
        device, most = self._ours.device, min(SHORTLIST, len(self._theirs))
        asked, thresholds = self._ours[numbers.to(device)], thresholds.to(device)

        def tables() -> Iterator[Table]:
            for rows, begin, table in self._bank.pairs(self._query, asked, self._theirs, most):
                bars = thresholds[begin : begin + table.shape[1]]
                yield rows, begin, torch.where(table > bars, table, -torch.inf)

        best, place = best_columns(tables(), len(asked), most, self._query.dtype, device)
        return best.cpu(), place.cpu()


def _reversed_bits(count: int) -> list[int]:
    """Return 0 ... count - 1 in the order of their bits read backwards: each one far from those before it."""
    bits = max(1, (count - 1).bit_length())
    order = (int(f"{number:0{bits}b}"[::-1], 2) for number in range(1 << bits))
    return [number for number in order if number < count]
