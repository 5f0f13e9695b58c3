"""A process of `Processes`: `python -m impasto.executors.child`.

It reads what to do from standard input, and tells what comes of it on what was its standard output. It ends at once
when the input does: a worker never outlives its caller, however that came to its end.
"""

import logging
import os
import pickle
import queue
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

from impasto.errors import ImpastoError
from impasto.events import logger
from impasto.executors import messages
from impasto.executors.executor import Later, Work
from impasto.executors.portable import portable


class Child:
    """The worker's end of the channel."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "wb")
        # Whatever prints would speak into the channel.
        os.dup2(os.open(os.devnull, os.O_WRONLY) if sys.stderr is None else 2, 1)
        self._lock = threading.Lock()
        self._orders: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()
        self._waiting: deque[tuple[int, Future[Any]]] = deque()
        """Pieces in hand that are not begun, each with its payload, which is being prepared."""
        self._arrived = threading.Condition()
        self._reading = ThreadPoolExecutor(1, "reading")
        self._writing = ThreadPoolExecutor(1, "writing")
        self.stopped = False
        self._spoiled = False

    def say(self, *message: Any) -> None:
        """Tell the caller something. Raises what `pickle` does of what cannot be sent."""
        data = pickle.dumps(message, 5)
        with self._lock:
            try:
                messages.send(self._out, data)
            except OSError:
                os._exit(1)

    def listen(self) -> None:
        """Take orders until there are no more, then end the process: nobody is left who wants the work."""
        try:
            while True:
                order = messages.read(sys.stdin.buffer)
                if order[0] == "stop":
                    self.stopped = True
                else:
                    self._orders.put(order)
        except (EOFError, OSError):
            os._exit(1)

    def serve(self) -> None:
        """Do one piece of work after another; while one is worked on, read the next and write the one before."""
        _, path, data, threads = self._orders.get()
        sys.path[:] = path
        try:
            work = pickle.loads(data)()
            if "torch" in sys.modules:
                # The environment says so already, but not to every build of torch.
                sys.modules["torch"].set_num_threads(threads)
        except Exception as error:
            self.say("broken", portable(error))
            return
        self.say("ready", hasattr(work, "foresee"))
        threading.Thread(target=self._prepare, args=(work,), daemon=True).start()
        while not self._spoiled:
            with self._arrived:
                self._arrived.wait_for(lambda: self._waiting)
                index, payload = self._waiting.popleft()
            if self.stopped:
                self.say("skipped", index)
            else:
                self.say("began", index)
                self._foresee(work, payload)
                self._one(work, index, payload)
        self._writing.shutdown(wait=True)

    def _prepare(self, work: Work) -> None:
        """Begin to prepare each payload as soon as it comes."""
        prepare: Callable[[Any], Any] = getattr(work, "prepare", lambda payload: payload)
        while True:
            _, index, data = self._orders.get()
            payload = self._reading.submit(_prepared, prepare, data)
            with self._arrived:
                self._waiting.append((index, payload))
                self._arrived.notify()

    def _foresee(self, work: Work, payload: "Future[Any]") -> None:
        """Show the work what comes next, as far as that is prepared, where it can do some of it at once."""
        foresee: Callable[[list[Any]], None] | None = getattr(work, "foresee", None)
        if foresee is None:
            return
        following = [one for _, one in list(self._waiting) if one.done() and one.exception() is None]
        if following:
            # What is wrong with a payload is told when it is its turn.
            with suppress(Exception):
                foresee([payload.result(), *(one.result() for one in following)])

    def _one(self, work: Work, index: int, payload: "Future[Any]") -> None:
        def tell(message: Any) -> bool:
            if message is not None:
                self.say("told", index, message)
            return self.stopped

        try:
            value = work(payload.result(), tell)
        except Exception as error:
            self._fail(index, error)
            return
        if isinstance(value, Later):
            self._writing.submit(partial(self._finish, index, value))
        else:
            self._finish(index, Later(lambda: value))

    def _finish(self, index: int, value: Later) -> None:
        try:
            self.say("done", index, value.finish())
        except Exception as error:  # or the value cannot be pickled
            self._fail(index, error)

    def _fail(self, index: int, error: Exception) -> None:
        self.say("failed", index, portable(error))
        if not isinstance(error, ImpastoError):
            # Memory may be short, or something else is wrong with this process: it begins nothing more.
            self._spoiled = True


def _prepared(prepare: Callable[[Any], Any], data: bytes) -> Any:
    return prepare(pickle.loads(data))


class _Notices(logging.Handler):
    """Hands notices on to the caller, who knows which were said already."""

    def __init__(self, child: Child) -> None:
        super().__init__(logging.WARNING)
        self._child = child

    def emit(self, record: logging.LogRecord) -> None:
        """Hand on one record."""
        self._child.say("notice", record.getMessage())


def _ignore_the_terminal() -> None:
    """Ignore Ctrl-C, and Ctrl-Break of Windows, which reach all processes of a terminal: the caller says what is to
    become of the work."""
    for name in ("SIGINT", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def main() -> None:
    """Work until the caller has no more."""
    _ignore_the_terminal()
    child = Child()
    logger.addHandler(_Notices(child))
    logger.propagate = False
    threading.Thread(target=child.listen, daemon=True, name="orders").start()
    child.serve()
    # Threads that wait for orders shall not keep it.
    os._exit(0)


if __name__ == "__main__":
    main()
