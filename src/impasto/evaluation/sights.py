"""Which encoder looks at a result, and at which layers: never, where that can be helped, those that were optimised."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from impasto import encoders, weights
from impasto.encoders import Encoder
from impasto.errors import UsageError
from impasto.evaluation.case import Sight
from impasto.evaluation.record import Record

DEEPEST_STRIDE = 8
"""Pixels per neuron of the deepest layer that styles are compared at: maps of coarser ones have too few positions for
the covariance of their channels, 32 x 32 for 512 channels at 512 px."""


class Encoders:
    """The two encoders of an evaluation, loaded when they are first needed and kept.

    `first` and `second` are names, files, encoders, or `auto`. The first is then vgg19 where its weights are on this
    machine, and petite elsewhere; the second is the other of the two than the painting's own, where that is there.
    """

    def __init__(self, first: str | Path | Encoder = "auto", second: str | Path | Encoder = "auto") -> None:
        self._first, self._second = first, second
        self._made: dict[str, Encoder] = {}

    def first(self) -> Encoder:
        """Return the encoder of metrics that name their layers."""
        return self._take(self._own() if self._first == "auto" else self._first)

    def second(self, record: Record | None) -> Encoder:
        """Return an encoder that the painting did not optimise, where there is one."""
        if self._second != "auto":
            return self._take(self._second)
        painted_with = record.encoder[0] if record is not None and record.encoder is not None else None
        return self._take("petite" if painted_with == "vgg19" else self._own())

    def _own(self) -> str:
        return "vgg19" if weights.find("vgg19") is not None else "petite"

    def _take(self, which: str | Path | Encoder) -> Encoder:
        if not isinstance(which, str | Path):
            return which
        key = str(which)
        if key not in self._made:
            named = key in encoders.NAMES
            if not named and not Path(which).exists():
                raise UsageError(
                    f"unknown encoder '{key[:60]}'; choose from {', '.join(encoders.NAMES)}, or name a file"
                )
            # Circular and other paddings are for painting; metrics look at all results with the same eyes.
            self._made[key] = encoders.create(key) if named else encoders.from_file(Path(which))
        return self._made[key]


def unoptimized(encoder: Encoder, record: Record | None, layers: Sequence[str] | None = None) -> tuple[Sight, str]:
    """Return the layers of `encoder` to compare styles at, and what to know of them.

    Of the layers of each stride up to `DEEPEST_STRIDE` the deepest that the painting did not optimise; where it
    optimised all that there are with this very encoder, the deepest of each stride, with a note that says so.
    `layers` takes the choice over.
    """
    if layers is not None:
        # `conv4_2` is the field's loose name for relu4_2.
        named = dict.fromkeys(name if name in encoder.layers else name.replace("conv", "relu", 1) for name in layers)
        for layer in named:
            if layer not in encoder.layers:
                raise UsageError(
                    f"unknown layer '{layer[:40]}'; {encoder.name} has {', '.join(encoder.layers)}: choose from those"
                )
        if not named:
            raise UsageError("second_layers: names none; give some, or leave it out for those that were not optimised")
        return Sight(encoder, tuple(named)), ""
    same = record is not None and record.encoder is not None and record.encoder[1] == encoder.sha256
    taken = set(record.optimized) if same and record is not None else set()
    unoptimized_layers = _deepest(encoder, [layer for layer in encoder.layers if layer not in taken])
    if unoptimized_layers:
        return Sight(encoder, unoptimized_layers), ""
    note = (
        f"the painting optimised every layer of {encoder.name} that styles are compared at, so its style values "
        "flatter it; for another encoder: impasto weights fetch vgg19"
    )
    return Sight(encoder, _deepest(encoder, encoder.layers)), note


def _deepest(encoder: Encoder, layers: Iterable[str]) -> tuple[str, ...]:
    by_stride: dict[int, str] = {}
    for layer in layers:
        stride = encoder.stride(layer)
        if stride <= DEEPEST_STRIDE:
            by_stride[stride] = layer
    return tuple(by_stride.values())
