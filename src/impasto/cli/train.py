"""`impasto train`: training what impasto ships; `training` does the work."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from impasto.cli import train_options as given
from impasto.cli.train_any import any_style
from impasto.cli.train_fast import fast
from impasto.cli.train_linear import linear

app = typer.Typer(add_completion=False)


@app.callback()
def group() -> None:
    """Train encoders, decoders and feed-forward networks."""


@app.command()
def encoder(
    ctx: typer.Context,
    data: Annotated[list[str], typer.Argument(help="Folders or tar files of pictures.")],
    teacher: Annotated[str, typer.Option("--teacher", metavar="FILE", help="VGG-19's weights.")],
    out: given.Out,
    steps: given.Steps = 20_000,
    rate: given.Rate = 1e-3,
    batch: given.Batch = 4,
    crop: given.Crop = 192,
    gram_weight: Annotated[
        float,
        typer.Option(
            "--gram-weight",
            min=0,
            help="Weight of the errors of the Gram matrices, beside 1 for those of the features.",
        ),
    ] = 0.3,
    init: Annotated[
        str | None,
        typer.Option("--init", metavar="FILE", help="Start from a petite encoder or Collaborative Distillation's."),
    ] = None,
    held_out: given.HeldOut = None,
    save_every: given.SaveEvery = 250,
    seed: given.Seed = 0,
    precision: given.Precision = "auto",
    device: given.Device = "auto",
    threads: given.Threads = None,
    quiet: given.Quiet = False,
) -> None:
    """Train impasto's small encoder to predict VGG-19's features; the same command again resumes."""
    session = given.prepare(ctx, quiet, threads)

    from impasto.training.encoder_run import EncoderTraining, learn

    task = EncoderTraining(
        data=[Path(name) for name in data],
        teacher=Path(teacher),
        init=None if init is None else Path(init),
        held_out=None if held_out is None else Path(held_out),
        batch=batch,
        crop=crop,
        gram_weight=gram_weight,
        seed=seed,
        precision=precision,
        device=device,
    )
    records = learn(task, Path(out), steps=steps, rate=rate, save_every=save_every)
    given.follow(session, records, steps, out)


@app.command()
def decoder(
    ctx: typer.Context,
    data: Annotated[list[str], typer.Argument(help="Folders or tar files of pictures.")],
    out: given.Out,
    method: Annotated[Literal["wct", "adain"], typer.Option("--method", help="What the decoder is for.")] = "wct",
    layer: Annotated[str, typer.Option("--layer", help="Layer it decodes: relu1_1, relu2_1, ... relu5_1.")] = "relu4_1",
    paintings: Annotated[
        list[str] | None,
        typer.Option("--paintings", metavar="DATA", help="Folders or tar files of paintings; adain's styles."),
    ] = None,
    steps: given.Steps = 10_000,
    rate: given.Rate = 1e-3,
    batch: given.Batch = 4,
    crop: given.Crop = 192,
    feature_weight: Annotated[
        float, typer.Option("--feature-weight", min=0, help="wct: weight of the features, beside 1 for the pixels.")
    ] = 1.0,
    style_weight: Annotated[
        float, typer.Option("--style-weight", min=0, help="adain: weight of the style, beside 1 for the content.")
    ] = 10.0,
    identity_weight: Annotated[
        float, typer.Option("--identity-weight", min=0, help="adain: weight of the pixels where the strength is 0.")
    ] = 1.0,
    tv_weight: Annotated[float, typer.Option("--tv-weight", min=0, help="adain: weight of the total variation.")] = 0.1,
    init: Annotated[
        str | None,
        typer.Option("--init", metavar="FILE", help="Start from another decoder, a shallower one for example."),
    ] = None,
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
    """Train a decoder that turns petite's features into a picture; the same command again resumes."""
    session = given.prepare(ctx, quiet, threads)

    from impasto.training.decoder_run import DecoderTraining, learn
    from impasto.training.decoder_task import Objective

    work = DecoderTraining(
        data=[Path(name) for name in data],
        layer=layer,
        objective=Objective(method, feature_weight, style_weight, identity_weight, tv_weight),
        paintings=[Path(name) for name in paintings or ()],
        init=None if init is None else Path(init),
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


app.command("any")(any_style)
app.command()(fast)
app.command()(linear)
