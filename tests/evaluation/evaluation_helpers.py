"""A case made of features that a test chooses: an encoder that returns what it is told."""

from collections.abc import Mapping

import torch
from torch import Tensor

from impasto.encoders import VGG19
from impasto.evaluation.case import Case, Sight
from impasto.evaluation.panel import Panel

LAYERS = ("relu2_1", "relu3_1", "relu4_1", "relu5_1")


class Told:
    """An encoder for pictures whose features are given, by the value of their first pixel."""

    name, sha256, precision, layers = "told", "0" * 64, None, LAYERS

    def __init__(self, features: Mapping[float, Mapping[str, Tensor]]) -> None:
        self._features = features

    def __call__(self, image: Tensor, layers: object) -> dict[str, Tensor]:
        found = self._features[round(float(image[0, 0, 0, 0]), 3)]
        return {layer: found[layer] for layer in layers}  # type: ignore[attr-defined]

    def stride(self, layer: str) -> int:
        return VGG19.stride(layer)


def case(result: Tensor, content: Tensor, *styles: Tensor, layers: tuple[str, ...] = LAYERS) -> Case:
    """A case whose pictures have these features (1, C, h, w) at all of `layers`."""
    pictures = [torch.full((1, 3, 32, 32), number / 10) for number in range(2 + len(styles))]
    told = {
        round(float(picture[0, 0, 0, 0]), 3): dict.fromkeys(LAYERS, features)
        for picture, features in zip(pictures, (result, content, *styles), strict=True)
    }
    sight = Sight(Told(told), layers)  # type: ignore[arg-type]
    panels = [Panel(picture) for picture in pictures]
    weights = tuple(1 / max(1, len(styles)) for _ in styles)
    shown = tuple(panels[2:])
    return Case(pictures[0], panels[0], panels[1], shown, shown, weights, sight, sight, maps=True)


def pixels(result: Tensor, content: Tensor | None = None, *styles: Tensor, **options: object) -> Case:
    """A case of pictures (1, 3, H, W), for metrics that need no encoder."""
    sight = Sight(Told({}), ())  # type: ignore[arg-type]
    panels = tuple(Panel(style) for style in styles)
    weights = tuple(1 / max(1, len(styles)) for _ in styles)
    against = None if content is None else Panel(content)
    settings = {"maps": True, **options}
    return Case(result, Panel(result), against, panels, panels, weights, sight, sight, **settings)  # type: ignore[arg-type]
