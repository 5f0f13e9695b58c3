"""The executor that is none: one piece of work after another, in this process."""

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from types import TracebackType
from typing import Any, Self

from impasto.executors.executor import Later, Outcome, Watch, Work


class InProcess:
    """Works in this process. `threads` is what torch computes with meanwhile; None leaves that as it is."""

    workers = 1

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        return

    def run(
        self, make: Callable[[], Work], payloads: Iterable[Any], *, watch: Watch | None = None
    ) -> Generator[Outcome, None, None]:
        """Yield the outcome of every payload, in order; see `Executor.run`."""
        import torch  # not for those who only start processes

        before = torch.get_num_threads()
        if self.threads is not None:
            torch.set_num_threads(self.threads)
        try:
            yield from _work(make(), payloads, watch)
        finally:
            torch.set_num_threads(before)


def _work(work: Work, payloads: Iterable[Any], watch: Watch | None) -> Iterator[Outcome]:
    stopped = False
    for index, payload in enumerate(payloads):

        def tell(message: Any, index: int = index, payload: Any = payload) -> bool:
            nonlocal stopped
            if watch is not None and message is not None and watch(index, payload, message) is True:
                stopped = True
            return stopped

        began = time.monotonic()
        value, trouble = None, None
        try:
            prepare = getattr(work, "prepare", None)
            value = work(payload if prepare is None else prepare(payload), tell)
            if isinstance(value, Later):
                value = value.finish()
        except Exception as error:
            value, trouble = None, error
        yield Outcome(index, payload, value, trouble, seconds=time.monotonic() - began)
        if stopped:
            return
