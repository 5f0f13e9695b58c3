"""The statistics by name."""

from collections.abc import Callable

from torch import Tensor

from impasto.errors import UsageError
from impasto.losses.distributions import Histogram, SlicedWasserstein
from impasto.losses.moments import Covariance, MeanStd
from impasto.losses.statistics import Gram, Statistic

STATISTICS: dict[str, Callable[[Tensor | None, int], Statistic]] = {
    "gram": lambda _lift, _seed: Gram(),
    "mean_std": lambda lift, _seed: MeanStd(lift),
    "covariance": lambda _lift, _seed: Covariance(),
    "histogram": lambda lift, _seed: Histogram(lift),
    "sliced_wasserstein": lambda _lift, seed: SlicedWasserstein(seed),
}
"""(lift, seed) -> statistic. Those that are the same for features and their isometric lift leave the lift alone."""


def statistic(name: str, *, lift: Tensor | None = None, seed: int = 0) -> Statistic:
    """Build a statistic; `lift` (N, C), with orthonormal columns, takes features to the channels of a wider encoder.

    Raises `UsageError` for another name.
    """
    if name not in STATISTICS:
        raise UsageError(f"unknown statistic '{name}'; choose from {', '.join(STATISTICS)}")
    return STATISTICS[name](lift, seed)
