"""`impasto train`: training what impasto ships; `training.distill` does the work."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

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
        step = int(record["step"])
        if step % LOG_EVERY == 0 or step == steps or any(key.startswith("held_out") for key in record):
            session.terminal.say("  ".join(f"{key} {value:.4g}" for key, value in record.items()))
    session.terminal.say(f"saved {Path(out) / 'weights.safetensors'}")
