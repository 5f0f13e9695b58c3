"""A film that is encoded in another thread while its frames are painted."""

import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType

from impasto.images import Picture

WAITING = 4
"""Frames that wait to be encoded at most: one is encoded meanwhile, and more would only take memory."""

Write = Callable[[Iterator[Picture]], None]
"""Writes the film of the frames that it is given, whole or not at all."""


class Encoding:
    """Writes `total` frames as they are finished; those that an earlier process finished are read with `kept`.

    A context: left before `finish`, it abandons what was written.
    """

    def __init__(self, write: Write, kept: Callable[[int], Picture], total: int) -> None:
        self._write, self._kept, self._total = write, kept, total
        self._changed = threading.Condition()
        self._fresh: dict[int, Picture] = {}
        self._ready = 0
        self._ended = self._abandoned = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._waited = 0.0
        self.seconds = 0.0
        """That encoding has taken, without those that frames were waited for."""

    def __enter__(self) -> "Encoding":
        self._thread.start()
        return self

    def put(self, number: int, picture: Picture) -> None:
        """Take frame `number`, before which all were finished; waits where too many are not encoded yet.

        Raises what writing has raised.
        """
        with self._changed:
            self._changed.wait_for(lambda: len(self._fresh) < WAITING or self._ended)
            if self._error is not None:
                raise self._error
            self._fresh[number] = picture
            self._ready = number + 1
            self._changed.notify_all()

    def finish(self) -> None:
        """Write what is left, and return when the film is there. Raises what writing raises."""
        with self._changed:
            self._ready = self._total
            self._changed.notify_all()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._abandoned = True
            self._changed.notify_all()
        self._thread.join()

    def _work(self) -> None:
        began, error = time.monotonic(), None
        try:
            self._write(self._pictures())
        except _Abandoned:
            pass
        except BaseException as caught:
            error = caught
        with self._changed:
            self._ended, self._error = True, error
            self.seconds = time.monotonic() - began - self._waited
            self._changed.notify_all()

    def _pictures(self) -> Iterator[Picture]:
        for number in range(self._total):
            began = time.monotonic()
            with self._changed:
                self._changed.wait_for(lambda: number < self._ready or self._abandoned)  # noqa: B023
                if self._abandoned:
                    raise _Abandoned
                picture = self._fresh.pop(number, None)
                self._changed.notify_all()
            self._waited += time.monotonic() - began
            yield self._kept(number) if picture is None else picture


class _Abandoned(Exception):
    """Painting ended before the last frame."""
