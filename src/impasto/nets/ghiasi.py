"""One network for any style: every instance norm is scaled and shifted by what a predictor makes of the painting.

Ghiasi et al. 2017 ("Exploring the structure of a real-time, arbitrary neural artistic stylization network") predict the
norms from a classifier's features. Here a painting is described by statistics of petite's features: means, deviations,
and correlations of a few learnt mixtures of channels, which tell of strokes and colours what the loss asks for, and
which fewer paintings suffice to learn from. The strength of the style is an input of the predictor, drawn at random in
training, so that it can be chosen afterwards (Babaeizadeh & Ghiasi 2018).

The photograph comes in with its colours moved to the painting's palette, in closed form (after Reinhard et al. 2001),
and what the net paints is laid over that: there is no palette to learn, and no form to find again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.nets import store
from impasto.nets.blocks import EPSILON, Conv, UpConv, check, initialize, plan_of, to_multiple
from impasto.nets.norm_statistics import NormStatistics, moments
from impasto.nets.store import Card

METHOD = "ghiasi"
KIND = "stylizer"
LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
"""Layers of petite whose raw features describe a painting, from fine to coarse."""
PIXELS = "pixels"
"""Stands beside `LAYERS` for the picture itself: colours of pixels, of which a painting's palette is made."""
LEAST_VARIANCE = 1e-3
"""Added to the variance of a photograph's colours before its root: 0.03 of 1 as a deviation, so that the noise of an
even or grey picture is not made into colour."""
FIRST_SHARE = 3.0
"""Logit of the share of the photograph in a new palette that is left in the picture to begin with: 0.95."""


@dataclass(frozen=True)
class GhiasiPlan:
    """The shape of the network and of its predictor. Raises `UsageError` for what is out of range."""

    narrow: int = 32
    """Channels at half the picture's size."""
    wide: int = 80
    """Channels at a quarter of the picture's size, where the residual blocks work."""
    residuals: int = 4
    kernel: int = 7
    """Side of the first and last convolution, pixels."""
    rank: int = 16
    """Mixtures of channels at each layer whose correlations describe the painting."""
    hidden: int = 224
    """Width of the predictor's two inner layers."""
    channels: tuple[int, ...] = (16, 48, 96, 128)
    """Raw channels of the encoder at `LAYERS`."""

    def __post_init__(self) -> None:
        check(
            {
                "narrow": (self.narrow, 1, 256),
                "wide": (self.wide, 1, 256),
                "residuals": (self.residuals, 0, 16),
                "kernel": (self.kernel, 1, 15),
                "kernel's last bit": (self.kernel % 2, 1, 1),
                "rank": (self.rank, 1, 64),
                "hidden": (self.hidden, 1, 1024),
                "number of layers": (len(self.channels), len(LAYERS), len(LAYERS)),
                **{f"channels of {layer}": (n, 1, 1024) for layer, n in zip(LAYERS, self.channels, strict=False)},
            }
        )

    @property
    def norms(self) -> tuple[int, ...]:
        """Channels of the norms, in the order in which a picture passes them."""
        return (self.narrow, self.wide, *(self.wide,) * (2 * self.residuals), self.narrow)

    @property
    def described(self) -> int:
        """Length of the description of a painting."""
        return sum(2 * count + self.rank * (self.rank + 1) // 2 for count in self.channels)


@dataclass(frozen=True)
class Norms:
    """Gains and offsets of all norms: of each picture of a batch, or of several styles that share one picture."""

    gains: tuple[Tensor, ...]
    """Of each norm (B, C), or (R, C) with `maps`."""
    offsets: tuple[Tensor, ...]
    palette: tuple[Tensor, Tensor]
    """Mean (B, 3) of the painting's opponent colours, and the Cholesky factor (B, 3, 3) of their covariance."""
    moved: Tensor
    """How far the photograph's colours go to the palette, (B,) in [0, 1]."""
    maps: Tensor | None = None
    """(R, H, W): how much of each style there is at each pixel of the picture, adding to 1; H and W are multiples of
    what a place of the norm's map stands for."""

    def of(self, index: int, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Return gains and offsets of norm number `index`, (B, C, 1, 1), or (1, C, h, w) where they vary."""
        pair = self.gains[index], self.offsets[index]
        if self.maps is None:
            return pair[0][:, :, None, None], pair[1][:, :, None, None]
        at_size = F.avg_pool2d(self.maps[None].to(pair[0].dtype), self.maps.shape[1] // size[0])[0]
        spread = [torch.einsum("rhw,rc->chw", at_size, values)[None] for values in pair]
        return spread[0], spread[1]


class Palette(nn.Module):
    """Gives a photograph the colours of a painting: their means and covariances in an opponent space.

    The photograph's own colours are standardised channel by channel, so that a tile needs but six shared numbers.
    """

    def __init__(self) -> None:
        super().__init__()
        opponent = torch.tensor([[1.0, 1.0, 1.0], [1.0, -1.0, 0.0], [1.0, 1.0, -2.0]])
        self.register_buffer("opponent", F.normalize(opponent, dim=1), persistent=False)
        self.opponent: Tensor

    def forward(self, image: Tensor, norms: Norms, statistics: NormStatistics | None = None) -> Tensor:
        """Return `image` (B, 3, H, W), sRGB in [0, 1], in the palettes of `norms`, not clamped."""
        colors = torch.einsum("ij,bjhw->bihw", self.opponent, image)
        mean, variance = moments(colors) if statistics is None else statistics.of(self, colors)
        plain = (colors - mean) * (variance + LEAST_VARIANCE).rsqrt()
        middle, factor = norms.palette
        if norms.maps is None:
            share = norms.moved[:, None, None, None]
            moved = torch.einsum("bij,bjhw->bihw", factor, plain) + middle[:, :, None, None]
        else:
            # Means of the regions' colours, pixel by pixel, as with every other norm.
            share = torch.einsum("rhw,r->hw", norms.maps, norms.moved)
            moved = torch.einsum("rhw,rij,bjhw->bihw", norms.maps, factor, plain)
            moved = moved + torch.einsum("rhw,ri->ihw", norms.maps, middle)
        return torch.einsum("ji,bjhw->bihw", self.opponent, torch.lerp(colors, moved, share.expand_as(colors)))

    def of(self, mean: Tensor, covariance: Tensor) -> tuple[Tensor, Tensor]:
        """Return a palette from `mean` (B, 3) and `covariance` (B, 3, 3) of sRGB colours, as `Norms` holds it."""
        turned = self.opponent @ covariance.double().to(self.opponent) @ self.opponent.mT
        slack = 1e-6 * torch.eye(3, device=turned.device)
        return mean @ self.opponent.mT, torch.linalg.cholesky((turned + turned.mT) / 2 + slack)


class ConditionalNorm(nn.Module):
    """Each channel of each picture to mean 0 and variance 1 over its places, then a given scale and shift."""

    def forward(self, x: Tensor, condition: tuple[Tensor, Tensor], statistics: NormStatistics | None = None) -> Tensor:
        """Normalise `x` (B, C, H, W) and apply `condition`: gains and offsets that broadcast over it."""
        gain, offset = condition
        if statistics is None and x[0, 0].numel() > 1:
            plain = F.instance_norm(x, eps=EPSILON)
            return torch.addcmul(offset.to(x.dtype), plain, gain.to(x.dtype))
        mean, variance = moments(x) if statistics is None else statistics.of(self, x)
        scale = gain * (variance + EPSILON).rsqrt()
        return torch.addcmul((offset - mean * scale).to(x.dtype), x, scale.to(x.dtype))


class ConditionalResidual(nn.Module):
    """conv, norm, ReLU, conv, norm, plus what came in (Johnson et al. 2016, supplement), with given norms."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.norm1 = Conv(channels, channels, 3), ConditionalNorm()
        self.conv2, self.norm2 = Conv(channels, channels, 3), ConditionalNorm()

    def forward(self, x: Tensor, norms: Norms, index: int, statistics: NormStatistics | None = None) -> Tensor:
        """Change `x` (B, C, H, W) by the norms from number `index` on."""
        size = (x.shape[2], x.shape[3])
        inner = F.relu(self.norm1(self.conv1(x), norms.of(index, size), statistics))
        changed: Tensor = x + self.norm2(self.conv2(inner), norms.of(index + 1, size), statistics)
        return changed


class Predictor(nn.Module):
    """Makes gains and offsets of all norms from statistics of a painting's features and a strength."""

    def __init__(self, plan: GhiasiPlan, seed: int) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(seed)

        def drawn(*shape: int, spread: float) -> nn.Parameter:
            return nn.Parameter(spread * torch.randn(shape, generator=random))

        self.plan = plan
        self.mixtures = nn.ParameterList(drawn(plan.rank, n, spread=n**-0.5) for n in plan.channels)
        self.register_buffer("center", torch.zeros(plan.described))
        self.register_buffer("spread", torch.ones(plan.described))
        self.center: Tensor
        self.spread: Tensor
        inputs, hidden, outputs = plan.described, plan.hidden, 2 * sum(plan.norms)
        # One input more for the strength, at both layers: beside a thousand others it would hardly be heard.
        self.first = drawn(hidden, inputs + 1, spread=(2 / inputs) ** 0.5)
        self.second = drawn(hidden, hidden + 1, spread=(2 / hidden) ** 0.5)
        # Faint: the first steps begin with one style for all, and not with noise.
        self.last = drawn(outputs, hidden, spread=0.03 * hidden**-0.5)
        self.first_bias, self.second_bias = nn.Parameter(torch.zeros(hidden)), nn.Parameter(torch.zeros(hidden))
        gains = sum(plan.norms)
        self.last_bias = nn.Parameter(torch.cat([torch.ones(gains), torch.zeros(gains)]))

    def describe(self, sums: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        """Return the description (B, D), not yet standardised, of paintings.

        `sums` holds, of each layer of `LAYERS`, the means (B, C) and covariances (B, C, C) of raw features over places.
        """
        parts = []
        for (mean, covariance), mixture in zip(sums, self.mixtures, strict=True):
            deviation = covariance.diagonal(dim1=1, dim2=2).clamp_min(0).sqrt()
            scaled = mixture / (deviation[:, None] + 1e-4)
            correlation = scaled @ covariance @ scaled.mT
            row, column = torch.triu_indices(self.plan.rank, self.plan.rank, device=mean.device)
            parts += [mean, deviation, correlation[:, row, column]]
        return torch.cat(parts, 1)

    def forward(self, description: Tensor, strength: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Return gains and offsets of each norm, (B, C), for descriptions (B, D) and strengths (B,) in [0, 1]."""
        knob = 2 * strength[:, None] - 1
        standardised = ((description - self.center) / self.spread).clamp(-8, 8)
        x = F.silu(F.linear(torch.cat([standardised, knob], 1), self.first, self.first_bias))
        x = F.silu(F.linear(torch.cat([x, knob], 1), self.second, self.second_bias))
        values = torch.split(F.linear(x, self.last, self.last_bias), [*self.plan.norms, *self.plan.norms], 1)
        count = len(self.plan.norms)
        return values[:count], values[count:]


class Ghiasi(nn.Module):
    """Paints a picture in a style that it is told of by the gains and offsets of its norms, in one pass.

    `precision` is the type of the convolutions inside; the last one is float32, because 255 levels do not fit into
    bfloat16's 8 bits.
    """

    stride = 4

    def __init__(self, plan: GhiasiPlan | None = None, *, seed: int = 0, precision: torch.dtype | None = None) -> None:
        super().__init__()
        self.plan, self.precision = plan or GhiasiPlan(), precision
        narrow, wide, kernel = self.plan.narrow, self.plan.wide, self.plan.kernel
        self.enter = Conv(3, narrow, kernel, 2)
        self.down = Conv(narrow, wide, 3, 2)
        self.residuals = nn.ModuleList(ConditionalResidual(wide) for _ in range(self.plan.residuals))
        self.up = UpConv(wide, narrow, 3, smooth=True)
        self.leave = UpConv(narrow, 4, kernel, smooth=True)
        self.palette = Palette()
        self.enter_norm, self.down_norm, self.up_norm = ConditionalNorm(), ConditionalNorm(), ConditionalNorm()
        initialize(self, seed)
        self.predictor = Predictor(self.plan, seed + 1)
        with torch.no_grad():
            # Nothing is painted over the photograph in its new palette to begin with.
            self.leave.weight.mul_(0.01)
            self.leave.bias.copy_(torch.tensor([0.0, 0.0, 0.0, FIRST_SHARE]))

    @classmethod
    def from_card(cls, tensors: Mapping[str, Tensor], card: Card, where: str) -> "Ghiasi":
        """Build the network of a file that `store.load` read. Raises `WeightsError` when it is another."""
        store.expect(card, where, method=METHOD, kind=KIND)
        net = cls(plan_of(GhiasiPlan, card, where))
        store.fill(net, tensors, where)
        return net.eval().requires_grad_(False)

    @property
    def card_plan(self) -> dict[str, Any]:
        """The plan that `from_card` builds the network from."""
        return asdict(self.plan)

    @property
    def halo(self) -> int:
        """Pixels around a tile that its paint depends on, statistics apart."""
        return self.enter.reach + 2 + 8 * self.plan.residuals + 4 + 2 * self.leave.reach

    def norms(self, sums: Sequence[tuple[Tensor, Tensor]], strength: Tensor) -> Norms:
        """Return the norms for paintings with the statistics `sums` at `strength` (B,) in [0, 1].

        `sums` are those of `moments_of`: of the colours first, then of the features of each layer. Below a strength of
        1/2 the photograph keeps a part of its own colours, and at 0 all of them.
        """
        gains, offsets = self.predictor(self.predictor.describe(sums[1:]), strength)
        return Norms(gains, offsets, self.palette.of(*sums[0]), (2 * strength).clamp(max=1))

    def forward(self, image: Tensor, norms: Norms, statistics: NormStatistics | None = None) -> Tensor:
        """Paint `image` (B, 3, H, W), sRGB in [0, 1], by `norms`; return the same size, linear: clamp it to show it.

        Any size: it is reflected to a multiple of 4 and cut again. With `statistics`, it is normalised as the first
        picture that went through with them was.
        """
        height, width = image.shape[-2:]
        if norms.maps is not None:
            norms = replace(norms, maps=to_multiple(norms.maps[None], self.stride, "replicate")[0])
        photo = self.palette(to_multiple(image, self.stride), norms, statistics) - 0.5
        x = photo.to(self.precision or image.dtype).contiguous(memory_format=torch.channels_last)
        for index, (conv, norm) in enumerate(((self.enter, self.enter_norm), (self.down, self.down_norm))):
            x = conv(x)
            x = F.relu(norm(x, norms.of(index, (x.shape[2], x.shape[3])), statistics))
        for number, residual in enumerate(self.residuals):
            x = residual(x, norms, 2 + 2 * number, statistics)
        x = self.up(x)
        x = F.relu(self.up_norm(x, norms.of(len(self.plan.norms) - 1, (x.shape[2], x.shape[3])), statistics))
        paint = self.leave(x.to(image.dtype))
        painted: Tensor = torch.sigmoid(paint[:, 3:]) * photo + paint[:, :3] + 0.5
        return painted[..., :height, :width]


def moments_of(
    image: Tensor, features: Mapping[str, Tensor], guide: Mapping[str, Tensor] | None = None
) -> list[tuple[Tensor, Tensor]]:
    """Return means (B, C) and covariances (B, C, C) of the colours of `image` (B, 3, H, W) and of raw features.

    Features are {layer: (B, C, H, W)} at `LAYERS`. `guide` {layer or "pixels": (H, W)} says how much each place counts;
    without it all count alike.
    """
    measured = []
    maps_of = {PIXELS: image, **features}
    for layer in (PIXELS, *LAYERS):
        flat = maps_of[layer].float().flatten(2)
        weights = flat.new_ones(flat.shape[-1]) if guide is None else guide[layer].to(flat).flatten()
        weights = weights / weights.sum()
        mean = flat @ weights
        centered = flat - mean[:, :, None]
        measured.append((mean, (centered * weights) @ centered.mT))
    return measured
