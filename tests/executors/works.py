"""Works for the tests of executors: light ones, that begin at once. Processes import them by name."""

# ruff: noqa: ARG002 (all are told alike)

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from impasto.errors import ImageError
from impasto.events import notice
from impasto.executors import Later, Tell


class Worker:
    """Does what its payload says: a tuple of a word and its arguments."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._done = 0

    def __call__(self, payload: tuple[Any, ...], tell: Tell) -> Any:
        word, *rest = payload
        return getattr(self, f"_{word}")(tell, *rest)

    def _double(self, tell: Tell, number: int) -> int:
        return 2 * number

    def _pid(self, tell: Tell, seconds: float = 0.0) -> tuple[int, int]:
        time.sleep(seconds)
        self._done += 1
        return os.getpid(), self._done

    def _refuse(self, tell: Tell) -> None:
        raise ImageError("photo.jpg: is no picture; name another")

    def _fail(self, tell: Tell) -> None:
        raise MemoryError("no room")

    def _strange(self, tell: Tell) -> None:
        class Local(Exception):
            pass

        raise Local("cannot be pickled")

    def _die(self, tell: Tell, status: int = 7) -> None:
        if status < 0:
            os.kill(os.getpid(), -status)
            time.sleep(60)
        os._exit(status)

    def _die_once(self, tell: Tell, name: str) -> int:
        """Die the first time, by a mark in a file; then return the process's number."""
        mark = Path(name)
        if not mark.exists():
            mark.write_text("died")
            os.kill(os.getpid(), signal.SIGKILL)
        return self._done

    def _steps(self, tell: Tell, count: int, seconds: float = 0.01) -> int:
        for step in range(1, count + 1):
            time.sleep(seconds)
            if tell(step):
                return step
        return count

    def _later(self, tell: Tell, number: int) -> Later:
        return Later(lambda: (number, threading.current_thread() is threading.main_thread()))

    def _later_refuses(self, tell: Tell) -> Later:
        def refuse() -> None:
            raise ImageError("out.png: could not be written; make room")

        return Later(refuse)

    def _prints(self, tell: Tell) -> str:
        print("this would break a channel that standard output is", flush=True)
        notice("something a person should know")
        return "said"

    def _bytes(self, tell: Tell, size: int) -> bytes:
        return bytes(size)

    def _gpu(self, tell: Tell, seconds: float) -> str | None:
        time.sleep(seconds)
        return os.environ.get("CUDA_VISIBLE_DEVICES")

    def _threads(self, tell: Tell) -> str:
        return os.environ["OMP_NUM_THREADS"]


class Prepared(Worker):
    """Reads ahead, in a thread."""

    def prepare(self, payload: tuple[Any, ...]) -> tuple[Any, ...]:
        if payload[0] == "broken":
            raise ImageError("photo.jpg: cannot be read; check it")
        return "seen", *payload

    def _seen(self, tell: Tell, *payload: Any) -> Any:
        return "prepared", super().__call__(payload, tell)


class Foreseeing(Worker):
    """Returns how many payloads it last saw at once, and whether its own was among them."""

    _seen: tuple[Any, ...] = ()

    def foresee(self, payloads: list[Any]) -> None:
        self._seen = tuple(payloads)
        if payloads[0][1] == 3:
            raise MemoryError("no room for several")

    def _number(self, tell: Tell, number: int) -> tuple[int, bool]:
        return len(self._seen), ("number", number) in self._seen


class Rows:
    """Doubles the number of a row; once it has no room for 100, and never for 101."""

    def __init__(self) -> None:
        self._tried: list[int] = []

    def __call__(self, row: dict[str, Any], tell: Tell) -> dict[str, int]:
        number = row["number"]
        self._tried.append(number)
        if number < 0:
            raise ImageError("photo.jpg: is no picture; name another")
        if number > 100 or self._tried == [2, -1, 100]:
            raise MemoryError("no room")
        return {"double": 2 * number}

    def empty(self, row: dict[str, Any]) -> dict[str, int]:
        return {"double": 0}


def refusing() -> Worker:
    """Refuse to be made."""
    raise ImageError("weights.h5: does not exist; check the name")


def dying() -> Worker:
    """Die before anything is begun."""
    sys.stderr.close()
    os._exit(3)
