"""`impasto doodle`."""

from collections.abc import Mapping
from typing import Annotated

import typer

from impasto.cli import shared_options as given
from impasto.cli.paint_options import Shared, painter, run

app = typer.Typer(add_completion=False)


@app.command()
@painter
def doodle(
    ctx: typer.Context,
    mask: Annotated[str, typer.Argument(help="The doodle: what is where, each thing in its own flat colour.")],
    shared: Shared,
    settings: Mapping[str, str | None],
    style: given.Styles = None,
    style_mask: given.StyleMasks = None,
    region_names: given.RegionNames = None,
) -> None:
    """Paint a doodle in flat colours with what a painting shows of each.

    impasto doodle doodle.png --style painting.jpg --style-mask painting_mask.png -o out.png
    """
    # The preset is the method: another one is asked for by name.
    preset = "doodle" if settings["method"] in (None, "doodle") else None
    run(ctx, None, style or [], shared, settings, (mask, style_mask or [], [], region_names), preset=preset)
