"""Every metric of one picture, in the order of a report. docs/metrics.md has their formulas and sources."""

from impasto.evaluation import contents, styles
from impasto.evaluation.metric import Metric

_METRICS = (
    Metric(
        "content_features/1",
        "content",
        "higher",
        (-1, 1),
        "cosine of deep features with the content's",
        contents.content_features,
        ("content",),
        spatial=True,
        encoder="first",
    ),
    Metric(
        "gram_distance/1",
        "style",
        "lower",
        (0, 1),
        "distance of Gram matrices from the style's, at layers that the painting did not optimise",
        styles.gram_distance,
        ("style",),
        encoder="second",
    ),
)

METRICS: dict[str, Metric] = {metric.id: metric for metric in _METRICS}
"""By id."""
