"""Where a training writes: refused before it begins, and a full disk in the middle."""

import errno
import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from impasto.errors import ImpastoError, InputError, OutputError, ResourceError
from impasto.training import loop
from impasto.training.encoder_task import EncoderTask
from impasto.training.loop import Schedule, train
from impasto.training.outputs import check_folder
from impasto.training.progress import with_progress

MakeTask = Callable[..., EncoderTask]
SIX = Schedule(steps=6, save_every=2, rate=1e-3)


def spoil(out: Path, how: str) -> None:
    name, _, what = how.rpartition(" ")
    path = out / name if name else out
    path.parent.mkdir(parents=True, exist_ok=True)
    if what == "file":
        path.touch()
    elif what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(what)


@pytest.mark.parametrize(
    "how",
    [
        "file",
        "pipe",
        "/dev/full",
        "nowhere",
        "weights.safetensors folder",
        "checkpoint.safetensors folder",
        "checkpoint.safetensors pipe",
        "log.jsonl pipe",
        "log.jsonl /dev/full",
        "samples file",
    ],
)
def test_folders_that_cannot_be_written(tmp_path: Path, how: str) -> None:
    out = tmp_path / "out"
    spoil(out, how)
    before = sorted(tmp_path.rglob("*"))
    for folder in (out,) if out.is_dir() else (out, out / "deeper"):
        with pytest.raises(OutputError, match="out") as caught:
            check_folder(folder)
        assert caught.value.exit_code == 3
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "/proc/nothing/here", "/dev/null/x"])
def test_names_that_no_folder_can_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError):
        check_folder(tmp_path / name)


def test_a_good_folder_is_not_made(tmp_path: Path) -> None:
    check_folder(tmp_path / "a" / "b" / "c")
    check_folder(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, ResourceError),
        (errno.EDQUOT, ResourceError),
        (errno.EROFS, OutputError),
        (errno.EIO, OutputError),
    ],
)
def test_a_disk_that_fills_up_keeps_the_last_checkpoint(
    make_task: MakeTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[ImpastoError]
) -> None:
    sync = os.fsync
    left = [2]  # files: the first checkpoint and its weights

    def full(handle: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(number, os.strerror(number))
        sync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(kind) as caught:
        list(train(make_task(), SIX, tmp_path / "out"))
    assert type(caught.value) is kind
    assert "checkpoint.safetensors" in str(caught.value)
    assert "\n" not in str(caught.value)
    monkeypatch.setattr(os, "fsync", sync)
    # It goes on from step 2, and ends where the unbroken training does.
    task, whole = make_task(), make_task()
    assert [record["step"] for record in train(task, SIX, tmp_path / "out")] == [3, 4, 5, 6]
    list(train(whole, SIX, tmp_path / "whole"))
    assert all(torch.equal(task.parameters[key], whole.parameters[key]) for key in whole.parameters)


def test_a_log_that_cannot_be_written_holds_whole_lines(
    make_task: MakeTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_keep", lambda *_: None)
    # What is imported meanwhile would be cut short too, and stay so.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (900, before[1]))
    try:
        with pytest.raises(ResourceError, match=r"log\.jsonl"):
            list(train(make_task(), Schedule(steps=40, save_every=50), tmp_path / "out"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    text = (tmp_path / "out" / "log.jsonl").read_text()
    assert text.endswith("\n")
    for line in text.splitlines():
        json.loads(line)


class Shown:
    """A task whose sheets cannot be written."""

    def __init__(self, task: EncoderTask) -> None:
        self.task = task

    def __getattr__(self, name: str) -> object:
        return getattr(self.task, name)

    def sheet(self, path: Path, _note: str = "") -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))


def test_samples_that_cannot_be_written_do_not_end_the_training(
    make_task: MakeTask, tmp_path: Path, notices: list[str]
) -> None:
    records = list(with_progress(Shown(make_task()), SIX, tmp_path, 1))  # type: ignore[arg-type]
    assert len(records) == 6
    assert len(notices) == 1
    assert "goes on without samples" in notices[0]


@pytest.mark.parametrize("what", ["missing", "shape", "type", "negative"])
def test_checkpoints_whose_parts_do_not_fit(make_task: MakeTask, tmp_path: Path, what: str, notices: list[str]) -> None:
    list(train(make_task(), SIX, tmp_path))
    path = tmp_path / "checkpoint.safetensors"
    tensors = load_file(path)
    if what == "missing":
        del tensors["adamw/conv1_1.weight/exp_avg"]
    elif what == "shape":
        tensors["adamw/conv1_1.weight/exp_avg_sq"] = torch.zeros(3)
    elif what == "type":
        tensors["adamw/conv1_1.weight/step"] = torch.tensor([[True]])
    save_file(tensors, path, metadata={"step": "-3" if what == "negative" else "6"})
    assert [record["step"] for record in train(make_task(), SIX, tmp_path)] == [5, 6]
    assert len(notices) == 1


def test_a_checkpoint_that_is_no_file(make_task: MakeTask, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "checkpoint.safetensors")
    with pytest.raises(InputError, match="regular"):
        list(train(make_task(), SIX, tmp_path))
