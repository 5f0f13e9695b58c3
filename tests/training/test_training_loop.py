"""The training loop: schedule, checkpoints, and resuming to the very same bits."""

import itertools
import json
import math
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from impasto.errors import DivergedError, InputError
from impasto.training.encoder_task import EncoderTask
from impasto.training.loop import Schedule, train

MakeTask = Callable[..., EncoderTask]
Trained = tuple[Path, dict[str, torch.Tensor]]
SIX = Schedule(steps=6, save_every=3, rate=1e-3)


def parameters(task: EncoderTask) -> dict[str, torch.Tensor]:
    return {key: value.detach().clone() for key, value in task.parameters.items()}


def assert_same(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    different = [key for key in one if not torch.equal(one[key], other[key])]
    assert different == []


@pytest.fixture(scope="module")
def trained(make_task: MakeTask, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A folder that six steps were trained into, and the parameters they led to."""
    folder, task = tmp_path_factory.mktemp("trained"), make_task()
    assert len(list(train(task, SIX, folder))) == 6
    return folder, parameters(task)


@pytest.fixture
def unbroken(trained: Trained, tmp_path: Path) -> dict[str, torch.Tensor]:
    """The parameters after six steps; their folder is copied to `unbroken`."""
    shutil.copytree(trained[0], tmp_path / "unbroken")
    return trained[1]


def test_schedule_rises_then_falls() -> None:
    schedule = Schedule(steps=1000, rate=2e-3, warmup=0.1)
    rates = [schedule.at(step) for step in range(1000)]
    peak = rates.index(max(rates))
    assert peak == 99
    assert rates[peak] == pytest.approx(2e-3)
    assert rates[:100] == sorted(rates[:100])
    assert rates[99:] == sorted(rates[99:], reverse=True)
    assert rates[0] == pytest.approx(2e-5)
    assert rates[549] == pytest.approx(1e-3, rel=1e-2)
    assert rates[-1] == pytest.approx(0, abs=1e-12)


def test_schedule_without_warmup_and_of_one_step() -> None:
    assert Schedule(steps=10, warmup=0.0).at(0) <= 2e-3
    assert math.isfinite(Schedule(steps=1).at(0))


def test_training_changes_every_parameter_and_logs(make_task: MakeTask, tmp_path: Path) -> None:
    task = make_task()
    before = parameters(task)
    records = list(train(task, SIX, tmp_path))
    assert [record["step"] for record in records] == [1, 2, 3, 4, 5, 6]
    unchanged = [key for key, value in task.parameters.items() if torch.equal(value.detach(), before[key])]
    assert unchanged == []
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
    for line, record in zip(lines, records, strict=True):
        assert line["loss"] == pytest.approx(record["loss"], rel=1e-5)
    held_out = [record["step"] for record in records if "held_out_relu4_2" in record]
    assert held_out == [3, 6]
    assert records[-1]["rate"] == SIX.at(5)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"checkpoint.safetensors", "checkpoint.previous.safetensors", "log.jsonl", "weights.safetensors"}


def test_training_learns(make_task: MakeTask, tmp_path: Path) -> None:
    task = make_task()
    before = sum(task.evaluate().values())
    list(train(task, Schedule(steps=60, save_every=1000, rate=5e-3), tmp_path))
    assert sum(task.evaluate().values()) < 0.7 * before


@pytest.mark.parametrize("stopped_after", [3, 4, 5])
def test_resumes_to_the_same_bits(
    make_task: MakeTask, tmp_path: Path, unbroken: dict[str, torch.Tensor], stopped_after: int
) -> None:
    run = train(make_task(), SIX, tmp_path)
    for _ in range(stopped_after):
        next(run)
    run.close()
    task = make_task()
    assert [record["step"] for record in train(task, SIX, tmp_path)] == [4, 5, 6]
    assert_same(parameters(task), unbroken)
    exported, expected = (load_file(folder / "weights.safetensors") for folder in (tmp_path, tmp_path / "unbroken"))
    assert_same(exported, expected)


def test_stopped_before_the_first_checkpoint_starts_again(make_task, tmp_path, unbroken) -> None:
    run = train(make_task(), SIX, tmp_path)
    next(run)
    run.close()
    task = make_task()
    assert len(list(train(task, SIX, tmp_path))) == 6
    assert_same(parameters(task), unbroken)


def test_a_finished_training_has_nothing_left_to_do(make_task, tmp_path, unbroken) -> None:
    task = make_task()
    assert list(train(task, SIX, tmp_path / "unbroken")) == []
    assert_same(parameters(task), unbroken)


@pytest.mark.parametrize("damage", ["truncated", "empty", "garbage", "no step"])
def test_a_corrupt_checkpoint_falls_back_to_the_one_before(
    make_task, tmp_path: Path, unbroken, damage: str, notices: list[str], trained: Trained
) -> None:
    shutil.copytree(trained[0], tmp_path, dirs_exist_ok=True)
    path = tmp_path / "checkpoint.safetensors"
    data = path.read_bytes()
    if damage == "no step":
        save_file({"parameter/x": torch.zeros(1)}, path)
    else:
        path.write_bytes({"truncated": data[: len(data) // 2], "empty": b"", "garbage": b"\xff" * 400}[damage])
    task = make_task()
    assert [record["step"] for record in train(task, SIX, tmp_path)] == [4, 5, 6]
    assert_same(parameters(task), unbroken)
    assert len(notices) == 1
    assert "checkpoint.safetensors" in notices[0]
    assert "the one before" in notices[0]


def test_a_lost_checkpoint_falls_back_too(make_task, tmp_path: Path, unbroken, trained: Trained) -> None:
    # Killed between the rename and the write.
    shutil.copytree(trained[0], tmp_path, dirs_exist_ok=True)
    (tmp_path / "checkpoint.safetensors").unlink()
    task = make_task()
    assert [record["step"] for record in train(task, SIX, tmp_path)] == [4, 5, 6]
    assert_same(parameters(task), unbroken)


def test_a_corrupt_checkpoint_does_not_push_out_the_good_one(make_task, tmp_path: Path, trained: Trained) -> None:
    # Resumed from the one before, then saved: at no moment may the corrupt file be all that is left.
    shutil.copytree(trained[0], tmp_path, dirs_exist_ok=True)
    good = (tmp_path / "checkpoint.previous.safetensors").read_bytes()
    (tmp_path / "checkpoint.safetensors").write_bytes(b"")
    longer = Schedule(steps=6, save_every=1, rate=1e-3)
    run = train(make_task(), longer, tmp_path)
    next(run)
    run.close()
    kept = (tmp_path / "checkpoint.previous.safetensors").read_bytes()
    assert kept == good


@pytest.mark.parametrize("other", ["wider", "another layer"])
def test_a_checkpoint_of_another_network_is_refused(make_task, tmp_path: Path, other: str, trained: Trained) -> None:
    shutil.copytree(trained[0], tmp_path, dirs_exist_ok=True)
    before = (tmp_path / "checkpoint.safetensors").read_bytes()
    task = make_task()
    if other == "wider":
        task.parameters["conv1_1.bias"] = torch.zeros(99, requires_grad=True)
    else:
        task.parameters["conv6_1.bias"] = torch.zeros(3, requires_grad=True)
    with pytest.raises(InputError, match="another network"):
        list(train(task, SIX, tmp_path))
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before


class Sick:
    """A task whose loss is NaN at the steps in `ill`."""

    def __init__(self, ill: set[int]) -> None:
        self.ill, self.exported = ill, 0
        self.parameters = {"x": torch.ones(3, requires_grad=True)}

    def loss(self, step: int) -> tuple[torch.Tensor, dict[str, float]]:
        return self.parameters["x"].square().sum() * (math.nan if step in self.ill else 1.0), {}

    def evaluate(self) -> dict[str, float]:
        return {}

    def export(self, _path: Path) -> None:
        self.exported += 1


def test_each_step_is_taken_at_the_rate_of_the_schedule(tmp_path: Path) -> None:
    # With a constant gradient Adam moves every parameter by just the rate.
    class Slope(Sick):
        def loss(self, _step: int) -> tuple[torch.Tensor, dict[str, float]]:
            return self.parameters["x"].sum(), {}

    task = Slope(set())
    schedule = Schedule(steps=8, rate=0.1, warmup=0.5, weight_decay=0.0)
    places = [1.0]
    for _ in train(task, schedule, tmp_path):
        places.append(float(task.parameters["x"][0].detach()))
    moves = [before - after for before, after in itertools.pairwise(places)]
    assert moves == pytest.approx([schedule.at(step) for step in range(8)], abs=1e-6)


def test_a_bad_step_is_left_out(tmp_path: Path) -> None:
    task = Sick({2, 5})
    assert [record["step"] for record in train(task, Schedule(steps=8, save_every=4), tmp_path)] == [1, 2, 4, 5, 7, 8]
    assert bool(torch.isfinite(task.parameters["x"]).all())
    assert task.exported == 2


def test_ten_bad_steps_in_a_row_stop_the_training(tmp_path: Path) -> None:
    task = Sick(set(range(3, 100)))
    run = train(task, Schedule(steps=50, save_every=2), tmp_path)
    assert [next(run)["step"] for _ in range(3)] == [1, 2, 3]
    with pytest.raises(DivergedError, match="diverged at step 12"):
        next(run)
    assert bool(torch.isfinite(task.parameters["x"]).all())


def test_a_bad_last_step_still_saves(tmp_path: Path) -> None:
    task = Sick({7})
    list(train(task, Schedule(steps=8, save_every=100), tmp_path))
    assert task.exported == 1
    assert (tmp_path / "checkpoint.safetensors").exists()


def test_nothing_is_saved_before_the_first_good_step(tmp_path: Path) -> None:
    list(train(Sick({0, 1, 2}), Schedule(steps=3, save_every=2), tmp_path))
    assert not (tmp_path / "checkpoint.safetensors").exists()
    resumed = list(train(Sick(set()), Schedule(steps=3, save_every=2), tmp_path))
    assert [record["step"] for record in resumed] == [1, 2, 3]


def test_late_steps_keep_their_number_in_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("impasto.training.loop._resume", lambda *_arguments: 1_234_566)
    list(train(Sick(set()), Schedule(steps=1_234_567), tmp_path))
    assert json.loads((tmp_path / "log.jsonl").read_text())["step"] == 1_234_567
