"""`impasto sweep`: one or two settings varied, every combination painted, and a sheet to compare them."""

import functools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from impasto.cli import mask_files
from impasto.cli import shared_options as given
from impasto.cli.option_groups import with_group
from impasto.cli.options import choices, option_name, with_settings
from impasto.cli.resources import load_torch
from impasto.cli.series_options import PictureSeriesOptions
from impasto.cli.session import write_out
from impasto.cli.sources import Chosen, choose
from impasto.cli.style_list import expand
from impasto.cli.vary import split
from impasto.errors import UsageError
from impasto.recipe.catalogue import ENCODERS

if TYPE_CHECKING:
    from impasto.series import Cell, Sweep

app = typer.Typer(add_completion=False)


@app.command()
@with_settings
@with_group("options", PictureSeriesOptions)
def sweep(
    ctx: typer.Context,
    options: PictureSeriesOptions,
    vary: Annotated[
        list[str],
        typer.Option(
            "--vary",
            metavar="KEY=VALUE,VALUE,...",
            help="A setting, style, content or preset with its values; twice for a grid. Values with commas: KEY=A;B.",
        ),
    ],
    output: given.PictureFolder,
    content: Annotated[str | None, typer.Argument(help="The photograph to paint; - reads standard input.")] = None,
    style: given.Styles = None,
    content_mask: given.ContentMask = None,
    style_mask: given.StyleMasks = None,
    region: given.Regions = None,
    region_names: given.RegionNames = None,
    landmarks: given.Landmarks = None,
    style_landmarks: given.StyleLandmarks = None,
    recipe: given.RecipeFile = None,
    preset: given.Preset = None,
    cell: Annotated[
        int, typer.Option("--cell", min=24, max=4096, metavar="PIXELS", help="Height of the pictures on the sheet.")
    ] = 300,
    sheet: Annotated[
        str, typer.Option("--sheet", metavar="NAME", help="Name of the contact sheet in the folder.")
    ] = "sheet.png",
    **settings: str | None,
) -> None:
    """Paint every combination of one or two settings, with a contact sheet.

    impasto sweep photo.jpg --style painting.jpg --vary content_weight=0.3,1,3 --vary tv=l1,vector -o sweep

    The same command again paints what is missing: pictures that are done stay, one that was stopped is begun anew.
    """
    session = options.begin(ctx, output)
    named, style = split(vary), expand(style or [])
    _check_given(named, {**settings, "content": content, "style": style, "preset": preset})
    masks = mask_files.files(content_mask, style_mask or [], region or [], styles=len(style or []) or 1)
    names = mask_files.region_names(region_names)
    of_styles = bool(style_mask) or len(masks) > len(region or []) + bool(content_mask)
    ours, theirs = (None if name is None else Path(name) for name in (landmarks, style_landmarks))
    _check_belongings(named, masks=bool(masks), style_masks=of_styles, landmarks=bool(ours or theirs))
    paintings = style or []

    def chosen(values: Mapping[str, str]) -> Chosen:
        spelled = {key: value for key, value in values.items() if key not in ("content", "style", "preset")}
        return choose(recipe, values.get("preset", preset), {**settings, **spelled})

    # What is wrong with a value is told before torch is loaded for the rest.
    for key, values in named.items():
        for value in values:
            chosen({**{other: several[0] for other, several in named.items()}, key: value})

    load_torch(options.threads)

    from impasto import guides, images, series
    from impasto.cli.series_run import run
    from impasto.scene.inputs import Inputs

    reading = options.reading()

    @functools.cache
    def regions(count: int, styles: int) -> guides.Regions | None:
        def load(name: str) -> images.Picture:
            return images.load(Path(name), **reading)

        return mask_files.read(
            content_mask, style_mask or [], region or [], styles=styles, count=count, load=load, names=names
        )

    def make(values: Mapping[str, Any]) -> series.Job:
        settled = chosen(values)
        several = [values["style"]] if "style" in values else paintings
        photo, start, *styles = _sources(values.get("content", content), settled.init, *several)
        areas = regions(settled.recipe.regions, len(styles))
        protect = None if settled.protect is None else Path(settled.protect)
        inputs = Inputs(photo, styles, start, areas, ours, theirs, protect, **reading)
        return series.Job(inputs, settled.recipe, settled.encoder, settled.network)

    axes = [
        series.Axis(key, tuple(values), tuple(_label(key, value) for value in values)) for key, values in named.items()
    ]
    folder = Path(output)
    made = series.Sweep(
        axes,
        series.lay_out(axes, make, folder),
        folder,
        sheet=sheet,
        cell_height=cell,
        force=options.force,
        check=not options.dry_run,
    )
    if options.dry_run:
        write_out(_plan(made, as_json=options.as_json))
        return
    status = run(made, session, options.executor(made))
    if options.as_json:
        write_out(json.dumps(_report(made), sort_keys=True))
    if status:
        raise typer.Exit(status)


def _check_belongings(named: Mapping[str, list[str]], *, masks: bool, style_masks: bool, landmarks: bool) -> None:
    """Raise `UsageError` where a picture is varied to which masks or landmarks belong."""
    if (masks and "content" in named) or (style_masks and "style" in named):
        raise UsageError("masks belong to one picture; with them, vary something else than that picture")
    if landmarks and ("content" in named or "style" in named):
        raise UsageError("landmarks belong to one picture; with them, vary something else than the pictures")


def _check_given(named: Mapping[str, list[str]], settings: Mapping[str, Any]) -> None:
    """Raise `UsageError` for what cannot be varied, is varied and given, or is neither."""
    from impasto.recipe import unknown

    if len(named) > 2:
        raise UsageError(f"--vary is there {len(named)} times; a sheet has room for one or two")
    for key, values in named.items():
        if key not in settings:
            raise UsageError(f"--vary: {unknown(key, settings, 'key')}")
        if settings[key]:
            what = "CONTENT" if key == "content" else option_name(key)
            raise UsageError(f"{what} and --vary {key} exclude each other; give one")
        if key in ("content", "style") and "-" in values:
            raise UsageError(f"--vary {key}: standard input is one picture; name files")
    for key, what in (("content", "no CONTENT is named"), ("style", "no painting is named with --style")):
        if not settings[key] and key not in named:
            raise UsageError(f"{what}; name one, or several to compare with --vary {key}=A,B")


def _sources(*names: str | None) -> Iterator[str | Path | None]:
    """Yield the pictures of a cell. Raises `UsageError` where several come from standard input."""
    if names.count("-") > 1:
        raise UsageError("only one picture can come from standard input; name a file for the others")
    # A path object for a file: only the very word `-` is standard input.
    return (name if name is None or name == "-" else Path(name) for name in names)


def _label(key: str, value: str) -> str:
    """Name a value: a file by its name alone."""
    named = {"encoder": ENCODERS, "init": choices("init")}.get(key, ())
    is_file = key in ("content", "style") or (key in ("encoder", "init") and value not in named)
    return Path(value).stem if is_file else value


def _report(made: "Sweep") -> dict[str, Any]:
    return {
        "cells": made.rows,
        "finished": all(cell.state in ("kept", "painted") for cell in made.cells),
        "folder": str(made.folder),
        "sheet": str(made.sheet),
        "table": str(made.table),
    }


def _plan(made: "Sweep", *, as_json: bool) -> str:
    """Describe what would be painted."""
    pixels = sum(cell.work for cell in made.waiting)
    if as_json:
        cells = [{**row, "steps": cell.steps} for row, cell in zip(made.rows, made.cells, strict=True)]
        return json.dumps(
            {"cells": cells, "folder": str(made.folder), "pixel_steps": pixels, "waiting": len(made.waiting)},
            sort_keys=True,
        )
    shape = " x ".join(f"{len(axis.values)} {axis.key}" for axis in made.axes)
    lines = [f"grid       {shape}: {len(made.cells)} cells, {len(made.waiting)} to paint"]
    lines.append(f"work       {sum(cell.steps for cell in made.waiting)} steps, {pixels / 1e6:.1f} million pixel-steps")
    lines += [_line(cell) for cell in made.cells]
    return "\n".join(lines)


def _line(cell: "Cell") -> str:
    told = {"new": "", "differs": f", differs: {cell.note}", "unfinished": ", was stopped"}
    more = told.get(cell.state, f", {cell.state}")
    return f"{cell.path.name}  {cell.size[1]}x{cell.size[0]} px, {cell.steps} steps{more}"
