"""One network a style, after Johnson et al. 2016 ("Perceptual losses for real-time style transfer")."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.nets import store
from impasto.nets.blocks import Conv, InstanceNorm, Residual, UpConv, check, initialize, plan_of, to_multiple
from impasto.nets.norm_statistics import NormStatistics
from impasto.nets.store import Card

METHOD = "johnson"
"""The method that paints with it, as its card says."""
KIND = "stylizer"
"""What its card calls it."""


@dataclass(frozen=True)
class JohnsonPlan:
    """The shape of the network; the residual blocks always work at a quarter of the picture's size.

    Raises `UsageError` for what is out of range.
    """

    narrow: int = 32
    """Channels at half the size."""
    wide: int = 80
    """Channels at a quarter of the size."""
    residuals: int = 4
    kernel: int = 7
    """Side of the first and last convolution."""
    full: int = 0
    """Channels at full size. 0: the first convolution halves the size and the last doubles it. Nothing but the picture
    itself is at full size then, where few channels would take most of the time."""
    smooth: int = 1
    """1: maps are enlarged bilinearly; 0: to nearest, which shows as a lattice in short trainings."""

    def __post_init__(self) -> None:
        check(
            {
                "narrow": (self.narrow, 1, 256),
                "wide": (self.wide, 1, 256),
                "residuals": (self.residuals, 0, 16),
                "kernel": (self.kernel, 1, 15),
                "full": (self.full, 0, 256),
                "smooth": (self.smooth, 0, 1),
            }
        )
        check({"kernel's last bit": (self.kernel % 2, 1, 1)})


PAPER = JohnsonPlan(narrow=64, wide=128, residuals=5, kernel=9, full=32, smooth=0)
"""The paper's widths, with resize-convolutions: 1,679,235 parameters."""


def scaled(width: float) -> JohnsonPlan:
    """Return the default plan with `width` times its channels. Raises `UsageError` when too narrow or too wide."""
    small = JohnsonPlan()
    return JohnsonPlan(narrow=round(width * small.narrow), wide=round(width * small.wide))


class Johnson(nn.Module):
    """Paints a picture in the one style it was trained on, in one pass.

    `precision` is the type of the convolutions inside; the last one is float32, because 255 levels do not fit into
    bfloat16's 8 bits.
    """

    stride = 4

    def __init__(self, plan: JohnsonPlan = PAPER, *, seed: int = 0, precision: torch.dtype | None = None) -> None:
        super().__init__()
        self.plan, self.precision = plan, precision
        first, smooth = plan.full or plan.narrow, bool(plan.smooth)
        self.enter = Conv(3, first, plan.kernel, 1 if plan.full else 2)
        self.enter_norm = InstanceNorm(first)
        downs, ups = [(plan.narrow, plan.wide)], [(plan.wide, plan.narrow)]
        if plan.full:
            downs, ups = [(plan.full, plan.narrow), *downs], [*ups, (plan.narrow, plan.full)]
        self.downs = nn.ModuleList(Conv(narrow, wide, 3, 2) for narrow, wide in downs)
        self.down_norms = nn.ModuleList(InstanceNorm(wide) for _, wide in downs)
        self.residuals = nn.ModuleList(Residual(plan.wide) for _ in range(plan.residuals))
        self.ups = nn.ModuleList(UpConv(wide, narrow, 3, smooth=smooth) for wide, narrow in ups)
        self.up_norms = nn.ModuleList(InstanceNorm(narrow) for _, narrow in ups)
        self.leave: Conv | UpConv = (
            Conv(first, 3, plan.kernel) if plan.full else UpConv(first, 3, plan.kernel, smooth=smooth)
        )
        initialize(self, seed)
        with torch.no_grad():
            # Grey with a little of everything: a start outside [0, 1] would first have to come back.
            self.leave.weight.mul_(0.1)
            self.leave.bias.fill_(0.5)

    @classmethod
    def from_card(cls, tensors: Mapping[str, Tensor], card: Card, where: str) -> "Johnson":
        """Build the network of a file that `store.load` read. Raises `WeightsError` when it is another."""
        store.expect(card, where, method=METHOD, kind=KIND)
        return store.fill(cls(plan_of(JohnsonPlan, card, where)), tensors, where)

    @property
    def card_plan(self) -> dict[str, Any]:
        """Return what `from_card` builds the network from."""
        return asdict(self.plan)

    @property
    def halo(self) -> int:
        """Return the pixels around a tile that its paint depends on, statistics apart."""
        reach = self.enter.reach
        if self.plan.full:
            return reach + 1 + 2 + 8 * self.plan.residuals + 4 + 2 + self.plan.kernel // 2
        return reach + 2 + 8 * self.plan.residuals + 4 + 2 * self.leave.reach

    def forward(self, image: Tensor, statistics: NormStatistics | None = None) -> Tensor:
        """Paint `image` (B, 3, H, W), sRGB in [0, 1]; return the same size, linear: clamp it to show it.

        Any size: it is reflected to a multiple of 4 and cut again. With `statistics`, it is normalised as the first
        picture that went through with them was.
        """
        height, width = image.shape[-2:]
        x = to_multiple(image, self.stride) - 0.5
        x = x.to(self.precision or x.dtype).contiguous(memory_format=torch.channels_last)
        x = F.relu(self.enter_norm(self.enter(x), statistics))
        for conv, norm in zip(self.downs, self.down_norms, strict=True):
            x = F.relu(norm(conv(x), statistics))
        for residual in self.residuals:
            x = residual(x, statistics)
        for up, norm in zip(self.ups, self.up_norms, strict=True):
            x = F.relu(norm(up(x), statistics))
        painted: Tensor = self.leave(x.to(image.dtype))
        return painted[..., :height, :width]
