"""What a draft is worth: the metrics of one picture as three scores from 0 to 1, and one balanced score of those.

A metric's value becomes points by the bands that its grades have (`impasto.evaluation.grades`): 3/4 where it is just
fine, 1/4 where it is just no more than visible, by a logistic curve through both. Of the content, the style and the
faults, the mean of the points is the score; the balanced score is the geometric mean of the three, so that nothing
makes up for a photograph that is lost or a style that is missed. docs/tune.md says how far this agrees with the eye.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass

from impasto.evaluation import METRICS
from impasto.evaluation.grades import BANDS

CONTENT = ("content_features", "edges")
"""Metrics of the content that is kept: of the deep features, and of the edges, whose sharpness is preferred by eye."""
STYLE = ("local_patterns", "frechet", "color_histogram")
"""Metrics of the style that is reached: those that agreed with the eye most often in its first 58 choices."""
FAULTS = ("weave", "border", "clipping")
"""Metrics of faults. Noise and fine patterns are not among them: what is blurred has least of them."""
LIKE = ("gram_distance", "sliced_wasserstein", "frechet", "color_histogram")
"""Metrics by which a picture is near to a reference: all that compare statistics, and none that compares places."""
STEEP = 20.0
"""Bound on the logarithm to base 3 of a metric's odds: beyond it a float would round the points to 0 or 1."""

_KNOWN = {metric.name: metric for metric in METRICS.values()}


@dataclass(frozen=True)
class Scores:
    """What the metrics say of one picture, each from 0 to 1, more being better."""

    content: float
    style: float
    faults: float
    """1 is a picture without faults."""

    def mean(self, weights: Sequence[float] = (1, 1, 1)) -> float:
        """Return the geometric mean with `weights` of content, style and faults; equal ones give the balanced score."""
        logs = (weight * math.log(score) for weight, score in zip(weights, astuple(self), strict=True))
        return math.exp(math.fsum(logs) / math.fsum(weights))


def points(name: str, value: float) -> float:
    """Return the points of a metric's value, between 0 and 1; better values always have more.

    `name` is the metric's, without its version. Raises `KeyError` for a metric without bands.
    """
    fine, visible = BANDS[name]
    position = (value - visible) / (fine - visible)
    return 1 / (1 + 3 ** min(max(1 - 2 * position, -STEEP), STEEP))


def asked(*, like: bool = False) -> list[str]:
    """Return the ids of the metrics that scores are made of; `like`: where there is a reference."""
    return [_KNOWN[name].id for name in (*CONTENT, *(LIKE if like else STYLE), *FAULTS)]


def score(values: Mapping[str, float | None], *, like: bool = False) -> Scores:
    """Return the scores of measured values by id. Raises `ValueError` that names a metric without a finite value."""

    def group(names: Sequence[str]) -> float:
        total = 0.0
        for name in names:
            value = values.get(_KNOWN[name].id)
            if value is None or not math.isfinite(value):
                raise ValueError(f"{name} has no value")
            total += points(name, value)
        return total / len(names)

    return Scores(group(CONTENT), group(LIKE if like else STYLE), group(FAULTS))
