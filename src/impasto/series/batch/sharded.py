"""A batch whose pictures go into shards: tar files or parquet tables of so many pictures each.

A shard is what is claimed, finished and never painted again. What there is of one that was killed is kept picture by
picture (`parts`), so that nothing is lost, and a shard's bytes do not tell who painted it, in which order.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from impasto import files, images
from impasto.errors import ImpastoError, OutputError, UsageError
from impasto.events import Progress
from impasto.executors import Executor, Outcome
from impasto.executors.sizing import share
from impasto.optim.resources import Resources
from impasto.series import records
from impasto.series.batch.folder import JobFolder
from impasto.series.batch.items import Item
from impasto.series.batch.parts import Part
from impasto.series.batch.run import Batch, BatchResult, Stop, told
from impasto.series.paint_work import Order, Painted, maker
from impasto.shards import KINDS, Member, Sample, write
from impasto.shards.writing import Kind

TABLE = "_batch.csv"
"""Readers of a folder of tables take what begins so for no table."""
COLUMNS = ("file", "state", "pictures", "failed", "seconds", "sha256", "error")
MOST = 10_000_000
"""Pictures of one shard: more is a mistake, as a shard is written whole."""


@dataclass
class _Shard:
    """A shard in hand."""

    number: int
    part: Part
    left: set[int]
    """Items that are neither there nor failed."""
    errors: dict[int, str] = field(default_factory=dict)


class ShardedBatch(Batch):
    """The pictures of a folder as shards of `pictures` each; else as `Batch`, and its errors."""

    def __init__(
        self,
        items: Sequence[Item] | None,
        folder: Path,
        pictures: int,
        kind: Kind = "tar",
        *,
        resume: bool = False,
        force: bool = False,
        check: bool = True,
        resources: Resources | None = None,
    ) -> None:
        if not 1 <= pictures <= MOST or kind not in KINDS:
            raise UsageError(f"shards of {pictures} pictures, {kind}: give from 1 to {MOST:,}, {' or '.join(KINDS)}")
        self._pictures, self._shard_kind = pictures, kind
        named = None if items is None else [replace(item, output=_plain(item.output)) for item in items]
        super().__init__(named, folder, resume=resume, force=force, check=check, resources=resources)

    table = TABLE

    @property
    def shards(self) -> list[str]:
        """The files that the pictures go into."""
        return [f"{number:05}.{self._shard_kind}" for number in range(-(-len(self.items) // self._pictures))]

    @property
    def tickets(self) -> int:
        """How many shards are claimed."""
        return len(self.shards)

    @property
    def kind(self) -> dict[str, Any]:
        """What the folder remembers of its shards."""
        return {"shards": {"pictures": self._pictures, "kind": self._shard_kind}}

    @property
    def waiting(self) -> list[Item]:
        """Items of shards that are not done."""
        done = set() if self._jobs is None else {number for number, _ in self._jobs.rows()}
        return [item for number, item in enumerate(self.items) if number // self._pictures not in done]

    @property
    def counts(self) -> dict[str, int]:
        """How many pictures are done and failed, and how many are neither (todo)."""
        rows = [row for place in ("done", "failed") for _, row in self._opened.rows(place)]
        done, failed = (sum(int(row.get(key) or 0) for row in rows) for key in ("pictures", "failed"))
        return {"todo": len(self.items) - done - failed, "held": 0, "done": done, "failed": failed}

    def failures(self) -> list[tuple[str, str]]:
        """Return the name and the reason of each picture that failed."""
        return [
            (str(name), str(error)) for _, row in self._opened.rows("failed") for name, error in row.get("errors", ())
        ]

    def run(
        self,
        executor: Executor,
        *,
        watch: Callable[[Item, Progress], object] | None = None,
        stop: Stop = lambda: False,
    ) -> Iterator[BatchResult]:
        """Paint what is to do, and yield what came of each picture as it comes, after `begin`."""
        jobs = self._opened
        sent: list[int] = []
        shards: dict[int, _Shard] = {}
        kept: deque[BatchResult] = deque()
        stopped = False

        def orders() -> Iterator[Order]:
            while not stop() and (number := jobs.claim()) is not None:
                shard = self._open(number)
                kept.extend(self._result(item, "kept", row) for item, row in shard.part.rows.items())
                waiting = sorted(shard.left)
                if waiting:
                    shards[number] = shard
                else:
                    self._finish(shard)
                for item in waiting:
                    if stop():
                        return
                    sent.append(item)
                    yield self._order(self.items[item])

        def look(index: int, _order: Order, progress: Progress) -> bool:
            nonlocal stopped
            stopped = stopped or (watch is not None and watch(self.items[sent[index]], progress) is True)
            return stopped

        try:
            with jobs:
                memory = share(executor.workers)
                for outcome in executor.run(maker(executor, self.painter, memory), orders(), watch=look):
                    yield from _drained(kept)
                    item = sent[outcome.index]
                    shard = shards[item // self._pictures]
                    result = self._take(shard, item, outcome)
                    if result is not None:
                        yield result
                    if not shard.left:
                        self._finish(shards.pop(shard.number))
                yield from _drained(kept)
        finally:
            for shard in shards.values():
                shard.part.close()
            self.write_table()

    def write_table(self) -> None:
        """Write a row for each shard, of what is known, and one for each picture that failed."""
        jobs = self._opened
        known = {number: row for place in ("failed", "done") for number, row in jobs.rows(place)}
        table: list[dict[str, Any]] = []
        for number, name in enumerate(self.shards):
            row = known.get(number, {"state": "waiting"})
            table.append({key: name if key == "file" else row.get(key) for key in COLUMNS})
            for file, error in row.get("errors", ()):
                table.append({**dict.fromkeys(COLUMNS), "file": file, "state": "failed", "error": error})
        records.write_table(self.folder / self.table, table)

    def _numbers(self, shard: int) -> range:
        first = shard * self._pictures
        return range(first, min(first + self._pictures, len(self.items)))

    def _open(self, number: int) -> _Shard:
        part, numbers = Part(self._opened, number), self._numbers(number)
        part.rows = {item: row for item, row in part.rows.items() if item in numbers}
        return _Shard(number, part, set(numbers) - set(part.rows))

    def _order(self, item: Item) -> Order:
        job = item.job
        content = job.inputs.content
        if isinstance(content, Member) and content.column:
            # Rows are read in their order, once: each process would read all that are before its own.
            with suppress(ImpastoError):
                job = replace(job, inputs=replace(job.inputs, content=content.loaded()))
        inputs = self.painter.portable(job.inputs, job.recipe)
        job = replace(job, inputs=inputs, recipe=self.painter.exact(job.recipe))
        return Order(job, partly=False, suffix=PurePosixPath(item.output).suffix)

    def _take(self, shard: _Shard, number: int, outcome: Outcome) -> BatchResult | None:
        """Keep what came of a picture; None of one that was stopped."""
        painted: Painted | None = outcome.value
        error = outcome.error
        if painted is not None and painted.data is None:
            return None
        if painted is not None and painted.state == "unfinished":
            error = ImpastoError(f"ended at step {painted.taken}")
        shard.left.discard(number)
        if error is None and painted is not None and painted.data is not None and painted.record is not None:
            row = {
                "state": "painted",
                "seconds": painted.record.seconds,
                "height": painted.size[0],
                "width": painted.size[1],
                "steps": painted.taken,
                "attempts": outcome.attempts,
                "sha256": painted.record.picture,
            }
            try:
                shard.part.add(number, row, painted.data)
            except OutputError as trouble:
                error = trouble
            else:
                return self._result(number, "painted", row)
        shard.errors[number] = told(error)
        row = {"seconds": round(outcome.seconds, 3), "attempts": outcome.attempts, "error": shard.errors[number]}
        return self._result(number, "failed", row, error)

    def _result(self, number: int, state: str, row: Mapping[str, Any], error: Exception | None = None) -> BatchResult:
        shard = self.shard_of(number)
        whole = {**row, "file": self.items[number].output, "shard": shard, "state": state}
        path = None if error is not None else self.folder / shard
        seconds, attempts = float(row.get("seconds") or 0.0), int(row.get("attempts") or 1)
        return BatchResult(number, state, path, None, error, seconds, attempts, whole)

    def shard_of(self, number: int) -> str:
        """Return the file that an item goes into."""
        return f"{number // self._pictures:05}.{self._shard_kind}"

    def _finish(self, shard: _Shard) -> None:
        """Write a shard of which every picture is there or failed, and record it."""
        path = self.folder / self.shards[shard.number]
        rows = shard.part.rows
        errors = [[self.items[number].output, text] for number, text in sorted(shard.errors.items())]
        row: dict[str, Any] = {
            "file": path.name,
            "state": "failed" if errors else "painted",
            "pictures": len(rows),
            "failed": len(errors),
        }
        row["seconds"] = round(sum(float(one["seconds"]) for one in rows.values()), 3)
        try:
            files.drop_link(path)
            write(path, self._shard_kind, (self._sample(shard, number) for number in self._numbers(shard.number)))
            row |= {"sha256": files.digest(path), "bytes": path.stat().st_size}
        except (ImpastoError, OSError) as error:
            row |= {"state": "failed", "pictures": 0, "error": told(error)}
            errors.append([path.name, told(error)])
        failed = row["state"] == "failed"
        self._opened.finish(shard.number, {**row, "errors": errors} if errors else row, failed=failed)
        # With what failed painted one day, the shard is made of both.
        shard.part.close(remove=not failed)

    def _sample(self, shard: _Shard, number: int) -> Sample:
        item, row = self.items[number], shard.part.rows.get(number, {})
        content = item.job.inputs.content
        data = shard.part.data(number)
        beside: list[tuple[str, bytes]] = []
        if isinstance(content, Member) and data is not None and self._shard_kind == "tar":
            beside = content.others()
        known = {
            "state": "failed" if data is None else "painted",
            "error": shard.errors.get(number),
            "sha256": row.get("sha256"),
            "source": None if content is None else str(getattr(content, "name", content)),
            "height": row.get("height"),
            "width": row.get("width"),
        }
        return Sample(item.output, data, known, tuple(beside))

    def _check_outputs(self, *, probe: bool) -> None:
        """Raise `OutputError` where a shard cannot be written, or something is there that is not the batch's."""
        for suffix in {PurePosixPath(item.output).suffix.lower() for item in self.items} - set(images.FORMATS):
            raise OutputError(f"'{suffix}' names no format to write; end --name in one of {', '.join(images.FORMATS)}")
        inputs = {
            str(Path(item.job.inputs.content.archive).absolute())
            for item in self.items
            if isinstance(item.job.inputs.content, Member)
        }
        resolved = {Path(path).resolve() for path in inputs}
        for name in self.shards:
            path = self.folder / name
            if path.resolve() in resolved:
                raise OutputError(f"{path}: is also an input; name another folder")
            if self._jobs is None and not self._force and (path.exists() or path.is_symlink()):
                raise OutputError(f"{path}: exists already and is of no batch; pass --force, or name another folder")
        if probe:
            files.check_output(self.folder / self.shards[0], force=True)
            files.check_output(self.folder / self.table, force=self._jobs is not None or self._force)

    def _check_done(self) -> None:
        """Raise `OutputError` where a shard has gone or is of another length; with `force` it is painted anew."""
        for number, row in self._opened.rows():
            if number >= len(self.shards):
                continue
            path = self.folder / self.shards[number]
            # Whole shards would take hours to be read.
            length = path.stat().st_size if path.is_file() else None
            if length != row.get("bytes"):
                if not self._force:
                    what = "is gone" if length is None else "was changed"
                    raise OutputError(
                        f"{path}: {what} since the batch painted it; pass --force to paint it again, or move what is "
                        "there to another folder"
                    )
                self._opened.repeat(number)


def divided(folder: Path) -> dict[str, Any] | None:
    """Return how the batch in a folder is divided into shards; None where it is not. Raises as `JobFolder.open`."""
    shards = JobFolder.open(folder).manifest.get("shards")
    if shards is None:
        return None
    if not isinstance(shards, dict) or not isinstance(shards.get("pictures"), int) or shards.get("kind") not in KINDS:
        raise OutputError(f"{folder}: holds a damaged batch; name another folder")
    return {"pictures": shards["pictures"], "kind": shards["kind"]}


def _drained(kept: deque[BatchResult]) -> Iterator[BatchResult]:
    while kept:
        yield kept.popleft()


def _plain(output: str) -> str:
    """Return a picture's name as samples are called: their keys end at the first full stop."""
    path = PurePosixPath(output)
    return str(path.with_name(path.stem.replace(".", "_") + path.suffix))
