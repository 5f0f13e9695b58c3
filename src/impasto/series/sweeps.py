"""Sweeps: one or two settings in several values, every combination painted, with a sheet and a table."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack, get_args

from impasto import encoders, files, images
from impasto.errors import UsageError
from impasto.events import Progress
from impasto.executors import Executor
from impasto.images.html import figure, table
from impasto.optim.resources import Resources
from impasto.painting.options import PaintingOptions, read_options
from impasto.recipe import Recipe
from impasto.scene.inputs import Masks, RegionNames
from impasto.scene.resolve import PictureLike
from impasto.series import records, sheet
from impasto.series.engine import Series
from impasto.series.grid import Axis, Cell, Job, lay_out
from impasto.series.records import PARTS


class Sweep(Series):
    """A sweep in progress: `run` it; or let `sweep` do it all.

    `cells` come from `lay_out`. Arguments and errors are those of `Series`.
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
        self.axes = tuple(axes)
        self.sheet, self.table = folder / sheet, folder / records.TABLE
        self.cell_height = cell_height
        if self.sheet.parent != folder or self.sheet in [cell.path for cell in cells] or self.sheet == self.table:
            raise UsageError(f"{self.sheet}: the sheet needs a name of its own in the folder, such as sheet.png")
        super().__init__(cells, folder, force=force, check=check, resources=resources)

    @property
    def outputs(self) -> tuple[Path, ...]:
        """The sheet and the table."""
        return self.sheet, self.table

    def check_outputs(self, *, force: bool, check: bool) -> None:
        """Raise `OutputError` where something cannot be written, the sheet's format among it."""
        if check:
            images.check_output(self.sheet, force=True)
        super().check_outputs(force=force, check=check)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The table: a row for each cell, with None for what is not known."""
        return [_row(cell) for cell in self.cells]

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the sheet, as far as it is painted, and the table."""
        return figure(sheet.draw(self.axes, self.cells, self.cell_height), {}) + table(self.rows)

    def finish(self) -> None:
        """Write the table and the sheet, of what there is."""
        self.write()
        picture = sheet.draw(self.axes, self.cells, self.cell_height)
        files.drop_link(self.sheet)
        images.save(picture, self.sheet, force=True, quality=90)

    def write(self) -> None:
        """Write the records and the table."""
        super().write()
        records.write_table(self.table, self.rows)


def sweep(
    content: PictureLike | None,
    styles: PictureLike | Sequence[PictureLike] | None,
    *,
    vary: Mapping[str, Sequence[Any]],
    folder: str | Path,
    recipe: Recipe | None = None,
    preset: str | None = None,
    network: str | Path | None = None,
    content_mask: PictureLike | None = None,
    style_masks: Sequence[PictureLike | None] | PictureLike | None = None,
    region_masks: Mapping[str, tuple[PictureLike, Sequence[PictureLike | None]]] | None = None,
    region_names: RegionNames | None = None,
    on_step: Callable[[Cell, Progress], object] | None = None,
    on_cell: Callable[[Cell], None] | None = None,
    sheet: str = "sheet.png",
    cell_height: int = 300,
    force: bool = False,
    executor: Executor | None = None,
    overrides: Mapping[str, Any] | None = None,
    **options: Unpack[PaintingOptions],
) -> Sweep:
    """Paint every combination of one or two settings into `folder`, with a labelled contact sheet and a table.

    `vary` maps recipe keys, `content`, `style`, `preset`, `encoder` or `init` to the values they take; what is varied
    is not given otherwise. Settings are put together as by `stylize`, single ones in `overrides`. What the folder
    holds already is kept. `on_step` and `on_cell` see what happens; `on_step` returning True stops the sweep.
    `executor` paints: `executors.processes()` in several processes, else this one.
    Masks and their names are those of `stylize`, or `regions` what `guides` made of masks; all else is as for
    `Stylizer` (`PaintingOptions`) and `Sweep`.

    Raises `ImpastoError`s before anything is painted; a cell that fails later says so in its `state` and `note`.
    """
    if recipe is not None and preset is not None:
        raise UsageError("give a recipe or a preset, not both; overrides change single settings")
    axes = [Axis(key, tuple(values)) for key, values in vary.items()]
    whole, resources = read_options(content, () if styles is None else styles, options)
    encoder = options.get("encoder")
    fixed = {"content": content, "style": styles, "preset": recipe or preset, "encoder": encoder, "init": whole.init}
    for key in vary:
        if fixed.get(key) is not None or key in (overrides or {}):
            raise UsageError(f"{key} is given and varied; do one or the other")
    masks = Masks.given(content_mask, style_masks, region_masks, region_names)
    if masks is not None:
        if whole.masks is not None:
            raise UsageError("regions are what was made of masks; give the one or the other")
        whole = replace(whole, masks=masks)

    def make(values: Mapping[str, Any]) -> Job:
        settings = {**(overrides or {}), **values}
        photo, painting = settings.pop("content", content), settings.pop("style", None)
        chosen, init, own = settings.pop("preset", preset), whole.init, encoder
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
        resources=resources,
    )
    made.run(executor, on_step=on_step, on_cell=on_cell)
    return made


def _is_one_of(value: object, words: Sequence[str]) -> bool:
    # Not `in` alone: a picture may be an array, which compares by element.
    return isinstance(value, str) and value in words


def _row(cell: Cell) -> dict[str, Any]:
    record = cell.record
    row: dict[str, Any] = dict(cell.labels)
    row |= {"file": cell.path.name, "state": cell.state, "width": cell.size[1], "height": cell.size[0]}
    row |= {"steps": record and record.steps, "seconds": record and record.seconds}
    for when in ("start", "end"):
        losses = {} if record is None else getattr(record, when)
        row |= {f"{when}_{part}": losses.get(part) for part in PARTS}
    return row | {"note": cell.note}
