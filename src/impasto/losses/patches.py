"""Nearest patches, exactly: for every patch of one map of features the most alike of a bank of others.

The product of two patches is a sum over their k² offsets of products of single neurons. So all neurons are multiplied
with one another once, C values a pair, and the products of patches are sums of shifted windows of that table: 1/k² of
the multiplications that unfolded patches take, and none of their copies. Patches are found with `stride` s on both
sides; then only neurons whose rows and columns leave the same remainder by s ever meet.

Tables are made band by band, so memory is bounded whatever the size of the pictures.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.losses import sums
from impasto.losses.claims import ASKED, best_of, claim
from impasto.losses.planes import Prepared, counts_of, covered, products, spans
from impasto.losses.statistics import TINY

Likeness = Literal["ncc", "cosine"]

SCRATCH_BYTES = 16 << 20
"""Of tables at a time: larger ones leave the cache and are slower (benchmarks/patches.py)."""


@dataclass(frozen=True)
class Source:
    """What a bank takes patches from: `features` (C, h, w) of a painting, and where they belong."""

    features: Tensor
    maps: Tensor | None = None
    """(R, h, w) >= 0: the semantic map, which says what each neuron shows; None: whatever is asked for."""
    allowed: Tensor | None = None
    """(L, Y, X) bool: which of L labels each patch may stand for; None: all of them."""


class Bank:
    """Patches to be found: all of `sources`, `size` neurons a side, every `stride` neurons.

    How alike two patches are, between -1 and 1: `ncc`, the cosine of the angle between whole patches (Li & Wand 2016,
    eq. 3), or `cosine`, the mean over a patch's neurons of the cosine of the angle between two neurons (Champandard
    2016). To this come, where there are semantic maps, `semantic_weight` times the mean over neurons of the cosine of
    the angle between two maps: with a weight of 10, a perfect match has 11. Both are the same for c·f as for f, c > 0,
    and for features and their isometric lift.

    Maps that end between two strides are continued by their last row and column, so that every neuron is in a patch.
    `precision` is the type of the products: bfloat16 is faster where the machine knows it, and takes now and then the
    second best. `scratch_bytes` bounds the tables; one row of patches against one row is the least there can be.

    Raises `ValueError` for an empty bank, or sources that do not fit together.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        *,
        size: int = 3,
        stride: int = 1,
        likeness: Likeness = "ncc",
        semantic_weight: float = 0.0,
        precision: torch.dtype | None = None,
        scratch_bytes: int = SCRATCH_BYTES,
    ) -> None:
        if not sources:
            raise ValueError("a bank needs patches; give at least one source")
        self.size, self.stride, self.likeness = size, stride, likeness
        self.semantic_weight, self._precision, self._scratch = semantic_weight, precision, scratch_bytes
        self._prepared: list[Prepared] = []
        flat, corners, pitches, allowed = [], [], [], []
        begin = 0
        for source in sources:
            prepared = self._prepare(source.features, source.maps)
            self._prepared.append(prepared)
            features = covered(source.features, size, stride)
            _, height, width = features.shape
            across, down = (torch.arange(count, device=features.device) * stride for count in prepared.counts[::-1])
            corners.append((begin + down[:, None] * width + across).flatten())
            pitches.append(torch.full_like(corners[-1], width))
            flat.append(features.flatten(1).T)
            begin += height * width
            if source.allowed is not None:
                if tuple(source.allowed.shape[1:]) != prepared.counts:
                    raise ValueError(
                        f"labels of {tuple(source.allowed.shape[1:])} do not fit {prepared.counts} patches"
                    )
                allowed.append(source.allowed.flatten(1))
        self._flat, self._corners, self._pitches = torch.cat(flat), torch.cat(corners), torch.cat(pitches)
        if allowed and len(allowed) < len(sources):
            raise ValueError("labels are given for some sources and not for others")
        self._allowed = torch.cat(allowed, 1) if allowed else None

    def __len__(self) -> int:
        """Return the number of patches."""
        return len(self._corners)

    @property
    def able(self) -> Tensor:
        """Return for each label whether any patch may stand for it (L,); without labels there are none."""
        return torch.zeros(0, dtype=torch.bool) if self._allowed is None else self._allowed.any(1)

    @property
    def power(self) -> float:
        """Return the mean over patches of Σ t²."""
        squares = self._flat.double().square().sum(1)
        return float(
            sum(squares[at].sum() for at in self._offsets(torch.arange(len(self), device=squares.device)))
        ) / len(self)

    def patches(self, numbers: Tensor) -> Tensor:
        """Return the patches of these `numbers` (n,), as (n, C, size, size)."""
        found = torch.stack([self._flat[at] for at in self._offsets(numbers)], 2)
        return found.view(*found.shape[:2], self.size, self.size)

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Return the rows and columns of patches of a map of this size."""
        return counts_of((height, width), self.size, self.stride)

    @torch.no_grad()
    def match(
        self,
        features: Tensor,
        *,
        maps: Tensor | None = None,
        labels: Tensor | None = None,
        penalty: float = 0.0,
        share: float | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return for each patch of `features` (C, h, w) the number of its match, and how alike they are: (Y, X) each.

        `maps` (R, h, w) are those of these features, and `labels` (Y, X) restrict matches to patches that are allowed
        to stand for the label; -1, and a label that no patch may stand for, restrict nothing.

        `penalty` takes that much off a patch's likeness for each time it was used. That makes the result depend on the
        order: rows and columns take turns in bit-reversed order, so that no side of the picture has the first choice.
        `share` bounds the use: patches are used at most `share` times what each would be used if all were used alike,
        rounded up; of those with a label, so often by each label. None: as often as asked for. The most alike
        pairs come first (`claims`), whatever the order.

        Raises `ValueError` for both at once, or a share that leaves some without a match.
        """
        query = self._prepare(features, maps)
        if not query.semantic and any(source.semantic for source in self._prepared):
            raise ValueError("patches with semantic maps are matched with maps; give those of these features")
        wanted = self._restricted(labels)
        if penalty and share is not None:
            raise ValueError("use is bounded by a share or kept down by a penalty, not both")
        if share is not None:
            return self._claimed(query, wanted, share)
        if penalty:
            return self._share_out(query, wanted, penalty)
        best = torch.full(query.counts, -torch.inf, dtype=query.wide, device=features.device).flatten()
        found = torch.zeros(query.counts, dtype=torch.long, device=features.device).flatten()
        for rows, begin, table in self._tables(query, wanted):
            likeness, number = table.max(1)
            better = likeness > best[rows]
            best[rows] = torch.where(better, likeness, best[rows])
            found[rows] = torch.where(better, number + begin, found[rows])
        return found.view(query.counts), best.view(query.counts)

    @torch.no_grad()
    def vote(
        self, matches: Tensor, size: tuple[int, int], weights: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Lay the matched patches over one another on a map of `size` (height, width).

        With the `weights` (Y, X) of the patches, 1 each where None: gives Σ w t (C, h, w), Σ w (h, w) and Σ w t²
        (h, w), summed over the channels.
        """
        rows, columns = matches.shape
        height, width = ((count - 1) * self.stride + self.size for count in (rows, columns))
        kind = self._flat.dtype
        total = self._flat.new_zeros(height, width, self._flat.shape[1])
        weight = total.new_ones(rows, columns) if weights is None else weights.to(total)
        count, squares = total.new_zeros(height, width), total.new_zeros(height, width)
        for number, at in enumerate(self._offsets(matches.flatten())):
            down, right = divmod(number, self.size)
            # Copies of the patch's own neuron at this offset, on the grid of the patches.
            window = (
                slice(down, down + (rows - 1) * self.stride + 1, self.stride),
                slice(right, right + (columns - 1) * self.stride + 1, self.stride),
            )
            neurons = self._flat[at].view(rows, columns, -1)
            total[window] += weight[..., None] * neurons
            count[window] += weight
            squares[window] += weight * neurons.square().sum(2).to(kind)
        own = slice(size[0]), slice(size[1])
        return total[own].permute(2, 0, 1), count[own], squares[own]

    def _offsets(self, numbers: Tensor) -> Iterator[Tensor]:
        """Give, for each of the size² offsets, which neurons of all sources patches of these `numbers` (n,) have."""
        corner, pitch = self._corners[numbers], self._pitches[numbers]
        for down in range(self.size):
            for right in range(self.size):
                yield corner + down * pitch + right

    def _prepare(self, features: Tensor, maps: Tensor | None) -> Prepared:
        """Make the planes whose products, summed over a patch, are the likeness."""
        if features.ndim != 3:
            raise ValueError(f"patches are taken from (C, h, w), not from {tuple(features.shape)}")
        wide = sums.wide(features.dtype)
        whole = covered(features.detach(), self.size, self.stride).to(wide)
        counts = counts_of(tuple(features.shape[1:]), self.size, self.stride)
        kind = self._precision or wide
        planes = []
        length: Tensor | None = None
        if self.likeness == "ncc":
            squares = whole.square().sum(0, keepdim=True)
            # The mean of a window times its area, which avg_pool2d divides by.
            length = F.avg_pool2d(squares[None], self.size, self.stride, divisor_override=1)[0, 0].clamp_min(TINY)
            length = length.rsqrt().flatten()
            planes.append(whole.to(kind))
        else:
            planes.append((F.normalize(whole, dim=0, eps=TINY) / self.size).to(kind))
        if maps is not None and self.semantic_weight:
            if maps.shape[1:] != features.shape[1:]:
                raise ValueError(f"a map of {tuple(maps.shape[1:])} does not fit {tuple(features.shape[1:])} neurons")
            semantic = F.normalize(covered(maps.to(wide), self.size, self.stride), dim=0, eps=TINY)
            planes.append((semantic * (self.semantic_weight**0.5 / self.size)).to(kind))
            if length is None:
                planes = [torch.cat(planes)]
            return Prepared(planes, length, counts, wide, semantic=True)
        return Prepared(planes, length, counts, wide)

    def _restricted(self, labels: Tensor | None) -> Tensor | None:
        """Return `labels`, those that no patch may stand for as -1; None where there is nothing to restrict."""
        if labels is None or self._allowed is None:
            return None
        able = F.pad(self._allowed.any(1), (0, 1), value=False)
        return torch.where(able[labels], labels, -1)

    def _bands(self, query: Prepared, source: Prepared) -> tuple[int, int]:
        """Return how many rows of patches of both to take at a time: square bands have the least overlap."""
        row = query.planes[0].shape[2] * source.planes[0].shape[2]
        pairs = self._scratch / (query.wide.itemsize * 3 * row)
        most = query.counts[0], source.counts[0]
        rows = max(1, min(most[0], int(pairs**0.5)))
        others = max(1, min(most[1], int(pairs / rows)))
        return max(1, min(most[0], int(pairs / others))), others

    def _tables(self, query: Prepared, labels: Tensor | None) -> Iterator[tuple[slice, int, Tensor]]:
        """Give how alike all pairs are, in tables (P, S): of which patches of the picture, and from which number on."""
        begin = 0
        for source in self._prepared:
            rows, others = self._bands(query, source)
            for band in spans(query.counts[0], rows):
                for other in spans(source.counts[0], others):
                    table = self._alike(query, source, band, other, labels, begin)
                    yield _flat(band, query.counts[1]), begin + other.start * source.counts[1], table
            begin += source.counts[0] * source.counts[1]

    def _alike(
        self, query: Prepared, source: Prepared, band: slice, other: slice, labels: Tensor | None, begin: int
    ) -> Tensor:
        """Give the likeness (P, S) of a band of rows of patches of both; the source's first has the number `begin`."""
        reach = self.size - self.stride
        table: Tensor | None = None
        # A source without maps has fewer planes, or fewer channels in its only one: maps come last.
        for ours, theirs in zip(query.planes, source.planes, strict=False):
            part = products(
                ours[: len(theirs), band.start * self.stride : band.stop * self.stride + reach],
                theirs[:, other.start * self.stride : other.stop * self.stride + reach],
                self.size,
                self.stride,
            ).to(query.wide)
            if table is None and query.length is not None and source.length is not None:
                part *= query.length[_flat(band, query.counts[1]), None]
                part *= source.length[_flat(other, source.counts[1])]
            table = part if table is None else table.add_(part)
        if table is None:
            raise ValueError("a map of features has at least one plane")
        if query.semantic and not source.semantic:
            table += self.semantic_weight
        if labels is not None and self._allowed is not None:
            here = _flat(other, source.counts[1])
            barred = ~self._allowed[:, begin + here.start : begin + here.stop]
            asked = F.one_hot(labels[band].flatten() + 1, len(barred) + 1)[:, 1:]
            # Further down than any likeness reaches, and no further: sums must not lose the differences.
            table.addmm_(asked.to(table), barred.to(table), alpha=-4 * (1 + self.semantic_weight))
        return table

    def _claimed(self, query: Prepared, labels: Tensor | None, share: float) -> tuple[Tensor, Tensor]:
        """Match patches so that none is used too often, those of each label by themselves."""
        device = self._flat.device
        flat = torch.full(query.counts, -1, device=device) if labels is None else labels.to(device)
        found = torch.zeros(query.counts, dtype=torch.long, device=device).flatten()
        best = torch.zeros(query.counts, dtype=query.wide, device=device).flatten()
        # Neurons of neighbouring patches are the same: for all of them at once that is a ninth of the work.
        first = best_of(self._tables(query, labels), math.prod(query.counts), min(ASKED, len(self)), query.wide, device)
        for label in sorted({*flat.flatten().tolist()}):
            ours = (flat.flatten() == label).nonzero()[:, 0]
            theirs = torch.arange(len(self), device=device)
            if label >= 0 and self._allowed is not None:
                theirs = self._allowed[label].nonzero()[:, 0]
            capacity = math.ceil(share * len(ours) / len(theirs))
            place = torch.zeros(len(self), dtype=torch.long, device=device)
            place[theirs] = torch.arange(len(theirs), device=device)
            # What may not stand for a label is less alike to it than all that may.
            most = min(ASKED, len(theirs))
            asked = first[0][ours, :most].cpu(), place[first[1][ours, :most]].cpu()
            look = partial(self._nearest, query, ours, theirs)
            numbers, alike = claim(asked, look, len(theirs), capacity)
            found[ours], best[ours] = theirs[numbers.to(device)], alike.to(best)
        return found.view(query.counts), best.view(query.counts)

    def _nearest(
        self, query: Prepared, ours: Tensor, theirs: Tensor, numbers: Tensor, bars: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the likeness and the places in `theirs` of the nearest of some of `ours`: what `claim` asks for."""
        device, most = ours.device, min(ASKED, len(theirs))
        asked, bars = ours[numbers.to(device)], bars.to(device)
        width = sum(len(plane) for plane in query.planes) * self.size**2
        step = max(most, self._scratch // (4 * query.wide.itemsize * width))

        def tables() -> Iterator[tuple[slice, int, Tensor]]:
            for columns in spans(len(theirs), step):
                patches = self._units(self._prepared, theirs[columns])
                for rows in spans(len(asked), max(1, self._scratch // (4 * query.wide.itemsize * max(step, width)))):
                    table = (self._units([query], asked[rows]) @ patches.T).to(query.wide)
                    yield rows, columns.start, torch.where(table > bars[columns], table, -torch.inf)

        best, place = best_of(tables(), len(asked), most, query.wide, device)
        return best.cpu(), place.cpu()

    def _units(self, prepared: Sequence[Prepared], numbers: Tensor) -> Tensor:
        """Return the vectors (n, D) of the patches of these `numbers` (n,), whose products are how alike they are."""
        found: Tensor | None = None
        begin = 0
        for each in prepared:
            count = each.counts[0] * each.counts[1]
            here = (numbers >= begin) & (numbers < begin + count)
            if bool(here.any()):
                vectors = each.vectors(numbers[here] - begin, self.size, self.stride)
                found = vectors.new_empty(len(numbers), vectors.shape[1]) if found is None else found
                found[here] = vectors
            begin += count
        if found is None:
            raise ValueError("there are no patches of these numbers")
        return found

    def _share_out(self, query: Prepared, labels: Tensor | None, penalty: float) -> tuple[Tensor, Tensor]:
        """Match patches one after the other, as what was used counts for the next."""
        rows, columns = query.counts
        found = torch.zeros(query.counts, dtype=torch.long)
        best = torch.zeros(query.counts, dtype=query.wide)
        # Many small steps, each of which torch would take ten times as long for.
        numbers, likeness = found.numpy(), best.numpy()
        cost = np.zeros(len(self), likeness.dtype)
        used = np.zeros(len(self), np.int64)
        pairs = self._scratch // (query.wide.itemsize * 3 * self.size * query.planes[0].shape[2])
        for row in _reversed_bits(rows):
            parts, begin = [], 0
            for source in self._prepared:
                for other in spans(source.counts[0], max(1, pairs // source.planes[0].shape[2])):
                    parts.append(self._alike(query, source, slice(row, row + 1), other, labels, begin))
                begin += source.counts[0] * source.counts[1]
            table = torch.cat(parts, 1).cpu().numpy()
            for column in _reversed_bits(columns):
                number = (table[column] - cost).argmax()
                numbers[row, column], likeness[row, column] = number, table[column, number]
                used[number] += 1
                cost[number] = penalty * used[number]
        return found.to(self._flat.device), best.to(self._flat.device)


def shares(maps: Tensor, size: int, stride: int) -> Tensor:
    """Return how much of each patch the regions `maps` (R, h, w) take: (R, Y, X)."""
    return F.avg_pool2d(covered(maps, size, stride)[None], size, stride)[0]


def labels_of(maps: Tensor, size: int, stride: int) -> Tensor:
    """Give for each patch of `maps` (R, h, w) the number (Y, X) of the region with most of it; -1 where it has none."""
    inside = shares(maps, size, stride)
    most, label = inside.max(0)
    # What the regions leave of a patch can outweigh each of them: then it shows something else.
    return torch.where(most >= (1 - inside.sum(0)).clamp_min(TINY), label, -1)


def _flat(rows: slice, columns: int) -> slice:
    return slice(rows.start * columns, rows.stop * columns)


def _reversed_bits(count: int) -> list[int]:
    """Return 0 ... count - 1 in the order of their bits read backwards: each one far from those before it."""
    bits = max(1, (count - 1).bit_length())
    order = (int(f"{number:0{bits}b}"[::-1], 2) for number in range(1 << bits))
    return [number for number in order if number < count]
