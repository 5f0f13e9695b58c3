"""The losses of a painting as the curves that the studio's page draws."""

import math
from typing import Any

from impasto.events import Progress

POINTS = 2000
"""Points of a curve at most, more than a screen has columns."""


def curves(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the columns of a history, thinned to `POINTS` where it is longer; the last step is always there."""
    count = len(lines)
    every = -(-count // POINTS) if count else 1
    kept = sorted({*range(0, count, every), count - 1} - {-1})
    parts = dict.fromkeys(key for line in lines for key in line if key not in ("level", "step", "loss", "elapsed_s"))
    return {
        "steps": [index + 1 for index in kept],
        "levels": [lines[index]["level"] for index in kept],
        "loss": [lines[index].get("loss") for index in kept],
        "losses": {part: [lines[index].get(part) for index in kept] for part in parts},
    }


def finite(value: float) -> float | None:
    """Return a number that JSON knows; a step that overshoots may be infinitely bad."""
    return value if math.isfinite(value) else None


def parts(progress: Progress) -> dict[str, float | None]:
    """Return the loss of each part."""
    return {part: finite(loss) for part, loss in progress.losses.items()}
