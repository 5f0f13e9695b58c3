"""How the commands that paint a series of pictures do so: cell by cell, with the time that is left."""

import contextlib
import time
from typing import TYPE_CHECKING

from impasto.events import notice

if TYPE_CHECKING:
    from impasto.cli.session import Session
    from impasto.cli.terminal import Meter
    from impasto.events import Progress
    from impasto.executors import Executor
    from impasto.series import Cell, Series


def run(made: "Series", session: "Session", executor: "Executor") -> int:
    """Paint what waits; return the exit status: that of a signal, or 1 where a cell failed."""
    session.claim(made.folder, doing="painting into it")
    began = time.monotonic()
    # From here on Ctrl-C means: enough, keep what there is.
    with session.stop.gently(), executor:
        talk = _Talk(made, session, executor.workers)
        try:
            made.run(executor, on_step=talk.step, on_cell=talk.done, stop=lambda: session.stop.asked is not None)
        finally:
            talk.close()
    ready = sum(cell.state in ("kept", "painted", "external") for cell in made.cells)
    if session.stop.asked is not None:
        notice(f"stopped with {ready} of {len(made.cells)} cells painted; the same command goes on from there")
        return session.stop.exit_code
    words = [f"{ready} of {len(made.cells)} pictures", *map(str, made.outputs)]
    session.terminal.say(f"saved {', '.join(words)}, {time.monotonic() - began:.1f} s")
    return 1 if made.failed else 0


class _Talk:
    """Says what is painted: one after another with a meter for each, several at once as they are done."""

    def __init__(self, made: "Series", session: "Session", workers: int) -> None:
        self._made, self._session, self._alone = made, session, workers == 1
        self._numbers = {id(cell): number for number, cell in enumerate(made.cells, 1)}
        self._began = time.monotonic()
        self._left = sum(cell.work for cell in made.waiting)
        self._done = 0
        self._meters = contextlib.ExitStack()
        self._shown: Cell | None = None
        self._meter: Meter | None = None

    def step(self, cell: "Cell", progress: "Progress") -> bool:
        """Show a step; return whether a signal asks to stop."""
        if self._alone and cell is not self._shown:
            self._session.terminal.say(self._title(cell) + self._remaining())
            self.close()
            self._meter = self._meters.enter_context(self._session.terminal.meter())
            self._shown = cell
        if self._meter is not None:
            self._meter.painting(progress)
        return self._session.stop.asked is not None

    def done(self, cell: "Cell") -> None:
        """Say what became of a cell."""
        self.close()
        if cell.state in ("kept", "external"):
            self._session.terminal.say(f"{self._title(cell)}: kept")
            return
        self._done += cell.work
        if cell.state == "failed":
            notice(f"{cell.title}: failed: {cell.note}")
        elif not self._alone:
            self._session.terminal.say(f"{self._title(cell)}: {cell.state}{self._remaining()}")

    def close(self) -> None:
        """Take away the meter of a cell that is done."""
        self._meters.close()
        self._meter = None

    def _title(self, cell: "Cell") -> str:
        return f"cell {self._numbers[id(cell)]}/{len(self._made.cells)}  {cell.title}"

    def _remaining(self) -> str:
        spent = time.monotonic() - self._began
        seconds = spent * (self._left - self._done) / self._done if self._done else 0.0
        return f"  (about {minutes(seconds)} left for all)" if seconds else ""


def minutes(seconds: float) -> str:
    """Write a time that is an estimate."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
