"""How far a painting went to its style, and from its photograph, in the features of an encoder that judges."""

import statistics

import torch
from torch import Tensor

from impasto.encoders import Encoder
from impasto.losses import statistic
from impasto.recipe import STYLE_LAYERS


class Errors:
    """How far a painting is from its style and its photograph, in the features of VGG-19."""

    def __init__(self, encoder: Encoder, photo: Tensor, style: Tensor) -> None:
        self._encoder, self._gram = encoder, statistic("gram", lift=None, seed=0)
        self._wanted, self._before = self._grams(style), self._grams(photo)
        self._content = self._deep(photo)

    @torch.no_grad()
    def __call__(self, painted: Tensor) -> tuple[float, float]:
        """Return what is left of the way to the style, mean over layers, and the error of the content."""
        found = self._grams(painted)
        left = [float((found[k] - self._wanted[k]).norm() / (self._before[k] - self._wanted[k]).norm()) for k in found]
        deep = self._deep(painted)
        return statistics.mean(left), float((deep - self._content).norm() / self._content.norm())

    @torch.no_grad()
    def _grams(self, image: Tensor) -> dict[str, Tensor]:
        features = self._encoder(image, STYLE_LAYERS)
        return {layer: self._gram.finish(self._gram.measure(found)) for layer, found in features.items()}

    @torch.no_grad()
    def _deep(self, image: Tensor) -> Tensor:
        return self._encoder(image, ["relu4_2"])["relu4_2"]
