"""`impasto train fast`: a network that paints one style; `training.fast_run` does the work."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from impasto.cli import train_options as given
from impasto.cli.style_list import expand


def fast(
    ctx: typer.Context,
    out: given.Out,
    style: Annotated[list[str], typer.Option("--style", metavar="FILE", help="The painting; repeat to mix several.")],
    data: Annotated[
        list[str] | None, typer.Argument(help="Folders or tar files of photographs; none with --mode noise.")
    ] = None,
    method: Annotated[Literal["johnson", "texture_net"], typer.Option("--method", help="Kind of network.")] = "johnson",
    mode: Annotated[
        Literal["photos", "noise", "both"],
        typer.Option("--mode", help="What texture_net is fed with; noise makes textures."),
    ] = "photos",
    steps: given.Steps = 10_000,
    rate: given.Rate = 2e-3,
    batch: given.Batch = 2,
    crop: given.Crop = 256,
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
    held_out: given.HeldOut = None,
    save_every: given.SaveEvery = 250,
    sheet_every: given.SheetEvery = 500,
    seed: given.Seed = 0,
    precision: given.Precision = "auto",
    device: given.Device = "auto",
    threads: given.Threads = None,
    quiet: given.Quiet = False,
) -> None:
    """Train a feed-forward network that paints in one style; the same command again resumes.

    impasto train fast photos/ --style painting.jpg --out starry
    """
    session = given.prepare(ctx, quiet, threads)

    from impasto.training.fast_run import FastTraining, learn

    settings: dict[str, Any] = {
        "content_weight": content_weight,
        "style_weight": style_weight,
        "tv_weight": tv_weight,
        "statistics": statistics,
    }
    work = FastTraining(
        data=[Path(name) for name in data or ()],
        styles=[Path(name) for name in expand(style)],
        method=method,
        mode=mode,
        width=width,
        settings={key: value for key, value in settings.items() if value is not None},
        init=None if init is None else Path(init),
        held_out=None if held_out is None else Path(held_out),
        batch=batch,
        crop=crop,
        style_size=style_size,
        seed=seed,
        precision=precision,
        device=device,
    )
    records = learn(work, Path(out), steps=steps, rate=rate, save_every=save_every, sheet_every=sheet_every)
    given.follow(session, records, steps, out)
