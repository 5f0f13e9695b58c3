"""The executor of many machines: Ray Core actors, each with its declared processors, that may come and go.

The one file that imports Ray, which the extra `[ray]` brings; `ray_joining` and `ray_data` are handed it.
"""

import contextlib
import logging
import pickle
import sys
import time
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from types import TracebackType
from typing import Any, Self

from impasto import threads as waiting
from impasto.errors import ImpastoError, ResourceError
from impasto.events import notice
from impasto.executors.executor import Later, Outcome, Tell, Watch, Work, WorkerDiedError
from impasto.executors.piece import Piece
from impasto.executors.portable import pickled, portable
from impasto.executors.ray_joining import LOCAL, join

POLL_S = 0.5
"""Seconds between two looks at what the actors tell, and at those that are being started again."""
PATIENCE_S = 300.0
"""Seconds without any actor that lives after which the cluster counts as gone: a node takes a minute or two to come."""


class WorkActor:
    """An actor: a process somewhere that makes the work once, and does one piece after another."""

    def __init__(self, made: bytes, threads: int) -> None:
        self._said: list[bytes] = []
        self._stopped = False
        self._trouble: Exception | None = None
        try:
            self._work: Work = pickle.loads(made)()
        except Exception as error:  # an actor that raises here would be started again and again
            self._trouble = portable(error)
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(threads)

    def ready(self) -> Exception | None:
        """Return why the work could not be made; whoever answers lives."""
        return self._trouble

    def news(self) -> list[bytes]:
        """Return what the work told since it was asked last, and notices."""
        said, self._said = self._said, []
        return said

    def stop(self) -> None:
        """Let the piece in hand end early."""
        self._stopped = True

    def do(self, index: int, payload: bytes) -> bytes:
        """Do one piece of work; return whether that went well, and the value or the error."""

        def tell(message: Any) -> bool:
            if message is not None:
                self._said.append(pickle.dumps((index, message), 5))
            return self._stopped

        with _listening(self._said):
            return self._done(payload, tell)

    def _done(self, payload: bytes, tell: Tell) -> bytes:
        try:
            given = pickle.loads(payload)
            prepare: Callable[[Any], Any] | None = getattr(self._work, "prepare", None)
            value = self._work(given if prepare is None else prepare(given), tell)
            if isinstance(value, Later):
                value = value.finish()
            return pickle.dumps((True, value), 5)
        except Exception as error:
            return pickle.dumps((False, portable(error)), 5)


@contextlib.contextmanager
def _listening(said: list[bytes]) -> Iterator[None]:
    """Keep the notices of a piece of work, to be said where it was asked for."""
    from impasto.events import logger

    class Notices(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(pickle.dumps((None, record.getMessage()), 5))

    handler, before = Notices(logging.WARNING), logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = before


@dataclass(eq=False)
class _Actor:
    handle: Any
    asked: Any = None
    """What was asked last: to do a piece, or whether it lives."""
    piece: Piece | None = None
    lives: bool = False
    wait_until: float = 0.0
    """When to ask once more whether it lives."""


class RayCluster:
    """Works on a Ray cluster: `address` of one, or `local` for one of this machine's processors.

    As many actors as there is room for, or `workers`, of `threads` processors each; where the cluster has GPUs, one for
    each of these. An actor whose process or node dies is started again wherever there is room, and what it had in hand
    is tried once more. Paths that payloads name have to be there on every machine.

    Raises `ResourceError` where Ray is not installed, or no cluster answers.
    """

    def __init__(self, address: str = LOCAL, *, workers: int | None = None, threads: int = 1) -> None:
        self.threads = threads
        self._ray = _import()
        self._ours = not self._ray.is_initialized()
        if self._ours:
            join(self._ray, address)
        there = self._ray.cluster_resources()
        self._gpus = 1.0 if there.get("GPU", 0) >= 1 else 0.0
        room = int(there["GPU"]) if self._gpus else int(there.get("CPU", 1)) // threads
        self.workers = max(1, room if workers is None else workers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Leave the cluster; one that was begun here ends."""
        if self._ours and self._ray.is_initialized():
            self._ray.shutdown()

    def run(
        self, make: Callable[[], Work], payloads: Iterable[Any], *, watch: Watch | None = None
    ) -> Generator[Outcome, None, None]:
        """Yield the outcome of every payload as soon as it is known; see `Executor.run`."""
        run = _Run(self._ray, self._start(pickled(make)), iter(payloads), self.workers, watch)
        try:
            yield from run.outcomes()
        finally:
            run.close()

    def _start(self, made: bytes) -> Callable[[], Any]:
        variables = {name: str(self.threads) for name in waiting.COUNTING}
        options = {
            "num_cpus": 0 if self._gpus else self.threads,
            "num_gpus": self._gpus,
            # The defaults are none: an actor would be gone with its node.
            "max_restarts": -1,
            # Pieces are handed to another actor, which need not wait until this one is there again.
            "max_task_retries": 0,
            "max_concurrency": 2,
            "runtime_env": {"env_vars": variables | waiting.environment(variables)},
        }
        kind = self._ray.remote(WorkActor).options(**options)
        return lambda: kind.remote(made, self.threads)


class _Run:
    """One call of `run`."""

    def __init__(
        self, ray: Any, start: Callable[[], Any], payloads: Iterator[Any], workers: int, watch: Watch | None
    ) -> None:
        self._ray, self._start, self._payloads, self._most, self._watch = ray, start, payloads, workers, watch
        self._actors: list[_Actor] = []
        self._again: deque[Piece] = deque()
        self._pieces: dict[int, Piece] = {}
        self._indices = count()
        self._drawn = self._stopped = False
        self._looked = 0.0
        self._seen = time.monotonic()

    def outcomes(self) -> Iterator[Outcome]:
        """Hand out payloads and yield what comes back, until nothing is left."""
        while True:
            self._hand_out()
            if not self._again and not any(actor.piece is not None for actor in self._actors):
                return
            yield from self._wait()

    def close(self) -> None:
        """End the actors."""
        for actor in self._actors:
            with contextlib.suppress(Exception):  # those of a cluster that is gone cannot be ended
                self._ray.kill(actor.handle)
        self._actors = []

    def _hand_out(self) -> None:
        """Hand every actor something to do, and start actors as long as there is more to do."""
        if self._stopped:
            return
        for actor in self._actors:
            if actor.lives and actor.piece is None:
                piece = self._again.popleft() if self._again else self._draw()
                if piece is None:
                    return
                self._give(actor, piece)
        while len(self._actors) < self._most:
            # Drawn for whichever actor is the first to live: one may wait for room for ever.
            starting = sum(not actor.lives for actor in self._actors)
            while len(self._again) <= starting:
                piece = self._draw()
                if piece is None:
                    return
                self._again.append(piece)
            self._actors.append(_Actor(self._start()))
            self._ask(self._actors[-1])
        if not self._again and not any(actor.piece is not None for actor in self._actors):
            # All are being started again: the next piece waits for one of them.
            piece = self._draw()
            if piece is not None:
                self._again.append(piece)

    def _draw(self) -> Piece | None:
        if not self._drawn:
            for payload in self._payloads:
                return Piece(next(self._indices), payload)
        self._drawn = True
        return None

    def _give(self, actor: _Actor, piece: Piece) -> None:
        piece.begin()
        actor.piece, self._pieces[piece.index] = piece, piece
        actor.asked = actor.handle.do.remote(piece.index, pickle.dumps(piece.payload, 5))

    def _ask(self, actor: _Actor) -> None:
        actor.lives, actor.piece, actor.asked = False, None, actor.handle.ready.remote()

    def _wait(self) -> Iterator[Outcome]:
        """Wait until an actor answers, or it is time to look round."""
        asked = {actor.asked: actor for actor in self._actors if actor.asked is not None}
        ready: list[Any] = []
        if asked:
            ready, _ = self._ray.wait(list(asked), num_returns=1, timeout=POLL_S)
        else:
            time.sleep(POLL_S)
        for answer in ready:
            yield from self._hear(asked[answer], answer)
        self._look_round()

    def _hear(self, actor: _Actor, answer: Any) -> Iterator[Outcome]:
        piece = actor.piece
        try:
            # Copied out, so that the store can let go of it at once.
            said = self._ray.get(answer)
        except self._ray.exceptions.RayError as error:
            yield from self._lose(actor, piece, error)
            return
        self._seen = time.monotonic()
        if piece is None:
            if said is not None:
                raise said
            actor.lives, actor.asked = True, None
            return
        fine, value = pickle.loads(said)
        self._take_news(actor)
        actor.piece, actor.asked = None, None
        if fine or isinstance(value, ImpastoError) or piece.tried_enough or self._stopped:
            yield self._outcome(piece, value if fine else None, None if fine else value)
        else:
            self._again.append(piece)
        if not fine and not isinstance(value, ImpastoError):
            # Whatever is wrong with the process, the second try shall not have it.
            with contextlib.suppress(Exception):
                self._ray.kill(actor.handle, no_restart=False)
            self._rest(actor)

    def _lose(self, actor: _Actor, piece: Piece | None, error: Exception) -> Iterator[Outcome]:
        """See to what an actor had in hand that is gone, and to the actor."""
        if isinstance(error, self._ray.exceptions.ActorDiedError):
            # For good: its restarts have come to an end.
            self._actors.remove(actor)
        else:
            self._rest(actor)
        if piece is None:
            return
        actor.piece = None
        if piece.tried_enough or self._stopped:
            text = f"the actor that had it in hand died {piece.attempts} times, with its process or its node"
            yield self._outcome(piece, None, WorkerDiedError(text))
        else:
            self._again.append(piece)

    def _rest(self, actor: _Actor) -> None:
        actor.lives, actor.piece, actor.asked = False, None, None
        actor.wait_until = time.monotonic() + POLL_S

    def _outcome(self, piece: Piece, value: Any, error: Exception | None) -> Outcome:
        self._pieces.pop(piece.index, None)
        return piece.outcome(value, error)

    def _look_round(self) -> None:
        now = time.monotonic()
        for actor in self._actors:
            if actor.asked is None and not actor.lives and now >= actor.wait_until:
                self._ask(actor)
        if now - self._looked >= POLL_S:
            self._looked = now
            for actor in self._actors:
                if actor.piece is not None:
                    self._take_news(actor)
        if any(actor.lives for actor in self._actors):
            self._seen = now
        elif now - self._seen > PATIENCE_S:
            raise ResourceError(
                f"no actor of the cluster has answered for {PATIENCE_S:.0f} s; look at its nodes by ray status"
            )

    def _take_news(self, actor: _Actor) -> None:
        try:
            said = self._ray.get(actor.handle.news.remote(), timeout=POLL_S)
        except Exception:  # it died, or is busy; the answer to what it does tells
            return
        for data in said:
            index, message = pickle.loads(data)
            if index is None:
                notice(message)
            else:
                self._tell(index, message)

    def _tell(self, index: int, message: Any) -> None:
        piece = self._pieces.get(index)
        if piece is None or self._watch is None or self._watch(index, piece.payload, message) is not True:
            return
        self._stopped = True
        self._again.clear()
        for actor in self._actors:
            actor.handle.stop.remote()


def ray_data() -> Any:
    """Return Ray Data. Raises `ResourceError` where it is not installed."""
    _import()
    try:
        import ray.data
    except ImportError:
        raise ResourceError("Ray Data is not installed; run: pip install 'impasto[ray]'") from None
    return ray.data


def _import() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import ray
            import ray.exceptions
    except ImportError:
        raise ResourceError("--ray needs Ray, which is not installed; run: pip install 'impasto[ray]'") from None
    return ray
