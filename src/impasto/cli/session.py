"""What the commands share while one command line runs: the terminal, the signals, and where notices go."""

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from impasto import files
from impasto.cli import processes
from impasto.cli.signals import Stop
from impasto.cli.terminal import Terminal
from impasto.errors import ResourceError
from impasto.events import logger


class Session:
    """Entered around a command; commands find it as `ctx.obj`."""

    def __init__(self) -> None:
        self.terminal = Terminal()
        self.terminal.muted = processes.silent()
        self.stop = Stop()
        self._handler = _Notes(self.terminal)
        self._claims = contextlib.ExitStack()
        self._claimed: set[str] = set()

    def __enter__(self) -> Self:
        self.stop.__enter__()
        logger.addHandler(self._handler)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._claims.close()
        logger.removeHandler(self._handler)
        self.terminal.close()
        self.stop.__exit__(kind, error, at)

    def claim(self, *paths: str | Path | None, doing: str = "painting it") -> None:
        """Keep these files to this command until it ends; None and standard output need no claim.

        Raises `OutputError` where another command has one of them.
        """
        for path in paths:
            # A name with a NUL is no file's, and is refused where it is opened.
            if path is None or path == "-" or "\0" in str(path):
                continue
            if (real := os.path.realpath(path)) in self._claimed:
                continue
            refusal = f"another impasto is {doing} at this moment; wait until it ends, or name another"
            self._claims.enter_context(files.claimed(Path(path), refusal))
            self._claimed.add(real)


class _Notes(logging.Handler):
    """Prints what the engine says as `impasto: note: ...`."""

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(logging.WARNING)
        self._terminal = terminal

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record."""
        self._terminal.note(record.getMessage())


def write_out(text: str) -> None:
    """Print a line of data on stdout, whatever its encoding. Raises `ResourceError` where stdout takes no more."""
    if sys.stdout is None or processes.silent():
        return
    with printing():
        try:
            sys.stdout.write(f"{text}\n")
        except UnicodeEncodeError:
            # File names need not be text; the bytes are then what the reader wants.
            sys.stdout.flush()
            sys.stdout.buffer.write(os.fsencode(f"{text}\n"))


@contextlib.contextmanager
def printing() -> Iterator[None]:
    """Turn what keeps stdout from being written into a `ResourceError`; a reader who had enough is none."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = error.strerror or error
        raise ResourceError(
            f"standard output: could not be written ({reason}); make room, or send it elsewhere"
        ) from None
