"""`impasto train linear`: a learnt transformation of features; `training.linear_run` does the work."""

from pathlib import Path
from typing import Annotated

import typer

from impasto.cli import train_options as given


def linear(
    ctx: typer.Context,
    data: Annotated[list[str], typer.Argument(help="Folders or tar files of photographs.")],
    paintings: given.Paintings,
    decoder: Annotated[
        str, typer.Option("--decoder", metavar="FILE", help="What impasto train decoder --method wct wrote.")
    ],
    out: given.Out,
    steps: given.Steps = 10_000,
    rate: given.Rate = 1e-3,
    batch: given.Batch = 4,
    crop: given.Crop = 192,
    style_weight: Annotated[
        float, typer.Option("--style-weight", min=0, help="Weight of the style, beside 1 for the content.")
    ] = 20.0,
    held_out: given.HeldOut = None,
    held_out_styles: given.HeldOutStyles = None,
    save_every: given.SaveEvery = 250,
    sheet_every: given.SheetEvery = 500,
    seed: given.Seed = 0,
    precision: given.Precision = "auto",
    device: given.Device = "auto",
    threads: given.Threads = None,
    quiet: given.Quiet = False,
) -> None:
    """Train a linear transformation of features that paints in any style; the same command again resumes.

    impasto train linear photos/ --paintings paintings/ --decoder decoder/weights.safetensors --out linear
    """
    session = given.prepare(ctx, quiet, threads)

    from impasto.training.linear_run import LinearTraining, learn
    from impasto.training.linear_task import Weights

    work = LinearTraining(
        data=[Path(name) for name in data],
        paintings=[Path(name) for name in paintings],
        decoder=Path(decoder),
        weights=Weights(style_weight),
        held_out=None if held_out is None else Path(held_out),
        held_out_styles=None if held_out_styles is None else Path(held_out_styles),
        batch=batch,
        crop=crop,
        seed=seed,
        precision=precision,
        device=device,
    )
    records = learn(work, Path(out), steps=steps, rate=rate, save_every=save_every, sheet_every=sheet_every)
    given.follow(session, records, steps, out)
