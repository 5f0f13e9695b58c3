"""The encoder that ships with impasto: VGG-19's shape at about a ninth of its cost, ending in linear lifts.

Each `lift` is a 1x1 map A (N, c) that predicts VGG-19's N features from c of petite's. Every loss on lifted
features is a Euclidean or Frobenius norm, and with A = Q R (Q with orthonormal columns, R c x c)

    |A f - A g| = |R f - R g|    and    |A G Aᵀ - A H Aᵀ| = |R G Rᵀ - R H Rᵀ|,

so the encoder returns R f: c channels instead of N, and the losses are the lifted ones exactly, at the cost of
the small ones. `channels` stays the nominal N, which is what the normalisations of losses ask for.
"""

import functools
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib import resources
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.encoders.encoder import VGG19
from impasto.encoders.vgg import Vgg
from impasto.errors import WeightsError
from impasto.weights import TORCHVISION

LIFTED = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1")
"""The layers petite was trained to predict."""

GEOMETRY = replace(VGG19, name="petite")
"""Its neurons see what VGG-19's see; decoders are the mirror of it."""

RESOURCE = "petite.safetensors"
"""The file of its weights inside the package."""


class Petite(Vgg):
    """impasto's small encoder; it returns features isometric to its prediction of VGG-19's.

    `tensors` holds `conv1_1.weight`, `conv1_1.bias`, ... and `lift1_1.weight` (N, c) for each lifted layer.
    Pooling is average, as it was trained.
    """

    def __init__(
        self,
        tensors: Mapping[str, Tensor],
        *,
        padding: str = "reflect",
        precision: torch.dtype | None = None,
        sha256: str = "",
    ) -> None:
        super().__init__(
            {key: value for key, value in tensors.items() if key.startswith("conv")},
            TORCHVISION,
            pooling="average",
            padding=padding,
            precision=precision,
            sha256=sha256,
            geometry=GEOMETRY,
        )
        factors = tensors.factors if isinstance(tensors, _File) else _factors(tensors)
        self._lifts = {layer: q for layer, (q, _) in factors.items()}
        self._roots = {layer: r for layer, (_, r) in factors.items()}
        self.layers = LIFTED

    @classmethod
    def embedded(cls, *, padding: str = "reflect", precision: torch.dtype | None = None) -> "Petite":
        """Build the encoder from the weights inside the package."""
        data = resources.files("impasto.encoders").joinpath(RESOURCE).read_bytes()
        return cls.from_bytes(data, padding=padding, precision=precision)

    @classmethod
    def from_bytes(cls, data: bytes, *, padding: str = "reflect", precision: torch.dtype | None = None) -> "Petite":
        """Build the encoder from the bytes of a safetensors file."""
        file = _parsed(data)
        return cls(file, padding=padding, precision=precision, sha256=file.sha256)

    def __call__(self, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """Encode `image` (B, 3, H, W), sRGB in [0, 1]; return {layer: (B, c, H/stride, W/stride)}.

        Raises `WeightsError` for a layer that petite has no lift for.
        """
        raw_features = self.raw(image, layers)
        lifted = {}
        for layer, features in raw_features.items():
            root = self._roots[layer].to(features.dtype)[:, :, None, None]
            lifted[layer] = self._widened(layer, F.conv2d(features, root), image.dtype)
        return lifted

    def lift(self, layer: str) -> Tensor:
        """Return Q (N, c): `Q @ returned` is petite's prediction of VGG-19's features.

        Raises `WeightsError` for a layer that petite has no lift for.
        """
        if layer not in self._lifts:
            raise WeightsError(
                f"petite has no {layer}; its layers are {', '.join(LIFTED)}: use them, or --encoder vgg19"
            )
        return self._lifts[layer]

    def to(self, device: torch.device | str) -> Self:
        """Return this encoder with its weights on `device`."""
        moved = super().to(device)
        moved._lifts = {layer: matrix.to(device) for layer, matrix in self._lifts.items()}
        moved._roots = {layer: matrix.to(device) for layer, matrix in self._roots.items()}
        return moved


def _factors(tensors: Mapping[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
    """Return Q (N, c) and R (c, c) of each lift. Raises `WeightsError` where one is missing."""
    factors = {}
    for layer in LIFTED:
        key = f"lift{layer[4:]}.weight"
        if key not in tensors:
            raise WeightsError(f"a petite encoder needs {key}; train one with: impasto train encoder")
        q, r = torch.linalg.qr(tensors[key].double())
        factors[layer] = q.float(), r.float()
    return factors


class _File(dict[str, Tensor]):
    """The tensors of a file, with the factors of its lifts and its sha256."""

    def __init__(self, data: bytes) -> None:
        from safetensors.torch import load

        super().__init__({key: value.float() for key, value in load(data).items()})
        self.factors, self.sha256 = _factors(self), hashlib.sha256(data).hexdigest()


@functools.lru_cache(maxsize=2)
def _parsed(data: bytes) -> _File:
    """Read a file; once for a process that paints many pictures."""
    return _File(data)
