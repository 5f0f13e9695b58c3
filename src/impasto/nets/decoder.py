"""Decoders: from petite's features back to a picture.

The mirror of the encoder (Li et al. 2017, section 3; Huang & Belongie 2017, section 6): 3x3 convolutions with
reflected borders, nearest-neighbour doubling between blocks. Departures: fewer convolutions a block, because petite
is narrow and a decoder runs five times in `wct`; and the last doubling is a pixel shuffle (Shi et al. 2016), so that
nothing wider than sixteen channels runs at full size. It starts as nearest-neighbour doubling (Aitken et al. 2017) and
a convolution follows it, so no checkerboard is built in.
"""

from collections.abc import Mapping
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.errors import UsageError, WeightsError
from impasto.nets import store
from impasto.nets.store import Card

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
"""Layers that can be decoded."""
WIDTHS = {"relu1_1": 16, "relu2_1": 48, "relu3_1": 96, "relu4_1": 128, "relu5_1": 128}
"""Channels of petite's own features there."""
PLAN = {"5_1": 128, "4_2": 128, "4_1": 96, "3_3": 96, "3_2": 96, "3_1": 64, "2_2": 48, "2_1": 64, "1_1": 3}
"""Channels that leave each convolution, deep to shallow. A decoder begins at the one named as its layer, and so is
the tail of a deeper one. Those of 2_1 are dealt out to four pixels each."""


def scaled(layer: str, width: float) -> dict[str, int]:
    """Return the plan of a decoder from `layer` with `width` times the usual channels.

    Raises `UsageError` for a layer that has no decoder, or a width that leaves no channels or very many.
    """
    if layer not in LAYERS:
        raise UsageError(f"layer '{layer}' cannot be decoded; choose from {', '.join(LAYERS)}")
    if not 1 / 16 <= width <= 8:
        raise UsageError(f"--width {width:g}: choose between 1/16 and 8")
    names = list(PLAN)[list(PLAN).index(layer[4:]) :]
    # Four pixels take turns in the channels of 2_1, and a picture has three.
    return {name: 3 if name == "1_1" else max(4, 4 * round(width * PLAN[name] / 4)) for name in names}


MAX_CHANNELS = 2048
"""The most channels of features that a file may say it decodes: VGG-19's widest layers have 512, and more would be a
claim of a damaged file."""


class _Blank(nn.Conv2d):
    """A convolution whose weights are not drawn, because a file's take their place: drawing takes most of the time."""

    def reset_parameters(self) -> None:
        """Leave the memory as it is."""


class Decoder(nn.Module):
    """Features of `layer` (B, C, h, w) to a picture (B, 3, h * stride, w * stride), linear: callers clamp.

    C is `channels`, by default petite's. `plan` maps convolutions to the channels that leave them. `precision` is the
    type of the convolutions; the picture is float32, or float64 where they are. `padding` may be set to `circular` for
    pictures that repeat. Unless weights are `drawn`, they are whatever is in memory, to be filled from a file.

    Raises `UsageError` for a layer that has no decoder, `WeightsError` for a plan that is none.
    """

    def __init__(
        self,
        layer: str,
        plan: Mapping[str, int] | None = None,
        *,
        channels: int | None = None,
        precision: torch.dtype | None = None,
        drawn: bool = True,
    ) -> None:
        super().__init__()
        if layer not in LAYERS:
            raise UsageError(f"layer '{layer}' cannot be decoded; choose from {', '.join(LAYERS)}")
        names = list(PLAN)[list(PLAN).index(layer[4:]) :]
        self.layer, self.precision, self.padding = layer, precision, "reflect"
        plan = {name: PLAN[name] for name in names} if plan is None else plan
        _check(plan, names)
        self.plan = {name: plan[name] for name in names}
        channels = WIDTHS[layer] if channels is None else channels
        for name, width in self.plan.items():
            convolution = nn.Conv2d(channels, width, 3) if drawn else _Blank(channels, width, 3)
            self.add_module(f"conv{name}", convolution)
            channels = width // 4 if name == "2_1" else width
            if drawn:
                _draw(convolution, shuffled=name == "2_1")
        if drawn:
            last = self.get_submodule("conv1_1")
            with torch.no_grad():
                # Grey, and faint: the first steps then neither clip nor unlearn.
                last.get_parameter("weight").mul_(0.1)
                last.get_parameter("bias").fill_(0.5)

    @classmethod
    def from_parts(
        cls, tensors: Mapping[str, Tensor], card: Card, where: str, *, precision: torch.dtype | None = None
    ) -> Self:
        """Build the decoder of a file that `store.load` read. Raises `WeightsError` when it does not fit its card."""
        store.expect(card, where, kind="decoder")
        first = tensors.get(f"conv{card.layer[4:]}.weight")
        # What it takes stands in no plan: whoever trained it took what the encoder gives.
        channels = first.shape[1] if first is not None and first.ndim == 4 and first.shape[1] else None
        if channels is not None and channels > MAX_CHANNELS:
            # A tensor of nothing may claim any number of them.
            raise WeightsError(f"{where}: takes {channels} channels, more than any encoder gives; get it again")
        try:
            decoder = cls(card.layer, card.plan, channels=channels, precision=precision, drawn=False)
        except (UsageError, WeightsError) as error:
            raise WeightsError(f"{where}: {error}") from None
        return store.fill(decoder, tensors, where)

    def forward(self, features: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """Decode `features`; to `size` (height, width) the picture is cut, or its border repeated, right and below.

        Features of `pad_to_neurons(image, stride)` decode to at least the image's size, so that nothing need be
        repeated.
        """
        x = features if self.precision is None else features.to(self.precision)
        x = x.contiguous(memory_format=torch.channels_last)
        for name in self.plan:
            x = self._convolve(x, name)
            if name == "2_1":
                x = F.pixel_shuffle(F.relu(x, inplace=True), 2)
            elif name == "1_1":
                break
            else:
                x = F.relu(x, inplace=True)
                if name.endswith("_1"):
                    x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        x = x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
        return _to_size(x + self._part("1_1", "bias").to(x)[:, None, None], size)

    def _convolve(self, x: Tensor, name: str) -> Tensor:
        weight = self._part(name, "weight").to(x.dtype)
        # The last bias is added to the picture in full precision: what is left swings around nothing, where bfloat16
        # is fine enough for a quarter of a level of 256.
        bias = None if name == "1_1" else self._part(name, "bias").to(x.dtype)
        # A map of one pixel has nothing to reflect.
        mode = "replicate" if self.padding == "reflect" and min(x.shape[-2:]) < 2 else self.padding
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode=mode), weight, bias)

    def _part(self, name: str, kind: str) -> Tensor:
        return self.get_submodule(f"conv{name}").get_parameter(kind)


def pad_to_neurons(image: Tensor, stride: int) -> Tensor:
    """Extend `image` (B, 3, H, W) right and below to whole neurons of a layer of this `stride`, by reflection.

    Encoders leave out what does not fill a neuron, which a decoder could then not give back.
    """
    height, width = image.shape[-2:]
    right, below = -width % stride, -height % stride
    if not right and not below:
        return image
    # A side shorter than what it lacks has too little to reflect.
    mode = "reflect" if right < width and below < height else "replicate"
    return F.pad(image, (0, right, 0, below), mode=mode)


def _to_size(image: Tensor, size: tuple[int, int] | None) -> Tensor:
    if size is None:
        return image
    image = image[..., : size[0], : size[1]]
    below, right = size[0] - image.shape[-2], size[1] - image.shape[-1]
    return F.pad(image, (0, right, 0, below), mode="replicate") if below or right else image


def _check(plan: Mapping[str, object], names: list[str]) -> None:
    """Bound what a file may ask for before any memory is given to it."""
    if plan.keys() != set(names):
        raise WeightsError(f"a decoder from relu{names[0]} has the convolutions {', '.join(names)}")
    for name, width in plan.items():
        if type(width) is not int or not 1 <= width <= 512 or (name == "2_1" and width % 4):
            raise WeightsError(f"a decoder's convolution {name} cannot have {str(width)[:20]} channels")
    if plan["1_1"] != 3:
        raise WeightsError("a decoder's convolution 1_1 has 3 channels")


def _draw(convolution: nn.Conv2d, *, shuffled: bool) -> None:
    """Draw the weights that a training begins with."""
    nn.init.kaiming_normal_(convolution.weight)
    nn.init.zeros_(convolution.get_parameter("bias"))
    if shuffled:
        with torch.no_grad():
            # All four pixels that a neuron becomes begin alike.
            convolution.weight.copy_(convolution.weight[::4].repeat_interleave(4, 0))
