"""One of two processes that train together; `test_parallel_training` starts them and looks at what they left."""

import json
import math
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from safetensors.torch import save_file
from torch import Tensor

from impasto.optim import parallel
from impasto.training.loop import Schedule, train

STEPS = Schedule(steps=6, save_every=3, rate=1e-2, warmup=0.0, clip=0.5)


class Task:
    """A small network in float64 that learns sines; `ill` are batches whose loss is NaN.

    The first batch that knows of `seldom` is number 5, which the second of two processes sees.
    """

    def __init__(self, ill: frozenset[int] = frozenset(), seed: int = 0) -> None:
        random = torch.Generator().manual_seed(seed)
        shapes = {"into": (8, 4), "out": (2, 8), "seldom": (2,), "never": (3,)}
        self.parameters: Mapping[str, Tensor] = {
            name: torch.randn(shape, generator=random, dtype=torch.float64).requires_grad_()
            for name, shape in shapes.items()
        }
        self.ill, self.seen, self.asked, self.exported = ill, list[int](), 0, 0

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        """Draw the batch of a number, and give its loss."""
        self.seen.append(step)
        batch = torch.randn(5, 4, generator=torch.Generator().manual_seed(step), dtype=torch.float64)
        found = (batch @ self.parameters["into"].T).tanh() @ self.parameters["out"].T
        if step >= 5 and step % 2:
            found = found + self.parameters["seldom"]
        loss = (found - batch[:, :2].sin()).square().mean()
        return loss * (math.nan if step in self.ill else 1.0), {"number": float(step)}

    def evaluate(self) -> dict[str, float]:
        """Count how often it was asked."""
        self.asked += 1
        return {"asked": float(self.asked)}

    def export(self, path: Path) -> None:
        """Write the parameters."""
        self.exported += 1
        save_file(values(self), path)


def values(task: Task) -> dict[str, Tensor]:
    """Return the parameters as they are."""
    return {name: value.detach().clone() for name, value in task.parameters.items()}


def main(folder: Path, rank: int, count: int) -> None:
    """Train without trouble, with it, and after a stop; write where each ended."""
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=count, timeout=timedelta(seconds=60)
    )
    found, said = {}, {}

    def note(name: str, task: Task, records: list[dict[str, float]]) -> None:
        found.update({f"{name}/{key}": value for key, value in values(task).items()})
        said[name] = {
            "seen": task.seen, "asked": task.asked, "exported": task.exported,
            "losses": [record["loss"] for record in records], "steps": [record["step"] for record in records],
        }  # fmt: skip

    # Another start in the second process: the first one's is everybody's.
    task = Task(seed=rank)
    note("plain", task, list(train(task, STEPS, folder / f"plain-{rank}")))
    task = Task()
    more = Schedule(steps=3, rate=1e-2, warmup=0.0, batches=3)
    note("three", task, list(train(task, more, folder / f"three-{rank}")))
    # Batch 3 is of the second process, and spoils the step for both.
    task = Task(frozenset({3}))
    note("ill", task, list(train(task, STEPS, folder / f"ill-{rank}")))
    first = Schedule(steps=3, save_every=3, rate=STEPS.rate, warmup=0.0)
    list(train(Task(), first, folder / f"resumed-{rank}"))
    task = Task(seed=rank)
    same = Schedule(steps=6, save_every=3, rate=STEPS.rate, warmup=0.0)
    note("resumed", task, list(train(task, same, folder / f"resumed-{rank}")))

    save_file(found, folder / f"{rank}.safetensors")
    (folder / f"{rank}.json").write_text(json.dumps(said))
    parallel.leave_processes()
