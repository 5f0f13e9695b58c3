"""Training a decoder from end to end: what `impasto train decoder` does with what it is given."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from impasto.errors import UsageError
from impasto.nets.decoder import LAYERS, Decoder
from impasto.optim import devices
from impasto.training import budget, held_out
from impasto.training.data import PictureStream
from impasto.training.decoder_task import DecoderTask, Objective
from impasto.training.initialize import begin
from impasto.training.outputs import check_folder
from impasto.training.progress import frozen_petite, schedule, with_progress


@dataclass(frozen=True)
class DecoderTraining:
    """What a run trains, and on which data."""

    data: Sequence[Path]
    """Folders or tar files of pictures."""
    layer: str = "relu4_1"
    objective: Objective = field(default_factory=Objective)
    paintings: Sequence[Path] = ()
    """Where adain takes its styles from; wct learns them like other pictures."""
    init: Path | None = None
    """Another decoder, whose convolutions of the same name and shape are the start."""
    held_out: Path | None = None
    """A folder of pictures that are measured on and never trained on."""
    held_out_styles: Path | None = None
    batch: int = 4
    crop: int = 192
    seed: int = 0
    precision: str = "auto"
    device: str = "auto"


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
    fresh = not any(folder.glob("checkpoint*.safetensors"))
    # A checkpoint knows more than any start.
    task = prepare(work if fresh else replace(work, init=None), steps=steps)
    yield from with_progress(task, plan, folder, sheet_every)


def prepare(work: DecoderTraining, *, steps: int = 0) -> DecoderTask:
    """Build the task: petite, decoder, streams and held-out pictures, on their device."""
    where = devices.choose(work.device, devices.FOR_TRAINING)
    budget.check(work.crop, work.batch, where)
    precision = devices.precision(work.precision, where)
    encoder = frozen_petite(precision)
    torch.manual_seed(work.seed)
    if work.layer not in LAYERS:
        raise UsageError(f"--layer {work.layer}: cannot be decoded; choose from {', '.join(LAYERS)}")
    channels = encoder.tensors[f"conv{work.layer[4:]}.weight"].shape[0]
    decoder = Decoder(work.layer, channels=channels, precision=precision)
    if work.init is not None:
        begin(decoder, work.init, "decoder", f"a decoder from {work.layer}")
    wct = work.objective.method == "wct"
    sources = [*work.data, *work.paintings] if wct else list(work.data)
    content = PictureStream(sources, crop=work.crop, batch=work.batch, seed=work.seed, rough=False)
    style = None
    pictures = len(content)
    if not wct and work.paintings:
        style = PictureStream(work.paintings, crop=work.crop, batch=work.batch, seed=work.seed + 1, rough=False)
        pictures += len(style)
    notes: dict[str, Any] = {
        "steps": steps,
        "batch": work.batch,
        "crop": work.crop,
        "pictures": pictures,
        "seed": work.seed,
        "objective": {key: value for key, value in vars(work.objective).items() if key != "method"},
    }
    return DecoderTask(
        encoder,
        decoder,
        work.objective,
        content,
        style,
        held_out=[] if work.held_out is None else held_out.pictures(work.held_out),
        held_out_styles=[] if work.held_out_styles is None else held_out.pictures(work.held_out_styles),
        notes=notes,
        device=where,
    )
