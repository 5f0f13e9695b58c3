"""How the commands that paint a series of pictures do so: cell by cell, with the time that is left."""

import time
from typing import TYPE_CHECKING, Any

from impasto.events import notice

if TYPE_CHECKING:
    from impasto.cli.session import Session
    from impasto.events import Progress
    from impasto.series import Series


def run(made: "Series", session: "Session") -> int:
    """Paint what waits; return the exit status: that of a signal, or 1 where a cell failed."""
    session.claim(made.folder, doing="painting into it")
    began, terminal = time.monotonic(), session.terminal
    waiting = made.waiting
    left, done = sum(cell.work for cell in waiting), 0
    # From here on Ctrl-C means: enough, keep what there is.
    with session.stop.gently():
        for number, cell in enumerate(made.cells, 1):
            title = f"cell {number}/{len(made.cells)}  {cell.title}"
            if cell not in waiting:
                terminal.say(f"{title}: kept")
                continue
            seconds = (time.monotonic() - began) * (left - done) / done if done else 0.0
            terminal.say(title + (f"  (about {_minutes(seconds)} left for all)" if seconds else ""))
            with terminal.meter() as meter:

                def watch(progress: "Progress", meter: Any = meter) -> bool:
                    meter.painting(progress)
                    return session.stop.asked is not None

                made.paint(cell, watch)
            done += cell.work
            if cell.state == "failed":
                notice(f"{cell.title}: failed: {cell.note}")
            if session.stop.asked is not None:
                break
        made.finish()
    ready = sum(cell.state in ("kept", "painted", "external") for cell in made.cells)
    if session.stop.asked is not None:
        notice(f"stopped with {ready} of {len(made.cells)} cells painted; the same command goes on from there")
        return session.stop.exit_code
    words = [f"{ready} of {len(made.cells)} pictures", *map(str, made.outputs)]
    terminal.say(f"saved {', '.join(words)}, {time.monotonic() - began:.1f} s")
    return 1 if made.failed else 0


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
