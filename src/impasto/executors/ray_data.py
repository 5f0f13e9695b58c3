"""A work as a stage of a Ray Data pipeline: rows come from wherever Ray reads them, and go wherever it writes."""

import pickle
import sys
import warnings
from collections.abc import Callable
from typing import Any

from impasto import threads as waiting
from impasto.errors import ImpastoError
from impasto.executors.executor import Later, Work
from impasto.executors.piece import ATTEMPTS
from impasto.executors.portable import pickled
from impasto.executors.ray_cluster import ray_data


class RowWork:
    """An actor of the stage: makes the work once, and adds what comes of each row to it.

    What the work returns is a mapping of columns. What it raises goes into the column `error`, which else is empty;
    what is no `ImpastoError` is tried a second time.
    """

    def __init__(self, made: bytes, threads: int) -> None:
        self._work: Work = pickle.loads(made)()
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(threads)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return a row with what came of it."""
        error: Exception | None = None
        for _ in range(ATTEMPTS):
            try:
                return {**row, **self._done(row), "error": ""}
            except Exception as trouble:
                error = trouble
                if isinstance(trouble, ImpastoError):
                    break
        return {**row, **self._empty(row), "error": " ".join(str(error).split())}

    def _done(self, row: dict[str, Any]) -> dict[str, Any]:
        prepare: Callable[[Any], Any] | None = getattr(self._work, "prepare", None)
        value = self._work(row if prepare is None else prepare(row), lambda _message: False)
        columns: dict[str, Any] = value.finish() if isinstance(value, Later) else value
        return columns

    def _empty(self, row: dict[str, Any]) -> dict[str, Any]:
        empty: Callable[[Any], dict[str, Any]] = getattr(self._work, "empty", lambda _row: {})
        return empty(row)


def mapped(
    dataset: Any, make: Callable[[], Work], *, workers: int | None = None, threads: int = 1, gpus: float = 0.0
) -> Any:
    """Return a Ray Data set with a work done on each row, by actors that make it once, and are started again.

    `workers` actors of `threads` processors each, or of a part of a GPU; None for as many as there is room for.
    Nothing is done until the rows are asked for. Raises `ResourceError` where Ray is not installed.
    """
    strategy = ray_data().ActorPoolStrategy(min_size=1, max_size=workers)
    variables = {name: str(threads) for name in waiting.COUNTING}
    options: dict[str, Any] = {
        "fn_constructor_args": (pickled(make), threads),
        "compute": strategy,
        "num_cpus": 0 if gpus else threads,
        "num_gpus": gpus or None,
        "runtime_env": {"env_vars": variables | waiting.environment(variables)},
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            # Ray Data starts its actors again, and begins their blocks again without end: what kills one kills all.
            return dataset.map(RowWork, **options, max_task_retries=ATTEMPTS - 1)
        except TypeError:  # of Ray 2.64 and later, which takes no such options
            return dataset.map(RowWork, **options)
