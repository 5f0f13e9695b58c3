"""What trainings of painting networks have in common: the time left, and sheets of pictures to look at."""

import math
import time
from collections.abc import Generator
from pathlib import Path
from typing import Protocol

import torch

from impasto.encoders import Petite
from impasto.errors import OutputError, ResourceError, UsageError
from impasto.events import notice
from impasto.training.loop import Schedule, Task, train
from impasto.training.outputs import SAMPLES, writing

PACE = 0.98
"""Weight of the earlier steps in the running mean of seconds per step: it forgets within some fifty steps."""


class TaskWithSheets(Task, Protocol):
    """A task that can show what it has learnt."""

    def sheet(self, path: Path, note: str = "") -> None:
        """Write a sheet of held-out pictures and what becomes of them; `note` says when."""


def with_progress(
    task: TaskWithSheets, schedule: Schedule, folder: Path, sheet_every: int, sheet_seconds: float = math.inf
) -> Generator[dict[str, float], None, None]:
    """Train as `train` does, with `eta_s` in the records.

    `samples/` gets a sheet every `sheet_every` steps, at the end, and when there was none for `sheet_seconds`.
    """
    pace, steps, shown = 0.0, schedule.steps, True
    drawn = time.monotonic()
    for record in train(task, schedule, folder):
        step = int(record["step"])
        pace = PACE * pace + (1 - PACE) * record["seconds"] if pace else record["seconds"]
        if step % sheet_every == 0 or step == steps or time.monotonic() - drawn >= sheet_seconds:
            drawn = time.monotonic()
            sheet = folder / SAMPLES / f"{step:06d}.png"
            try:
                with writing(sheet):
                    task.sheet(sheet, f"step {step} of {steps}, loss {record['loss']:.4g}")
            except (OutputError, ResourceError) as error:
                # Watching never ends what is watched; what cannot be kept is said once.
                if shown:
                    notice(f"{error}; the training goes on without samples")
                shown = False
        yield record | {"eta_s": pace * (steps - step)}


def schedule(steps: int, rate: float, save_every: int, hold: float = 0.0) -> Schedule:
    """Return the schedule of such a training. Raises `UsageError` for a rate that is not above 0."""
    if not 0 < rate < math.inf:
        raise UsageError(f"--rate {rate:g}: must be above 0")
    return Schedule(steps=steps, rate=rate, warmup=0.04, hold=hold, save_every=save_every)


def frozen_petite(precision: torch.dtype | None) -> Petite:
    """Return petite as the fixed encoder of a loss: its tensors are cast to `precision` once, not in every step."""
    encoder = Petite.embedded(precision=precision)
    if precision is not None:
        encoder.tensors = {key: tensor.to(precision) for key, tensor in encoder.tensors.items()}
    return encoder
