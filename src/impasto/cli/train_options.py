"""What the commands that train have in common: their options, and what they print."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

from impasto.cli import processes
from impasto.cli.option_groups import with_group
from impasto.cli.resources import load_torch
from impasto.cli.shared_options import Quiet, Threads
from impasto.errors import ImpastoError, ResourceError, UsageError

if TYPE_CHECKING:
    from impasto.cli.session import Session
    from impasto.training.training import Training

Work = TypeVar("Work", bound="Training")
Options = TypeVar("Options", bound="TrainOptions")
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
TensorBoard = Annotated[
    str | None,
    typer.Option("--tensorboard", metavar="FOLDER", help="Write losses and sheets for TensorBoard there as well."),
]


@dataclass(frozen=True)
class TrainOptions:
    """The options of every training; each command has defaults of its own for the first ones."""

    out: Out
    steps: Steps
    rate: Rate
    batch: Batch
    crop: Crop
    held_out: HeldOut = None
    save_every: SaveEvery = 250
    seed: Seed = 0
    precision: Precision = "auto"
    device: Device = "auto"
    threads: Threads = None
    tensorboard: TensorBoard = None
    quiet: Quiet = False

    def apply(self, work: Work) -> Work:
        """Return a training with what these options say of it."""
        return replace(
            work,
            batch=self.batch,
            crop=self.crop,
            held_out=optional_path(self.held_out),
            seed=self.seed,
            precision=self.precision,
            device=self.device,
        )

    @property
    def pace(self) -> dict[str, Any]:
        """The keywords of `learn`: how many steps of which size, and what happens every so many."""
        return {"steps": self.steps, "rate": self.rate, "save_every": self.save_every}


@dataclass(frozen=True)
class SheetOptions(TrainOptions):
    """The options of trainings that paint sheets of samples."""

    sheet_every: SheetEvery = 500

    @property
    def pace(self) -> dict[str, Any]:
        """The keywords of `learn`, with the steps between sheets."""
        return super().pace | {"sheet_every": self.sheet_every}


def with_train_options(
    kind: type[TrainOptions], *, steps: int, rate: float = 1e-3, batch: int = 4, crop: int = 192
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add the options of a training to a command, which takes them as `options`, with these defaults."""
    return with_group("options", kind, steps=steps, rate=rate, batch=batch, crop=crop)


def unless_named(ctx: typer.Context, options: Options, **values: Any) -> Options:
    """Return the options with `values` in place of defaults, where the command line does not name them."""
    sources = {key: ctx.get_parameter_source(key) for key in values}
    free = [key for key, source in sources.items() if source is not None and source.name == "DEFAULT"]
    return replace(options, **{key: values[key] for key in free})


def paths(names: Sequence[str] | None) -> list[Path]:
    """Return the files or folders of an option that can be there several times, or never."""
    return [Path(name) for name in names or ()]


def optional_path(name: str | None) -> Path | None:
    """Return the file or folder of an option that may be left out."""
    return None if name is None else Path(name)


def prepare(ctx: typer.Context, options: TrainOptions) -> "Session":
    """Return the session of a training, with torch loaded."""
    session: Session = ctx.obj
    session.terminal.quiet = options.quiet
    load_torch(options.threads)
    return session


def train(
    session: "Session", learn: Callable[..., Iterable[Mapping[str, float]]], work: "Training", options: TrainOptions
) -> None:
    """Train as `learn` does, and say how it goes: now and then, and whenever it was measured on held-out pictures."""
    from impasto.optim.memory import is_out_of_memory
    from impasto.training.board import Board, told

    run = Path(options.out)
    # Of several processes, the first one writes.
    watched = options.tensorboard if not processes.silent() else None
    board = None if watched is None else Board(Path(watched), run)
    try:
        records = learn(options.apply(work), run, **options.pace)
        _say(session, told(records, *([] if board is None else [board])), options.steps)
    except Exception as error:
        if isinstance(error, ImpastoError) or not is_out_of_memory(error):
            raise
        raise ResourceError(
            "not enough memory for the training; use a smaller --batch or --crop, and run the same command again"
        ) from None
    finally:
        if board is not None:
            board.close()
    session.terminal.say(f"saved {Path(options.out) / 'weights.safetensors'}")


def _say(session: "Session", records: Iterable[Mapping[str, float]], steps: int) -> None:
    for record in records:
        step = int(record["step"])
        if step % LOG_EVERY == 0 or step == steps or any(key.startswith("held_out") for key in record):
            shown = {key: value for key, value in record.items() if key not in ("step", "rate", "seconds", "eta_s")}
            numbers = "  ".join(f"{key} {value:.4g}" for key, value in shown.items())
            left = f"  {record['eta_s'] / 60:.1f} min left" if "eta_s" in record else ""
            session.terminal.say(f"step {step} of {steps}  {numbers}{left}")
