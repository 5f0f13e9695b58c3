"""Training a linear transformation from end to end: what `impasto train linear` does with what it is given."""

import hashlib
from collections.abc import Generator, Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path

import torch

from impasto.errors import InputError, UsageError
from impasto.nets import store
from impasto.nets.decoder import Decoder
from impasto.nets.linear import Linear, LinearPlan, fingerprint
from impasto.training import held_out
from impasto.training.linear_task import LinearTask, Weights
from impasto.training.outputs import check_folder
from impasto.training.progress import frozen_petite, schedule, with_progress
from impasto.training.training import Training, has_checkpoint

FIRST_BATCHES = 8
"""Batches of each stream that the first directions are measured on."""


@dataclass(frozen=True)
class LinearTraining(Training):
    """A linear transformation of features, and what it is learnt from."""

    paintings: Sequence[Path]
    """Folders or tar files of paintings."""
    decoder: Path
    """What turns its features into pictures, made by `impasto train decoder`; its layer is that of the work."""
    _: KW_ONLY
    weights: Weights = field(default_factory=Weights)
    held_out_styles: Path | None = None
    """A folder of paintings for the pictures that are held out."""


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
    if not has_checkpoint(folder):
        # A checkpoint knows more than any start.
        task.begin(FIRST_BATCHES)
    yield from with_progress(task, plan, folder, sheet_every)


def prepare(work: LinearTraining, *, steps: int = 0) -> LinearTask:
    """Build the task: petite, the decoder, streams and held-out pictures, on their device."""
    where, precision = work.place()
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
    content, style = work.stream(work.data), work.stream(work.paintings, 1)
    notes = work.notes(
        steps,
        pictures=len(content),
        paintings=len(style),
        style_weight=work.weights.style,
        decoder_sha256=hashlib.sha256(work.decoder.read_bytes()).hexdigest(),
    )
    return LinearTask(
        encoder,
        decoder,
        net,
        content,
        style,
        work.weights,
        held_out=held_out.pictures(work.held_out),
        held_out_styles=held_out.pictures(work.held_out_styles),
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
