"""Banks of patches: for every patch of one map of features its nearest neighbour, exactly, and what they vote for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.losses.matching import match_at_a_price, match_freely, match_within_capacity
from impasto.losses.patch_products import PreparedMap, pad_to_patches, patch_counts
from impasto.losses.similarity import SCRATCH_BYTES, Similarity, SimilarityTables, prepare
from impasto.losses.statistics import TINY


@dataclass(frozen=True)
class PatchSource:
    """What a bank takes patches from: `features` (C, h, w) of a painting, and where they belong."""

    features: Tensor
    maps: Tensor | None = None
    """(R, h, w) >= 0: the semantic map, which says what each neuron shows; None: whatever is asked for."""
    allowed: Tensor | None = None
    """(L, Y, X) bool: which of L labels each patch may stand for; None: all of them."""


class PatchBank:
    """Patches to be matched: all of `sources`, `size` neurons a side, every `stride` neurons.

    The similarity of two patches lies between -1 and 1: `ncc`, the cosine of the angle between whole patches (Li & Wand
    2016, eq. 3), or `cosine`, the mean over a patch's neurons of the cosine of the angle between two neurons
    (Champandard 2016). To this come, where there are semantic maps, `semantic_weight` times the mean over neurons of
    the cosine of the angle between two maps: with a weight of 10, a perfect match has 11. Both are the same for c·f as
    for f, c > 0, and for features and their isometric lift.

    Maps that end between two strides are continued by their last row and column, so that every neuron is in a patch.
    `precision` is the type of the products: bfloat16 is faster where the machine knows it, and takes now and then the
    second best. `scratch_bytes` bounds the tables; one row of patches against one row is the least there can be.

    Raises `ValueError` for an empty bank, or sources that do not fit together.
    """

    def __init__(
        self,
        sources: Sequence[PatchSource],
        *,
        size: int = 3,
        stride: int = 1,
        similarity: Similarity = "ncc",
        semantic_weight: float = 0.0,
        precision: torch.dtype | None = None,
        scratch_bytes: int = SCRATCH_BYTES,
    ) -> None:
        if not sources:
            raise ValueError("a bank needs patches; give at least one source")
        self.size, self.stride, self.similarity = size, stride, similarity
        self.semantic_weight, self._precision = semantic_weight, precision
        prepared_maps: list[PreparedMap] = []
        flat, corners, pitches, allowed = [], [], [], []
        begin = 0
        for source in sources:
            prepared = self._prepare(source.features, source.maps)
            prepared_maps.append(prepared)
            features = pad_to_patches(source.features, size, stride)
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
        self._tables = SimilarityTables(
            prepared_maps, torch.cat(allowed, 1) if allowed else None, size, stride, semantic_weight, scratch_bytes
        )

    def __len__(self) -> int:
        """Return the number of patches."""
        return len(self._corners)

    @property
    def usable_labels(self) -> Tensor:
        """Return for each label whether any patch may stand for it (L,); without labels there are none."""
        allowed = self._tables.allowed
        return torch.zeros(0, dtype=torch.bool) if allowed is None else allowed.any(1)

    @property
    def power(self) -> float:
        """Return the mean over patches of Σ t²."""
        squares = self._flat.double().square().sum(1)
        return float(
            sum(squares[at].sum() for at in self._offsets(torch.arange(len(self), device=squares.device)))
        ) / len(self)

    def patches(self, numbers: Tensor) -> Tensor:
        """Return the patches of these `numbers` (n,), as (n, C, size, size)."""
        neurons = torch.stack([self._flat[at] for at in self._offsets(numbers)], 2)
        return neurons.view(*neurons.shape[:2], self.size, self.size)

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Return the rows and columns of patches of a map of this size."""
        return patch_counts((height, width), self.size, self.stride)

    @torch.no_grad()
    def match(
        self,
        features: Tensor,
        *,
        maps: Tensor | None = None,
        labels: Tensor | None = None,
        penalty: float = 0.0,
        capacity: float | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return for each patch of `features` (C, h, w) the number of its match, and their similarity: (Y, X) each.

        `maps` (R, h, w) are those of these features, and `labels` (Y, X) restrict matches to patches that are allowed
        to stand for the label; -1, and a label that no patch may stand for, restrict nothing.

        `penalty` takes that much off a patch's similarity for each time it was used. That makes the result depend on
        the order: rows and columns take turns in bit-reversed order, so that no side of the picture chooses first.
        `capacity` bounds the use: patches are used at most `capacity` times what each would be used if all were used
        equally, rounded up; of those with a label, so often by each label. None: as often as asked for. The most
        similar pairs come first (`bounded_matching`), whatever the order.

        Raises `ValueError` for both at once, or a capacity that leaves some without a match.
        """
        query = self._prepare(features, maps)
        if not query.semantic and any(source.semantic for source in self._tables.sources):
            raise ValueError("patches with semantic maps are matched with maps; give those of these features")
        if penalty and capacity is not None:
            raise ValueError("use is bounded by a capacity or kept down by a penalty, not both")
        known = self._tables.known_labels(labels)
        if capacity is not None:
            return match_within_capacity(self._tables, query, known, capacity)
        if penalty:
            return match_at_a_price(self._tables, query, known, penalty)
        return match_freely(self._tables, query, known)

    @torch.no_grad()
    def vote(
        self, matches: Tensor, size: tuple[int, int], weights: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Lay the matched patches over one another on a map of `size` (height, width).

        With the `weights` (Y, X) of the patches, 1 each where None: returns Σ w t (C, h, w), Σ w (h, w) and Σ w t²
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

    def _prepare(self, features: Tensor, maps: Tensor | None) -> PreparedMap:
        return prepare(
            features,
            maps,
            size=self.size,
            stride=self.stride,
            similarity=self.similarity,
            semantic_weight=self.semantic_weight,
            precision=self._precision,
        )

    def _offsets(self, numbers: Tensor) -> Iterator[Tensor]:
        """Yield, for each of the size² offsets, which neurons of all sources patches of these `numbers` (n,) have."""
        corner, pitch = self._corners[numbers], self._pitches[numbers]
        for down in range(self.size):
            for right in range(self.size):
                yield corner + down * pitch + right


def region_fractions(maps: Tensor, size: int, stride: int) -> Tensor:
    """Return the fraction of each patch that the regions `maps` (R, h, w) take: (R, Y, X)."""
    return F.avg_pool2d(pad_to_patches(maps, size, stride)[None], size, stride)[0]


def patch_labels(maps: Tensor, size: int, stride: int) -> Tensor:
    """Return for each patch of `maps` (R, h, w) the number (Y, X) of the region with most of it; -1: none."""
    inside = region_fractions(maps, size, stride)
    most, label = inside.max(0)
    # What the regions leave of a patch can outweigh each of them: then it shows something else.
    return torch.where(most >= (1 - inside.sum(0)).clamp_min(TINY), label, -1)
