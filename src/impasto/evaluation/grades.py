"""What values mean in words: up to where one is fine, visible, or strong."""

from typing import Literal

from impasto.evaluation.metric import Group, Metric

Grade = Literal["fine", "visible", "strong"]

BANDS: dict[str, tuple[float, float]] = {
    "content_features": (0.78, 0.65),
    "self_similarity": (0.22, 0.30),
    "structure_divergence": (2.2, 3.3),
    "edges": (0.30, 0.18),
    "global_effects": (0.90, 0.80),
    "local_patterns": (0.60, 0.53),
    "gram_distance": (0.05, 0.18),
    "sliced_wasserstein": (0.02, 0.06),
    "frechet": (0.04, 0.12),
    "color_histogram": (0.25, 0.45),
    "residual_noise": (0.7, 1.2),
    "weave": (1.7, 4.0),
    "fine_pattern": (2.0, 4.0),
    "border": (0.5, 0.9),
    "clipping": (0.03, 0.10),
    "seams": (1.15, 1.5),
}
"""By a metric's name: the last value that is fine, and the last that is visible and no more.

From photographs and paintings, whose values are fine by definition (of faults), from what another photograph and the
unpainted one have (of content and style), and from results of nine methods on three pairs. Set by hand on these
pictures, and tested on no others: docs/metrics.md has the figures. Metrics of regions and faces have none.
"""

WORDS: dict[Group, dict[Grade, str]] = {
    "content": {"fine": "kept", "visible": "loosened", "strong": "lost"},
    "style": {"fine": "reached", "visible": "reached in part", "strong": "missed"},
    "faults": {"fine": "fine", "visible": "visible", "strong": "strong"},
}
"""What is said of each grade."""


def grade(metric: Metric, value: float | None) -> Grade | None:
    """Return how good a value of a metric is; None where there is no value, or nobody knows."""
    bands = BANDS.get(metric.name)
    if bands is None or value is None:
        return None
    fine, visible = bands
    if value == fine or metric.better(value, fine):
        return "fine"
    return "visible" if value == visible or metric.better(value, visible) else "strong"


def word(metric: Metric, value: float | None) -> str:
    """Return the grade in words, such as `visible weave`; empty where there is none."""
    reached = grade(metric, value)
    if reached is None:
        return ""
    said = WORDS[metric.group][reached]
    return f"{said} {metric.name.replace('_', ' ')}" if metric.group == "faults" and reached != "fine" else said
