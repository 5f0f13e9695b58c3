"""Nearest patches, exactly: for every patch of one map of features the most alike of a bank of others.

The product of two patches is a sum over their k² offsets of products of single neurons. So all neurons are multiplied
with one another once, C values a pair, and the products of patches are sums of shifted windows of that table: 1/k² of
the multiplications that unfolded patches take, and none of their copies. Patches are found with `stride` s on both
sides; then only neurons whose rows and columns leave the same remainder by s ever meet.

Tables are made band by band, so memory is bounded whatever the size of the pictures.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.losses import sums
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
        self._prepared: list[_Prepared] = []
        flat, corners, pitches, allowed = [], [], [], []
        begin = 0
        for source in sources:
            prepared = self._prepare(source.features, source.maps)
            self._prepared.append(prepared)
            features = _covered(source.features, size, stride)
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
        """Give the number of patches."""
        return len(self._corners)

    @property
    def power(self) -> float:
        """Give the mean over patches of Σ t²."""
        squares = self._flat.double().square().sum(1)
        return float(
            sum(squares[at].sum() for at in self._offsets(torch.arange(len(self), device=squares.device)))
        ) / len(self)

    def patches(self, numbers: Tensor) -> Tensor:
        """Give the patches of these `numbers` (n,), as (n, C, size, size)."""
        found = torch.stack([self._flat[at] for at in self._offsets(numbers)], 2)
        return found.view(*found.shape[:2], self.size, self.size)

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Give the rows and columns of patches of a map of this size."""
        return _counts((height, width), self.size, self.stride)

    @torch.no_grad()
    def match(
        self,
        features: Tensor,
        *,
        maps: Tensor | None = None,
        labels: Tensor | None = None,
        penalty: float = 0.0,
        capacity: int | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Give for each patch of `features` (C, h, w) the number of its match, and how alike they are: (Y, X) each.

        `maps` (R, h, w) are those of these features, and `labels` (Y, X) restrict matches to patches that are allowed
        to stand for the label; -1, and a label that no patch may stand for, restrict nothing.

        `penalty` takes that much off a patch's likeness for each time it was used, and a patch is used `capacity`
        times at most (None: as often as asked for). Both make the result depend on the order: rows and columns take
        turns in bit-reversed order, so that no side of the picture has the first choice.

        Raises `ValueError` where a capacity leaves some patches without a match.
        """
        query = self._prepare(features, maps)
        if not query.semantic and any(source.semantic for source in self._prepared):
            raise ValueError("patches with semantic maps are matched with maps; give those of these features")
        wanted = self._restricted(labels)
        if penalty or capacity is not None:
            return self._share_out(query, wanted, penalty, capacity)
        best = torch.full(query.counts, -torch.inf, dtype=query.wide, device=features.device)
        found = torch.zeros(query.counts, dtype=torch.long, device=features.device)
        begin = 0
        for source in self._prepared:
            rows, others = self._bands(query, source)
            for band in _spans(query.counts[0], rows):
                for other in _spans(source.counts[0], others):
                    table = self._alike(query, source, band, other, wanted, begin)
                    likeness, number = table.max(1)
                    number += begin + other.start * source.counts[1]
                    likeness, number = (each.view(-1, query.counts[1]) for each in (likeness, number))
                    better = likeness > best[band]
                    best[band] = torch.where(better, likeness, best[band])
                    found[band] = torch.where(better, number, found[band])
            begin += source.counts[0] * source.counts[1]
        return found, best

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

    def _prepare(self, features: Tensor, maps: Tensor | None) -> "_Prepared":
        """Make the planes whose products, summed over a patch, are the likeness."""
        if features.ndim != 3:
            raise ValueError(f"patches are taken from (C, h, w), not from {tuple(features.shape)}")
        wide = sums.wide(features.dtype)
        covered = _covered(features.detach(), self.size, self.stride).to(wide)
        counts = _counts(tuple(features.shape[1:]), self.size, self.stride)
        kind = self._precision or wide
        planes = []
        length: Tensor | None = None
        if self.likeness == "ncc":
            squares = covered.square().sum(0, keepdim=True)
            # The mean of a window times its area, which avg_pool2d divides by.
            length = F.avg_pool2d(squares[None], self.size, self.stride, divisor_override=1)[0, 0].clamp_min(TINY)
            length = length.rsqrt().flatten()
            planes.append(covered.to(kind))
        else:
            planes.append((F.normalize(covered, dim=0, eps=TINY) / self.size).to(kind))
        if maps is not None and self.semantic_weight:
            if maps.shape[1:] != features.shape[1:]:
                raise ValueError(f"a map of {tuple(maps.shape[1:])} does not fit {tuple(features.shape[1:])} neurons")
            semantic = F.normalize(_covered(maps.to(wide), self.size, self.stride), dim=0, eps=TINY)
            planes.append((semantic * (self.semantic_weight**0.5 / self.size)).to(kind))
            if length is None:
                planes = [torch.cat(planes)]
            return _Prepared(planes, length, counts, wide, semantic=True)
        return _Prepared(planes, length, counts, wide)

    def _restricted(self, labels: Tensor | None) -> Tensor | None:
        """Give `labels`, those that no patch may stand for as -1; None where there is nothing to restrict."""
        if labels is None or self._allowed is None:
            return None
        able = F.pad(self._allowed.any(1), (0, 1), value=False)
        return torch.where(able[labels], labels, -1)

    def _bands(self, query: "_Prepared", source: "_Prepared") -> tuple[int, int]:
        """Give how many rows of patches of both to take at a time: square bands have the least overlap."""
        row = query.planes[0].shape[2] * source.planes[0].shape[2]
        pairs = self._scratch / (query.wide.itemsize * 3 * row)
        most = query.counts[0], source.counts[0]
        rows = max(1, min(most[0], int(pairs**0.5)))
        others = max(1, min(most[1], int(pairs / rows)))
        return max(1, min(most[0], int(pairs / others))), others

    def _alike(
        self, query: "_Prepared", source: "_Prepared", band: slice, other: slice, labels: Tensor | None, begin: int
    ) -> Tensor:
        """Give the likeness (P, S) of a band of rows of patches of both; the source's first has the number `begin`."""
        reach = self.size - self.stride
        table: Tensor | None = None
        # A source without maps has fewer planes, or fewer channels in its only one: maps come last.
        for ours, theirs in zip(query.planes, source.planes, strict=False):
            part = _products(
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

    def _share_out(
        self, query: "_Prepared", labels: Tensor | None, penalty: float, capacity: int | None
    ) -> tuple[Tensor, Tensor]:
        """Match patches one after the other, as what was used counts for the next."""
        rows, columns = query.counts
        if capacity is not None and capacity * len(self) < rows * columns:
            raise ValueError(f"{len(self)} patches, {capacity} times each, are too few for {rows * columns}")
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
                for other in _spans(source.counts[0], max(1, pairs // source.planes[0].shape[2])):
                    parts.append(self._alike(query, source, slice(row, row + 1), other, labels, begin))
                begin += source.counts[0] * source.counts[1]
            table = torch.cat(parts, 1).cpu().numpy()
            for column in _reversed_bits(columns):
                number = (table[column] - cost).argmax()
                numbers[row, column], likeness[row, column] = number, table[column, number]
                used[number] += 1
                cost[number] = np.inf if used[number] == capacity else penalty * used[number]
        return found.to(self._flat.device), best.to(self._flat.device)


@dataclass(frozen=True)
class _Prepared:
    """A map of features as the matching needs it."""

    planes: list[Tensor]
    """(C, h, w) each: their products are added up."""
    length: Tensor | None
    """(Y·X,): one over the length of each patch, for the first of the planes."""
    counts: tuple[int, int]
    wide: torch.dtype
    semantic: bool = False
    """Whether maps are among the planes."""


def shares(maps: Tensor, size: int, stride: int) -> Tensor:
    """Give how much of each patch the regions `maps` (R, h, w) take: (R, Y, X)."""
    return F.avg_pool2d(_covered(maps, size, stride)[None], size, stride)[0]


def labels_of(maps: Tensor, size: int, stride: int) -> Tensor:
    """Give for each patch of `maps` (R, h, w) the number (Y, X) of the region with most of it; -1 where it has none."""
    inside = shares(maps, size, stride)
    most, label = inside.max(0)
    # What the regions leave of a patch can outweigh each of them: then it shows something else.
    return torch.where(most >= (1 - inside.sum(0)).clamp_min(TINY), label, -1)


def _products(one: Tensor, other: Tensor, size: int, stride: int) -> Tensor:
    """Give the products (P, S) of all patches of `one` (C, h, w) with all of `other` (C, h', w')."""
    (rows, columns), (others, beside) = (_counts(tuple(each.shape[1:]), size, stride) for each in (one, other))
    total: Tensor | None = None
    for top in range(min(size, stride)):
        for left in range(min(size, stride)):
            ours, theirs = (each[:, top::stride, left::stride] for each in (one, other))
            down, right = ((size - first + stride - 1) // stride for first in (top, left))
            (width, beyond), table = (ours.shape[2], theirs.shape[2]), ours.flatten(1).T @ theirs.flatten(1)
            # One flat index for rows and columns makes windows of long lines, which are quick to add. Those of the
            # last columns reach into the next row: they are nobody's patches, and left out below. Along rows first,
            # then along columns: 2k sums instead of k².
            table = _windows(table, right, 1, 1)
            table = _windows(table, down, width, beyond)
            table = F.pad(table, (0, others * beyond - table.shape[1], 0, rows * width - table.shape[0]))
            table = table.view(rows, width, others, beyond)[:, :columns, :, :beside]
            total = table.contiguous() if total is None else total.add_(table)
    if total is None:
        raise ValueError(f"a patch of {size} neurons with a stride of {stride} has none")
    return total.view(rows * columns, others * beside)


def _windows(table: Tensor, count: int, down: int, right: int) -> Tensor:
    """Sum `count` windows of `table`, each of them so far down and right of the one before."""
    if count == 1:
        return table
    rows, columns = table.shape[0] - (count - 1) * down, table.shape[1] - (count - 1) * right
    total = table[:rows, :columns] + table[down : down + rows, right : right + columns]
    for number in range(2, count):
        total += table[number * down : number * down + rows, number * right : number * right + columns]
    return total


def _counts(size: tuple[int, ...], patch: int, stride: int) -> tuple[int, int]:
    rows, columns = (max(0, -(-(side - patch) // stride)) + 1 for side in size)
    return rows, columns


def _covered(features: Tensor, patch: int, stride: int) -> Tensor:
    """Continue `features` (C, h, w) by the last row and column until patches cover all of it."""
    sides = tuple(features.shape[1:])
    more = [
        (count - 1) * stride + patch - side for count, side in zip(_counts(sides, patch, stride), sides, strict=True)
    ]
    if not any(more):
        return features
    return F.pad(features[None], (0, more[1], 0, more[0]), mode="replicate")[0]


def _spans(count: int, step: int) -> Iterator[slice]:
    for begin in range(0, count, step):
        yield slice(begin, min(count, begin + step))


def _flat(rows: slice, columns: int) -> slice:
    return slice(rows.start * columns, rows.stop * columns)


def _reversed_bits(count: int) -> list[int]:
    """Give 0 ... count - 1 in the order of their bits read backwards: each one far from those before it."""
    bits = max(1, (count - 1).bit_length())
    order = (int(f"{number:0{bits}b}"[::-1], 2) for number in range(1 << bits))
    return [number for number in order if number < count]
