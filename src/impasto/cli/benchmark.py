"""`impasto benchmark`: methods over many pairs, measured, and a report to compare them by."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from impasto.cli import shared_options as given
from impasto.cli.option_groups import with_group
from impasto.cli.options import given_settings, parse, with_settings
from impasto.cli.resources import load_torch
from impasto.cli.series_options import PictureSeriesOptions
from impasto.cli.session import write_out
from impasto.cli.sources import encoder_file
from impasto.errors import ImageError, UsageError
from impasto.events import notice

if TYPE_CHECKING:
    from impasto.series.benchmark import Benchmark
    from impasto.series.pairs import Input, Problem

SETS = ("nprgeneral", "nprportrait")

app = typer.Typer(add_completion=False)


@app.command()
@with_settings
@with_group("options", PictureSeriesOptions)
def benchmark(
    ctx: typer.Context,
    options: PictureSeriesOptions,
    style: Annotated[str, typer.Option("--style", metavar="DIR", help="A folder of paintings.")],
    methods: Annotated[
        str,
        typer.Option(
            "--methods",
            metavar="METHOD,METHOD:KEY=VALUE,...",
            help="What is compared; NAME=METHOD gives a name, ; sets apart where values have commas.",
        ),
    ],
    output: Annotated[str, typer.Option("--output", "-o", metavar="FOLDER", help="Where the report goes.")],
    content: Annotated[
        str | None,
        typer.Option("--content", metavar="DIR|ZIP|SET", help="A folder of photographs, or nprgeneral or nprportrait."),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option("--dataset", metavar="SET", help="The set that --content holds: nprgeneral or nprportrait."),
    ] = None,
    masks: Annotated[
        bool, typer.Option("--masks", help="Paint and measure the photographs' regions, by the set's masks.")
    ] = False,
    add: Annotated[
        list[str] | None,
        typer.Option("--add", metavar="NAME=DIR", help="Pictures of another program, by the names of the pairs."),
    ] = None,
    against: Annotated[
        str | None, typer.Option("--against", metavar="METHOD", help="Whom the others are compared with at first.")
    ] = None,
    most: Annotated[
        int | None, typer.Option("--most", min=1, metavar="COUNT", help="So many photographs at most, the first ones.")
    ] = None,
    pairs: Annotated[
        int | None,
        typer.Option(
            "--pairs",
            min=1,
            metavar="COUNT",
            help="So many pairs instead of all, with each picture in as many as any other.",
        ),
    ] = None,
    metrics_encoder: Annotated[
        str, typer.Option("--metrics-encoder", metavar="NAME|FILE", help="What measures; auto: vgg19 where it is here.")
    ] = "auto",
    preset: given.Preset = None,
    **settings: str | None,
) -> None:
    """Paint every photograph in every style by every method, measure all, and write a report.

    impasto benchmark --content nprgeneral --style paintings --methods gatys,nnst,wct:alpha=0.7 -o report

    The same command again paints and measures what is missing.
    """
    session = options.begin(ctx, output)
    if dataset is None and content in SETS:
        content, dataset = None, content
    if content is None and dataset is None:
        raise UsageError("no photographs are named; give --content DIR, or --content nprgeneral")
    if masks and dataset != "nprportrait":
        raise UsageError("--masks: only nprportrait has masks; leave it out")
    spelled = given_settings(settings)
    painter = encoder_file(spelled)
    # Checked as a whole, so that a mistake is blamed on its option.
    _check_values(spelled)
    from impasto.series import entrants, external

    chosen = entrants.parse(methods, spelled, preset)
    added = external.split_added(add or [])

    # Only now torch: what is wrong with the options is told at once.
    load_torch(options.threads)

    from impasto.cli.series_run import run
    from impasto.series import benchmark as made_of
    from impasto.series import report
    from impasto.series.pairs import read_inputs

    reading = options.reading()
    contents, problems, about = _contents(content, dataset, masks=masks, **reading)
    styles, more = read_inputs(external.pictures_in(Path(style)), **reading)
    made = made_of.Benchmark(
        chosen,
        contents[:most],
        styles,
        Path(output),
        added=added,
        against=against,
        pairs=pairs,
        painter=painter,
        encoder=metrics_encoder,
        second_encoder=metrics_encoder,
        problems=[*problems, *more],
        about=about,
        report=report.write,
        force=options.force,
        check=not options.dry_run,
        **reading,
    )
    for problem in made.problems:
        session.terminal.note(f"{problem.file}: left out: {problem.note}")
    if options.dry_run:
        write_out(_plan(made, as_json=options.as_json))
        return
    status = run(made, session, options.executor(made))
    if options.as_json:
        write_out(json.dumps(_summary(made), sort_keys=True))
    if status or made.problems:
        raise typer.Exit(status or 1)


def _check_values(spelled: dict[str, Any]) -> None:
    """Raise `RecipeError` naming the option whose value does not fit, whatever method it is for."""
    from impasto.recipe.catalogue import METHODS

    for key, value in spelled.items():
        owner = next((name for name, method in METHODS.items() if key in method.settings), "gatys")
        if key != "method":
            parse({"method": owner}, {key: value})
    if "method" in spelled:
        raise UsageError("--method: a benchmark has several; name them in --methods")


def _contents(
    content: str | None, dataset: str | None, *, masks: bool, **reading: Any
) -> "tuple[list[Input], list[Problem], dict[str, str]]":
    """Return the photographs, what cannot be used of them, and what the report says of the set."""
    from impasto.series import external
    from impasto.series.pairs import Input, Problem, read_inputs

    if dataset is None:
        folder = Path(str(content))
        if not folder.is_dir():
            raise ImageError(f"{folder}: is no folder; name one, or say which set a zip is with --dataset")
        inputs, problems = read_inputs(external.pictures_in(folder), **reading)
        return inputs, problems, {}
    from impasto import datasets

    collection = datasets.collect(dataset, None if content is None else Path(content))
    photographs = collection.dataset
    inputs, problems = read_inputs([item.path for item in collection.items], **reading)
    by_path = {item.path: item for item in collection.items}
    named = []
    for picture in inputs:
        item = by_path[picture.path]
        credit = f"{item.entry.by}; {photographs.title}" if item.entry.by else photographs.title
        try:
            regions = datasets.read_regions(photographs, item) if masks else None
        except ImageError as error:
            problems.append(Problem(item.entry.name, str(error)))
            continue
        if masks and regions is None:
            notice(f"{item.entry.name}: has no mask beside it; painted and measured as a whole")
        named.append(Input(item.entry.name, picture.path, credit, regions))
    problems += [
        Problem(entry.file or entry.name, f"is missing of {photographs.title}") for entry in collection.missing
    ]
    verified = sum(item.verified for item in collection.items)
    about = {
        "dataset": f"Photographs: {photographs.title} ({photographs.citation}), {len(collection.items)} of "
        f"{len(photographs.entries)}, {verified} of them verified by md5. {photographs.credit}."
    }
    return named, problems, about


def _plan(made: "Benchmark", *, as_json: bool) -> str:
    painting = [cell for cell in made.waiting if cell.state in ("new", "unfinished", "differs")]
    pixels = sum(cell.work for cell in painting)
    if as_json:
        return json.dumps(
            {
                "pairs": made.pairs,
                "pictures": len(made.cells),
                "to_paint": len(painting),
                "to_measure": len(made.waiting),
                "pixel_steps": pixels,
                "methods": made.labels,
                "contents": [item.name for item in made.contents],
                "styles": [item.name for item in made.styles],
                "left_out": [problem.note for problem in made.skipped],
            },
            sort_keys=True,
        )
    lines = [
        f"pairs      {made.pairs}, of {len(made.contents)} photographs x {len(made.styles)} styles",
        f"pictures   {len(made.cells)}, {len(painting)} to paint, {len(made.waiting)} to measure",
        f"work       {pixels / 1e6:.1f} million pixel-steps",
    ]
    for label in made.labels:
        own = [cell for cell in made.cells if cell.labels["method"] == label]
        lines.append(f"{label}  {len(own)} pictures" + (f", {own[0].steps} steps each" if own and own[0].steps else ""))
    lines += [f"left out   {problem.file}: {problem.note}" for problem in made.skipped]
    return "\n".join(lines)


def _summary(made: "Benchmark") -> dict[str, Any]:
    ready = [cell for cell in made.cells if made.measurement(cell) is not None]
    return {
        "failed": [f"{cell.title}: {cell.note}" for cell in made.failed],
        "finished": len(ready) == len(made.cells),
        "measured": len(ready),
        "pictures": len(made.cells),
        "problems": [f"{problem.file}: {problem.note}" for problem in made.problems],
        "report": str(made.outputs[0]),
    }
