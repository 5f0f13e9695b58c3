"""`impasto train`: training what impasto ships; `training` does the work."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from impasto.cli.trainfast import fast
from impasto.cli.trainlinear import linear

if TYPE_CHECKING:
    from impasto.cli.session import Session

app = typer.Typer(add_completion=False)
LOG_EVERY = 25


@app.callback()
def group() -> None:
    """Train what impasto ships."""


@app.command()
def encoder(
    ctx: typer.Context,
    data: Annotated[list[str], typer.Argument(help="Folders or tar files of pictures.")],
    teacher: Annotated[str, typer.Option("--teacher", metavar="FILE", help="VGG-19's weights.")],
    out: Annotated[str, typer.Option("--out", metavar="FOLDER", help="Checkpoints, log and weights.safetensors.")],
    steps: Annotated[int, typer.Option("--steps", min=1, help="Steps in all.")] = 20_000,
    rate: Annotated[float, typer.Option("--rate", help="Highest learning rate.")] = 1e-3,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Crops a step.")] = 4,
    crop: Annotated[int, typer.Option("--crop", min=32, help="Side of a crop, pixels.")] = 192,
    gram_weight: Annotated[float, typer.Option("--gram-weight", min=0, help="Share of the Gram matrices.")] = 0.3,
    init: Annotated[
        str | None,
        typer.Option("--init", metavar="FILE", help="Start from a petite encoder or Collaborative Distillation's."),
    ] = None,
    held_out: Annotated[
        str | None, typer.Option("--held-out", metavar="FOLDER", help="Pictures to measure the errors on.")
    ] = None,
    save_every: Annotated[int, typer.Option("--save-every", min=1, help="Steps between checkpoints.")] = 250,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")] = 0,
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"], typer.Option("--precision", help="Type of the convolutions.")
    ] = "auto",
    device: Annotated[Literal["auto", "cpu", "cuda"], typer.Option("--device", help="Where to train.")] = "auto",
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="Processor threads to use.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Teach impasto's small encoder to predict VGG-19's features; the same command again goes on."""
    session: Session = ctx.obj
    session.terminal.quiet = quiet

    import torch

    from impasto.training.distill import Distillation, distill

    if threads is not None:
        torch.set_num_threads(threads)
    task = Distillation(
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
    for record in distill(task, Path(out), steps=steps, rate=rate, save_every=save_every):
        say(session, record, steps)
    session.terminal.say(f"saved {Path(out) / 'weights.safetensors'}")


@app.command()
def decoder(
    ctx: typer.Context,
    data: Annotated[list[str], typer.Argument(help="Folders or tar files of pictures.")],
    out: Annotated[
        str, typer.Option("--out", metavar="FOLDER", help="Checkpoints, log, samples, weights.safetensors.")
    ],
    method: Annotated[Literal["wct", "adain"], typer.Option("--method", help="What the decoder is for.")] = "wct",
    layer: Annotated[str, typer.Option("--layer", help="Layer it decodes: relu1_1, relu2_1, ... relu5_1.")] = "relu4_1",
    paintings: Annotated[
        list[str] | None,
        typer.Option("--paintings", metavar="DATA", help="Folders or tar files of paintings; adain's styles."),
    ] = None,
    steps: Annotated[int, typer.Option("--steps", min=1, help="Steps in all.")] = 10_000,
    rate: Annotated[float, typer.Option("--rate", help="Highest learning rate.")] = 1e-3,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Crops a step.")] = 4,
    crop: Annotated[int, typer.Option("--crop", min=32, help="Side of a crop, pixels.")] = 192,
    feature_weight: Annotated[
        float, typer.Option("--feature-weight", min=0, help="wct: share of the features beside the pixels.")
    ] = 1.0,
    style_weight: Annotated[
        float, typer.Option("--style-weight", min=0, help="adain: share of the style beside the content.")
    ] = 10.0,
    identity_weight: Annotated[
        float, typer.Option("--identity-weight", min=0, help="adain: share of the pixels at strength 0.")
    ] = 1.0,
    tv_weight: Annotated[float, typer.Option("--tv-weight", min=0, help="adain: share of the smoothness.")] = 0.1,
    init: Annotated[
        str | None,
        typer.Option("--init", metavar="FILE", help="Start from another decoder, a shallower one for example."),
    ] = None,
    held_out: Annotated[
        str | None, typer.Option("--held-out", metavar="FOLDER", help="Pictures to measure the errors on, and to show.")
    ] = None,
    held_out_styles: Annotated[
        str | None, typer.Option("--held-out-styles", metavar="FOLDER", help="Paintings for them, with adain.")
    ] = None,
    save_every: Annotated[int, typer.Option("--save-every", min=1, help="Steps between checkpoints.")] = 250,
    sheet_every: Annotated[int, typer.Option("--sheet-every", min=1, help="Steps between sheets of samples.")] = 500,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")] = 0,
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"], typer.Option("--precision", help="Type of the convolutions.")
    ] = "auto",
    device: Annotated[Literal["auto", "cpu", "cuda"], typer.Option("--device", help="Where to train.")] = "auto",
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="Processor threads to use.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Teach a decoder to turn petite's features into a picture; the same command again goes on."""
    session: Session = ctx.obj
    session.terminal.quiet = quiet

    import torch

    from impasto.training.decode import Decoding, learn
    from impasto.training.decoder import Objective

    if threads is not None:
        torch.set_num_threads(threads)
    work = Decoding(
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
    for record in learn(work, Path(out), steps=steps, rate=rate, save_every=save_every, sheet_every=sheet_every):
        say(session, record, steps)
    session.terminal.say(f"saved {Path(out) / 'weights.safetensors'}")


def say(session: "Session", record: dict[str, float], steps: int) -> None:
    """Print a record of training on one line, now and then and whenever pictures were held against it."""
    step = int(record["step"])
    if step % LOG_EVERY == 0 or step == steps or any(key.startswith("held_out") for key in record):
        session.terminal.say("  ".join(f"{key} {value:.4g}" for key, value in record.items()))


app.command()(fast)
app.command()(linear)
