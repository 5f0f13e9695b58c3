"""`impasto texture` and `impasto mix`: pictures made of paintings alone."""

from collections.abc import Mapping
from typing import Annotated

import typer

from impasto.cli.paint_options import Shared, run, with_paint_options
from impasto.cli.style_list import expand
from impasto.errors import UsageError

texture_app = typer.Typer(add_completion=False)
mix_app = typer.Typer(add_completion=False)


@texture_app.command()
@with_paint_options
def texture(
    ctx: typer.Context,
    shared: Shared,
    settings: Mapping[str, str | None],
    style: Annotated[
        list[str] | None, typer.Argument(metavar="STYLE...", help="A painting, or several to mix.")
    ] = None,
) -> None:
    """Paint a texture from paintings alone, at any size, seamless on request.

    impasto texture painting.jpg -o out.png --size 1024 --aspect 1.5 --tileable
    """
    # The preset is of gatys's settings.
    preset = "texture" if settings["method"] in (None, "gatys") else None
    run(ctx, None, expand(style or [], "STYLE"), shared, settings, preset=preset)


@mix_app.command()
@with_paint_options
def mix(
    ctx: typer.Context,
    coarse: Annotated[str, typer.Argument(help="The painting whose large forms stay.")],
    fine: Annotated[str, typer.Argument(help="The painting whose brush strokes they get.")],
    shared: Shared,
    settings: Mapping[str, str | None],
) -> None:
    """Mix two paintings by scale into one style: the large forms of the first, the strokes of the second.

    impasto mix coarse.jpg fine.jpg -o style.png
    """
    if settings["method"] not in (None, "gatys"):
        raise UsageError(f"--method {settings['method']}: strokes are mixed by gatys alone; leave --method out")
    run(ctx, coarse, [fine], shared, settings, preset="mix")
