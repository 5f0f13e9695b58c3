"""Shots of a clip in processes of this machine: each knows nothing of the others."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Protocol

from impasto.events import Progress
from impasto.executors import Tell, processes
from impasto.video.store import Store


class ShotJob(Protocol):
    """What shots are painted of."""

    @property
    def memory_bytes(self) -> int:
        """Return the estimated peak of a process while it paints a frame."""

    def store(self) -> Store:
        """Return the folder of finished frames."""

    def paint_shot(self, number: int, store: Store, watch: Callable[[Progress], None]) -> Iterator[Path]:
        """Paint what is not finished yet of a shot; yield the file of each frame."""


class ShotWork:
    """Paints shots of one job, which are kept in the job's folder; made once in each process."""

    def __init__(self, job: ShotJob) -> None:
        self._job, self._store = job, job.store()

    def __call__(self, payload: int, tell: Tell) -> int:
        """Paint what is not finished of a shot; return its number. Each frame is told."""

        def watch(_: Progress) -> None:
            if tell(None):
                raise _Enough

        try:
            for path in self._job.paint_shot(payload, self._store, watch):
                if tell(str(path)):
                    break
        except _Enough:
            pass
        return payload


class _Enough(Exception):
    """The caller asked to end."""


def paint_shots(job: ShotJob, shots: list[int], workers: int, finished: Callable[[int, str], object]) -> Iterator[int]:
    """Paint `shots` in `workers` processes; `finished` sees the shot and the file of each frame. Yield shots that end.

    Raises what ended a shot.
    """

    def watch(_index: int, payload: int, message: object) -> None:
        if isinstance(message, str):
            finished(payload, message)

    with processes(len(shots), workers=workers, bytes_each=job.memory_bytes) as executor:
        for outcome in executor.run(partial(ShotWork, job), shots, watch=watch):
            if outcome.error is not None:
                raise outcome.error
            yield outcome.payload
