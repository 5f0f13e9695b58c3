"""Training a decoder from end to end: what `impasto train decoder` does with what it is given."""

from collections.abc import Generator, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from pathlib import Path

import torch

from impasto.errors import UsageError
from impasto.nets.decoder import LAYERS, Decoder, scaled
from impasto.training import held_out
from impasto.training.decoder_task import DecoderTask, Objective
from impasto.training.initialize import begin
from impasto.training.outputs import check_folder
from impasto.training.progress import frozen_petite, schedule, with_progress
from impasto.training.training import Training, has_checkpoint


@dataclass(frozen=True)
class DecoderTraining(Training):
    """A decoder, and the pictures it learns to make."""

    _: KW_ONLY
    layer: str = "relu4_1"
    width: float = 1.0
    """Times the usual channels."""
    objective: Objective = field(default_factory=Objective)
    paintings: Sequence[Path] = ()
    """Where adain takes its styles from; wct learns them like other pictures."""
    init: Path | None = None
    """Another decoder, whose convolutions of the same name and shape are the start."""
    held_out_styles: Path | None = None
    """A folder of paintings for the pictures that are held out."""


def learn(
    work: DecoderTraining,
    folder: Path,
    *,
    steps: int,
    rate: float = 1e-3,
    save_every: int = 250,
    sheet_every: int = 500,
) -> Generator[dict[str, float], None, None]:
    """Train in `folder`, resuming where an earlier run stopped; yield one record a step, with `eta_s`.

    Beside what `train` writes, `samples/` gets a sheet of pictures every `sheet_every` steps. Raises `UsageError`,
    `InputError`, `WeightsError` and `ResourceError` before the first step, `DivergedError` from training.
    """
    plan = schedule(steps, rate, save_every)
    check_folder(folder)
    # A checkpoint knows more than any start.
    task = prepare(replace(work, init=None) if has_checkpoint(folder) else work, steps=steps)
    yield from with_progress(task, plan, folder, sheet_every)


def prepare(work: DecoderTraining, *, steps: int = 0) -> DecoderTask:
    """Build the task: petite, decoder, streams and held-out pictures, on their device."""
    where, precision = work.place()
    encoder = frozen_petite(precision)
    torch.manual_seed(work.seed)
    if work.layer not in LAYERS:
        raise UsageError(f"--layer {work.layer}: cannot be decoded; choose from {', '.join(LAYERS)}")
    channels = encoder.tensors[f"conv{work.layer[4:]}.weight"].shape[0]
    plan = scaled(work.layer, work.width)
    decoder = Decoder(work.layer, plan, channels=channels, precision=precision)
    if work.init is not None:
        begin(decoder, work.init, "decoder", f"a decoder from {work.layer}")
    wct = work.objective.method == "wct"
    sources = [*work.data, *work.paintings] if wct else list(work.data)
    content = work.stream(sources)
    style = None
    pictures = len(content)
    if not wct and work.paintings:
        style = work.stream(work.paintings, 1)
        pictures += len(style)
    objective = {key: value for key, value in vars(work.objective).items() if key != "method"}
    notes = work.notes(steps, pictures=pictures, objective=objective)
    return DecoderTask(
        encoder,
        decoder,
        work.objective,
        content,
        style,
        held_out=held_out.pictures(work.held_out),
        held_out_styles=held_out.pictures(work.held_out_styles),
        notes=notes,
        device=where,
    )
