"""What leaves its process: how a work is made, and exceptions."""

import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

from impasto.errors import UsageError


def pickled(make: Callable[[], Any]) -> bytes:
    """Return how a work is made, for another process. Raises `UsageError` where that one could not import it."""
    function = make.func if isinstance(make, partial) else make
    if getattr(function, "__module__", None) == "__main__":
        name = getattr(function, "__qualname__", "a work")
        raise UsageError(
            f"{name}: is of the script that is run, which other processes cannot import; put it in a module"
        )
    return pickle.dumps(make, 5)


def portable(error: Exception) -> Exception:
    """Return an exception without its traceback, or one that says the same, where it cannot be sent."""
    error = error.with_traceback(None)
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
