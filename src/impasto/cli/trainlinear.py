"""`impasto train linear`: a learnt transformation of features; `training.transform` does the work."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from impasto.cli.session import Session

LOG_EVERY = 25


def linear(
    ctx: typer.Context,
    data: Annotated[list[str], typer.Argument(help="Folders or tar files of photographs.")],
    paintings: Annotated[
        list[str], typer.Option("--paintings", metavar="DATA", help="Folders or tar files of paintings.")
    ],
    decoder: Annotated[
        str, typer.Option("--decoder", metavar="FILE", help="What impasto train decoder --method wct wrote.")
    ],
    out: Annotated[
        str, typer.Option("--out", metavar="FOLDER", help="Checkpoints, log, samples, weights.safetensors.")
    ],
    steps: Annotated[int, typer.Option("--steps", min=1, help="Steps in all.")] = 10_000,
    rate: Annotated[float, typer.Option("--rate", help="Highest learning rate.")] = 1e-3,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Crops a step.")] = 4,
    crop: Annotated[int, typer.Option("--crop", min=32, help="Side of a crop, pixels.")] = 192,
    style_weight: Annotated[
        float, typer.Option("--style-weight", min=0, help="Share of the style beside the content.")
    ] = 20.0,
    held_out: Annotated[
        str | None, typer.Option("--held-out", metavar="FOLDER", help="Pictures to measure the errors on, and to show.")
    ] = None,
    held_out_styles: Annotated[
        str | None, typer.Option("--held-out-styles", metavar="FOLDER", help="Paintings for them.")
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
    """Teach a transformation to give any picture any style; the same command again goes on.

    impasto train linear photos/ --paintings paintings/ --decoder decoder/weights.safetensors --out linear
    """
    session: Session = ctx.obj
    session.terminal.quiet = quiet

    import torch

    from impasto.training.linear import Weights
    from impasto.training.transform import Transforming, learn

    if threads is not None:
        torch.set_num_threads(threads)
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
    for record in learn(work, Path(out), steps=steps, rate=rate, save_every=save_every, sheet_every=sheet_every):
        step = int(record["step"])
        if step % LOG_EVERY == 0 or step == steps or "held_out_style" in record:
            shown = {k: v for k, v in record.items() if k not in ("step", "rate", "seconds", "eta_s")}
            numbers = "  ".join(f"{key} {value:.4g}" for key, value in shown.items())
            session.terminal.say(f"step {step} of {steps}  {numbers}  {record['eta_s'] / 60:.1f} min left")
    session.terminal.say(f"saved {Path(out) / 'weights.safetensors'}")
