"""Painting a batch: plan it, claim its jobs one by one, and record what came of each."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from impasto import files, images, limits
from impasto._version import __version__
from impasto.errors import ImageError, ImpastoError, InputError, OutputError, UsageError
from impasto.events import Progress
from impasto.executors import Executor, Outcome
from impasto.executors.painter import Painter
from impasto.executors.sizing import PAINTING_BYTES, share
from impasto.optim.resources import Resources
from impasto.result import Result
from impasto.scene.painting import Painting
from impasto.series import records
from impasto.series.batch.folder import NAME, JobFolder
from impasto.series.batch.items import Item, Same, check_landmarks, described_all, fingerprint, restored_all
from impasto.series.batch.names import check_names
from impasto.series.paint_work import KEPT_BYTES, Order, Painted, maker

TABLE = "batch.csv"
TRIED = 3
"""Items of one recipe that may fail to begin before all count as failing: one damaged picture is no reason to stop."""
COLUMNS = ("file", "state", "width", "height", "steps", "seconds", "attempts", "sha256", "error")
Stop = Callable[[], bool]


@dataclass(frozen=True)
class BatchResult:
    """What came of one job of a batch."""

    index: int
    """Which it was, from 0."""
    state: str
    """painted, kept (it was there already) or failed."""
    path: Path | None = None
    """Where the picture is; None where it was not saved."""
    result: Result | None = field(default=None, repr=False)
    """The painting, of a batch without a folder."""
    error: Exception | None = None
    """Why it failed."""
    seconds: float = 0.0
    attempts: int = 1
    row: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The same, as the table of the folder has it."""


class Batch:
    """The pictures of a folder, to be painted: everything that can be refused at once is refused here.

    `resume` goes on with the batch that is in the folder, or begins it; without `items`, with those it has. Raises
    `UsageError` for a recipe that does not fit and for two items of one name, `OutputError` for a folder that has
    another batch, and for pictures in it that are nobody's or were changed, unless `force`. `check` false leaves no
    trace in the folder.
    """

    def __init__(
        self,
        items: Sequence[Item] | None,
        folder: Path,
        *,
        resume: bool = False,
        force: bool = False,
        check: bool = True,
        resources: Resources | None = None,
    ) -> None:
        self.folder, self._force = folder, force
        self.painter = Painter(resources, kept_bytes=KEPT_BYTES)
        self._bytes = 0
        there = (folder / NAME).is_dir()
        if there and not resume:
            raise OutputError(
                f"{folder}: holds a batch already; pass --resume to go on with it, or name another folder"
            )
        self._jobs = JobFolder.open(folder) if there or items is None else None
        if items is None:
            items = restored_all(self._opened.entries())
        if not items:
            raise UsageError("there is nothing to paint; name photographs and paintings")
        self.items = list(items)
        self._entries = described_all(self.items)
        if self._jobs is not None and (divided := self._jobs.manifest.get("shards")) != self.kind.get("shards"):
            one = "a picture a file" if divided is None else "shards of {pictures}, {kind}".format(**divided)
            raise OutputError(f"{folder}: holds a batch of {one}; go on with it by --resume and -o alone")
        if self._jobs is not None and self._jobs.manifest["sha256"] != fingerprint(self._entries):
            raise OutputError(
                f"{folder}: holds a batch of other jobs or settings ({self._jobs.manifest['jobs']} there, "
                f"{len(self.items)} now); go on with it by --resume and -o alone, or name another folder"
            )
        check_landmarks(self.items)
        check_names(self.items, folder)
        self._check_outputs(probe=check)

    table = TABLE
    """The file of the folder that has a row for each picture."""

    @property
    def tickets(self) -> int | None:
        """How many pieces are claimed, where these are not the items."""
        return None

    @property
    def kind(self) -> Mapping[str, Any]:
        """What the folder remembers of how it is divided into pieces."""
        return {}

    @property
    def _opened(self) -> JobFolder:
        if self._jobs is None:
            raise TypeError("the batch has not begun yet; use `begin`")
        return self._jobs

    def bytes_each(self) -> int:
        """Return the memory that one painting takes beside what a process has anyway, after `check`, bytes."""
        return self._bytes or PAINTING_BYTES

    def check(self) -> None:
        """Try the settings on the pictures, those of each recipe on a few. Raises what `begin_with` does."""
        tried: dict[str, list[ImpastoError]] = {}
        recipes: Same[str] = Same(lambda recipe: recipe.model_dump_json())
        for item in self.items:
            job = item.job
            key = f"{recipes(job.recipe)} {job.encoder} {job.network} {job.inputs.masks is None}"
            if len(tried.get(key, [None] * TRIED)) >= TRIED and key in tried:
                continue
            try:
                self.start(item)
            except (ImageError, InputError, UsageError) as error:
                errors = tried.setdefault(key, [])
                errors.append(type(error)(f"{item.title}: {error}"))
                if len(errors) == TRIED or (isinstance(error, UsageError) and job.inputs.masks is None):
                    raise errors[0] from None
            else:
                tried[key] = [UsageError("fits")] * TRIED

    @property
    def waiting(self) -> list[Item]:
        """Items that are not done."""
        done = set() if self._jobs is None else {number for number, _ in self._jobs.rows()}
        return [item for number, item in enumerate(self.items) if number not in done]

    def start(self, item: Item) -> Painting:
        """Begin a painting of an item in this process, to look at what it takes. Raises what `begin_with` does."""
        job = item.job
        painting = self.painter.begin(job.inputs, job.recipe, encoder=job.encoder, network=job.network)
        self._bytes = max(self._bytes, painting.memory_bytes - limits.resident())
        return painting

    def begin(self, threads: int | None) -> int | None:
        """Make the folder's jobs, or open those that are there; return the threads that its pictures have."""
        if self._jobs is None:
            recipe = self.items[0].job.recipe
            precision = self.painter.settled(recipe.replace(precision="auto")).precision
            self._jobs = JobFolder.create(
                self.folder,
                self._entries,
                self.tickets,
                threads=threads,
                precision=precision,
                impasto=__version__,
                **self.kind,
            )
        jobs = self._opened
        kept_precision = jobs.manifest.get("precision")
        if kept_precision in ("float32", "bfloat16"):
            self.painter.precision = kept_precision
        self._check_done()
        jobs.recover()
        kept = jobs.manifest.get("threads")
        return kept if isinstance(kept, int) and kept > 0 else threads

    def run(
        self,
        executor: Executor,
        *,
        watch: Callable[[Item, Progress], object] | None = None,
        stop: Stop = lambda: False,
    ) -> Iterator[BatchResult]:
        """Paint what is to do, and yield what came of it as it comes, after `begin`; at the end write the table.

        `watch` sees some steps each second and stops all by returning True; `stop` says so between items.
        """
        jobs = self._opened
        claimed: list[int] = []
        stopped = False

        def orders() -> Iterator[Order]:
            while not stop() and (number := jobs.claim()) is not None:
                claimed.append(number)
                yield self._order(self.items[number])

        def look(index: int, _order: Order, progress: Progress) -> bool:
            nonlocal stopped
            stopped = stopped or (watch is not None and watch(self.items[claimed[index]], progress) is True)
            return stopped

        memory = share(executor.workers)
        try:
            with jobs:
                for outcome in executor.run(maker(executor, self.painter, memory), orders(), watch=look):
                    result = self._settle(claimed[outcome.index], outcome)
                    if result is not None:
                        yield result
        finally:
            self.write_table()

    def write_table(self) -> None:
        """Write a row for each item, of what is known."""
        jobs = self._opened
        known = {number: row for place in ("failed", "done") for number, row in jobs.rows(place)}
        rows = [
            {**dict.fromkeys(COLUMNS), "file": item.output, "state": "waiting", **known.get(number, {})}
            for number, item in enumerate(self.items)
        ]
        records.write_table(self.folder / self.table, [{key: row.get(key) for key in COLUMNS} for row in rows])

    @property
    def counts(self) -> dict[str, int]:
        """How many items are in each place: todo, held, done and failed."""
        jobs = self._opened
        return {place: jobs.count(place) for place in ("todo", "held", "done", "failed")}

    def failures(self) -> list[tuple[str, str]]:
        """Return the file and the reason of each item that failed."""
        return [(str(row.get("file")), str(row.get("error"))) for _, row in self._opened.rows("failed")]

    def _order(self, item: Item) -> Order:
        job = item.job
        inputs = self.painter.portable(job.inputs, job.recipe)
        job = replace(job, inputs=inputs, recipe=self.painter.exact(job.recipe))
        path = self.folder / item.output
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
        return Order(job, path, keep=True, partly=False)

    def _settle(self, number: int, outcome: Outcome) -> BatchResult | None:
        """Record what came of an item; None of one that was stopped, which is given back."""
        item = self.items[number]
        painted: Painted | None = outcome.value
        error = outcome.error
        # What the process measured; what was read ahead for it is no part of that.
        seconds = outcome.seconds if painted is None or painted.record is None else painted.record.seconds
        row: dict[str, Any] = {"file": item.output, "seconds": round(seconds, 3), "attempts": outcome.attempts}
        if painted is not None and painted.state == "unfinished":
            if painted.record is None:
                self._opened.give_back(number)
                return None
            error = ImpastoError(f"ended at step {painted.taken}; the picture so far is there")
        if error is not None or painted is None:
            row |= {"state": "failed", "error": told(error)}
            self._opened.finish(number, row, failed=True)
            return BatchResult(number, "failed", None, None, error, seconds, outcome.attempts, row)
        row |= {"state": painted.state, "height": painted.size[0], "width": painted.size[1], "steps": painted.taken}
        row["sha256"] = "" if painted.record is None else painted.record.picture
        self._opened.finish(number, row)
        path = self.folder / item.output
        return BatchResult(number, painted.state, path, None, None, seconds, outcome.attempts, row)

    def _check_outputs(self, *, probe: bool) -> None:
        """Raise `OutputError` where a picture cannot be written, or something is there that is not the batch's."""
        seen: set[tuple[str, str]] = set()
        for item in self.items:
            path = self.folder / item.output
            if probe and (place := (str(path.parent), path.suffix.lower())) not in seen:
                seen.add(place)
                # Looks at the suffix and at whether the folder can be written.
                images.check_output(path, force=True)
            if self._jobs is None and not self._force and os.path.lexists(path):
                raise OutputError(
                    f"{path}: exists already and is of no batch; pass --force to replace what differs, or name another "
                    "folder"
                )
        if probe:
            files.check_output(self.folder / self.table, force=self._jobs is not None or self._force)

    def _check_done(self) -> None:
        """Raise `OutputError` where a picture that is done has gone or was changed; with `force` it is painted anew."""
        for number, row in self._opened.rows():
            if number >= len(self.items):
                continue
            path = self.folder / self.items[number].output
            if files.digest(path) != row.get("sha256"):
                if not self._force:
                    what = "was changed" if os.path.lexists(path) else "is gone"
                    raise OutputError(
                        f"{path}: {what} since the batch painted it; pass --force to paint it again, or move what is "
                        "there to another folder"
                    )
                self._opened.repeat(number)


def told(error: Exception | None) -> str:
    """Return an error in one line."""
    if error is None:
        return "nothing came back"
    text = " ".join(str(error).split())
    return text if isinstance(error, ImpastoError) else f"{type(error).__name__}: {text}"[:500]
