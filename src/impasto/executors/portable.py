"""Exceptions that leave their process."""

import pickle


def portable(error: Exception) -> Exception:
    """Return an exception without its traceback, or one that says the same, where it cannot be sent."""
    error = error.with_traceback(None)
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
