"""A painting that is watched in a notebook while it grows: Jupyter, Colab and whatever shows IPython's displays."""

import importlib.util
import time
from typing import Any

from impasto.errors import ResourceError
from impasto.events import Progress
from impasto.images.html import figure
from impasto.result import Result
from impasto.scene.painting import Painting

EVERY_S = 2.0
"""Seconds between two looks: a picture of half a megabyte each, which a browser far away takes in as well."""
PREVIEW = 384
"""The long side of the picture that is shown meanwhile, pixels."""


def watch(painting: Painting, *, every_s: float = EVERY_S) -> Result:
    """Paint, show how far it is in one place of the notebook, and return the result, which then stands there.

    The notebook's stop button (`KeyboardInterrupt`) ends it with the picture so far. Raises `ResourceError` outside
    notebooks, where there is no IPython.
    """
    if importlib.util.find_spec("IPython") is None:
        raise ResourceError(
            "impasto.notebook: is for notebooks, and there is no IPython here; iterate over the painting"
        )
    from IPython.display import HTML, display

    place: Any = display(HTML("<p>It begins.</p>"), display_id=True)
    due = time.monotonic()
    steps = iter(painting)
    try:
        for progress in steps:
            if time.monotonic() >= due:
                place.update(HTML(frame(painting, progress)))
                due = time.monotonic() + every_s
    except KeyboardInterrupt:
        steps.close()
    result = painting.result()
    place.update(HTML(result._repr_html_()))
    return result


def frame(painting: Painting, progress: Progress) -> str:
    """Return one look at a painting as HTML: the picture so far, a bar, and the losses."""
    height, width = progress.size
    bar = f'<progress value="{progress.total_step}" max="{progress.total_steps}"></progress>'
    rows: dict[str, object] = {
        "step": f"{progress.total_step} of {progress.total_steps}",
        "level": f"{progress.level + 1} of {progress.levels}, {width} x {height} px",
        "left": f"{progress.eta_s:.0f} s",
    }
    if progress.losses:
        rows |= {"loss": progress.loss, **progress.losses}
    shown = painting.shown(progress) if progress.image is not None else None
    return bar + (figure(shown, rows, PREVIEW) if shown is not None else "")
