"""`impasto doodle`."""

from collections.abc import Mapping
from typing import Annotated

import typer

from impasto.cli import shared_options as given
from impasto.cli.paint_options import Shared, run, with_paint_options
from impasto.cli.style_list import expand

app = typer.Typer(add_completion=False)


@app.command()
@with_paint_options
def doodle(
    ctx: typer.Context,
    mask: Annotated[str, typer.Argument(help="The doodle: what is where, each thing in its own flat colour.")],
    shared: Shared,
    settings: Mapping[str, str | None],
    style: given.Styles = None,
    style_mask: given.StyleMasks = None,
    region_names: given.RegionNames = None,
) -> None:
    """Turn a doodle in flat colours into a painting, each region like the same region of a style.

    impasto doodle doodle.png --style painting.jpg --style-mask painting_mask.png -o out.png
    """
    # The preset is the method: another one is asked for by name.
    preset = "doodle" if settings["method"] in (None, "doodle") else None
    run(ctx, None, expand(style or []), shared, settings, (mask, style_mask or [], [], region_names), preset=preset)
