"""Training in two processes: the weights of one process that takes as many batches a step."""

import json
import math
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from impasto.training.loop import Schedule, train
from tests.forked import Forked
from tests.training import training_worker
from tests.training.training_worker import STEPS, Task, values

Found = tuple[Path, list[tuple[dict[str, Tensor], dict[str, Any]]]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """The folder, and the weights and all else of each of two processes."""
    folder = tmp_path_factory.mktemp("training-together")
    # torch imports its optimizers with the first step, and that is slow: here once, rather than in each process.
    list(train(Task(), Schedule(steps=1, rate=1e-2, warmup=0.0), folder / "before"))
    started = [Forked(partial(training_worker.main, folder, rank, 2), stderr=subprocess.PIPE) for rank in range(2)]
    try:
        said = [process.communicate(timeout=200)[1] for process in started]
    finally:
        for process in started:
            process.kill()
    assert [process.returncode for process in started] == [0, 0], said
    return folder, [
        (load_file(folder / f"{rank}.safetensors"), json.loads((folder / f"{rank}.json").read_text()))
        for rank in range(2)
    ]


def alone(schedule: Schedule, folder: Path, ill: frozenset[int] = frozenset()) -> tuple[Task, list[dict[str, float]]]:
    task = Task(ill)
    return task, list(train(task, schedule, folder))


def of(name: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key.split("/")[1]: value for key, value in tensors.items() if key.startswith(f"{name}/")}


def close(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    for key, value in one.items():
        torch.testing.assert_close(value, other[key], rtol=1e-12, atol=1e-12)


def twice(schedule: Schedule, batches: int = 2) -> Schedule:
    return Schedule(
        steps=schedule.steps, save_every=schedule.save_every, rate=schedule.rate, warmup=schedule.warmup,
        clip=schedule.clip, batches=batches,
    )  # fmt: skip


def test_the_weights_of_one_process(found: Found, tmp_path: Path) -> None:
    task, records = alone(twice(STEPS), tmp_path)
    start = values(Task())
    for tensors, _ in found[1]:
        close(of("plain", tensors), values(task))
    assert not torch.equal(values(task)["into"], start["into"])
    assert not torch.equal(values(task)["seldom"], start["seldom"])
    assert torch.equal(values(task)["never"], start["never"]), "no decay either: no batch depends on it"
    assert found[1][0][1]["plain"]["losses"] == pytest.approx([record["loss"] for record in records], rel=1e-12)


@pytest.mark.parametrize("name", ["plain", "three", "ill", "resumed"])
def test_the_same_bits_in_both(found: Found, name: str) -> None:
    first, second = (of(name, tensors) for tensors, _ in found[1])
    assert first.keys() == second.keys() == values(Task()).keys()
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_each_takes_other_batches(found: Found) -> None:
    one, other = (said for _, said in found[1])
    assert one["plain"]["seen"] == [0, 2, 4, 6, 8, 10]
    assert other["plain"]["seen"] == [1, 3, 5, 7, 9, 11]
    # Three batches a step for two processes.
    assert one["three"]["seen"] == [0, 2, 3, 5, 6, 8]
    assert other["three"]["seen"] == [1, 4, 7]


def test_more_batches_than_processes(found: Found, tmp_path: Path) -> None:
    task, _ = alone(Schedule(steps=3, rate=1e-2, warmup=0.0, batches=3), tmp_path)
    for tensors, _ in found[1]:
        close(of("three", tensors), values(task))


def test_the_first_alone_writes_and_talks(found: Found) -> None:
    folder, ((_, first), (_, second)) = found
    names = {path.name for path in (folder / "plain-0").iterdir()}
    assert names == {"checkpoint.safetensors", "checkpoint.previous.safetensors", "log.jsonl", "weights.safetensors"}
    assert not (folder / "plain-1").exists()
    assert (first["plain"]["asked"], first["plain"]["exported"]) == (2, 2)
    assert (second["plain"]["asked"], second["plain"]["exported"]) == (0, 0)
    assert first["plain"]["steps"] == [1, 2, 3, 4, 5, 6]
    assert second["plain"]["steps"] == []


def test_a_bad_batch_of_one_is_left_out_by_both(found: Found, tmp_path: Path) -> None:
    task, records = alone(twice(STEPS), tmp_path, frozenset({3}))
    assert found[1][0][1]["ill"]["steps"] == [1, 3, 4, 5, 6] == [record["step"] for record in records]
    for tensors, _ in found[1]:
        close(of("ill", tensors), values(task))


def test_both_go_on_from_the_first_ones_checkpoint(found: Found, tmp_path: Path) -> None:
    half = Schedule(steps=3, save_every=3, rate=STEPS.rate, warmup=0.0, batches=2)
    alone(half, tmp_path)
    task, _ = alone(Schedule(steps=6, save_every=3, rate=STEPS.rate, warmup=0.0, batches=2), tmp_path)
    (one, first), (other, second) = found[1]
    assert first["resumed"]["steps"] == [4, 5, 6]
    assert (first["resumed"]["seen"], second["resumed"]["seen"]) == ([6, 8, 10], [7, 9, 11])
    close(of("resumed", one), values(task))
    close(of("resumed", other), values(task))


def test_several_batches_a_step_in_one_process(tmp_path: Path) -> None:
    # By hand: the gradient of a step is the mean of its batches' gradients.
    class Line(Task):
        def __init__(self) -> None:
            super().__init__()
            self.parameters = {"x": torch.zeros(2, dtype=torch.float64, requires_grad=True)}

        def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
            self.seen.append(step)
            slope = torch.tensor([[3.0, 0.0], [0.0, 4.0]], dtype=torch.float64)[step % 2]
            return (self.parameters["x"] * slope).sum() + step, {"number": float(step)}

    task = Line()
    run = train(task, Schedule(steps=2, rate=0.1, warmup=0.0, weight_decay=0.0, clip=10.0, batches=2), tmp_path)
    record = next(run)
    assert task.parameters["x"].grad is not None
    assert task.parameters["x"].grad.tolist() == [1.5, 2.0]
    assert (record["loss"], record["number"]) == (0.5, 0.5)
    next(run)
    assert task.seen == [0, 1, 2, 3]


def test_a_bad_batch_among_several_spoils_the_step(tmp_path: Path) -> None:
    task, records = alone(twice(STEPS, 3), tmp_path, frozenset({4, 15}))
    assert [record["step"] for record in records] == [1, 3, 4, 5]
    assert all(math.isfinite(record["loss"]) for record in records)
    assert 5 not in task.seen, "what would be thrown away is not computed"
