"""`impasto figures`: the figures of a paper, made again."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from impasto.cli.app import nearest
from impasto.cli.option_groups import with_group
from impasto.cli.options import given_settings, parse, with_settings
from impasto.cli.resources import load_torch
from impasto.cli.series_options import SeriesOptions
from impasto.cli.session import write_out
from impasto.cli.sources import encoder_file
from impasto.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from impasto.series import Sweep

PAPERS = ("cs229", "nprgeneral")

app = typer.Typer(add_completion=False)


@app.command()
@with_settings
@with_group("options", SeriesOptions)
def figures(
    ctx: typer.Context,
    options: SeriesOptions,
    paper: Annotated[
        str,
        typer.Argument(metavar="PAPER", help="cs229, or nprgeneral: its photographs in ten styles."),
    ],
    pictures: Annotated[
        str,
        typer.Option(
            "--pictures",
            metavar="FOLDER",
            help="Where figure1 to figure4 are; for nprgeneral, the paintings.",
        ),
    ],
    output: Annotated[str, typer.Option("--output", "-o", metavar="FOLDER", help="Where the figures go.")],
    content: Annotated[
        str | None,
        typer.Option("--content", metavar="DIR|ZIP", help="Where NPRgeneral's photographs are, if not in the cache."),
    ] = None,
    **settings: str | None,
) -> None:
    """Reproduce the figures of a paper with your pictures.

    impasto figures cs229 --pictures pictures -o figures --size 384

    impasto figures nprgeneral --pictures paintings -o table --size 128
    """
    session = options.begin(ctx, output)
    if paper not in PAPERS:
        raise UsageError(nearest(paper, PAPERS, "paper"))
    spelled = given_settings(settings)
    encoder = encoder_file(spelled)
    # Checked as a whole; each figure then has its own settings under these.
    whole = parse({}, spelled)
    own = {key: getattr(whole, key) for key in spelled}

    # Only now torch: what is wrong with the options is told at once.
    load_torch(options.threads)

    from impasto import datasets
    from impasto.cli.series_run import run
    from impasto.series import cs229, external, nprgeneral

    source = None if content is None else Path(content)
    out, checks = Path(output), {"force": options.force, "check": not options.dry_run}
    series: Iterator[tuple[str, Sweep]]
    if paper == "nprgeneral":
        photos = [item.path for item in datasets.collect("nprgeneral", source).items]
        made_of = nprgeneral.sweep(photos, external.pictures_in(Path(pictures)), out, whole, encoder, **checks)
        series = iter([(paper, made_of)])
    else:
        cases = cs229.cases(Path(pictures), own, encoder, photographs=source)
        series = ((case.name, cs229.sweep(case, out, **checks)) for case in cases)
    status = 0
    for name, made in series:
        if options.dry_run:
            for cell in made.cells:
                write_out(f"{name}  {cell.title}  {cell.size[1]}x{cell.size[0]} px, {cell.steps} steps")
            continue
        session.terminal.say(f"{name}:")
        status = max(status, run(made, session, options.executor(made)))
        if session.stop.asked is not None:
            break
    if status:
        raise typer.Exit(status)
