"""`impasto paint`."""

from collections.abc import Mapping
from typing import Annotated

import typer

from impasto.cli import shared_options as given
from impasto.cli.paint_options import Shared, run, with_paint_options
from impasto.cli.style_list import expand

app = typer.Typer(add_completion=False)


@app.command()
@with_paint_options
def paint(
    ctx: typer.Context,
    content: Annotated[str, typer.Argument(help="The photograph to paint; - reads standard input.")],
    shared: Shared,
    settings: Mapping[str, str | None],
    style: given.Styles = None,
    content_mask: given.ContentMask = None,
    style_mask: given.StyleMasks = None,
    region: given.Regions = None,
    region_names: given.RegionNames = None,
    landmarks: given.Landmarks = None,
    style_landmarks: given.StyleLandmarks = None,
    auto: Annotated[
        bool, typer.Option("--auto", help="Choose method, style scale and strength by a quick look at the pictures.")
    ] = False,
) -> None:
    """Paint a photograph in the style of one or more paintings.

    impasto paint photo.jpg --style painting.jpg -o out.png --size 768
    """
    masks = (content_mask, style_mask or [], region or [], region_names)
    run(ctx, content, expand(style or []), shared, settings, masks, landmarks=(landmarks, style_landmarks), auto=auto)
