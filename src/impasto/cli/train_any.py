"""`impasto train any`: a network that paints any style; `training.ghiasi_run` does the work."""

from pathlib import Path
from typing import Annotated, Any

import typer

from impasto.cli import train_options as given


def any_style(
    ctx: typer.Context,
    data: Annotated[list[str], typer.Argument(help="Folders or tar files of photographs.")],
    paintings: given.Paintings,
    out: given.Out,
    steps: given.Steps = 30_000,
    rate: given.Rate = 1e-3,
    batch: given.Batch = 4,
    crop: given.Crop = 192,
    content_weight: given.ContentWeight = None,
    style_weight: given.StyleWeight = None,
    tv_weight: given.VariationWeight = None,
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
    """Teach a network to paint in any style at once; the same command again goes on.

    impasto train any photos/ --paintings paintings/ --out any
    """
    session = given.prepare(ctx, quiet, threads)

    from impasto.training.ghiasi_run import GhiasiTraining, learn

    settings: dict[str, Any] = {
        "content_weight": content_weight,
        "style_weight": style_weight,
        "tv_weight": tv_weight,
    }
    work = GhiasiTraining(
        data=[Path(name) for name in data],
        paintings=[Path(name) for name in paintings],
        settings={key: value for key, value in settings.items() if value is not None},
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
