"""What a term is divided by: named choices, because the field's loss weights mean nothing without them.

With d = F - P the residual of features (N channels, M positions), Ĝ the Gram matrix per position and Â its target,
D the distance of another statistic and p the target's power (the distance of no features at all):

| name                 | content   | style, per layer | other statistics | total variation                     |
|----------------------|-----------|------------------|------------------|-------------------------------------|
| gatys                | ½ Σd²     | Σ(Ĝ-Â)² / 4N²    | D / N            | sum over pixels, 0-255              |
| zhao                 | Σd² / 4NM | Σ(Ĝ-Â)² / 4N²    | D / N            | sum over pixels, 0-255              |
| johnson              | Σd² / NM  | Σ(Ĝ-Â)² / N⁴     | D / N            | ½ sum of squares over pixels, 0-255 |
| resolution_invariant | Σd² / ΣP² | Σ(Ĝ-Â)² / ΣÂ²    | cal · D / p      | mean over pixels, 0-1               |

`gatys` is Gatys et al. 2016 eqs. 1 and 4 (with M of each picture its own, which is what the raw form means when
both have one size); `zhao` and `johnson` are the codes of those names. In all three the sum over pixels makes a
larger picture a different problem. `resolution_invariant` compares each layer with the size of its own target,
so the same weights mean the same at every size, with every encoder and at every layer.

The factors of the first three belong to a fourth power of features, which Σ(Ĝ-Â)² is. The distances of the other
statistics are squares of features summed over channels, and no paper joins them to those names: they get the mean over
channels, and need weights of their own. `cal`, the `calibration` of a statistic, is measured, so that with
`resolution_invariant` they do not.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from impasto.losses.statistics import TINY, Statistic


@dataclass(frozen=True)
class Normalization:
    """Factors on Σd², on distances of statistics, and on sums of L1 or L2 differences over sRGB in [0, 1]."""

    content: Callable[[int, int, float], float]
    """(N channels, M positions, ΣP²) -> factor."""
    style: Callable[[int, float], float]
    """(N channels, ΣÂ²) -> factor on Σ(Ĝ-Â)²."""
    squares: Callable[[int, float], float]
    """(N channels, power) -> factor on the distance of a statistic in units of squared features."""
    variation: Callable[[str, int], float]
    """(l1, l2 or vector, pixels) -> factor."""

    def of(self, statistic: Statistic, channels: int, target: Tensor) -> float:
        """Return the factor on the distance of `statistic` to `target`, for N nominal channels."""
        if statistic.name == "gram":
            return self.style(channels, statistic.power(target))
        return self.squares(channels, statistic.power(target) / statistic.calibration)

    def gamut(self, pixels: int) -> float:
        """Return the factor on the sum of squared distances to [0, 1]: that of an `l2` difference."""
        return self.variation("l2", pixels)


NORMALIZATIONS = {
    "gatys": Normalization(
        content=lambda _channels, _positions, _power: 0.5,
        style=lambda channels, _power: 1 / (4 * channels**2),
        squares=lambda channels, _power: 1 / channels,
        variation=lambda kind, _pixels: 255.0**2 if kind == "l2" else 255.0,
    ),
    "zhao": Normalization(
        content=lambda channels, positions, _power: 1 / (4 * channels * positions),
        style=lambda channels, _power: 1 / (4 * channels**2),
        squares=lambda channels, _power: 1 / channels,
        variation=lambda kind, _pixels: 255.0**2 if kind == "l2" else 255.0,
    ),
    "johnson": Normalization(
        content=lambda channels, positions, _power: 1 / (channels * positions),
        style=lambda channels, _power: 1 / channels**4,
        squares=lambda channels, _power: 1 / channels,
        variation=lambda kind, _pixels: 0.5 * 255.0**2 if kind == "l2" else 255.0,
    ),
    "resolution_invariant": Normalization(
        content=lambda _channels, _positions, power: 1 / max(power, TINY),
        style=lambda _channels, power: 1 / max(power, TINY),
        squares=lambda _channels, power: 1 / max(power, TINY),
        variation=lambda _kind, pixels: 1 / pixels,
    ),
}


def power(target: Tensor) -> float:
    """Return Σ target², accumulated in float64."""
    return float(target.double().square().sum())
