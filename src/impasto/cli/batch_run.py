"""How a batch is planned and painted from the command line: what it will take, how far it is, what failed."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from impasto.cli.series_run import minutes
from impasto.cli.session import write_out
from impasto.events import notice

if TYPE_CHECKING:
    from impasto.cli.series_options import PictureSeriesOptions
    from impasto.cli.session import Session
    from impasto.events import Progress
    from impasto.series.batch import Batch, BatchResult, Item

MOST_TOLD = 20
"""Failures that are listed at the end; the table has all."""


def run(made: "Batch", session: "Session", options: "PictureSeriesOptions", device: str, ray: str | None = None) -> int:
    """Paint what is to do; return the exit status: that of a signal, or 1 where an item failed."""
    from impasto.series.batch.api import executor_of

    session.claim(made.folder, doing="painting into it")
    made.check()
    began = time.monotonic()
    with executor_of(made, None, options.workers, options.threads, device, ray) as executor, session.stop.gently():
        counts = made.counts
        total, before, painted, spent = len(made.items), counts["done"], 0, 0.0
        session.terminal.say(
            f"{total - before} of {total} pictures to paint, {executor.workers} at once with {executor.threads} "
            f"{'thread' if executor.threads == 1 else 'threads'} each"
        )
        with session.terminal.board(total - before) as board:

            def watch(item: "Item", progress: "Progress") -> bool:
                board.step(item.output, progress)
                return session.stop.asked is not None

            results = made.run(executor, watch=watch, stop=lambda: session.stop.asked is not None)
            for done, result in enumerate(results, 1):
                item = made.items[result.index]
                if result.state == "painted":
                    # Processes take seconds to begin, which say nothing of how long the rest takes.
                    painted, spent = painted + 1, spent + result.seconds
                left = total - before - done
                seconds = spent / painted * left / executor.workers if painted else 0.0
                remaining = f"  (about {minutes(seconds)} left for all)" if left and painted else ""
                board.done(item.output, remaining)
                session.terminal.say(f"{before + done}/{total}  {_line(item, result)}{remaining}")
                if options.as_json:
                    write_out(json.dumps({"item": result.index + 1, **result.row}, sort_keys=True))
    failures = made.failures()
    for file, reason in failures[:MOST_TOLD]:
        notice(f"{file}: failed: {reason}")
    if len(failures) > MOST_TOLD:
        notice(f"and {len(failures) - MOST_TOLD} more failed; {made.table} has all")
    counts = made.counts
    if session.stop.asked is not None:
        notice(f"stopped with {counts['done']} of {total} pictures painted; the same command with --resume goes on")
        return session.stop.exit_code
    session.terminal.say(
        f"saved {counts['done']} of {total} pictures in {made.folder}, {time.monotonic() - began:.1f} s"
        + (f"; {counts['failed']} failed, which --resume tries again" if counts["failed"] else "")
    )
    return 1 if counts["failed"] else 0


def plan(made: "Batch", options: "PictureSeriesOptions", device: str) -> None:
    """Print what would be painted, with what it takes. Raises what `Batch.check` does."""
    from impasto import executors, limits
    from impasto.series.batch.estimate import estimated

    made.check()
    sizing = executors.divide(
        len(made.items),
        workers=options.workers,
        threads_each=options.threads,
        bytes_each=made.bytes_each(),
        device=device,
    )
    estimate = estimated(made, sizing.threads)
    seconds = estimate.seconds / sizing.workers
    needed = sizing.workers * (estimate.bytes_each + executors.BASE_BYTES)
    damaged = _no_pictures(made.items)
    if options.as_json:
        told = {
            "no_pictures": damaged,
            "bytes": needed,
            "files": _files(made),
            "folder": str(made.folder),
            "pictures": len(made.items),
            "pixel_steps": estimate.pixel_steps,
            "seconds": round(seconds, 1),
            "threads": sizing.threads,
            "to_paint": estimate.count,
            "workers": sizing.workers,
        }
        write_out(json.dumps(told, sort_keys=True))
        return
    lines = [
        f"pictures   {len(made.items)}, {estimate.count} to paint, {sizing.workers} at once with {sizing.threads} "
        f"{'thread' if sizing.threads == 1 else 'threads'} each",
        f"time       about {minutes(seconds)}, {estimate.pixel_steps / 1e6:.1f} million pixel-steps",
        f"memory     about {limits.format_bytes(needed)} in all",
    ]
    free = limits.available()
    if free is not None and needed > free:
        lines.append(f"conflict   {limits.format_bytes(free)} are free; use fewer --workers, or a smaller --size")
    lines += [
        f"conflict   {name}: is no picture that impasto reads, and will be a failure" for name in damaged[:MOST_TOLD]
    ]
    if len(damaged) > MOST_TOLD:
        lines.append(f"conflict   and {len(damaged) - MOST_TOLD} more are none")
    if made.tickets is None:
        lines += [f"{made.folder / item.output}  of {_of(item)}" for item in made.items]
    else:
        lines += [f"{made.folder / name}" for name in _files(made)]
        lines.append(f"first      {made.items[0].output}  of {_of(made.items[0])}")
    write_out("\n".join(lines))


def _no_pictures(items: "Sequence[Item]") -> list[str]:
    """Return the files among the inputs that do not begin as pictures do."""
    from impasto import images

    names = dict.fromkeys(source for item in items for source in item.job.inputs.sources if isinstance(source, Path))
    damaged = []
    for path in names:
        try:
            with path.open("rb") as stream:
                if not images.is_picture(stream.read(1024)):
                    damaged.append(str(path))
        except OSError:
            damaged.append(str(path))
    return damaged


def _files(made: "Batch") -> list[str]:
    """Return what will be in the folder: pictures, or shards of them."""
    from impasto.series.batch import ShardedBatch

    return made.shards if isinstance(made, ShardedBatch) else [item.output for item in made.items]


def _of(item: "Item") -> str:
    from impasto.series.batch.names import called

    inputs = item.job.inputs
    styles = ", ".join(map(called, inputs.paintings))
    return f"{called(inputs.content) or 'nothing'}" + (f" in {styles}" if styles else "")


def _line(item: "Item", result: "BatchResult") -> str:
    words = {"kept": "was there already", "painted": f"{result.seconds:.1f} s"}
    more = words.get(result.state, f"failed: {result.row.get('error')}")
    return f"{item.output}: {more}" + (f", {result.attempts} attempts" if result.attempts > 1 else "")
