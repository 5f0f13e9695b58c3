"""The façade: `evaluate(result, content, styles) -> Evaluation`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from impasto.encoders import Encoder
from impasto.evaluation.evaluation import Evaluation
from impasto.evaluation.evaluator import SIZE, Evaluator, PictureLike
from impasto.result import Result


def evaluate(
    result: PictureLike | Result,
    content: PictureLike | None,
    styles: PictureLike | Sequence[PictureLike],
    *,
    encoder: str | Path | Encoder = "auto",
    second_encoder: str | Path | Encoder = "auto",
    second_layers: Sequence[str] | None = None,
    size: int = SIZE,
    **options: Any,
) -> Evaluation:
    """Measure how much of the `content` a result keeps, how near it comes to its `styles`, and its faults.

    Pictures are what `stylize` takes, and the result also what it returns. `options` are those of
    `Evaluator.evaluate`; who measures many results keeps an `Evaluator`. The metrics: docs/metrics.md. Raises
    `ImpastoError`s, one line each.

    >>> evaluate("out.png", "photo.jpg", "painting.jpg").values["content_features/1"]  # doctest: +SKIP
    0.71
    """
    evaluator = Evaluator(encoder, second_encoder, second_layers=second_layers, size=size)
    return evaluator.evaluate(result, content, styles, **options)
