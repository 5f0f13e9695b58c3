"""`Case`: one result with its content and styles, at the sizes that metrics look at, and what is known of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from impasto.encoders import Encoder
from impasto.evaluation import luma
from impasto.evaluation.panel import Panel
from impasto.evaluation.reductions import MAPS, Reduction
from impasto.guides import Regions


@dataclass(frozen=True)
class Sight:
    """An encoder, and which of its layers metrics look at."""

    encoder: Encoder
    layers: tuple[str, ...]

    @property
    def record(self) -> dict[str, object]:
        """Return what a report says of it."""
        return {"name": self.encoder.name, "sha256": self.encoder.sha256, "layers": list(self.layers)}

    def of(self, panel: Panel, layer: str) -> Tensor:
        """Return the features (1, C, h, w) of a panel at a layer."""
        features: Tensor = panel.read(self.encoder, layer, MAPS)
        return features

    def fact(
        self, panel: Panel, what: str, layer: str, compute: Callable[[Any], Any], reduction: Reduction = MAPS
    ) -> Any:
        """Return what `compute` returns of what a reduction leaves of a layer; computed once for each `what`."""
        key = (what, self.encoder.name, self.encoder.sha256, layer)
        return panel.fact(key, lambda: compute(panel.read(self.encoder, layer, reduction)))


@dataclass(frozen=True)
class Case:
    """What a metric is given. Panels are at the measuring size, `pixels` at the result's own."""

    pixels: Tensor
    """(1, 3, H, W): the result at its own size, sRGB in [0, 1]."""
    result: Panel
    content: Panel | None
    """As large as the result's panel."""
    styles: tuple[Panel, ...]
    textures: tuple[Panel, ...]
    """The styles as large as the result's `pixels`, for what is measured on those."""
    weights: tuple[float, ...]
    """Of the styles; they add to 1."""
    first: Sight
    """The encoder of metrics that name their layers."""
    second: Sight
    """The encoder and layers that the painting did not optimise."""
    regions: Regions | None = None
    landmarks: Mapping[str, Tensor] = field(default_factory=dict)
    """Points (n, 2) of the content and, where known, of the result, x and y in fractions."""
    names: tuple[str, ...] = ()
    """Of the landmarks."""
    tile: int | None = None
    maps: bool = False
    """Whether maps are asked for."""

    @property
    def lightness(self) -> Tensor:
        """Return OKLab's L (1, 1, H, W) of `pixels`."""
        if self.pixels is self.result.pixels:
            return lightness_of(self.result)
        lightness: Tensor = self.result.fact("own lightness", lambda: luma.lightness(self.pixels))
        return lightness


def lightness_of(panel: Panel) -> Tensor:
    """Return OKLab's L (1, 1, H, W) of a panel."""
    lightness: Tensor = panel.fact("lightness", lambda: luma.lightness(panel.pixels))
    return lightness
