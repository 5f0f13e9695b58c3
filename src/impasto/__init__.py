"""Neural style transfer: paint a photograph in the style of a painting.

`impasto.stylize("photo.jpg", "painting.jpg").save("out.png")` is all it takes; `begin` and `Stylizer` are for those
who want to watch, `Recipe` holds every setting. Names are loaded at their first use, so that `import impasto` costs
nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

from impasto._version import __version__

if TYPE_CHECKING:
    from impasto.errors import ImpastoError
    from impasto.evaluation import Evaluation, Evaluator, evaluate
    from impasto.events import Progress
    from impasto.images import Picture, load
    from impasto.painting.api import begin, stylize
    from impasto.painting.stylizer import Stylizer
    from impasto.recipe import Recipe
    from impasto.result import Result
    from impasto.series.batch import batch
    from impasto.tuning import tune
    from impasto.video.api import stylize_video

__all__ = [
    "Evaluation",
    "Evaluator",
    "ImpastoError",
    "Picture",
    "Progress",
    "Recipe",
    "Result",
    "Stylizer",
    "__version__",
    "batch",
    "begin",
    "evaluate",
    "load",
    "stylize",
    "stylize_video",
    "tune",
]

_HOMES = {
    "Evaluation": "impasto.evaluation",
    "Evaluator": "impasto.evaluation",
    "ImpastoError": "impasto.errors",
    "Picture": "impasto.images",
    "Progress": "impasto.events",
    "Recipe": "impasto.recipe",
    "Result": "impasto.result",
    "Stylizer": "impasto.painting.stylizer",
    "batch": "impasto.series.batch",
    "begin": "impasto.painting.api",
    "evaluate": "impasto.evaluation",
    "load": "impasto.images",
    "stylize": "impasto.painting.api",
    "stylize_video": "impasto.video.api",
    "tune": "impasto.tuning",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
