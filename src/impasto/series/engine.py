"""The engine of every series: check everything, then paint what is not there yet, one cell after another."""

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from impasto import files, limits
from impasto.encoders import Encoder
from impasto.errors import ImageError, ImpastoError, OutputError, ResourceError, UsageError
from impasto.events import Progress
from impasto.guides import Regions
from impasto.images import Picture
from impasto.optim.resources import Resources
from impasto.painting.api import begin_with
from impasto.recipe import Recipe
from impasto.recipe.catalogue import METHODS
from impasto.scene.inputs import Inputs, Masks
from impasto.scene.painting import Painting
from impasto.scene.resolve import PictureLike
from impasto.series import records
from impasto.series.existing import compare
from impasto.series.grid import Cell, Job
from impasto.series.records import Record
from impasto.series.sources import Pictures

WAITING = ("new", "unfinished", "differs")
"""States of cells that are to be painted."""


class Series:
    """Many paintings in progress: `paint` each of `cells`, then `finish`. Sweeps and benchmarks are series.

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
        self._resources = resources or Resources.choose()
        own = self._own
        aligned = any(METHODS[cell.job.recipe.method].landmarks for cell in own)
        if not aligned and any(cell.job.inputs.has_landmarks for cell in own):
            raise UsageError("landmarks belong to method portrait, by which no cell is painted; leave them out")
        self._encoders: dict[tuple[Any, ...], Encoder] = {}
        self._precision = "auto"
        self._pictures = Pictures()
        self._regions: dict[tuple[int, int, int], Regions | None] = {}
        for cell in own:
            for source in cell.job.inputs.sources:
                self._pictures(source, cell.job.inputs.load)
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

    def paint(self, cell: Cell, watch: Callable[[Progress], object] | None = None) -> None:
        """Paint a cell that waits, and save it; an error is noted in the cell.

        `watch` sees every step, and stops the painting by returning True: then the picture so far is saved, to be
        painted again another time.
        """
        if cell.state not in WAITING:
            return
        began = time.monotonic()
        limits.forget_peak()
        stopped = False
        try:
            stylizer = self._stylizer(cell.job)
            for progress in stylizer:
                if watch is not None and watch(progress) is True:
                    stopped = True
                    break
            result = stylizer.result()
            # A sweep stays within its folder, wherever links in it lead.
            files.drop_link(cell.path)
            result.save(cell.path, force=True)
        # torch tells of memory, and of much else, by RuntimeError; the other cells need not share the trouble.
        except (ImpastoError, MemoryError, RuntimeError) as error:
            cell.state, cell.note = "failed", " ".join(str(error).split())
        else:
            cell.record = Record.of(cell.path, result.history, time.monotonic() - began, limits.peak())
            cell.state, cell.note = "painted", ""
            if not result.finished:
                cell.state = "stopped" if stopped else "failed"
                cell.note = f"ended at step {stylizer.taken} of {cell.steps}"
            self._records[self.key(cell)] = cell.record
        self.write()

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
        inputs = {os.path.realpath(source) for source in named if isinstance(source, str | Path)}
        for path in written:
            if os.path.realpath(path) in inputs:
                # Not even by force: other cells may still need it.
                raise OutputError(f"{path}: is also an input; name another folder")
        if check:
            records.check_folder(self.folder, self.outputs, self.RECORDS, force=force)

    def _look(self, cell: Cell) -> None:
        """Try the cell's settings on its pictures, and see what is there already."""
        try:
            stylizer = self._stylizer(cell.job)
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

    def _stylizer(self, job: Job) -> Painting:
        """Build the one thing that knows how to paint, with what other cells have built before."""
        recipe, encoder = job.recipe, job.encoder
        key: tuple[Any, ...] | None = None
        if encoder is None or isinstance(encoder, str | Path):
            if recipe.precision == "auto":
                # Measured once: all cells of a sweep are painted alike.
                recipe = recipe.replace(precision=self._precision)
            method = METHODS[recipe.method]
            if not method.feed_forward or (method.styles and not recipe.refine):
                # Those that paint any style by one pass all work on the features of petite.
                which = "petite, one pass" if method.feed_forward else recipe.encoder
                key = (encoder or which, recipe.pooling, recipe.padding, recipe.precision)
                encoder = self._encoders.get(key, encoder)
        inputs = self._read(job.inputs, recipe)
        stylizer = begin_with(inputs, recipe, encoder=encoder, network=job.network, resources=self._resources)
        if recipe.precision == "auto":
            self._precision = stylizer.recipe.precision
        if key is not None and stylizer.encoder is not None:
            self._encoders[*key[:-1], stylizer.recipe.precision] = stylizer.encoder
        return stylizer

    def _read(self, inputs: Inputs, recipe: Recipe) -> Inputs:
        """Return the inputs with pictures and masks that other cells have read before."""
        if not METHODS[recipe.method].landmarks:
            inputs = inputs.without_landmarks()

        def load(source: PictureLike) -> Picture:
            return self._pictures(source, inputs.load)

        if isinstance(inputs.masks, Masks):
            key = id(inputs.masks), len(inputs.paintings), recipe.regions
            if key not in self._regions:
                self._regions[key] = inputs.masks.read(*key[1:], load)
            inputs = replace(inputs, masks=self._regions[key])
        return inputs.read(recipe, load)
