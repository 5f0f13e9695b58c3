"""One network for any painting: features that have the painting's statistics at four layers, decoded together.

Sheng et al. 2018 ("Avatar-Net: multi-scale zero-shot style transfer by feature decoration") decode deep features that
were matched to the painting's, and bring in its statistics again on the way up. Here the features of all four layers
are whitened and coloured, in closed form, and enter the decoder where it has reached their size: what is left to learn
is the same for every painting, so that hours of one processor are enough. Departures from the paper: whitening (Li et
al. 2017) instead of a swap of patches; features of every layer, not their means and deviations alone; the photograph
itself, in the painting's colours, under what is painted; and a training by the objective of `impasto paint`.
"""

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.encoders import Petite
from impasto.nets import store
from impasto.nets.blocks import EPSILON, Conv, UpConv, check, initialize, plan_of, to_multiple
from impasto.nets.norm_statistics import IncompleteStatistics, Moments, NormStatistics, moments
from impasto.nets.store import Card
from impasto.nets.transforms import Affine, recoloring, whitening
from impasto.nets.transforms import Moments as FeatureMoments

METHOD = "avatar"
KIND = "stylizer"
LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
"""Layers of petite whose raw features are matched and decoded, from fine to coarse."""
RIDGE = 0.01
"""Added to the variances of a photograph's features before they are whitened, as a fraction of their mean. Directions
in which they hardly vary would be blown up to the painting's variance: an even sky has no features but its grain."""
UP_REACH = 1
"""Neurons around one that a step up from it depends on."""
HALF = 0.5
"""Strength below which what is painted fades into the photograph."""
Match = Callable[[FeatureMoments, FeatureMoments], Affine]
"""From the moments of a photograph and a painting to a map between them."""
FIRST_SHARE = 2.0
"""Logit of the share of the photograph under the paint to begin with: 0.88."""


@dataclass(frozen=True)
class AvatarPlan:
    """The shape of the network. Raises `UsageError` for what is out of range."""

    channels: tuple[int, ...] = (16, 48, 96, 128)
    """Raw channels of the encoder at `LAYERS`."""
    up: tuple[int, ...] = (16, 48, 64)
    """Channels that go up to each layer but the deepest, from fine to coarse."""
    last: int = 24
    """Channels before the picture, at its full size."""

    def __post_init__(self) -> None:
        check(
            {
                "number of layers": (len(self.channels), len(LAYERS), len(LAYERS)),
                "number of steps up": (len(self.up), len(LAYERS) - 1, len(LAYERS) - 1),
                "last": (self.last, 1, 256),
                **{f"channels of {layer}": (n, 1, 1024) for layer, n in zip(LAYERS, self.channels, strict=False)},
                **{f"channels up to {layer}": (n, 1, 512) for layer, n in zip(LAYERS, self.up, strict=False)},
            }
        )


class Avatar(nn.Module):
    """Paints a picture from its features, which have been given the statistics of a painting.

    `precision` is the type of the convolutions inside; the last one is float32, because 255 levels do not fit into
    bfloat16's 8 bits.
    """

    stride = 8
    """Pixels along a side of what one neuron of the deepest layer stands for."""

    def __init__(self, plan: AvatarPlan | None = None, *, seed: int = 0, precision: torch.dtype | None = None) -> None:
        super().__init__()
        self.plan, self.precision = plan or AvatarPlan(), precision
        channels, up = self.plan.channels, self.plan.up
        deeper = (*up[1:], 0)
        self.joins = nn.ModuleList(Join(own + below, own) for own, below in zip(channels[1:], deeper, strict=True))
        """Of each layer but the finest, from fine to coarse."""
        self.ups = nn.ModuleList(
            UpConv(own, above, 3, smooth=True) for own, above in zip(channels[1:], up, strict=True)
        )
        self.norms = nn.ModuleList(StyleNorm() for _ in self.joins)
        self.enter = Conv(channels[0] + up[0] + 3, self.plan.last, 3)
        self.leave = Conv(self.plan.last, 4, 3)
        self.register_buffer("scale", torch.ones(len(LAYERS)))
        self.scale: Tensor
        initialize(self, seed)
        with torch.no_grad():
            # Nothing is painted over the photograph in its new colours to begin with.
            self.leave.weight.mul_(0.01)
            self.leave.bias.copy_(torch.tensor([0.0, 0.0, 0.0, FIRST_SHARE]))

    @classmethod
    def from_card(cls, tensors: Mapping[str, Tensor], card: Card, where: str) -> "Avatar":
        """Build the network of a file that `store.load` read. Raises `WeightsError` when it is another."""
        store.expect(card, where, method=METHOD, kind=KIND)
        return store.fill(cls(plan_of(AvatarPlan, card, where)), tensors, where)

    @property
    def card_plan(self) -> dict[str, Any]:
        """The plan that `from_card` builds the network from."""
        return asdict(self.plan)

    @property
    def halo(self) -> int:
        """Pixels around a tile that its paint depends on, features apart."""
        # Of the last two convolutions, and at each coarser level of a join and a step up.
        return 2 + sum((1 << level) * (Join.reach + UP_REACH) for level in range(1, len(LAYERS)))

    def forward(
        self, photo: Tensor, features: Mapping[str, Tensor], statistics: NormStatistics | None = None
    ) -> Tensor:
        """Paint; return (B, 3, H, W), linear: clamp it to show it.

        photo: (B, 3, H, W), sRGB, in the painting's colours. features: {layer: (B, C, h, w)} at `LAYERS`, raw features
        of `photo`, matched, with a neuron for each part of one at its right and lower border. With `statistics`, it is
        normalised as the first picture that went through with them was.
        """
        height, width = photo.shape[-2:]
        whole = [to_multiple(features[layer], self.stride >> level, "replicate") for level, layer in enumerate(LAYERS)]
        return self.decode(to_multiple(photo, self.stride), whole, statistics)[..., :height, :width]

    def decode(self, photo: Tensor, features: Sequence[Tensor], statistics: NormStatistics | None = None) -> Tensor:
        """Paint as `forward` does; sides of `photo` are multiples of 8, and `features` are from fine to coarse."""
        kind = self.precision or photo.dtype
        own = [
            (maps / scale).to(kind).contiguous(memory_format=torch.channels_last)
            for maps, scale in zip(features, self.scale, strict=True)
        ]
        targets = self._targets(own[1:], statistics)
        x = own[-1]
        for level in range(len(LAYERS) - 1, 0, -1):
            if level < len(LAYERS) - 1:
                x = torch.cat([x, own[level]], 1)
            x = self.norms[level - 1](self.joins[level - 1](x), targets[level - 1], statistics)
            x = F.relu(self.ups[level - 1](F.relu(x)))
        based = (photo - 0.5).contiguous(memory_format=torch.channels_last)
        x = F.relu(self.enter(torch.cat([x, own[0], based.to(kind)], 1)))
        paint = self.leave(x.to(photo.dtype))
        painted: Tensor = torch.sigmoid(paint[:, 3:]) * based + paint[:, :3] + 0.5
        return painted

    def _targets(self, features: Sequence[Tensor], statistics: NormStatistics | None) -> list[Moments]:
        """Return the moments that maps are brought to on the way up: those of the matched features there."""
        if statistics is None:
            return [moments(maps) for maps in features]
        targets = []
        for norm, maps in zip(cast(Iterable[StyleNorm], self.norms), features, strict=True):
            # A tile measures all of them before the pass ends.
            with contextlib.suppress(IncompleteStatistics):
                targets.append(statistics.of(norm.target, maps))
        if len(targets) < len(features):
            raise IncompleteStatistics
        return targets


class StyleNorm(nn.Module):
    """Bring each channel of each picture to a given mean and variance (Huang & Belongie 2017, eq. 8).

    Without it a decoder soon trusts fine features alone, and paints no form that is larger than they are.
    """

    def __init__(self) -> None:
        super().__init__()
        self.own, self.target = nn.Identity(), nn.Identity()
        """What statistics of maps, and of what they are brought to, are known by."""

    def forward(self, x: Tensor, target: Moments, statistics: NormStatistics | None = None) -> Tensor:
        """Change `x` (B, C, h, w)."""
        mean, variance = moments(x) if statistics is None else statistics.of(self.own, x)
        scale = ((target[1] + EPSILON) / (variance + EPSILON)).sqrt()
        return torch.addcmul((target[0] - mean * scale).to(x.dtype), x, scale.to(x.dtype))


class Join(nn.Module):
    """Two convolutions over what comes from below and a layer's own features."""

    reach: ClassVar[int] = 2

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first, self.second = Conv(inputs, outputs, 3), Conv(outputs, outputs, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Change `x` (B, C, h, w); the last convolution's values are not rectified."""
        changed: Tensor = self.second(F.relu(self.first(x)))
        return changed


def encoded(encoder: Petite, image: Tensor) -> dict[str, Tensor]:
    """Return the raw features of `image` (B, 3, H, W) at `LAYERS`, float32 (B, C, h, w), parts of neurons included."""
    height, width = image.shape[-2:]
    features = encoder.raw(to_multiple(image, Avatar.stride), LAYERS)
    return {
        layer: maps[..., : -(-height // 2**level), : -(-width // 2**level)].float()
        for level, (layer, maps) in enumerate(features.items())
    }


def matched(encoder: Petite, content: Tensor, style: Tensor, strength: float = 1.0) -> tuple[Tensor, dict[str, Tensor]]:
    """Return what the network paints from: photographs in the colours of their paintings, and their features.

    content, style: (B, 3, H, W), sRGB, a painting for each photograph; features: as `Avatar.forward` takes them.
    """

    def match(transform: Match, features: Tensor, of_style: Tensor) -> Tensor:
        pairs = zip(torch.split(features, 1), torch.split(of_style.float(), 1), strict=True)
        moments = ((one, FeatureMoments.measure(one), FeatureMoments.measure(other)) for one, other in pairs)
        return torch.cat([transform(own, to).weakened(strength)(one) for one, own, to in moments])

    photo = match(recoloring, content, style).clamp(0, 1)
    of_style = encoder.raw(style, LAYERS)
    features = encoded(encoder, photo)
    return photo, {layer: match(softly, maps, of_style[layer]) for layer, maps in features.items()}


def faded(photo: Tensor, painted: Tensor, strength: float) -> Tensor:
    """Return what is shown at a strength: below a half the photograph comes back, and at 0 it is all there is."""
    return painted if strength >= HALF else torch.lerp(photo, painted, strength / HALF)


def softly(content: FeatureMoments, style: FeatureMoments) -> Affine:
    """Return the map of features from a photograph's moments to a painting's."""
    return whitening(content, style, ridge=RIDGE)
