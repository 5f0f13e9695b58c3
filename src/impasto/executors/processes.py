"""The executor of one machine: processes that each work with their share of its memory and threads."""

import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from types import TracebackType
from typing import Any, Self

from impasto import allocator
from impasto import threads as waiting
from impasto.errors import ImpastoError, ResourceError
from impasto.events import notice
from impasto.executors import messages
from impasto.executors.executor import Outcome, Watch, Work, WorkerDiedError
from impasto.executors.piece import Piece
from impasto.executors.portable import pickled

AHEAD = 2
"""Pieces that a process has at once: the one it works on, and the one that it reads meanwhile."""
SHORT_S = 5.0
"""Seconds that a piece may take for the next to be handed out before it is done: another process, which has nothing to
do any more, has to wait no longer. Of what takes longer, reading is no part that counts."""
MANY = 5
"""The same of pieces so short that a work may do some of several at once: one, and what a network takes besides."""
BRISK_S = 0.25
"""Seconds that such a piece takes at most: of longer ones, too many would wait for one process at the end."""
STILLBORN = 3
"""Processes that may die one after another before they have begun anything; then something is wrong with all."""
KILLED = 12
"""The same of processes that a signal ended: somebody who kills them means each, and may let the next one live."""


@dataclass(eq=False)
class _Worker:
    """The caller's end of one process."""

    process: "subprocess.Popen[bytes]"
    place: int = 0
    """Which of the executor's processes it is, from 0; one that takes a dead one's place has its number."""
    pieces: dict[int, Piece] = field(default_factory=dict)
    ready: bool = False

    @property
    def alone(self) -> bool:
        """Whether it works on a second try, which is to have the process to itself."""
        return any(piece.attempts for piece in self.pieces.values() if not piece.began) or any(
            piece.attempts > 1 for piece in self.pieces.values()
        )

    def send(self, data: bytes) -> None:
        # One that is gone is told of by the end of its output.
        if self.process.stdin is not None:
            with suppress(OSError, ValueError):
                messages.send(self.process.stdin, data)

    def close(self) -> None:
        """End the process now."""
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with suppress(OSError, ValueError):
                    stream.close()


class Processes:
    """Works in `workers` processes of this machine, each with `threads` of torch's threads.

    They begin with the first run and are kept warm for the next one, where that makes the same work. Of several `gpus`,
    each process sees one, in turns.
    """

    def __init__(self, workers: int, threads: int = 1, gpus: int = 0) -> None:
        self.workers, self.threads, self._gpus = workers, threads, gpus
        self._made: bytes | None = None
        self.foresees = False
        """Whether the work does some of several pieces at once, and is to have more of them in hand."""
        self._workers: list[_Worker] = []
        self._events: queue.SimpleQueue[tuple[_Worker, tuple[Any, ...]]] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End all processes."""
        for worker in self._workers:
            worker.close()
        self._workers = []

    def run(
        self, make: Callable[[], Work], payloads: Iterable[Any], *, watch: Watch | None = None
    ) -> Generator[Outcome, None, None]:
        """Yield the outcome of every payload as soon as it is known; see `Executor.run`."""
        made = pickled(make)
        if made != self._made:
            self.close()
        self._made = made
        run = _Run(self, iter(payloads), watch)
        finished = False
        try:
            yield from run.outcomes()
            finished = True
        finally:
            if not finished:
                self.close()

    @property
    def pids(self) -> list[int]:
        """Numbers of the processes that live."""
        return [worker.process.pid for worker in self._workers if worker.process.poll() is None]

    def start(self) -> _Worker:
        """Start one process more."""
        environment = dict(os.environ)
        for name in waiting.COUNTING:
            environment[name] = str(self.threads)
        environment |= waiting.environment(environment) | allocator.environment(environment)
        place = min(set(range(self.workers)) - {worker.place for worker in self._workers}, default=0)
        if self._gpus > 1:
            named = os.environ.get("CUDA_VISIBLE_DEVICES", "")
            devices = named.split(",") if named else [str(number) for number in range(self._gpus)]
            environment["CUDA_VISIBLE_DEVICES"] = devices[place % len(devices)]
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "impasto.executors.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        worker = _Worker(process, place)
        worker.send(pickle.dumps(("make", sys.path, self._made, self.threads), 5))
        threading.Thread(target=self._hear, args=(worker,), daemon=True, name=f"worker {process.pid}").start()
        self._workers.append(worker)
        return worker

    def retire(self, worker: _Worker) -> None:
        """End a process."""
        worker.close()
        self._workers.remove(worker)

    def _hear(self, worker: _Worker) -> None:
        stream = worker.process.stdout
        try:
            while stream is not None:
                self._events.put((worker, messages.read(stream)))
        except (EOFError, OSError, ValueError):
            pass
        except Exception as error:  # what was sent cannot be read here
            self._events.put((worker, ("broken", error)))
        self._events.put((worker, ("ended",)))

    def events(self) -> Iterator[tuple[_Worker, tuple[Any, ...]]]:
        """Wait for what the processes of now say."""
        while True:
            worker, event = self._events.get()
            if worker in self._workers:
                yield worker, event

    @property
    def crew(self) -> list[_Worker]:
        """The processes of now."""
        return self._workers


class _Run:
    """One call of `run`."""

    def __init__(self, owner: Processes, payloads: Iterator[Any], watch: Watch | None) -> None:
        self._owner, self._payloads, self._watch = owner, payloads, watch
        self._indices = count()
        self._returned: deque[Piece] = deque()
        """Handed out, and never begun."""
        self._again: deque[Piece] = deque()
        """To be tried once more, in a process that has done nothing else."""
        self._outcomes: deque[Outcome] = deque()
        self._drawn = self._stopped = False
        self._stillborn = 0
        self._usual_s = float("inf")

    def outcomes(self) -> Iterator[Outcome]:
        """Hand out payloads and yield what comes back, until nothing is left."""
        events = self._owner.events()
        while True:
            self._hand_out()
            if not any(worker.pieces for worker in self._owner.crew):
                break
            self._handle(*next(events))
            while self._outcomes:
                yield self._outcomes.popleft()
        if self._stopped:
            self._owner.close()

    def _hand_out(self) -> None:
        """Hand every process something to do, and begin processes as long as there is more to do."""
        crew, most = self._owner.crew, self._owner.workers
        while self._again and not self._stopped:
            if len(crew) >= most:
                # Whoever has nothing to do makes room for a fresh process.
                idle = next((worker for worker in crew if not worker.pieces), None)
                if idle is None:
                    break
                self._owner.retire(idle)
            self._assign(self._owner.start(), self._again.popleft())
        deepest = AHEAD if self._usual_s < SHORT_S else 1
        if self._owner.foresees and self._usual_s < BRISK_S:
            deepest = MANY
        for depth in range(1, 1 + deepest):
            for worker in [*crew, *[None] * (most - len(crew) if depth == 1 else 0)]:
                if worker is not None and (len(worker.pieces) >= depth or worker.alone):
                    continue
                piece = self._next()
                if piece is None:
                    return
                self._assign(self._owner.start() if worker is None else worker, piece)

    def _next(self) -> Piece | None:
        """Return what is to be done next; None where nothing is left, or nothing more is to begin."""
        if self._stopped:
            return None
        if self._returned:
            return self._returned.popleft()
        if not self._drawn:
            for payload in self._payloads:
                return Piece(next(self._indices), payload)
        self._drawn = True
        return None

    def _assign(self, worker: _Worker, piece: Piece) -> None:
        worker.pieces[piece.index] = piece
        worker.send(pickle.dumps(("work", piece.index, pickle.dumps(piece.payload, 5)), 5))

    def _handle(self, worker: _Worker, event: tuple[Any, ...]) -> None:
        kind, *rest = event
        if kind == "ready":
            worker.ready, self._stillborn, self._owner.foresees = True, 0, bool(rest[0])
        elif kind == "notice":
            notice(*rest)
        elif kind == "broken":
            raise rest[0]
        elif kind == "ended":
            self._bury(worker)
        else:
            self._hear_of(worker, worker.pieces[rest[0]], kind, rest[1:])

    def _hear_of(self, worker: _Worker, piece: Piece, kind: str, rest: list[Any]) -> None:
        if kind == "began":
            piece.begin()
        elif kind == "told":
            if self._watch is not None and self._watch(piece.index, piece.payload, rest[0]) is True:
                self._stop()
        elif kind == "done":
            self._conclude(worker, piece, rest[0], None)
            self._usual_s = time.monotonic() - piece.began
        elif kind == "skipped":
            del worker.pieces[piece.index]
        elif isinstance(rest[0], ImpastoError):
            self._conclude(worker, piece, None, rest[0])
        else:
            # Whatever is wrong with the process, which ends by itself now, the second try shall not have it.
            self._try_again(worker, piece, rest[0])

    def _conclude(self, worker: _Worker, piece: Piece, value: Any, error: Exception | None) -> None:
        del worker.pieces[piece.index]
        self._outcomes.append(piece.outcome(value, error))

    def _try_again(self, worker: _Worker, piece: Piece, error: Exception) -> None:
        if piece.tried_enough or self._stopped:
            self._conclude(worker, piece, None, error)
        else:
            del worker.pieces[piece.index]
            self._again.append(piece)

    def _bury(self, worker: _Worker) -> None:
        """Find out what a process ended of, and see to what it had in hand."""
        self._owner.retire(worker)
        if not worker.ready:
            self._stillborn += 1
            ended = worker.process.returncode >= 0
            if self._stillborn >= (STILLBORN if ended else KILLED):
                raise ResourceError(
                    f"{self._stillborn} processes died one after another before they could begin ({_cause(worker)}); "
                    "use fewer workers"
                )
        for piece in list(worker.pieces.values()):
            if piece.began:
                piece.began, began = 0.0, piece.began
                times = f" {piece.attempts} times" if piece.tried_enough else ""
                error = WorkerDiedError(f"the process that had it in hand died{times} ({_cause(worker)})")
                if piece.tried_enough or self._stopped:
                    piece.began = began
                self._try_again(worker, piece, error)
            else:
                del worker.pieces[piece.index]
                (self._again if piece.attempts else self._returned).append(piece)

    def _stop(self) -> None:
        if not self._stopped:
            self._stopped = True
            for worker in self._owner.crew:
                worker.send(pickle.dumps(("stop",), 5))


def _cause(worker: _Worker) -> str:
    """Say how a process ended."""
    status = worker.process.returncode
    if status is not None and status < 0:
        name = signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"
        return f"{name}: mostly for want of memory; use fewer workers" if name == "SIGKILL" else name
    return f"exit status {status}"
