"""What the commands that train have in common: their options, and what they print."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from impasto.cli.shared_options import Quiet as Quiet
from impasto.cli.shared_options import Threads as Threads
from impasto.errors import ImpastoError, ResourceError, UsageError

if TYPE_CHECKING:
    from impasto.cli.session import Session

LOG_EVERY = 25
"""Steps between lines about a training."""


def _named(folder: str) -> str:
    if not folder.strip():
        # An empty name would be the working folder.
        raise UsageError("--out: is empty; name a folder for the training")
    return folder


Out = Annotated[
    str,
    typer.Option(
        "--out",
        metavar="FOLDER",
        help="Folder for checkpoints, the log, sample sheets and weights.safetensors.",
        callback=_named,
    ),
]
Steps = Annotated[int, typer.Option("--steps", min=1, help="Number of steps.")]
Rate = Annotated[float, typer.Option("--rate", help="Highest learning rate of the schedule.")]
Batch = Annotated[int, typer.Option("--batch", min=1, help="Crops per step.")]
Crop = Annotated[int, typer.Option("--crop", min=32, help="Side of a crop in pixels.")]
HeldOut = Annotated[
    str | None,
    typer.Option("--held-out", metavar="FOLDER", help="Pictures that are only measured and shown, never trained on."),
]
HeldOutStyles = Annotated[
    str | None,
    typer.Option("--held-out-styles", metavar="FOLDER", help="Paintings for them; with adain, linear and any."),
]
Paintings = Annotated[list[str], typer.Option("--paintings", metavar="DATA", help="Folders or tar files of paintings.")]
ContentWeight = Annotated[
    float | None, typer.Option("--content-weight", min=0, help="Weight of the content, as of paint.")
]
StyleWeight = Annotated[float | None, typer.Option("--style-weight", min=0, help="Weight of the style, as of paint.")]
VariationWeight = Annotated[
    float | None, typer.Option("--tv-weight", min=0, help="Weight of the total variation, as of paint.")
]
SaveEvery = Annotated[int, typer.Option("--save-every", min=1, help="Steps between checkpoints.")]
SheetEvery = Annotated[int, typer.Option("--sheet-every", min=1, help="Steps between sheets of samples.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of all random numbers.")]
Precision = Annotated[
    Literal["auto", "float32", "bfloat16"], typer.Option("--precision", help="Floating-point type of the convolutions.")
]
Device = Annotated[Literal["auto", "cpu", "cuda"], typer.Option("--device", help="Where to train.")]


def prepare(ctx: typer.Context, quiet: bool, threads: int | None) -> "Session":
    """Return the session of a training."""
    session: Session = ctx.obj
    session.terminal.quiet = quiet

    import torch

    if threads is not None:
        torch.set_num_threads(threads)
    return session


def follow(session: "Session", records: Iterable[Mapping[str, float]], steps: int, out: str) -> None:
    """Train, and say how it goes: now and then, and whenever it was measured on pictures that were held out."""
    from impasto.optim.memory import is_out_of_memory

    try:
        _say(session, records, steps)
    except Exception as error:
        if isinstance(error, ImpastoError) or not is_out_of_memory(error):
            raise
        raise ResourceError(
            "not enough memory for the training; use a smaller --batch or --crop, and run the same command again"
        ) from None
    session.terminal.say(f"saved {Path(out) / 'weights.safetensors'}")


def _say(session: "Session", records: Iterable[Mapping[str, float]], steps: int) -> None:
    for record in records:
        step = int(record["step"])
        if step % LOG_EVERY == 0 or step == steps or any(key.startswith("held_out") for key in record):
            shown = {key: value for key, value in record.items() if key not in ("step", "rate", "seconds", "eta_s")}
            numbers = "  ".join(f"{key} {value:.4g}" for key, value in shown.items())
            left = f"  {record['eta_s'] / 60:.1f} min left" if "eta_s" in record else ""
            session.terminal.say(f"step {step} of {steps}  {numbers}{left}")
