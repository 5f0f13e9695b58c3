"""Ctrl-C and friends: the first signal asks to stop, the second does not ask."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any, Self

ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name))
"""The signals that ask a command to end. SIGBREAK is Windows's, sent by Ctrl-Break and where a console is closed."""


class Stopped(BaseException):
    """Raised out of whatever runs when a signal arrives; not an Exception, so nothing takes it for a bad file."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.exit_code = 128 + signum


class Stop:
    """Watches SIGINT, SIGTERM and Windows's SIGBREAK while it is entered.

    The first signal raises `Stopped`, or within `gently()` only sets `asked`, so that the work can be brought to
    an end. The second ends the process at once, and so does the first where something is being imported: modules take
    an exception for a failure of their own, and tell of that.
    """

    def __init__(self) -> None:
        self.asked: int | None = None
        """The first signal's number."""
        self._gentle = False
        self._before: dict[int, Any] = {}
        self._unraisable: Callable[[Any], object] = sys.__unraisablehook__

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for signum in ENDING:
                # Whoever started us ignoring a signal (nohup, a script's &) meant it.
                if signal.getsignal(signum) is not signal.SIG_IGN:
                    self._before[signum] = signal.signal(signum, self._receive)
            self._unraisable, sys.unraisablehook = sys.unraisablehook, self._lost
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)
        if sys.unraisablehook == self._lost:
            sys.unraisablehook = self._unraisable

    @property
    def exit_code(self) -> int:
        """What to end with: 128 + the signal, 0 when there was none."""
        return 0 if self.asked is None else 128 + self.asked

    @contextlib.contextmanager
    def gently(self) -> Iterator[None]:
        """Let the first signal only set `asked` within the block."""
        self._gentle = True
        try:
            yield
        finally:
            self._gentle = False

    def _receive(self, signum: int, frame: FrameType | None) -> None:
        if self.asked is not None:
            os._exit(128 + signum)
        self.asked = signum
        if self._gentle:
            return
        if _importing(frame):
            os._exit(128 + signum)
        raise Stopped(signum)

    def _lost(self, unraisable: Any) -> None:
        """Act on a `Stopped` that was raised where nothing can be (as an object was deleted): Python would print it."""
        if isinstance(unraisable.exc_value, Stopped):
            os._exit(unraisable.exc_value.exit_code)
        else:
            self._unraisable(unraisable)


def _importing(frame: FrameType | None) -> bool:
    """Return whether a module is being imported, since the command line began."""
    while frame is not None and frame.f_globals.get("__name__") != "impasto.cli":
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False
