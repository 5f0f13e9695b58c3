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
@given.with_train_options(given.TrainOptions, steps=20_000)
def encoder(
    ctx: typer.Context,
    options: given.TrainOptions,
    data: Annotated[list[str], typer.Argument(help="Folders or tar files of pictures.")],
    teacher: Annotated[str, typer.Option("--teacher", metavar="FILE", help="VGG-19's weights.")],
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
) -> None:
    """Train impasto's small encoder to predict VGG-19's features; the same command again resumes."""
    session = given.prepare(ctx, options)

    from impasto.training.encoder_run import EncoderTraining, learn

    work = EncoderTraining(
        data=given.paths(data),
        teacher=Path(teacher),
        init=given.optional_path(init),
        gram_weight=gram_weight,
    )
    given.train(session, learn, work, options)


@app.command()
@given.with_train_options(given.SheetOptions, steps=10_000)
def decoder(
    ctx: typer.Context,
    options: given.SheetOptions,
    data: Annotated[list[str], typer.Argument(help="Folders or tar files of pictures.")],
    method: Annotated[Literal["wct", "adain"], typer.Option("--method", help="What the decoder is for.")] = "wct",
    layer: Annotated[str, typer.Option("--layer", help="Layer it decodes: relu1_1, relu2_1, ... relu5_1.")] = "relu4_1",
    width: Annotated[float, typer.Option("--width", min=0, help="Times the usual number of channels.")] = 1.0,
    paintings: Annotated[
        list[str] | None,
        typer.Option("--paintings", metavar="DATA", help="Folders or tar files of paintings; adain's styles."),
    ] = None,
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
    held_out_styles: given.HeldOutStyles = None,
) -> None:
    """Train a decoder that turns petite's features into a picture; the same command again resumes."""
    session = given.prepare(ctx, options)

    from impasto.training.decoder_run import DecoderTraining, learn
    from impasto.training.decoder_task import Objective

    work = DecoderTraining(
        data=given.paths(data),
        layer=layer,
        width=width,
        objective=Objective(method, feature_weight, style_weight, identity_weight, tv_weight),
        paintings=given.paths(paintings),
        init=given.optional_path(init),
        held_out_styles=given.optional_path(held_out_styles),
    )
    given.train(session, learn, work, options)


app.command("any")(any_style)
app.command()(fast)
app.command()(linear)
