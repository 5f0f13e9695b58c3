"""The review's kind of table: every photograph of NPRgeneral in ten styles, one method, one sheet."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from impasto.errors import ImageError
from impasto.recipe import Recipe
from impasto.scene.inputs import Inputs
from impasto.series.grid import Axis, Job, lay_out
from impasto.series.sweeps import Sweep

STYLES = 10
"""Styles of the table in Jing et al., Neural Style Transfer: A Review (2017-2019)."""


def sweep(
    contents: Sequence[Path],
    styles: Sequence[Path],
    out: Path,
    recipe: Recipe,
    encoder: str | Path | None = None,
    *,
    force: bool = False,
    check: bool = True,
) -> Sweep:
    """Return the sweep that paints the table: a row for each photograph, a column for each style.

    Raises `ImageError` where there are no styles.
    """
    if not styles:
        raise ImageError("no styles are there; name a folder of paintings with --pictures")

    def make(values: Mapping[str, Any]) -> Job:
        return Job(Inputs(values["content"], [values["style"]]), recipe, encoder)

    axes = (Axis("style", tuple(styles[:STYLES])), Axis("content", tuple(contents)))
    return Sweep(axes, lay_out(axes, make, out), out, sheet="sheet.jpg", force=force, check=check)
