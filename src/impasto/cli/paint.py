"""`impasto paint`."""

from collections.abc import Mapping
from typing import Annotated

import typer

from impasto.cli.paint_options import Shared, painter, run
from impasto.cli.style_list import expand

app = typer.Typer(add_completion=False)


@app.command()
@painter
def paint(
    ctx: typer.Context,
    content: Annotated[str, typer.Argument(help="The photograph to paint; - reads standard input.")],
    shared: Shared,
    settings: Mapping[str, str | None],
    style: Annotated[
        list[str] | None,
        typer.Option("--style", metavar="PICTURE", help="A painting, or a folder of them; repeat to mix several."),
    ] = None,
    content_mask: Annotated[
        str | None,
        typer.Option("--content-mask", metavar="PICTURE", help="Regions of the content, each in its own colour."),
    ] = None,
    style_mask: Annotated[
        list[str] | None,
        typer.Option(
            "--style-mask",
            metavar="PICTURE",
            help="The same regions in a style, in the styles' order; - for a style without a mask.",
        ),
    ] = None,
    region: Annotated[
        list[str] | None,
        typer.Option(
            "--region",
            metavar="NAME=CONTENT:STYLE",
            help="One region by grey masks of the content and of each style; repeat for more.",
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
    landmarks: Annotated[
        str | None,
        typer.Option("--landmarks", metavar="FILE", help="Points of the photograph's face, for a portrait."),
    ] = None,
    style_landmarks: Annotated[
        str | None,
        typer.Option("--style-landmarks", metavar="FILE", help="The same points of the first painting's face."),
    ] = None,
) -> None:
    """Paint a photograph in the style of one or more paintings.

    impasto paint photo.jpg --style painting.jpg -o out.png --size 768
    """
    masks = (content_mask, style_mask or [], region or [], region_names)
    run(ctx, content, expand(style or []), shared, settings, masks, landmarks=(landmarks, style_landmarks))
