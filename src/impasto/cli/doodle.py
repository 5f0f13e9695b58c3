"""`impasto doodle`."""

from collections.abc import Mapping
from typing import Annotated

import typer

from impasto.cli.paint_options import Shared, painter, run
from impasto.cli.style_list import expand

app = typer.Typer(add_completion=False)


@app.command()
@painter
def doodle(
    ctx: typer.Context,
    mask: Annotated[str, typer.Argument(help="The doodle: what is where, each thing in its own flat colour.")],
    shared: Shared,
    settings: Mapping[str, str | None],
    style: Annotated[
        list[str] | None, typer.Option("--style", metavar="PICTURE", help="A painting; repeat to use several.")
    ] = None,
    style_mask: Annotated[
        list[str] | None,
        typer.Option(
            "--style-mask",
            metavar="PICTURE",
            help="The same things in a style, in the same colours; in the styles' order, - for a style without one.",
        ),
    ] = None,
    region_names: Annotated[
        str | None,
        typer.Option(
            "--region-names",
            metavar="FILE|JSON",
            help="Names of the colours in colour masks: a file of lines as '#804080 road', or JSON.",
        ),
    ] = None,
) -> None:
    """Paint a doodle in flat colours with what a painting shows of each.

    impasto doodle doodle.png --style painting.jpg --style-mask painting_mask.png -o out.png
    """
    # The preset is the method: another one is asked for by name.
    preset = "doodle" if settings["method"] in (None, "doodle") else None
    run(ctx, None, expand(style or []), shared, settings, (mask, style_mask or [], [], region_names), preset=preset)
