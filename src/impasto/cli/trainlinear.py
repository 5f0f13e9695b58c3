"""`impasto train linear`: a learnt transformation of features; `training.transform` does the work."""

from pathlib import Path
from typing import Annotated

import typer

from impasto.cli.trainoptions import (
    Batch,
    Crop,
    Debug,
    Device,
    HeldOut,
    HeldOutStyles,
    Out,
    Precision,
    Quiet,
    Rate,
    SaveEvery,
    Seed,
    SheetEvery,
    Steps,
    Threads,
    follow,
    prepare,
)


def linear(
    ctx: typer.Context,
    data: Annotated[list[str], typer.Argument(help="Folders or tar files of photographs.")],
    paintings: Annotated[
        list[str], typer.Option("--paintings", metavar="DATA", help="Folders or tar files of paintings.")
    ],
    decoder: Annotated[
        str, typer.Option("--decoder", metavar="FILE", help="What impasto train decoder --method wct wrote.")
    ],
    out: Out,
    steps: Steps = 10_000,
    rate: Rate = 1e-3,
    batch: Batch = 4,
    crop: Crop = 192,
    style_weight: Annotated[
        float, typer.Option("--style-weight", min=0, help="Share of the style beside the content.")
    ] = 20.0,
    held_out: HeldOut = None,
    held_out_styles: HeldOutStyles = None,
    save_every: SaveEvery = 250,
    sheet_every: SheetEvery = 500,
    seed: Seed = 0,
    precision: Precision = "auto",
    device: Device = "auto",
    threads: Threads = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Teach a transformation to give any picture any style; the same command again goes on.

    impasto train linear photos/ --paintings paintings/ --decoder decoder/weights.safetensors --out linear
    """
    session = prepare(ctx, quiet, threads)

    from impasto.training.linear import Weights
    from impasto.training.transform import Transforming, learn

    work = Transforming(
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
    follow(session, records, steps, out)
