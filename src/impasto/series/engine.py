"""The engine of every series: check everything, then paint what is not there yet, on any executor."""

import itertools
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from impasto import files
from impasto.errors import ImageError, ImpastoError, OutputError, ResourceError, UsageError
from impasto.events import Progress
from impasto.executors import Executor, InProcess, Outcome
from impasto.executors.painter import Painter
from impasto.executors.sizing import share
from impasto.optim.resources import Resources
from impasto.recipe.catalogue import METHODS
from impasto.scene.painting import Painting
from impasto.series import records
from impasto.series.existing import compare
from impasto.series.grid import Cell, Job
from impasto.series.paint_work import Order, Painted, maker

WAITING = ("new", "unfinished", "differs")
"""States of cells that are to be painted."""


class Series:
    """Many paintings in progress: `run` paints `cells`. Sweeps and benchmarks are series.

    Everything that can be refused is refused here, before any painting: the quickest first. `check` false refuses
    nothing for what is in the folder, and leaves no trace there. Landmarks go only to cells of a method that has them,
    so that others can stand beside it.

    Raises `ImpastoError`s as `Stylizer` does, with the cell to blame, and `OutputError` for what cannot be written
    and for pictures in the folder that were painted otherwise, unless `force`.
    """

    RECORDS = records.NAME
    """The file of the folder that remembers how each cell went, and shows that the folder is this series's."""

    def __init__(
        self,
        cells: Sequence[Cell],
        folder: Path,
        *,
        force: bool = False,
        check: bool = True,
        resources: Resources | None = None,
    ) -> None:
        self.cells, self.folder = list(cells), folder
        own = self._own
        aligned = any(METHODS[cell.job.recipe.method].landmarks for cell in own)
        if not aligned and any(cell.job.inputs.has_landmarks for cell in own):
            raise UsageError("landmarks belong to method portrait, by which no cell is painted; leave them out")
        self._painter = Painter(resources)
        for cell in own:
            for source in cell.job.inputs.sources:
                self._painter.picture(source, cell.job.inputs.load)
        self.check_outputs(force=force, check=check)
        self._records = records.read(folder, self.RECORDS, force=force or not check)
        for cell in own:
            self._look(cell)
        differing = [cell for cell in own if cell.state == "differs"]
        if differing and check and not force:
            more = f" (and so do {len(differing) - 1} more)" if len(differing) > 1 else ""
            raise OutputError(
                f"{differing[0].path}: exists already and differs{more}: {differing[0].note}; pass --force to paint "
                "it again, or name another folder"
            )

    @property
    def outputs(self) -> tuple[Path, ...]:
        """What is written beside the pictures and the records; what each picture is called is in its cell."""
        return ()

    @property
    def waiting(self) -> list[Cell]:
        """Cells that are to be painted."""
        return [cell for cell in self.cells if cell.state in WAITING]

    @property
    def failed(self) -> list[Cell]:
        """Cells that could not be painted."""
        return [cell for cell in self.cells if cell.state == "failed"]

    def run(
        self,
        executor: Executor | None = None,
        *,
        on_step: Callable[[Cell, Progress], object] | None = None,
        on_cell: Callable[[Cell], object] | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Paint every cell that waits, and save it; an error is noted in its cell. Then `finish`.

        `executor` paints, by default this process, one after another. `on_step` sees every step, or with other
        processes some each second, and stops all by returning True: then pictures so far are saved, to be painted again
        another time. `on_cell` sees each cell when it is done, those first that are there already. `stop` says between
        cells whether it is enough.
        """
        executor = executor or InProcess()
        for cell in self.cells:
            if cell.state not in WAITING and not stop():
                self.conclude(cell)
                if on_cell is not None:
                    on_cell(cell)
        cells = [cell for cell in self.cells if cell.state in WAITING]
        stopped = False

        def watch(index: int, _order: Order, progress: Progress) -> bool:
            nonlocal stopped
            stopped = stopped or (on_step is not None and on_step(cells[index], progress) is True)
            return stopped

        near = isinstance(executor, InProcess)
        orders = (self._order(cell, near=near) for cell in itertools.takewhile(lambda _: not stop(), cells))
        memory = None if executor.workers == 1 else share(executor.workers)
        make = maker(executor, self._painter, memory)
        for outcome in executor.run(make, orders, watch=watch):
            cell = cells[outcome.index]
            self._settle(cell, outcome, stopped=stopped)
            self.write()
            self.conclude(cell)
            if on_cell is not None:
                on_cell(cell)
        self.finish()

    def _order(self, cell: Cell, *, near: bool) -> Order:
        job = cell.job
        if near:
            return Order(job, cell.path)
        inputs = self._painter.portable(job.inputs, job.recipe)
        return Order(replace(job, inputs=inputs, recipe=self._painter.exact(job.recipe)), cell.path)

    def _settle(self, cell: Cell, outcome: Outcome, *, stopped: bool) -> None:
        """Note in a cell what came of it."""
        error = outcome.error
        # torch tells of memory, and of much else, by RuntimeError; the other cells need not share the trouble.
        if error is not None and not isinstance(error, ImpastoError | MemoryError | RuntimeError):
            raise error
        if error is not None:
            cell.state, cell.note = "failed", " ".join(str(error).split())
            return
        painted: Painted = outcome.value
        cell.record = painted.record
        cell.state, cell.note = "painted", ""
        if painted.state == "unfinished":
            cell.state = "stopped" if stopped else "failed"
            cell.note = f"ended at step {painted.taken} of {cell.steps}"
        if painted.record is not None:
            self._records[self.key(cell)] = painted.record

    def conclude(self, cell: Cell) -> None:
        """See to a cell whose picture is there, or could not be painted."""

    def finish(self) -> None:
        """Write what the series ends in, of what there is."""
        self.write()

    def write(self) -> None:
        """Write the records."""
        # Before any table: they are what makes it known as ours.
        records.write(self.folder, self._records, self.RECORDS)

    def key(self, cell: Cell) -> str:
        """Return what a cell's record is kept under: where its picture is in the folder."""
        return cell.path.relative_to(self.folder).as_posix()

    @property
    def _own(self) -> list[Cell]:
        """The cells that this series paints."""
        return [cell for cell in self.cells if cell.state != "external"]

    def check_outputs(self, *, force: bool, check: bool) -> None:
        """Raise `OutputError` where something cannot be written, or would take the place of an input."""
        written = [*(cell.path for cell in self._own), *self.outputs, self.folder / self.RECORDS]
        named = [source for cell in self._own for source in (*cell.job.inputs.files, cell.job.encoder)]
        inputs = {files.identity(source) for source in named if isinstance(source, str | Path)}
        for path in written:
            files.check_name(path)
            if files.identity(path) in inputs:
                # Not even by force: other cells may still need it.
                raise OutputError(f"{path}: is also an input; name another folder")
        if check:
            records.check_folder(self.folder, self.outputs, self.RECORDS, force=force)

    def _begin(self, job: Job) -> Painting:
        return self._painter.begin(job.inputs, job.recipe, encoder=job.encoder, network=job.network)

    def _look(self, cell: Cell) -> None:
        """Try the cell's settings on its pictures, and see what is there already."""
        try:
            stylizer = self._begin(cell.job)
        except (ImageError, UsageError, ResourceError) as error:
            raise type(error)(f"{cell.title}: {error}") from None
        cell.size, cell.encoder = stylizer.size, stylizer.recipe.encoder
        cell.steps, cell.work = stylizer.steps, stylizer.pixel_steps
        # A link to nowhere is there too.
        if os.path.lexists(cell.path):
            cell.state, cell.note = compare(cell.path, json.loads(stylizer.result().metadata))
            record = self._records.get(self.key(cell))
            if cell.state == "kept" and record is not None and record.picture == records.digest(cell.path):
                cell.record = record
