"""What every executor does: a work, its payloads, and what comes of them."""

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, Self

from impasto.errors import ResourceError

Tell = Callable[[Any], bool]
"""Tells the caller something of the piece of work in hand, or with None nothing; True asks to end it early."""
Watch = Callable[[int, Any, Any], object]
"""Sees (index, payload, message) of all that works tell; True stops the run: all ends early, and nothing begins."""


class WorkerDiedError(ResourceError):
    """The process, or the machine, that had a piece of work in hand ended without a word."""


class Work(Protocol):
    """One kind of work, made once in each process.

    It may have a method `prepare(payload)`, which returns what takes the payload's place: it is called in a thread
    while the piece before is worked on, to read files meanwhile, and may fail as the work itself may.

    It may have a method `foresee(payloads)`, which a process calls before a short piece of work with that and what
    comes after it, as prepared: what is done faster for several at once is kept there until it is their turn.
    """

    def __call__(self, payload: Any, tell: Tell) -> Any:
        """Do one piece of work and return its value, or a `Later` that has still to be written."""


@dataclass(frozen=True)
class Later:
    """A value that takes no processor any more, such as a picture that has to be encoded and written.

    `finish` returns the value; it is called in a thread while the next piece of work begins.
    """

    finish: Callable[[], Any]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of one payload."""

    index: int
    """Which it was, from 0."""
    payload: Any = field(repr=False)
    value: Any = None
    """What the work returned; None where it failed."""
    error: Exception | None = None
    """Why there is no value: an `ImpastoError`, or what else was raised twice; `WorkerDiedError` where it died."""
    attempts: int = 1
    seconds: float = 0.0
    """How long the last attempt took."""


class Executor(Protocol):
    """Does many pieces of work. A context manager: its processes end with the block."""

    @property
    def workers(self) -> int:
        """How many pieces are worked on at once."""

    @property
    def threads(self) -> int | None:
        """What torch computes each with; None where that is left as it is."""

    def run(
        self, make: Callable[[], Work], payloads: Iterable[Any], *, watch: Watch | None = None
    ) -> Generator[Outcome, None, None]:
        """Yield the outcome of every payload as soon as it is known.

        `make` makes the work, in each process once: a function or `functools.partial` that can be pickled, of a module
        that can be imported. What it raises is raised here, as nothing can be done then.
        """

    def __enter__(self) -> Self:
        """Return the executor."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End its processes."""


def ordered(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """Yield outcomes in the order of their payloads; those that come too early are kept."""
    early: dict[int, Outcome] = {}
    following = 0
    for outcome in outcomes:
        early[outcome.index] = outcome
        while following in early:
            yield early.pop(following)
            following += 1
    # Of a run that was stopped, some never come.
    yield from (early[index] for index in sorted(early))
