"""One training loop for every task: AdamW, one cycle of the learning rate, a log, and checkpoints that resume."""

import contextlib
import json
import math
import time
from collections.abc import Generator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from impasto.errors import DivergedError, InputError
from impasto.events import notice
from impasto.files import write_bytes
from impasto.optim import parallel
from impasto.training.outputs import writing


class Task(Protocol):
    """What is trained: named parameters, the loss of a step, and an evaluation on held-out pictures."""

    @property
    def parameters(self) -> Mapping[str, Tensor]:
        """Leaves that require gradients, by the name they are stored under."""

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        """Return the loss of batch `step` with a graph, and numbers for the log."""

    def evaluate(self) -> dict[str, float]:
        """Return numbers on held-out pictures; empty where there are none."""

    def export(self, path: Path) -> None:
        """Write what a user loads."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast: AdamW with a warm-up to `rate`, a hold there, and a cosine down to nothing."""

    steps: int = 20_000
    rate: float = 2e-3
    warmup: float = 0.05
    """Fraction of the steps in which the learning rate rises from 0."""
    hold: float = 0.0
    """Fraction of the steps after that at the full rate. As long as it lasts, more steps than planned can still be
    asked for without a loss."""
    weight_decay: float = 1e-5
    clip: float = 1.0
    """Largest norm of the gradient."""
    batches: int = 1
    """Batches whose gradients are averaged in a step; the processes share them out, and each takes one at least."""
    save_every: int = 250
    """Steps between checkpoints."""

    def at(self, step: int) -> float:
        """Return the learning rate of `step`, counted from 0."""
        position = min(1.0, (step + 1) / self.steps)
        if position < self.warmup:
            return self.rate * position / self.warmup
        turn = self.warmup + self.hold
        if position <= turn:
            return self.rate
        return self.rate * 0.5 * (1 + math.cos(math.pi * (position - turn) / (1 - turn)))


def train(task: Task, schedule: Schedule, folder: Path) -> Generator[dict[str, float], None, None]:
    """Train `task`, resuming from `folder` when it holds a checkpoint; yield one record a step.

    Writes `checkpoint.safetensors` (and keeps the one before), `log.jsonl` and, at each checkpoint, the export
    `weights.safetensors`. Closing the iterator loses at most `save_every` steps.

    Processes of one `torch.distributed` group train together: each takes other batches, and all the same steps with
    the mean of their gradients. They end in the same weights as one process with as many `Schedule.batches`. The first
    alone writes, evaluates and yields; what a record says beside the loss is of its batches.

    Raises `DivergedError` when the loss is not finite ten times in a row, `PeerError` when another process is gone.
    """
    parameters = dict(task.parameters)
    optimizer = torch.optim.AdamW(parameters.values(), lr=schedule.rate, weight_decay=schedule.weight_decay)
    for parameter in parameters.values():
        parallel.device_of_process(torch.device(parameter.device.type))
    chief, start = parallel.is_first_process(), 0
    if chief:
        start = _resume(folder, parameters, optimizer)
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
    start = _same(start, parameters, optimizer)
    bad = 0
    for step in range(start, schedule.steps):
        began = time.monotonic()
        for group in optimizer.param_groups:
            group["lr"] = schedule.at(step)
        loss, record = _slopes(task, parameters, step, schedule.batches)
        done = step + 1
        due = chief and (done % schedule.save_every == 0 or done == schedule.steps)
        if not math.isfinite(loss):
            bad += 1
            if bad >= 10:
                raise DivergedError(f"training diverged at step {step}; start again with a smaller --rate")
            if due and optimizer.state:
                _keep(folder, task, parameters, optimizer, done, schedule)
            continue
        bad = 0
        torch.nn.utils.clip_grad_norm_(parameters.values(), schedule.clip)
        optimizer.step()
        if not chief:
            continue
        record = {"step": done, "loss": loss, "rate": schedule.at(step), **record}
        record["seconds"] = time.monotonic() - began
        if due:
            record |= {f"held_out_{key}": value for key, value in task.evaluate().items()}
            _keep(folder, task, parameters, optimizer, done, schedule)
        _log(folder / "log.jsonl", record)
        yield record


def _slopes(task: Task, parameters: Mapping[str, Tensor], step: int, batches: int) -> tuple[float, dict[str, float]]:
    """Leave the mean gradient of a step's batches in the parameters; return the mean loss, and numbers for the log.

    Where the loss is not finite, there is no gradient.
    """
    group = parallel.current_group()
    rank, count = (0, 1) if group is None else (group.rank, group.count)
    batches = max(batches, count)
    own = range(rank, batches, count)
    for parameter in parameters.values():
        parameter.grad = None
    total, record = 0.0, dict[str, float]()
    for index in own:
        loss, numbers = task.loss(step * batches + index)
        total += float(loss.detach())
        if not math.isfinite(total):
            break
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it unannotated
        for key, value in numbers.items():
            record[key] = record.get(key, 0.0) + value / len(own)
    if group is not None:
        total, *used = group.sum_numbers([total, *(float(p.grad is not None) for p in parameters.values())])
        if math.isfinite(total):
            # What no batch depends on stays without a gradient, as it would in one process.
            moving = [p for p, was_used in zip(parameters.values(), used, strict=True) if was_used]
            sums = group.sum([torch.zeros_like(p) if p.grad is None else p.grad for p in moving])
            for parameter, gradient in zip(moving, sums, strict=True):
                parameter.grad = gradient
    for parameter in parameters.values():
        if batches > 1 and parameter.grad is not None:
            parameter.grad /= batches
    return total / batches, record


def _same(start: int, parameters: Mapping[str, Tensor], optimizer: torch.optim.Optimizer) -> int:
    """Copy the first process's parameters, moments and step to all others; return that step."""
    group = parallel.current_group()
    if group is None:
        return start
    start, *known = group.of_first([start, *(int(bool(optimizer.state.get(p))) for p in parameters.values())])
    for parameter, moved in zip(parameters.values(), known, strict=True):
        group.copy(parameter.detach())
        if moved:
            if group.rank:
                moments = {part: torch.zeros_like(parameter.detach()) for part in ("exp_avg", "exp_avg_sq")}
                optimizer.state[parameter] = {"step": torch.tensor(0.0), **moments}
            for part in ("step", "exp_avg", "exp_avg_sq"):
                group.copy(optimizer.state[parameter][part])
    return start


def _log(path: Path, record: Mapping[str, float]) -> None:
    """Add a line to the log, whole or not at all."""
    rounded = {k: v if isinstance(v, int) else float(f"{v:.6g}") for k, v in record.items()}
    with writing(path), path.open("ab", buffering=0) as log:
        before, line = log.tell(), f"{json.dumps(rounded)}\n".encode()
        try:
            # A disk with some room left takes a part.
            while line:
                line = line[log.write(line) :]
        except OSError:
            log.truncate(before)
            raise


def _keep(
    folder: Path,
    task: Task,
    parameters: Mapping[str, Tensor],
    optimizer: torch.optim.Optimizer,
    step: int,
    schedule: Schedule,
) -> None:
    """Write the checkpoint and what a user loads."""
    with writing(folder / "checkpoint.safetensors"):
        _save(folder, parameters, optimizer, step, schedule)
    with writing(folder / "weights.safetensors"):
        task.export(folder / "weights.safetensors")


def _save(
    folder: Path,
    parameters: Mapping[str, Tensor],
    optimizer: torch.optim.Optimizer,
    step: int,
    schedule: Schedule,
) -> None:
    tensors = {}
    for name, parameter in parameters.items():
        tensors[f"parameter/{name}"] = parameter.detach().contiguous()
        for key, value in optimizer.state[parameter].items():
            tensors[f"adamw/{name}/{key}"] = torch.as_tensor(value).contiguous()
    path = folder / "checkpoint.safetensors"
    if path.exists():
        path.replace(folder / "checkpoint.previous.safetensors")
    metadata = {"step": str(step), "schedule": json.dumps(asdict(schedule))}
    write_bytes(path, save(tensors, metadata=metadata))


def _resume(folder: Path, parameters: Mapping[str, Tensor], optimizer: torch.optim.Optimizer) -> int:
    corrupt = False
    for name in ("checkpoint.safetensors", "checkpoint.previous.safetensors"):
        path = folder / name
        if not path.exists():
            continue
        if not path.is_file():
            raise InputError(f"{path}: is not a regular file; name another output folder")
        try:
            with safe_open(path, framework="pt") as stream:
                tensors = {key: stream.get_tensor(key) for key in stream.keys()}  # noqa: SIM118 - not a mapping
                step = int((stream.metadata() or {})["step"])
            if step < 0:
                raise ValueError(f"step {step}")
            expected = {key: tuple(value.shape) for key, value in parameters.items()}
            shapes = {k.split("/", 1)[1]: tuple(v.shape) for k, v in tensors.items() if k.startswith("parameter/")}
            if expected != shapes:
                raise InputError(f"{path}: is a checkpoint of another network; name another output folder")
            moments = _moments(tensors, parameters)
        except (SafetensorError, OSError, KeyError, ValueError) as error:
            notice(f"{path.name}: cannot be resumed from ({error}); trying the one before")
            # Out of the way: the next save would make it the one before, in place of the good one.
            with contextlib.suppress(OSError):
                path.replace(path.with_suffix(".corrupt"))
            corrupt = True
            continue
        with torch.no_grad():
            for key, parameter in parameters.items():
                parameter.copy_(tensors[f"parameter/{key}"])
                if key in moments:
                    optimizer.state[parameter] = moments[key]
        return step
    if corrupt:
        raise InputError(f"{folder}: no checkpoint can be read; the same command again trains from the beginning")
    return 0


def _moments(tensors: Mapping[str, Tensor], parameters: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Take AdamW's state of each parameter that a batch has depended on from a checkpoint.

    Raises `KeyError` for parts that are missing, `ValueError` for others.
    """
    moments: dict[str, dict[str, Tensor]] = {}
    for key, parameter in parameters.items():
        if f"adamw/{key}/step" not in tensors:
            continue
        state = {part: tensors[f"adamw/{key}/{part}"] for part in ("step", "exp_avg", "exp_avg_sq")}
        for part, value in state.items():
            wanted = () if part == "step" else tuple(parameter.shape)
            if tuple(value.shape) != wanted or not value.is_floating_point():
                raise ValueError(f"{part} of {key[:60]} is {value.dtype} {tuple(value.shape)}")
        # The moments belong beside the parameter; AdamW keeps its count of steps on the CPU.
        moments[key] = {
            part: value.clone().to("cpu" if part == "step" else parameter.device) for part, value in state.items()
        }
    return moments
