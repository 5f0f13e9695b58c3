"""`impasto train fast`: a network that paints one style; `training.paintfast` does the work."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from impasto.cli.session import Session

LOG_EVERY = 25


def fast(
    ctx: typer.Context,
    out: Annotated[
        str, typer.Option("--out", metavar="FOLDER", help="Checkpoints, log, samples, weights.safetensors.")
    ],
    style: Annotated[list[str], typer.Option("--style", metavar="FILE", help="The painting; repeat to mix several.")],
    data: Annotated[
        list[str] | None, typer.Argument(help="Folders or tar files of photographs; none with --mode noise.")
    ] = None,
    method: Annotated[Literal["johnson", "texture_net"], typer.Option("--method", help="Kind of network.")] = "johnson",
    mode: Annotated[
        Literal["photos", "noise", "both"],
        typer.Option("--mode", help="What texture_net is fed with; noise makes textures."),
    ] = "photos",
    steps: Annotated[int, typer.Option("--steps", min=1, help="Steps in all.")] = 10_000,
    rate: Annotated[float, typer.Option("--rate", help="Highest learning rate.")] = 2e-3,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Crops a step.")] = 2,
    crop: Annotated[int, typer.Option("--crop", min=32, help="Side of a crop, pixels.")] = 256,
    width: Annotated[
        float, typer.Option("--width", min=0, help="Times the usual number of channels; 0: as in the paper.")
    ] = 1.0,
    style_size: Annotated[
        int, typer.Option("--style-size", min=32, help="Long side of the painting, pixels: sets the size of strokes.")
    ] = 384,
    content_weight: Annotated[
        float | None, typer.Option("--content-weight", min=0, help="Weight of the content, as of paint.")
    ] = None,
    style_weight: Annotated[
        float | None, typer.Option("--style-weight", min=0, help="Weight of the style, as of paint.")
    ] = None,
    tv_weight: Annotated[
        float | None, typer.Option("--tv-weight", min=0, help="Weight of the total variation, as of paint.")
    ] = None,
    statistics: Annotated[
        str | None, typer.Option("--statistics", metavar="NAME", help="Statistics of the style, as of paint.")
    ] = None,
    init: Annotated[
        str | None,
        typer.Option("--init", metavar="FILE", help="Start from another network, of any style: much sooner done."),
    ] = None,
    held_out: Annotated[
        str | None, typer.Option("--held-out", metavar="FOLDER", help="Pictures to measure the loss on, and to show.")
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
    """Teach a network to paint in one style at once; the same command again goes on.

    impasto train fast photos/ --style painting.jpg --out starry
    """
    session: Session = ctx.obj
    session.terminal.quiet = quiet

    import torch

    from impasto.training.paintfast import Fast, learn

    if threads is not None:
        torch.set_num_threads(threads)
    settings: dict[str, Any] = {
        "content_weight": content_weight,
        "style_weight": style_weight,
        "tv_weight": tv_weight,
        "statistics": statistics,
    }
    work = Fast(
        data=[Path(name) for name in data or ()],
        styles=[Path(name) for name in style],
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
    for record in learn(work, Path(out), steps=steps, rate=rate, save_every=save_every, sheet_every=sheet_every):
        step = int(record["step"])
        if step % LOG_EVERY == 0 or step == steps or "held_out_loss" in record:
            shown = {k: v for k, v in record.items() if k not in ("step", "rate", "seconds", "eta_s")}
            numbers = "  ".join(f"{key} {value:.4g}" for key, value in shown.items())
            session.terminal.say(f"step {step} of {steps}  {numbers}  {record['eta_s'] / 60:.1f} min left")
    session.terminal.say(f"saved {Path(out) / 'weights.safetensors'}")
