"""Maps of features prepared for matching: planes whose products, summed, are similarities."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class PreparedMap:
    """A map of features prepared for matching."""

    planes: list[Tensor]
    """(C, h, w) each: their products are added up."""
    length: Tensor | None
    """(Y·X,): one over the length of each patch, for the first of the planes."""
    counts: tuple[int, int]
    """Rows and columns of patches."""
    dtype: torch.dtype
    """The type that similarities are summed in."""
    semantic: bool = False
    """Whether maps are among the planes."""

    def vectors(self, numbers: Tensor, size: int, stride: int) -> Tensor:
        """Return the vectors (n, D) of the patches of these `numbers` (n,); a product of two is their similarity."""
        parts = []
        for number, plane in enumerate(self.planes):
            width = plane.shape[2]
            corner = numbers // self.counts[1] * stride * width + numbers % self.counts[1] * stride
            inside = torch.arange(size, device=numbers.device)
            at = corner[:, None] + (inside[:, None] * width + inside).flatten()
            part = plane.flatten(1)[:, at.flatten()].view(len(plane), *at.shape).transpose(0, 1).flatten(1)
            scaled = number == 0 and self.length is not None
            parts.append(part * self.length[numbers, None].to(part) if scaled and self.length is not None else part)
        return torch.cat(parts, 1)


def patch_products(one: Tensor, other: Tensor, size: int, stride: int) -> Tensor:
    """Return the products (P, S) of all patches of `one` (C, h, w) with all of `other` (C, h', w')."""
    (rows, columns), (others, across_others) = (
        patch_counts(tuple(maps.shape[1:]), size, stride) for maps in (one, other)
    )
    total: Tensor | None = None
    for top in range(min(size, stride)):
        for left in range(min(size, stride)):
            ours, theirs = (maps[:, top::stride, left::stride] for maps in (one, other))
            down, right = ((size - first + stride - 1) // stride for first in (top, left))
            (width, beyond), table = (ours.shape[2], theirs.shape[2]), ours.flatten(1).T @ theirs.flatten(1)
            # One flat index for rows and columns makes windows of long lines, which are quick to add. Those of the
            # last columns reach into the next row: they are nobody's patches, and left out below. Along rows first,
            # then along columns: 2k sums instead of k².
            table = _sum_windows(table, right, 1, 1)
            table = _sum_windows(table, down, width, beyond)
            table = F.pad(table, (0, others * beyond - table.shape[1], 0, rows * width - table.shape[0]))
            table = table.view(rows, width, others, beyond)[:, :columns, :, :across_others]
            total = table.contiguous() if total is None else total.add_(table)
    if total is None:
        raise ValueError(f"a patch of {size} neurons with a stride of {stride} has none")
    return total.view(rows * columns, others * across_others)


def _sum_windows(table: Tensor, count: int, down: int, right: int) -> Tensor:
    """Sum `count` windows of `table`, each of them so far down and right of the one before."""
    if count == 1:
        return table
    rows, columns = table.shape[0] - (count - 1) * down, table.shape[1] - (count - 1) * right
    total = table[:rows, :columns] + table[down : down + rows, right : right + columns]
    for number in range(2, count):
        total += table[number * down : number * down + rows, number * right : number * right + columns]
    return total


def patch_counts(size: tuple[int, ...], patch: int, stride: int) -> tuple[int, int]:
    """Return the rows and columns of patches of a map of `size`."""
    rows, columns = (max(0, -(-(side - patch) // stride)) + 1 for side in size)
    return rows, columns


def pad_to_patches(features: Tensor, patch: int, stride: int) -> Tensor:
    """Continue `features` (C, h, w) by the last row and column until patches cover all of it."""
    sides = tuple(features.shape[1:])
    more = [
        (count - 1) * stride + patch - side
        for count, side in zip(patch_counts(sides, patch, stride), sides, strict=True)
    ]
    if not any(more):
        return features
    return F.pad(features[None], (0, more[1], 0, more[0]), mode="replicate")[0]


def slices_of(count: int, step: int) -> Iterator[slice]:
    """Cut `count` into slices of `step`."""
    for begin in range(0, count, step):
        yield slice(begin, min(count, begin + step))
