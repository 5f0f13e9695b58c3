"""One network a style, after Ulyanov et al. 2016 ("Texture networks") and 2017 ("Improved texture networks").

A pyramid: each scale of the input, or noise of that size, passes a few convolutions and joins what comes up from the
coarser ones. Fed with a photograph it paints it; fed with noise it makes a texture.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.errors import WeightsError
from impasto.nets import store
from impasto.nets.blocks import Conv, InstanceNorm, check, initialize, plan_of, to_multiple
from impasto.nets.norm_statistics import NormStatistics
from impasto.nets.store import Card

METHOD = "texture_net"
"""The method that paints with it, as its card says."""
KIND = "generator"
"""What its card calls it."""


@dataclass(frozen=True)
class TexturePlan:
    """The shape of the generator: 116,915 parameters as it is in the paper's code.

    Raises `UsageError` for what is out of range.
    """

    width: int = 8
    """Channels of each scale; scale i, from the coarsest, carries i times as many."""
    scales: int = 6
    """The coarsest works at 2^-(scales-1) of the picture's size."""

    def __post_init__(self) -> None:
        check({"width": (self.width, 1, 32), "scales": (self.scales, 1, 8)})


class Chain(nn.Module):
    """conv3, conv3, conv1, each with norm and ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        kernels = ((inputs, 3), (outputs, 3), (outputs, 1))
        self.convs = nn.ModuleList(Conv(channels, outputs, kernel) for channels, kernel in kernels)
        self.norms = nn.ModuleList(InstanceNorm(outputs) for _ in kernels)

    def forward(self, x: Tensor, statistics: NormStatistics | None, padding: str) -> Tensor:
        """Change `x` (B, C, H, W)."""
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.relu(norm(conv(x, padding), statistics))
        return x


class TextureNet(nn.Module):
    """Paints a picture in the one style it was trained on, or makes a texture of that style out of noise.

    `precision` is the type of the convolutions inside; the last one is float32.
    """

    def __init__(
        self, plan: TexturePlan = TexturePlan(), *, seed: int = 0, precision: torch.dtype | None = None
    ) -> None:
        super().__init__()
        self.plan, self.precision = plan, precision
        self.stride = 1 << (plan.scales - 1)
        width, above = plan.width, range(1, plan.scales)
        self.branches = nn.ModuleList(Chain(3, width) for _ in range(plan.scales))
        self.own_norms = nn.ModuleList(InstanceNorm(width) for _ in above)
        self.coarse_norms = nn.ModuleList(InstanceNorm(width * scale) for scale in above)
        self.joins = nn.ModuleList(Chain(width * (scale + 1), width * (scale + 1)) for scale in above)
        self.leave = Conv(width * plan.scales, 3, 1)
        initialize(self, seed)
        with torch.no_grad():
            self.leave.weight.mul_(0.1)
            self.leave.bias.fill_(0.5)

    @classmethod
    def from_card(cls, tensors: Mapping[str, Tensor], card: Card, where: str) -> "TextureNet":
        """Build the network of a file that `store.load` read. Raises `WeightsError` when it is another."""
        store.expect(card, where, method=METHOD, kind=KIND)
        mode = card.training.get("mode", "")
        if not isinstance(mode, str):
            # The one entry of a training that is not for a person alone: it says what the net may be fed with.
            raise WeightsError(f"{where}: its training's mode is a {type(mode).__name__}, not a str; get it again")
        return store.fill(cls(plan_of(TexturePlan, card, where)), tensors, where)

    @property
    def card_plan(self) -> dict[str, Any]:
        """Return what `from_card` builds the network from."""
        return asdict(self.plan)

    @property
    def halo(self) -> int:
        """Return the pixels around a tile that its paint depends on, statistics apart: two of each scale."""
        return 2 * (2 * self.stride - 1)

    def forward(self, image: Tensor, statistics: NormStatistics | None = None) -> Tensor:
        """Paint `image` (B, 3, H, W), sRGB in [0, 1]; return the same size, linear: clamp it to show it.

        Any size: it is continued to a multiple of the coarsest scale's 32 pixels and cut again. With `statistics`, it
        is normalised as the first picture that went through with them was.
        """
        height, width = image.shape[-2:]
        levels = [to_multiple(image, self.stride, "reflect")]
        while len(levels) < self.plan.scales:
            levels.append(F.avg_pool2d(levels[-1], 2))
        return self.generate(levels[::-1], statistics, padding="replicate")[..., :height, :width]

    def noise(self, size: tuple[int, int], random: torch.Generator, batch: int = 1) -> list[Tensor]:
        """Return uniform noise in [0, 1] for each scale, coarse to fine: (batch, 3, h, w); `size` a multiple of 32."""
        steps = (self.stride >> scale for scale in range(self.plan.scales))
        return [torch.rand(batch, 3, size[0] // step, size[1] // step, generator=random) for step in steps]

    def texture(self, size: tuple[int, int], seed: int = 0) -> Tensor:
        """Make a texture (1, 3, height, width) out of noise; linear: clamp it to show it.

        Its opposite borders meet where both sides are multiples of the coarsest scale's 32 pixels; other sizes are cut
        from the next larger one.
        """
        rounded = [-(-side // self.stride) * self.stride for side in size]
        levels = self.noise((rounded[0], rounded[1]), torch.Generator().manual_seed(seed))
        place = self.leave.weight.device
        return self.generate([level.to(place) for level in levels])[..., : size[0], : size[1]]

    def generate(
        self, levels: Sequence[Tensor], statistics: NormStatistics | None = None, *, padding: str = "circular"
    ) -> Tensor:
        """Return the picture of `levels`, coarse to fine, each twice the size of the one before."""
        x: Tensor | None = None
        for scale, level in enumerate(levels):
            entered = (level - 0.5).to(self.precision or level.dtype).contiguous(memory_format=torch.channels_last)
            own = self.branches[scale](entered, statistics, padding)
            if x is None:
                x = own
                continue
            coarse = F.interpolate(x, scale_factor=2, mode="nearest")
            # Each to its own mean and variance first: the scales differ in strength (Ulyanov et al. 2016).
            parts = self.own_norms[scale - 1](own, statistics), self.coarse_norms[scale - 1](coarse, statistics)
            x = self.joins[scale - 1](torch.cat(parts, 1), statistics, padding)
        painted: Tensor = self.leave((levels[-1] if x is None else x).to(levels[-1].dtype))
        return painted
