"""What a term is divided by: named choices, because the field's loss weights mean nothing without them.

With d = F - P the residual of features (N channels, M positions), Ĝ the Gram matrix per position and Â its target:

| name                 | content        | style, per layer        | total variation                     |
|----------------------|----------------|-------------------------|-------------------------------------|
| gatys                | ½ Σd²          | Σ(Ĝ-Â)² / 4N²           | sum over pixels, 0-255              |
| zhao                 | Σd² / 4NM      | Σ(Ĝ-Â)² / 4N²           | sum over pixels, 0-255              |
| johnson              | Σd² / NM       | Σ(Ĝ-Â)² / N⁴            | ½ sum of squares over pixels, 0-255 |
| resolution_invariant | Σd² / ΣP²      | Σ(Ĝ-Â)² / ΣÂ²           | mean over pixels, 0-1               |

`gatys` is Gatys et al. 2016 eqs. 1 and 4 (with M of each picture its own, which is what the raw form means when
both have one size); `zhao` and `johnson` are the codes of those names. In all three the sum over pixels makes a
larger picture a different problem. `resolution_invariant` compares each layer with the size of its own target,
so the same weights mean the same at every size, with every encoder and at every layer.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Normalisation:
    """Factors on Σd², Σ(Ĝ-Â)² and on the total variation's sum of L1 or L2 differences over sRGB in [0, 1]."""

    content: Callable[[int, int, float], float]
    """(N channels, M positions, ΣP²) -> factor."""
    style: Callable[[int, float], float]
    """(N channels, ΣÂ²) -> factor."""
    variation: Callable[[str, int], float]
    """(l1, l2 or vector, pixels) -> factor."""

    def gamut(self, pixels: int) -> float:
        """Give the factor on the sum of squared distances to [0, 1]: that of an `l2` difference."""
        return self.variation("l2", pixels)


TINY = 1e-12

NORMALISATIONS = {
    "gatys": Normalisation(
        content=lambda channels, positions, power: 0.5,
        style=lambda channels, power: 1 / (4 * channels**2),
        variation=lambda kind, pixels: 255.0**2 if kind == "l2" else 255.0,
    ),
    "zhao": Normalisation(
        content=lambda channels, positions, power: 1 / (4 * channels * positions),
        style=lambda channels, power: 1 / (4 * channels**2),
        variation=lambda kind, pixels: 255.0**2 if kind == "l2" else 255.0,
    ),
    "johnson": Normalisation(
        content=lambda channels, positions, power: 1 / (channels * positions),
        style=lambda channels, power: 1 / channels**4,
        variation=lambda kind, pixels: 0.5 * 255.0**2 if kind == "l2" else 255.0,
    ),
    "resolution_invariant": Normalisation(
        content=lambda channels, positions, power: 1 / max(power, TINY),
        style=lambda channels, power: 1 / max(power, TINY),
        variation=lambda kind, pixels: 1 / pixels,
    ),
}


def power(target: Tensor) -> float:
    """Give Σ target², accumulated in float64."""
    return float(target.double().square().sum())
