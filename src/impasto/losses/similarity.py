"""Similarities of patches, in tables: those of a picture against those of all sources of a bank.

The product of two patches is a sum over their k² offsets of products of single neurons. So all neurons are multiplied
with one another once, C values a pair, and the products of patches are sums of shifted windows of that table: 1/k² of
the multiplications that unfolded patches take, and none of their copies. Patches are found with `stride` s on both
sides; then only neurons whose rows and columns leave the same remainder by s ever meet.

Tables are made band by band, so memory is bounded whatever the size of the pictures.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.losses.patch_products import PreparedMap, pad_to_patches, patch_counts, patch_products, slices_of
from impasto.losses.statistics import TINY
from impasto.losses.weighted_sums import accumulator_dtype

Similarity = Literal["ncc", "cosine"]
"""Normalised cross-correlation of whole patches, or the mean cosine of their neurons (see `PatchBank`)."""

SCRATCH_BYTES = 16 << 20
"""Bytes of similarity tables at a time: larger ones leave the cache and are slower (benchmarks/patches.py)."""

Table = tuple[slice, int, Tensor]
"""Similarities (P, S): of which patches of the picture, and from which number of the bank on."""


@dataclass(frozen=True)
class SimilarityTables:
    """Tabulates how similar patches of a picture are to those of `sources`, within `scratch_bytes` at a time.

    `allowed` (L, S) bool says which of L labels each of the S patches of all sources may stand for; None: all of them.
    """

    sources: list[PreparedMap]
    allowed: Tensor | None
    size: int
    stride: int
    semantic_weight: float
    scratch_bytes: int

    def __len__(self) -> int:
        """Return the number of patches of all sources."""
        return sum(source.counts[0] * source.counts[1] for source in self.sources)

    @property
    def device(self) -> torch.device:
        """Return the device that the sources are on."""
        return self.sources[0].planes[0].device

    def known_labels(self, labels: Tensor | None) -> Tensor | None:
        """Return `labels`, those that no patch may stand for as -1; None where there is nothing to restrict."""
        if labels is None or self.allowed is None:
            return None
        usable = F.pad(self.allowed.any(1), (0, 1), value=False)
        return torch.where(usable[labels], labels, -1)

    def tables(self, query: PreparedMap, labels: Tensor | None) -> Iterator[Table]:
        """Yield the similarities of all pairs, table by table."""
        begin = 0
        for source in self.sources:
            rows, others = self._bands(query, source)
            for band in slices_of(query.counts[0], rows):
                for other in slices_of(source.counts[0], others):
                    table = self._table(query, source, band, other, labels, begin)
                    yield patch_numbers(band, query.counts[1]), begin + other.start * source.counts[1], table
            begin += source.counts[0] * source.counts[1]

    def row(self, query: PreparedMap, row: int, labels: Tensor | None) -> Tensor:
        """Return the similarities (X, S) of one row of patches with all others."""
        pairs = self.scratch_bytes // (query.dtype.itemsize * 3 * self.size * query.planes[0].shape[2])
        parts, begin = [], 0
        for source in self.sources:
            for other in slices_of(source.counts[0], max(1, pairs // source.planes[0].shape[2])):
                parts.append(self._table(query, source, slice(row, row + 1), other, labels, begin))
            begin += source.counts[0] * source.counts[1]
        return torch.cat(parts, 1)

    def pairs(self, query: PreparedMap, ours: Tensor, theirs: Tensor, least: int) -> Iterator[Table]:
        """Yield the similarities of patches `ours` (n,) with `theirs` (m,), of which `least` or more at a time."""
        width = sum(len(plane) for plane in query.planes) * self.size**2
        step = max(least, self.scratch_bytes // (4 * query.dtype.itemsize * width))
        rows_at_once = max(1, self.scratch_bytes // (4 * query.dtype.itemsize * max(step, width)))
        for columns in slices_of(len(theirs), step):
            others = self._vectors(self.sources, theirs[columns])
            for rows in slices_of(len(ours), rows_at_once):
                yield rows, columns.start, (self._vectors([query], ours[rows]) @ others.T).to(query.dtype)

    def _bands(self, query: PreparedMap, source: PreparedMap) -> tuple[int, int]:
        """Return how many rows of patches of both to take at a time: square bands have the least overlap."""
        row = query.planes[0].shape[2] * source.planes[0].shape[2]
        pairs = self.scratch_bytes / (query.dtype.itemsize * 3 * row)
        rows = max(1, min(query.counts[0], int(pairs**0.5)))
        others = max(1, min(source.counts[0], int(pairs / rows)))
        return max(1, min(query.counts[0], int(pairs / others))), others

    def _table(
        self, query: PreparedMap, source: PreparedMap, band: slice, other: slice, labels: Tensor | None, begin: int
    ) -> Tensor:
        """Return the similarity (P, S) of bands of rows of patches; the source's first patch has the number `begin`."""
        reach = self.size - self.stride
        table: Tensor | None = None
        # A source without maps has fewer planes, or fewer channels in its only one: maps come last.
        for ours, theirs in zip(query.planes, source.planes, strict=False):
            part = patch_products(
                ours[: len(theirs), band.start * self.stride : band.stop * self.stride + reach],
                theirs[:, other.start * self.stride : other.stop * self.stride + reach],
                self.size,
                self.stride,
            ).to(query.dtype)
            if table is None and query.length is not None and source.length is not None:
                part *= query.length[patch_numbers(band, query.counts[1]), None]
                part *= source.length[patch_numbers(other, source.counts[1])]
            table = part if table is None else table.add_(part)
        if table is None:
            raise ValueError("a map of features has at least one plane")
        if query.semantic and not source.semantic:
            table += self.semantic_weight
        if labels is not None and self.allowed is not None:
            here = patch_numbers(other, source.counts[1])
            barred = ~self.allowed[:, begin + here.start : begin + here.stop]
            asked = F.one_hot(labels[band].flatten() + 1, len(barred) + 1)[:, 1:]
            # Further down than any similarity reaches, and no further: sums must not lose the differences.
            table.addmm_(asked.to(table), barred.to(table), alpha=-4 * (1 + self.semantic_weight))
        return table

    def _vectors(self, prepared: Sequence[PreparedMap], numbers: Tensor) -> Tensor:
        """Return the vectors (n, D) of the patches of these `numbers` (n,); a product of two is their similarity."""
        vectors: Tensor | None = None
        begin = 0
        for source in prepared:
            count = source.counts[0] * source.counts[1]
            here = (numbers >= begin) & (numbers < begin + count)
            if bool(here.any()):
                some = source.vectors(numbers[here] - begin, self.size, self.stride)
                vectors = some.new_empty(len(numbers), some.shape[1]) if vectors is None else vectors
                vectors[here] = some
            begin += count
        if vectors is None:
            raise ValueError("there are no patches of these numbers")
        return vectors


def prepare(
    features: Tensor,
    maps: Tensor | None,
    *,
    size: int,
    stride: int,
    similarity: Similarity,
    semantic_weight: float,
    precision: torch.dtype | None,
) -> PreparedMap:
    """Return `features` (C, h, w) and `maps` (R, h, w) as planes whose products, summed over a patch, are similarities.

    Raises `ValueError` for features of another shape, or maps of another size.
    """
    if features.ndim != 3:
        raise ValueError(f"patches are taken from (C, h, w), not from {tuple(features.shape)}")
    dtype = accumulator_dtype(features.dtype)
    padded = pad_to_patches(features.detach(), size, stride).to(dtype)
    counts = patch_counts(tuple(features.shape[1:]), size, stride)
    kind = precision or dtype
    planes = []
    length: Tensor | None = None
    if similarity == "ncc":
        squares = padded.square().sum(0, keepdim=True)
        # The mean of a window times its area, which avg_pool2d divides by.
        length = F.avg_pool2d(squares[None], size, stride, divisor_override=1)[0, 0].clamp_min(TINY)
        length = length.rsqrt().flatten()
        planes.append(padded.to(kind))
    else:
        planes.append((F.normalize(padded, dim=0, eps=TINY) / size).to(kind))
    if maps is None or not semantic_weight:
        return PreparedMap(planes, length, counts, dtype)
    if maps.shape[1:] != features.shape[1:]:
        raise ValueError(f"a map of {tuple(maps.shape[1:])} does not fit {tuple(features.shape[1:])} neurons")
    semantic = F.normalize(pad_to_patches(maps.to(dtype), size, stride), dim=0, eps=TINY)
    planes.append((semantic * (semantic_weight**0.5 / size)).to(kind))
    if length is None:
        planes = [torch.cat(planes)]
    return PreparedMap(planes, length, counts, dtype, semantic=True)


def patch_numbers(rows: slice, columns: int) -> slice:
    """Return the numbers of the patches in some `rows` of so many `columns`."""
    return slice(rows.start * columns, rows.stop * columns)
