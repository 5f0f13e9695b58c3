"""The engine of sweeps: check everything, paint what is not there yet, then the table and the sheet."""

import json
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from impasto import encoders, files, images, metadata
from impasto.encoders import Encoder
from impasto.errors import ImageError, ImpastoError, OutputError, RecipeError, ResourceError, UsageError
from impasto.events import Progress
from impasto.guides import Regions
from impasto.images import Picture
from impasto.optim.resources import Resources
from impasto.optim.tile_planner import Tiling
from impasto.painting.api import begin_with
from impasto.recipe import Recipe
from impasto.recipe.catalogue import METHODS
from impasto.scene.inputs import Inputs, Masks, RegionNames
from impasto.scene.painting import Painting
from impasto.scene.resolve import PictureLike
from impasto.series import records, sheet
from impasto.series.grid import Axis, Cell, Job, State, lay_out
from impasto.series.records import PARTS, Record

KEPT_BYTES = 2**30
"""Of decoded files; more are decoded again when they are needed again."""


class Sweep:
    """A sweep in progress: `paint` each of `cells`, then `finish`; or let `sweep` do it all.

    `cells` come from `lay_out`. Everything that can be refused is refused here, before any painting: the quickest
    first. `check` false refuses nothing for what is in the folder, and leaves no trace there. Landmarks go only to
    cells of a method that has them, so that others can stand beside it.

    Raises `ImpastoError`s as `Stylizer` does, with the cell to blame, and `OutputError` for what cannot be written
    and for pictures in the folder that were painted otherwise, unless `force`.
    """

    def __init__(
        self,
        axes: Sequence[Axis],
        cells: Sequence[Cell],
        folder: Path,
        *,
        sheet: str = "sheet.png",
        cell_height: int = 300,
        force: bool = False,
        check: bool = True,
        resources: Resources | None = None,
    ) -> None:
        self.axes, self.cells, self.folder = tuple(axes), list(cells), folder
        self.sheet, self.table = folder / sheet, folder / records.TABLE
        self.cell_height = cell_height
        self._resources = resources or Resources.choose()
        aligned = any(METHODS[cell.job.recipe.method].landmarks for cell in self.cells)
        if not aligned and any(cell.job.inputs.has_landmarks for cell in self.cells):
            raise UsageError("landmarks belong to method portrait, by which no cell is painted; leave them out")
        self._encoders: dict[tuple[Any, ...], Encoder] = {}
        self._precision = "auto"
        self._pictures = _Pictures()
        self._regions: dict[tuple[int, int, int], Regions | None] = {}
        for cell in self.cells:
            for source in cell.job.inputs.sources:
                self._pictures(source, cell.job.inputs.load)
        self._check_outputs(force=force, check=check)
        self._records = records.read(folder, force=force or not check)
        for cell in self.cells:
            self._look(cell)
        differing = [cell for cell in self.cells if cell.state == "differs"]
        if differing and check and not force:
            more = f" (and so do {len(differing) - 1} more)" if len(differing) > 1 else ""
            raise OutputError(
                f"{differing[0].path}: exists already and differs{more}: {differing[0].note}; pass --force to paint "
                "it again, or name another folder"
            )

    @property
    def waiting(self) -> list[Cell]:
        """Cells that are to be painted."""
        return [cell for cell in self.cells if cell.state in ("new", "unfinished", "differs")]

    @property
    def failed(self) -> list[Cell]:
        """Cells that could not be painted."""
        return [cell for cell in self.cells if cell.state == "failed"]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The table: a row for each cell, with None for what is not known."""
        return [_row(cell) for cell in self.cells]

    def paint(self, cell: Cell, watch: Callable[[Progress], object] | None = None) -> None:
        """Paint a cell that waits, and save it; an error is noted in the cell.

        `watch` sees every step, and stops the painting by returning True: then the picture so far is saved, to be
        painted again another time.
        """
        if cell not in self.waiting:
            return
        began = time.monotonic()
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
            cell.record = Record.of(cell.path, result.history, time.monotonic() - began)
            cell.state, cell.note = "painted", ""
            if not result.finished:
                cell.state = "stopped" if stopped else "failed"
                cell.note = f"ended at step {stylizer.taken} of {cell.steps}"
            self._records[cell.path.name] = cell.record
        self._write()

    def finish(self) -> None:
        """Write the table and the sheet, of what there is."""
        self._write()
        picture = sheet.draw(self.axes, self.cells, self.cell_height)
        files.drop_link(self.sheet)
        images.save(picture, self.sheet, force=True, quality=90)

    def _write(self) -> None:
        # The records first: they are what makes the table known as ours.
        records.write(self.folder, self._records)
        records.write_table(self.table, self.rows)

    def _check_outputs(self, *, force: bool, check: bool) -> None:
        written = [cell.path for cell in self.cells] + [self.sheet, self.table, self.folder / records.NAME]
        if self.sheet.parent != self.folder or self.sheet in written[: len(self.cells)] or self.sheet == self.table:
            raise UsageError(f"{self.sheet}: the sheet needs a name of its own in the folder, such as sheet.png")
        named = [source for cell in self.cells for source in (*cell.job.inputs.files, cell.job.encoder)]
        inputs = {os.path.realpath(source) for source in named if isinstance(source, str | Path)}
        for path in written:
            if os.path.realpath(path) in inputs:
                # Not even by force: other cells may still need it.
                raise OutputError(f"{path}: is also an input; name another folder")
        if check:
            images.check_output(self.sheet, force=True)
            records.check_folder(self.folder, (self.sheet, self.table), force=force)

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
            cell.state, cell.note = _compare(cell.path, json.loads(stylizer.result().metadata))
            record = self._records.get(cell.path.name)
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
            if not METHODS[recipe.method].feed_forward:
                # Networks bring their own.
                key = (encoder or recipe.encoder, recipe.pooling, recipe.padding, recipe.precision)
                encoder = self._encoders.get(key, encoder)
        inputs = self._read(job.inputs, recipe)
        stylizer = begin_with(inputs, recipe, encoder=encoder, network=job.network, resources=self._resources)
        if key is not None and stylizer.encoder is not None:
            if recipe.precision == "auto":
                self._precision = stylizer.recipe.precision
                key = (*key[:-1], self._precision)
            self._encoders[key] = stylizer.encoder
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


def sweep(
    content: PictureLike | None,
    styles: PictureLike | Sequence[PictureLike] | None,
    *,
    vary: Mapping[str, Sequence[Any]],
    folder: str | Path,
    recipe: Recipe | None = None,
    preset: str | None = None,
    encoder: str | Path | Encoder | None = None,
    network: str | Path | None = None,
    init_image: PictureLike | None = None,
    regions: Regions | Masks | None = None,
    content_mask: PictureLike | None = None,
    style_masks: Sequence[PictureLike | None] | PictureLike | None = None,
    region_masks: Mapping[str, tuple[PictureLike, Sequence[PictureLike | None]]] | None = None,
    region_names: RegionNames | None = None,
    content_landmarks: PictureLike | None = None,
    style_landmarks: PictureLike | None = None,
    max_pixels: int = images.DEFAULT_MAX_PIXELS,
    allow_truncated: bool = False,
    tile: Tiling = "auto",
    memory: int | None = None,
    device: str = "auto",
    on_step: Callable[[Cell, Progress], object] | None = None,
    on_cell: Callable[[Cell], None] | None = None,
    sheet: str = "sheet.png",
    cell_height: int = 300,
    force: bool = False,
    overrides: Mapping[str, Any] | None = None,
) -> Sweep:
    """Paint every combination of one or two settings into `folder`, with a labelled contact sheet and a table.

    `vary` maps recipe keys, `content`, `style`, `preset`, `encoder` or `init` to the values they take; what is varied
    is not given otherwise. Settings are put together as by `stylize`, single ones in `overrides`. What the folder
    holds already is kept. `on_step` and `on_cell` see what happens; `on_step` returning True stops the sweep.
    Masks, their names and landmarks are those of `stylize`, or `regions` what `guides` made of masks; all else is as
    for `Stylizer` and `Sweep`.

    Raises `ImpastoError`s before anything is painted; a cell that fails later says so in its `state` and `note`.
    """
    if recipe is not None and preset is not None:
        raise UsageError("give a recipe or a preset, not both; overrides change single settings")
    axes = [Axis(key, tuple(values)) for key, values in vary.items()]
    fixed = {"content": content, "style": styles, "preset": recipe or preset, "encoder": encoder, "init": init_image}
    for key in vary:
        if fixed.get(key) is not None or key in (overrides or {}):
            raise UsageError(f"{key} is given and varied; do one or the other")
    masks = Masks.given(content_mask, style_masks, region_masks, region_names)
    if regions is not None and masks is not None:
        raise UsageError("regions are what was made of masks; give the one or the other")
    whole = Inputs(
        content,
        () if styles is None else styles,
        init_image,
        masks or regions,
        content_landmarks,
        style_landmarks,
        max_pixels=max_pixels,
        allow_truncated=allow_truncated,
    )

    def make(values: Mapping[str, Any]) -> Job:
        settings = {**(overrides or {}), **values}
        photo, painting = settings.pop("content", content), settings.pop("style", None)
        chosen, init, own = settings.pop("preset", preset), init_image, encoder
        if "encoder" in settings and not _is_one_of(settings["encoder"], encoders.NAMES):
            own = settings.pop("encoder")
        if "init" in settings and not _is_one_of(settings["init"], get_args(Recipe.model_fields["init"].annotation)):
            init, settings["init"] = settings["init"], "file"
        base = Recipe.from_preset(chosen, **settings) if recipe is None else recipe.replace(**settings)
        inputs = replace(whole, content=photo, init=init, styles=whole.styles if painting is None else [painting])
        return Job(inputs, base, own, network)

    folder = Path(folder)
    made = Sweep(
        axes,
        lay_out(axes, make, folder),
        folder,
        sheet=sheet,
        cell_height=cell_height,
        force=force,
        resources=Resources.choose(device, tile, memory),
    )
    stop = False
    for cell in made.cells:
        if stop:
            break

        def watch(progress: Progress, cell: Cell = cell) -> bool:
            nonlocal stop
            stop = on_step is not None and on_step(cell, progress) is True
            return stop

        made.paint(cell, watch)
        if on_cell is not None:
            on_cell(cell)
    made.finish()
    return made


class _Pictures:
    """Decodes each picture once, as long as they fit in `KEPT_BYTES`."""

    def __init__(self) -> None:
        self._found: OrderedDict[Any, Picture] = OrderedDict()
        self._held: dict[Any, Picture] = {}
        """What is in memory anyway, and standard input, which comes only once."""

    def __call__(self, source: PictureLike, load: Callable[[PictureLike], Picture]) -> Picture:
        if source == "-" if isinstance(source, str) else not isinstance(source, Path):
            key = "-" if isinstance(source, str) else id(source)
            if key not in self._held:
                self._held[key] = load(source)
            return self._held[key]
        key = os.fspath(source)
        if key not in self._found:
            self._found[key] = load(source)
        self._found.move_to_end(key)
        while len(self._found) > 1 and sum(map(_bytes, self._found.values())) > KEPT_BYTES:
            self._found.popitem(last=False)
        return self._found[key]


def _is_one_of(value: object, words: Sequence[str]) -> bool:
    # Not `in` alone: a picture may be an array, which compares by element.
    return isinstance(value, str) and value in words


def _bytes(picture: Picture) -> int:
    return picture.pixels.nbytes + (0 if picture.alpha is None else picture.alpha.nbytes)


def _compare(path: Path, wanted: Mapping[str, Any]) -> tuple[State, str]:
    """Tell whether the picture that is there is the one `wanted`, by what it says of itself."""
    try:
        found = metadata.read(path)
    except ImageError as error:
        return "differs", f"it {str(error).partition(': ')[2] or error}"
    if found is None:
        return "differs", "it was not painted by impasto"
    if not isinstance(found.get("recipe"), dict):
        return "differs", "it carries no recipe"
    was, now = _complete(found["recipe"]), _complete(wanted["recipe"])
    for key in now:
        if was.get(key) != now[key]:
            return "differs", f"{key} was {_short(was.get(key))} and is {_short(now[key])} now"
    for key, what in (("inputs", "of other pictures"), ("weights", "with other weights")):
        if found.get(key) != wanted[key]:
            return "differs", f"it was painted {what}"
    return ("unfinished", "") if "stopped_after" in found else ("kept", "")


def _complete(recipe: dict[str, Any]) -> dict[str, Any]:
    """Return a recipe with every key: one of an older impasto lacks those that were not known then."""
    try:
        return Recipe.parse(recipe).model_dump(mode="json")
    except RecipeError:
        return recipe


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _row(cell: Cell) -> dict[str, Any]:
    record = cell.record
    row: dict[str, Any] = dict(cell.labels)
    row |= {"file": cell.path.name, "state": cell.state, "width": cell.size[1], "height": cell.size[0]}
    row |= {"steps": record and record.steps, "seconds": record and record.seconds}
    for when in ("start", "end"):
        losses = {} if record is None else getattr(record, when)
        row |= {f"{when}_{part}": losses.get(part) for part in PARTS}
    return row | {"note": cell.note}
