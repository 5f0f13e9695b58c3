"""The plot of a painting's losses."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from impasto.files import write_bytes

PARTS = ("content", "style", "tv", "gamut")
"""The groups of terms, in the order they are shown."""


def plot(history: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw the total and each weighted part over the steps, on a logarithmic scale; levels are set apart by lines.

    The format is told by the suffix: png, svg or pdf. Raises `OutputError` when it cannot be written.
    """
    # The figure's own canvas instead of pyplot: no global state, and no window system is ever looked for.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    steps = range(1, len(history) + 1)
    for key in ("loss", *(part for part in PARTS if any(part in record for record in history))):
        values = [record.get(key, 0.0) for record in history]
        if any(value > 0 for value in values):
            # Zeros have no logarithm; a gap says so.
            axes.plot(
                steps,
                [value if value > 0 else float("nan") for value in values],
                label="total" if key == "loss" else key,
            )
    for step in range(1, len(history)):
        if history[step]["level"] != history[step - 1]["level"]:
            axes.axvline(step + 0.5, color="0.7", linewidth=0.8)
    axes.set(xlabel="step", ylabel="weighted loss", yscale="log")
    if axes.lines:
        axes.legend()
    stream = io.BytesIO()
    figure.savefig(stream, format=path.suffix[1:].lower(), dpi=120)
    write_bytes(path, stream.getvalue(), follow=True)
