"""Training petite from end to end: what `impasto train encoder` does with what it is given."""

import math
from collections.abc import Generator
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from impasto import weights
from impasto.encoders.vgg import Vgg
from impasto.errors import UsageError, WeightsError
from impasto.optim import parallel
from impasto.training import held_out, warm_start
from impasto.training.data import PictureStream
from impasto.training.encoder_task import EncoderTask, initial
from impasto.training.loop import Schedule, train
from impasto.training.outputs import check_folder, writing
from impasto.training.training import Training, has_checkpoint
from impasto.weights import TORCHVISION

LIFT_BATCHES = 12
"""Batches that the first lifts are solved on: enough for a start, as training changes them from then on."""
FINAL_BATCHES = 60
"""Batches that the last lifts are solved on, a linear problem of up to 512 unknowns a channel."""


@dataclass(frozen=True)
class EncoderTraining(Training):
    """petite, and the encoder whose features it learns to predict."""

    teacher: Path
    """VGG-19's weights."""
    _: KW_ONLY
    init: Path | None = None
    """A narrower encoder to start from: petite, or Collaborative Distillation's 16x file."""
    gram_weight: float = 0.3


def learn(
    work: EncoderTraining, folder: Path, *, steps: int, rate: float = 1e-3, save_every: int = 250
) -> Generator[dict[str, float], None, None]:
    """Train in `folder`, resuming where an earlier run stopped; yield one record a step.

    Everything that can be refused is refused before the first step. Raises `UsageError`, `InputError`,
    `WeightsError` and `ResourceError` for what is wrong with the parts of `work`, `DivergedError` from training.
    """
    if not 0 < rate < math.inf:
        raise UsageError(f"--rate {rate:g}: must be above 0")
    check_folder(folder)
    fresh = not has_checkpoint(folder)
    # A checkpoint knows more than any start.
    task = prepare(work if fresh else replace(work, init=None))
    if fresh:
        task.fit_lifts(LIFT_BATCHES)
    schedule = Schedule(steps=steps, rate=rate, warmup=0.04, save_every=save_every)
    yield from train(task, schedule, folder)
    # The last word on the lifts is a linear problem, with far more crops than the last steps of training saw.
    task.fit_lifts(FINAL_BATCHES)
    if parallel.is_first_process():
        with writing(folder / "weights.safetensors"):
            task.export(folder / "weights.safetensors")


def prepare(work: EncoderTraining) -> EncoderTask:
    """Build the task: teacher, stream of crops, start and held-out pictures, on their device."""
    where, precision = work.place()
    loaded = weights.load(work.teacher)
    if loaded.architecture != "vgg19":
        raise WeightsError(f"{work.teacher}: is {loaded.architecture}; the teacher must be VGG-19")
    teacher = Vgg.from_weights(loaded, precision=precision)
    if precision is not None:
        # Cast once: it is asked in every step and never trained.
        teacher.tensors = {key: tensor.to(precision) for key, tensor in teacher.tensors.items()}
    stream = work.stream(work.data, rough=True)
    return EncoderTask(
        teacher,
        stream,
        initial_tensors(work.init, stream, work.seed),
        gram_weight=work.gram_weight,
        precision=precision,
        held_out=held_out.pictures(work.held_out),
        device=where,
    )


def initial_tensors(init: Path | None, stream: PictureStream, seed: int) -> dict[str, Tensor]:
    """Return the tensors to start from: random, or `init` widened into random ones.

    Raises `WeightsError` when `init` is no encoder that can be widened.
    """
    wide = initial(seed=seed)
    if init is None:
        return wide
    if weights.sniff(init).architecture == "petite":
        tensors = {key: value.float() for key, value in weights.load(init).tensors.items()}
        return warm_start.widen(_convolutions(tensors), wide)
    try:
        narrow = warm_start.collaborative(_read(init))
        return warm_start.widen(warm_start.balance(narrow, powers(narrow, stream(-5))), wide)
    except WeightsError as error:
        raise WeightsError(str(error) if str(init) in str(error) else f"{init}: {error}") from None
    except (RuntimeError, ValueError, KeyError, IndexError, TypeError) as error:
        # Its shapes do not meet in one of many ways.
        raise WeightsError(
            f"{init}: cannot be widened ({str(error)[:200]}); --init takes an encoder to widen"
        ) from None


def powers(narrow: dict[str, Tensor], batch: Tensor) -> dict[str, float]:
    """Measure the root mean square of each convolution's output on `batch` (B, 3, H, W), first to last."""
    names = sorted(key.removesuffix(".weight") for key in narrow if key.endswith(".weight"))
    with torch.no_grad():
        features = Vgg(narrow, TORCHVISION).raw(batch, [f"relu{name[4:]}" for name in names])
    return {name: float(features[f"relu{name[4:]}"].square().mean().sqrt()) for name in names}


def _convolutions(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key: value for key, value in tensors.items() if key.startswith("conv")}


def _read(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError, ValueError) as error:
        raise WeightsError(
            f"{path}: cannot be read as safetensors ({error}); --init takes an encoder to widen"
        ) from None
