"""The feature transforms behind one surface: sums over the pieces of a picture, and a map from the sums of two."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from impasto.feedforward.tiles import Piece
from impasto.losses import Gram
from impasto.nets.linear import Linear, Side, means
from impasto.nets.transforms import Affine, Moments, mix, regional, scaling, whitening

Guides = Sequence[Tensor | None]
"""Of each region (h, w) over all neurons of the layer; None: all count alike."""
STRIP = 1 << 18
"""Values that are widened at a time: they stay in the cache."""


class Transform(Protocol):
    """A way to make one picture's features those of another."""

    @property
    def reach(self) -> int:
        """Neurons around one that what is measured of it depends on."""

    def sums(self, side: Side, pieces: Iterable[Piece], guides: Mapping[str, Guides]) -> dict[str, list[Any]]:
        """Measure a picture, at each layer for each of its guides; pieces are gone through once or twice."""

    def between(self, content: Any, style: Any) -> Affine:
        """Return the map from what was measured of a content to that of a style."""


@dataclass(frozen=True)
class Matching:
    """`wct` and `adain`: a map between moments."""

    match: Callable[[Moments, Moments], Affine]
    reach = 0

    def sums(self, side: Side, pieces: Iterable[Piece], guides: Mapping[str, Guides]) -> dict[str, list[Any]]:
        """Add up the moments of the pieces."""
        sums: dict[str, list[Any]] = {}
        for piece in pieces:
            for layer, of_regions in guides.items():
                own = piece.own(layer)
                own = own.cpu() if own.device.type == "mps" else own  # which has no float64
                over = [_over(piece, guide, layer, own) for guide in of_regions]
                # Some rows at a time: all in float64 would be more than anything else of a shallow layer.
                step = max(1, STRIP // (own.shape[1] * own.shape[3])) if own.device.type == "cpu" else own.shape[2]
                for top in range(0, own.shape[2], step):
                    rows = slice(top, top + step)
                    parts = [Moments.measure(own[:, :, rows], None if g is None else g[rows]) for g in over]
                    _add(sums, layer, parts)
        return sums

    def between(self, content: Moments, style: Moments) -> Affine:
        """Return the map of moments."""
        return self.match(content, style)


@dataclass(frozen=True)
class Learnt:
    """`linear`: a map that a network reads off both."""

    net: Linear
    where: str
    """Its file, for messages."""
    reach = Linear.reach

    def sums(self, side: Side, pieces: Iterable[Piece], guides: Mapping[str, Guides]) -> dict[str, list[Any]]:
        """Add up the means, then the Gram matrices of the codes, of which the means are a part."""
        centers: dict[str, list[Any]] = {}
        for piece in pieces:
            for layer, of_regions in guides.items():
                own = piece.own(layer)
                _add(centers, layer, [means(own, _over(piece, guide, layer, own)) for guide in of_regions])
        grams: dict[str, list[Any]] = {}
        for piece in pieces:
            for layer, of_regions in guides.items():
                parts = []
                for guide, center in zip(of_regions, centers[layer], strict=True):
                    codes = piece.own(layer, self.net.codes(side, piece.features[layer], center))
                    parts.append(Gram().measure(codes, _over(piece, guide, layer, codes)))
                _add(grams, layer, parts)
        return {
            layer: [self.net.factor(side, *both) for both in zip(centers[layer], grams[layer], strict=True)]
            for layer in guides
        }

    def between(self, content: Any, style: Any) -> Affine:
        """Return the map that the network makes of both factors."""
        return self.net.transform(content, style)


def _add(sums: dict[str, list[Any]], layer: str, parts: list[Any]) -> None:
    sums[layer] = [one + other for one, other in zip(sums[layer], parts, strict=True)] if layer in sums else parts


WCT, ADAIN = Matching(whitening), Matching(scaling)


def blended(
    transform: Transform, content: Any, styles: Sequence[Any], weights: Sequence[float], alpha: float
) -> Affine | None:
    """Return the map towards the styles that have something, weakened to `alpha`; None where none has."""
    present = [(style, weight) for style, weight in zip(styles, weights, strict=True) if not style.empty and weight > 0]
    if content.empty or not present:
        return None
    maps = [transform.between(content, style) for style, _ in present]
    affine = mix(maps, [weight for _, weight in present]).weakened(alpha)
    # float32 is what maps are applied in, and all that some devices have.
    return Affine(affine.matrix.float(), affine.offset.float())


def applied(features: Tensor, maps: Sequence[Affine | None], guides: Tensor | None) -> Tensor:
    """Apply each region's map where its guide (R, h, w) says; without guides the only one; None changes nothing."""
    if guides is None:
        (only,) = maps
        return features if only is None else only(features)
    present = [number for number, affine in enumerate(maps) if affine is not None]
    return regional(features, [affine for affine in maps if affine is not None], guides[present])


def _over(piece: Piece, guide: Tensor | None, layer: str, features: Tensor) -> Tensor | None:
    """Return what a guide says of a piece's own neurons, where its features are."""
    return None if guide is None else piece.window(guide, layer).to(features.device)
