"""The learnt transformation of Li et al. 2018 ("Learning linear transformations for fast arbitrary style transfer").

Whitening and colouring, but with matrices that a network reads off Gram matrices instead of eigenvalues: one small
matrix of the content times one of the style. What comes out is an `Affine` map of features, so mixing, weakening and
regions are those of `nets.transforms`, and neighbouring frames of a video get nearly the same map.

The layer is that of the decoder it is trained with. It ships for relu4_1, which the paper's code takes for paintings;
it takes relu3_1 for photographs and video, where more of the content has to stay.
"""

import hashlib
import itertools
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.errors import WeightsError
from impasto.losses import Gram, State
from impasto.nets import store
from impasto.nets.blocks import check, plan_of
from impasto.nets.decoder import Decoder
from impasto.nets.store import Card
from impasto.nets.transforms import Affine

METHOD = "linear"
"""The method that paints with it, as its card says."""
KIND = "transform"
"""What its card calls it."""
Side = Literal["content", "style"]


@dataclass(frozen=True)
class LinearPlan:
    """The shape of the module: 331,216 parameters as it ships, for petite's 128 channels at relu4_1.

    Raises `UsageError` for what is out of range.
    """

    channels: int = 128
    """Of the features that are transformed."""
    size: int = 32
    """Rows of the matrices: as many directions of the features come through. The 32 strongest of petite's 128 hold
    nine tenths of the variance of photographs and paintings."""
    widths: tuple[int, int] = (48, 32)
    """Channels between the three convolutions of each side."""
    hidden: int = 40
    """Neurons between a Gram matrix and its matrix; 0 for one full layer, as in the paper, which is most of its 5
    million parameters."""
    decoder: str = ""
    """`fingerprint` of the decoder that it was trained with; empty: none."""

    def __post_init__(self) -> None:
        check({"channels": (self.channels, 1, 512), "size": (self.size, 1, 64), "hidden": (self.hidden, 0, 1024)})
        check({f"width {number}": (width, 1, 512) for number, width in enumerate(self.widths, 1)})
        check({"number of widths": (len(self.widths), 2, 2)})


PAPER = {"relu4_1": LinearPlan(512, 32, (256, 128), 0), "relu3_1": LinearPlan(256, 32, (128, 64), 0)}
"""The paper's, on VGG-19: 5,156,192 and 2,890,464 parameters."""


@dataclass(frozen=True)
class Factor:
    """What the module makes of one side: the mean of the features, and a matrix."""

    mean: Tensor
    """(C,)."""
    matrix: Tensor
    """(k, k)."""
    empty: bool = False
    """Whether nothing was measured: a guide that is zero everywhere."""


class Reader(nn.Module):
    """Centred features to a matrix (k, k): three convolutions, a Gram matrix, fully connected layers."""

    def __init__(self, plan: LinearPlan) -> None:
        super().__init__()
        widths = (plan.channels, *plan.widths, plan.size)
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in itertools.pairwise(widths))
        squared = plan.size * plan.size
        steps = (squared, plan.hidden, squared) if plan.hidden else (squared, squared)
        self.fully = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(steps))
        with torch.no_grad():
            # Near the matrix that changes nothing.
            self.fully[-1].get_parameter("weight").mul_(0.1)
            self.fully[-1].get_parameter("bias").copy_(torch.eye(plan.size).flatten())

    def codes(self, centered: Tensor) -> Tensor:
        """Return what the Gram matrix is taken of, (B, k, h, w); beyond the border is the mean."""
        for number, conv in enumerate(self.convs):
            centered = conv(F.relu(centered) if number else centered)
        return centered

    def matrix(self, gram: Tensor) -> Tensor:
        """Turn Gram matrices per position (B, k, k) into matrices (B, k, k)."""
        values = gram.flatten(1)
        for number, layer in enumerate(self.fully):
            values = layer(F.relu(values) if number else values)
        return values.view_as(gram)


class Linear(nn.Module):
    """T = S · C: a matrix of the style times one of the content, between two 1x1 convolutions (section 3.2).

    Features of a large picture in tiles: add `means` over the tiles, then `grams` of the `codes` of their interiors
    (`reach` neurons around a tile count), and give both to `factor`; or measure a small copy of the picture.
    """

    reach = 3
    """Neurons that a code sees to each side."""

    def __init__(self, layer: str = "relu4_1", plan: LinearPlan = LinearPlan()) -> None:
        super().__init__()
        self.layer, self.plan = layer, plan
        self.compress = nn.Conv2d(plan.channels, plan.size, 1)
        self.unzip = nn.Conv2d(plan.size, plan.channels, 1)
        self.readers = nn.ModuleDict({"content": Reader(plan), "style": Reader(plan)})
        self.begin(torch.linalg.qr(torch.randn(plan.channels, plan.size))[0])

    @classmethod
    def from_card(cls, tensors: Mapping[str, Tensor], card: Card, where: str) -> "Linear":
        """Build the module of a file that `store.load` read. Raises `WeightsError` when it is another."""
        store.expect(card, where, method=METHOD, kind=KIND)
        return store.fill(cls(card.layer, plan_of(LinearPlan, card, where)), tensors, where)

    @property
    def card_plan(self) -> dict[str, Any]:
        """Return what `from_card` builds the module from."""
        return asdict(self.plan)

    def begin(self, basis: Tensor) -> None:
        """Compress to the directions in the columns of `basis` (C, k), orthonormal, and back."""
        with torch.no_grad():
            self.compress.weight.copy_(basis.T[:, :, None, None])
            self.unzip.weight.copy_(basis[:, :, None, None])
            for conv in (self.compress, self.unzip):
                conv.get_parameter("bias").zero_()

    def forward(self, content: Tensor, style: Tensor) -> Tensor:
        """Transform `content` (B, C, h, w) after `style` (B, C, h', w'), each after its own."""
        means = {"content": content.mean((2, 3), keepdim=True), "style": style.mean((2, 3), keepdim=True)}
        matrices = []
        for side, features in (("style", style), ("content", content)):
            reader = self._reader(side)
            codes = reader.codes(features - means[side]).flatten(2)
            matrices.append(reader.matrix(codes @ codes.mT / codes.shape[-1]))
        inner = self.compress(content - means["content"])
        turned = (matrices[0] @ matrices[1] @ inner.flatten(2)).view_as(inner)
        transformed: Tensor = self.unzip(turned) + means["style"]
        return transformed

    def measure(self, side: Side, features: Tensor, guide: Tensor | None = None) -> Factor:
        """Make one side's factor of `features` (1, C, h, w), weighted by `guide` (h, w) >= 0."""
        features = features.float() if features.dtype in (torch.bfloat16, torch.float16) else features
        mean = means(features, guide)
        return self.factor(side, mean, Gram().measure(self.codes(side, features, mean), guide))

    def codes(self, side: Side, features: Tensor, mean: State) -> Tensor:
        """Return the codes (1, k, h, w) of `features` (1, C, h, w), which are centred by the mean of the whole."""
        return self._reader(side).codes(features - mean.mean().to(features)[:, None, None])

    def factor(self, side: Side, mean: State, gram: State) -> Factor:
        """Make one side's factor of sums: of `means`, and of `losses.Gram` over the codes."""
        with torch.no_grad():
            matrix = self._reader(side).matrix(gram.mean().to(self.unzip.weight)[None])[0]
        return Factor(mean.mean(), matrix, empty=float(mean.total) <= 0)

    def transform(self, content: Factor, style: Factor) -> Affine:
        """Return the map f -> U S C (Z (f - μ_c) + z) + u + μ_s, of compression (Z, z) and its way back (U, u)."""
        with torch.no_grad():
            inner = self.unzip.weight[:, :, 0, 0] @ style.matrix @ content.matrix
            matrix = inner @ self.compress.weight[:, :, 0, 0]
            offset = inner @ self.compress.get_parameter("bias") + self.unzip.get_parameter("bias")
            return Affine(matrix, offset + style.mean.to(matrix) - matrix @ content.mean.to(matrix))

    def expect_decoder(self, decoder: Decoder, where: str) -> None:
        """Make sure that `decoder` is the one it was trained with. Raises `WeightsError`."""
        if self.plan.decoder not in ("", fingerprint(decoder)):
            raise WeightsError(
                f"{where}: was trained with another decoder from {self.layer} ({self.plan.decoder[:12]}); "
                "use that one, or train it with this one: `impasto train linear --decoder FILE`"
            )

    def _reader(self, side: str) -> Reader:
        reader = self.readers[side]
        if not isinstance(reader, Reader):
            raise TypeError(f"{side} is not a reader")
        return reader


def means(features: Tensor, guide: Tensor | None = None) -> State:
    """Sum `features` (1, C, h, w) over positions, weighted by `guide` (h, w) >= 0; such sums add."""
    if guide is None:
        total = torch.tensor(features[0, 0].numel(), dtype=torch.float64, device=features.device)
        return State(features.sum((0, 2, 3), dtype=torch.float64), total)
    guide = guide.to(features.device, torch.float64)
    return State((features.double() * guide).sum((0, 2, 3)), guide.sum())


def fingerprint(net: nn.Module) -> str:
    """Return the sha256 of the weights as float16, in the order of their names: what else is in a file is left out."""
    digest = hashlib.sha256()
    for name, value in sorted(net.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().to("cpu", torch.float16).contiguous().numpy().tobytes())
    return digest.hexdigest()
