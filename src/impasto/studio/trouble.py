"""What the processes that work say to the person who waits: notices, and what went wrong, a line each."""

import contextlib
import logging
from collections.abc import Callable, Iterator

from impasto.errors import ImpastoError, ResourceError
from impasto.events import logger
from impasto.optim import memory
from impasto.studio.plain_words import plain


def told(error: Exception) -> str:
    """Say in one line, in the words of the page, what went wrong."""
    return plain(str(error) if isinstance(error, ImpastoError) else explain(error))


def explain(error: Exception) -> str:
    """Say in one line what went wrong that nobody foresaw."""
    if isinstance(error, MemoryError) or memory.is_out_of_memory(error):
        return str(ResourceError("not enough memory; use a smaller size"))
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return f"{what[:300]} (a mistake in impasto)"


@contextlib.contextmanager
def noticed(say: Callable[[str], None]) -> Iterator[None]:
    """Hand on what impasto says within the block, each line once."""
    said: set[str] = set()

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            text = plain(record.getMessage())
            if text not in said and record.name == logger.name:
                said.add(text)
                say(text)

    handler = Handler(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
