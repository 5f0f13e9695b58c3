"""Training a linear transformation from end to end: what `impasto train linear` does with what it is given."""

import hashlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from impasto.errors import InputError, UsageError
from impasto.nets import store
from impasto.nets.decoder import Decoder
from impasto.nets.linear import Linear, LinearPlan, fingerprint
from impasto.optim import devices
from impasto.training import budget, held_out
from impasto.training.data import PictureStream
from impasto.training.linear_task import LinearTask, Weights
from impasto.training.outputs import check_folder
from impasto.training.progress import frozen_petite, schedule, with_progress

FIRST_BATCHES = 8
"""Batches of each stream that the first directions are measured on."""


@dataclass(frozen=True)
class LinearTraining:
    """What a run trains, and on which data."""

    data: Sequence[Path]
    """Folders or tar files of photographs."""
    paintings: Sequence[Path]
    """Folders or tar files of paintings."""
    decoder: Path
    """What turns its features into pictures, made by `impasto train decoder`; its layer is that of the work."""
    weights: Weights = field(default_factory=Weights)
    held_out: Path | None = None
    """A folder of pictures that are measured on and never trained on."""
    held_out_styles: Path | None = None
    batch: int = 4
    crop: int = 192
    seed: int = 0
    precision: str = "auto"
    device: str = "auto"


def learn(
    work: LinearTraining, folder: Path, *, steps: int, rate: float = 1e-3, save_every: int = 250, sheet_every: int = 500
) -> Generator[dict[str, float], None, None]:
    """Train in `folder`, resuming where an earlier run stopped; yield one record a step, with `eta_s`.

    Beside what `train` writes, `samples/` gets a sheet of pictures every `sheet_every` steps. Raises `UsageError`,
    `InputError`, `WeightsError` and `ResourceError` before the first step, `DivergedError` from training.
    """
    plan = schedule(steps, rate, save_every)
    check_folder(folder)
    task = prepare(work, steps=steps)
    same_decoder(folder, task.net)
    if not any(folder.glob("checkpoint*.safetensors")):
        # A checkpoint knows more than any start.
        task.begin(FIRST_BATCHES)
    yield from with_progress(task, plan, folder, sheet_every)


def prepare(work: LinearTraining, *, steps: int = 0) -> LinearTask:
    """Build the task: petite, the decoder, streams and held-out pictures, on their device."""
    where = devices.choose(work.device, devices.FOR_TRAINING)
    budget.check(work.crop, work.batch, where)
    precision = devices.precision(work.precision, where)
    if not work.paintings:
        raise UsageError("pictures to take styles from are needed: --paintings")
    tensors, card = store.load(work.decoder)
    encoder = frozen_petite(precision)
    store.expect(card, str(work.decoder), kind="decoder", encoder=encoder.sha256)
    decoder = Decoder.from_parts(tensors, card, str(work.decoder), precision=precision)
    channels = encoder.tensors[f"conv{card.layer[4:]}.weight"].shape[0]
    torch.manual_seed(work.seed)
    size = min(LinearPlan.size, channels)
    net = Linear(card.layer, LinearPlan(channels=channels, size=size, decoder=fingerprint(decoder)))
    content, style = (
        PictureStream(data, crop=work.crop, batch=work.batch, seed=work.seed + number, rough=False)
        for number, data in enumerate((work.data, work.paintings))
    )
    notes: dict[str, Any] = {
        "steps": steps,
        "batch": work.batch,
        "crop": work.crop,
        "pictures": len(content),
        "paintings": len(style),
        "seed": work.seed,
        "style_weight": work.weights.style,
        "decoder_sha256": hashlib.sha256(work.decoder.read_bytes()).hexdigest(),
    }
    return LinearTask(
        encoder,
        decoder,
        net,
        content,
        style,
        work.weights,
        held_out=[] if work.held_out is None else held_out.pictures(work.held_out),
        held_out_styles=[] if work.held_out_styles is None else held_out.pictures(work.held_out_styles),
        notes=notes,
        device=where,
    )


def same_decoder(folder: Path, net: Linear) -> None:
    """Make sure that a run in `folder` that would be resumed is with this decoder. Raises `InputError`."""
    path = folder / "weights.safetensors"
    if path.exists():
        tensors, card = store.load(path)
        if Linear.from_card(tensors, card, str(path)).plan.decoder != net.plan.decoder:
            raise InputError(f"{folder}: holds a training with another decoder; name another output folder")
