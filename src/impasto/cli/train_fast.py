"""`impasto train fast`: a network that paints one style; `training.fast_run` does the work."""

from typing import Annotated, Any, Literal

import typer

from impasto.cli import train_options as given
from impasto.cli.style_list import expand
from impasto.errors import ResourceError


@given.with_train_options(given.SheetOptions, steps=10_000, rate=2e-3, batch=2, crop=256)
def fast(
    ctx: typer.Context,
    options: given.SheetOptions,
    style: Annotated[list[str], typer.Option("--style", metavar="FILE", help="The painting; repeat to mix several.")],
    data: Annotated[
        list[str] | None, typer.Argument(help="Folders or tar files of photographs; none with --mode noise.")
    ] = None,
    method: Annotated[Literal["johnson", "texture_net"], typer.Option("--method", help="Kind of network.")] = "johnson",
    mode: Annotated[
        Literal["photos", "noise", "both"],
        typer.Option("--mode", help="What texture_net is fed with; noise makes textures."),
    ] = "photos",
    width: Annotated[
        float, typer.Option("--width", min=0, help="Times the usual number of channels; 0: as in the paper.")
    ] = 1.0,
    style_size: Annotated[
        int, typer.Option("--style-size", min=32, help="Long side of the painting, pixels: sets the size of strokes.")
    ] = 384,
    content_weight: given.ContentWeight = None,
    style_weight: given.StyleWeight = None,
    tv_weight: given.VariationWeight = None,
    statistics: Annotated[
        str | None, typer.Option("--statistics", metavar="NAME", help="Statistics of the style, as of paint.")
    ] = None,
    init: Annotated[
        str | None,
        typer.Option("--init", metavar="FILE", help="Start from another network, of any style: much sooner done."),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick", help="In minutes: from the nearest network that ships, some 300 steps, until nothing is gained."
        ),
    ] = False,
) -> None:
    """Train a feed-forward network that paints in one style; the same command again resumes.

    impasto train fast photos/ --style painting.jpg --out starry
    impasto train fast --style painting.jpg --quick --out starry
    """
    session = given.prepare(ctx, options)

    from impasto.training.fast_run import FastTraining, learn

    if quick:
        from impasto.training import quick as quickly

        options = given.unless_named(
            ctx,
            options,
            steps=quickly.STEPS,
            rate=quickly.RATE,
            batch=quickly.BATCH,
            crop=quickly.CROP,
            save_every=quickly.MEASURE_EVERY,
        )
        data = data or _sample_photos()

    settings: dict[str, Any] = {
        "content_weight": content_weight,
        "style_weight": style_weight,
        "tv_weight": tv_weight,
        "statistics": statistics,
    }
    work = FastTraining(
        data=given.paths(data),
        styles=given.paths(expand(style)),
        method=method,
        mode=mode,
        width=width,
        settings={key: value for key, value in settings.items() if value is not None},
        init=given.optional_path(init),
        style_size=style_size,
        quick=quick,
    )
    given.train(session, learn, work, options)


def _sample_photos() -> list[str]:
    """Return the folder of the photographs that come with impasto, and say so. Raises `ResourceError` without them."""
    from impasto.events import notice
    from impasto.studio import samples

    place = samples.folder()
    if place is None:
        raise ResourceError(
            "no photographs are in this installation; name a folder of yours: impasto train fast photos/"
        )
    notice("learns from the four photographs that come with impasto; a folder of yours makes it know more")
    return [str(place / samples.KINDS["photo"])]
