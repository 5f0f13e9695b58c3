"""Talk on stderr: notes, errors, and meters that are bars on a terminal and a few lines elsewhere."""

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from impasto.events import Progress
    from impasto.video.run import FrameProgress


_STDERR = 2
"""The number by which C knows it."""

_CONTROL = re.compile("[\0-\x1f\x7f-\x9f]")


class Meter(Protocol):
    """Shows how far something is."""

    def painting(self, progress: "Progress") -> None:
        """Show one step of a painting."""

    def bytes(self, done: int, total: int | None) -> None:
        """Show a download."""

    def frame(self, progress: "FrameProgress") -> None:
        """Show a frame of moving pictures that was painted."""


class Board(Protocol):
    """Shows how far several pieces of work are, and all together."""

    def step(self, title: str, progress: "Progress") -> None:
        """Show a step of one that is in hand."""

    def done(self, title: str, remaining: str) -> None:
        """Take away one that is done; `remaining` says how long all will take."""


class Terminal:
    """stderr, as a terminal or not; with `quiet` only errors get through. A stderr that is gone is no error."""

    def __init__(self) -> None:
        self._quiet = False
        self._own: tuple[int, Any] | None = None
        """A copy of stderr's number, and `sys.stderr` as it was, while libraries are kept from it."""
        self.muted = False
        """Another process does the talking."""
        self._said: set[str] = set()
        self._console: Any = None
        """Rich's console while a bar is drawn: lines must go above it."""

    @property
    def quiet(self) -> bool:
        """Whether only errors get through; set it to keep libraries that print to stderr by themselves from it, too."""
        return self._quiet

    @quiet.setter
    def quiet(self, quiet: bool) -> None:
        self._quiet = quiet
        self.close()
        if quiet and sys.stderr is not None:
            with contextlib.suppress(OSError, ValueError):
                self._part()

    def close(self) -> None:
        """Let everybody print to stderr again."""
        if self._own is not None:
            number, before = self._own
            sys.stderr.flush()
            os.dup2(number, _STDERR)
            sys.stderr.close()
            self._own, sys.stderr = None, before

    def _part(self) -> None:
        """Open a stderr of its own for Python: libtiff and others, in C, know only the number."""
        if sys.stderr.fileno() != _STDERR:
            return
        number = os.dup(_STDERR)
        own = os.fdopen(number, "w", buffering=1, encoding=sys.stderr.encoding, errors=sys.stderr.errors)
        sys.stderr.flush()
        self._own, sys.stderr = (number, sys.stderr), own
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, _STDERR)
        os.close(silence)

    def error(self, message: str) -> None:
        """Print what ends the command."""
        self._line(f"impasto: error: {' '.join(message.split())}")

    def note(self, message: str) -> None:
        """Print a notice, the same one only once."""
        if message not in self._said:
            self._said.add(message)
            self.say(f"impasto: note: {message}")

    def say(self, text: str) -> None:
        """Print a line about the work."""
        if not (self.quiet or self.muted):
            self._line(text)

    @contextlib.contextmanager
    def meter(self) -> Iterator[Meter]:
        """Return what fits here: a bar on a terminal, a line every tenth elsewhere, nothing when quiet."""
        if self.quiet or self.muted or sys.stderr is None:
            yield _Silent()
        elif not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
            yield _Lines(self)
        else:
            from rich.console import Console

            self._console = Console(stderr=True)
            try:
                with _Bar(self._console) as bar:
                    yield bar
            finally:
                self._console = None

    @contextlib.contextmanager
    def board(self, total: int) -> Iterator["Board"]:
        """Return what shows how far each of `total` pieces of work is: bars on a terminal, nothing elsewhere."""
        if (
            self.quiet
            or self.muted
            or sys.stderr is None
            or not sys.stderr.isatty()
            or os.environ.get("TERM") == "dumb"
        ):
            yield _NoBoard()
            return
        from rich.console import Console

        self._console = Console(stderr=True)
        try:
            with _Bars(self._console, total) as bars:
                yield bars
        finally:
            self._console = None

    def _line(self, text: str) -> None:
        if sys.stderr is None:
            return
        # Names of files may hold newlines, and what moves a terminal's cursor or sets its title.
        text = _CONTROL.sub(lambda sign: sign[0].encode("unicode_escape").decode("ascii"), text)
        with contextlib.suppress(OSError, ValueError):
            if self._console is not None:
                self._console.print(text, markup=False, highlight=False, soft_wrap=True)
            else:
                sys.stderr.write(f"{text}\n")
                sys.stderr.flush()


class _Silent:
    def painting(self, progress: "Progress") -> None:
        pass

    def frame(self, progress: "FrameProgress") -> None:
        pass

    def bytes(self, done: int, total: int | None) -> None:
        pass


class _Lines:
    """At most a line for each tenth of the way."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._tenth = 0

    def painting(self, progress: "Progress") -> None:
        if self._passed(progress.total_step, progress.total_steps):
            self._terminal.say(f"step {progress.total_step} of {progress.total_steps}: {_describe(progress)}")

    def bytes(self, done: int, total: int | None) -> None:
        if total and self._passed(done, total):
            self._terminal.say(f"{done / 1e6:.1f} of {total / 1e6:.1f} MB")

    def frame(self, progress: "FrameProgress") -> None:
        if self._passed(progress.frame, progress.frames):
            self._terminal.say(f"frame {progress.frame} of {progress.frames}: {_describe_frame(progress)}")

    def _passed(self, done: int, total: int) -> bool:
        tenth, self._tenth = self._tenth, max(self._tenth, 10 * done // total)
        return self._tenth > tenth


class _Bar:
    """Rich's progress bar; it honours NO_COLOR by itself."""

    def __init__(self, console: Any) -> None:
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}", markup=False))
        self._bars = Progress(*columns, console=console, redirect_stdout=False)
        self._task = self._bars.add_task("starting", total=None)

    def __enter__(self) -> "_Bar":
        self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._bars.stop()

    def painting(self, progress: "Progress") -> None:
        self._update(completed=progress.total_step, total=progress.total_steps, description=_describe(progress))

    def bytes(self, done: int, total: int | None) -> None:
        text = f"{done / 1e6:.1f} MB" + (f" of {total / 1e6:.1f} MB" if total else "")
        self._update(completed=done, total=total, description=text)

    def frame(self, progress: "FrameProgress") -> None:
        description = f"frame {progress.frame}  {_describe_frame(progress)}"
        self._update(completed=progress.frame, total=progress.frames, description=description)

    def _update(self, **shown: Any) -> None:
        # A terminal that went away is no reason to stop.
        with contextlib.suppress(OSError, ValueError):
            self._bars.update(self._task, **shown)


class _NoBoard:
    def step(self, title: str, progress: "Progress") -> None:
        pass

    def done(self, title: str, remaining: str) -> None:
        pass


class _Bars:
    """Rich's bars: one for each picture in hand, and one for all."""

    def __init__(self, console: Any, total: int) -> None:
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}", markup=False))
        self._bars = Progress(*columns, console=console, redirect_stdout=False)
        self._all = self._bars.add_task("all", total=total)
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> "_Bars":
        self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._bars.stop()

    def step(self, title: str, progress: "Progress") -> None:
        with contextlib.suppress(OSError, ValueError):
            if title not in self._tasks:
                self._tasks[title] = self._bars.add_task(title, total=progress.total_steps)
            words = f"{title}  {_duration(progress.eta_s)} left"
            self._bars.update(self._tasks[title], completed=progress.total_step, description=words)

    def done(self, title: str, remaining: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            if (task := self._tasks.pop(title, None)) is not None:
                self._bars.remove_task(task)
            self._bars.update(self._all, advance=1, description=f"all{remaining}")


def _describe(progress: "Progress") -> str:
    height, width = progress.size
    return (
        f"level {progress.level + 1}/{progress.levels}  {width}x{height} px  "
        f"{f'loss {progress.loss:.3g}  ' if progress.losses else ''}{_duration(progress.eta_s)} left"
    )


def _describe_frame(progress: "FrameProgress") -> str:
    height, width = progress.size
    return f"shot {progress.shot + 1}/{progress.shots}  {width}x{height} px  {_duration(progress.eta_s)} left"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
