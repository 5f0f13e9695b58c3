"""`impasto train encoder`: a few steps of the real thing, with a random teacher of VGG-19's shape."""

import errno
import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from impasto.training import encoder_run, held_out
from impasto.training.encoder_task import PLAN, EncoderTask, initial
from impasto.weights import VGG19_CONVOLUTIONS
from tests.cli.cli_helpers import draw


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    path = tmp_path_factory.mktemp("teacher") / "vgg19.safetensors"
    random = torch.Generator().manual_seed(0)
    tensors = {}
    for name, (wide, narrow) in VGG19_CONVOLUTIONS.items():
        if name <= "conv5_1":
            spread = (2 / (9 * narrow)) ** 0.5
            tensors[f"{name}.weight"] = (spread * torch.randn(wide, narrow, 3, 3, generator=random)).half()
            tensors[f"{name}.bias"] = torch.zeros(wide).half()
    save_file(tensors, path, metadata={"architecture": "vgg19"})
    return path


@pytest.fixture
def train(run, teacher, monkeypatch):
    monkeypatch.setattr(encoder_run, "LIFT_BATCHES", 2)
    monkeypatch.setattr(encoder_run, "FINAL_BATCHES", 3)
    monkeypatch.setattr(held_out, "SIDE", 48)
    Path("data").mkdir()
    for seed in range(2):
        draw(f"data/{seed}.png", seed)

    def train(*arguments):
        fixed = ("--batch", "1", "--crop", "32", "--precision", "float32", "--device", "cpu", "--save-every", "2")
        return run("train", "encoder", "data", "--teacher", teacher, *fixed, *arguments)

    return train


@pytest.mark.usefixtures("teacher")
def test_trains_logs_exports_and_goes_on(train, run):
    outcome = train("--out", "run", "--steps", "2", "--held-out", "data")
    assert outcome.status == 0, outcome.err
    assert outcome.err.splitlines()[0].startswith("step 2 of 2  loss ")
    assert outcome.err.splitlines()[-1] == "saved run/weights.safetensors"
    log = [json.loads(line) for line in Path("run/log.jsonl").read_text().splitlines()]
    assert [record["step"] for record in log] == [1, 2]
    assert log[1]["held_out_relu1_1"] > 0
    again = train("--out", "run", "--steps", "4")
    assert again.status == 0
    log = [json.loads(line) for line in Path("run/log.jsonl").read_text().splitlines()]
    assert [record["step"] for record in log] == [1, 2, 3, 4]
    # What was trained is an encoder that paints.
    options = ("--size", "48", "--iterations", "1", "--precision", "float32", "--encoder", "run/weights.safetensors")
    painted = run("paint", "data/0.png", "--style", "data/1.png", *options, "-o", "out.png")
    assert painted.status == 0, painted.err


def test_lifts_are_solved_for_at_a_fresh_start_and_at_the_end(train, monkeypatch):
    solved = []
    fit = EncoderTask.fit_lifts

    def counted(self, batches):
        solved.append(batches)
        fit(self, batches)

    monkeypatch.setattr(EncoderTask, "fit_lifts", counted)
    assert train("--out", "run", "--steps", "1").status == 0
    assert solved == [2, 3]
    assert train("--out", "run", "--steps", "2", "--init", "not looked at").status == 0
    assert solved == [2, 3, 3]


def test_starts_from_a_narrower_petite(train, encoder):
    assert train("--out", "run", "--steps", "1", "--rate", "1e-9", "--init", encoder).status == 0
    trained, narrow = load_file("run/weights.safetensors"), load_file(encoder)
    for key in ("conv1_1.weight", "conv4_2.weight"):
        wide, small = trained[key], narrow[key]
        assert torch.allclose(wide[tuple(slice(side) for side in small.shape)].float(), small, atol=1e-3), key
        # The old channels do not yet see the new ones.
        assert not wide[: len(small), small.shape[1] :].any() or wide.shape[1] == small.shape[1]
    assert trained["conv1_1.weight"].shape[0] == PLAN["1_1"]


def test_starts_from_collaborative_distillation(train):
    plan = {name: 4 * int(name[0]) for name in PLAN}
    tensors = {"encoder5.conv0.weight": torch.eye(3)[:, :, None, None], "encoder5.conv0.bias": torch.zeros(3)}
    for key, value in initial(plan, seed=3).items():
        if key.startswith("conv"):
            name, _, kind = key.partition(".")
            tensors[f"encoder5.{name.replace('_', '')}.{kind}"] = value
    save_file(tensors, "cd.safetensors")
    outcome = train("--out", "run", "--steps", "1", "--init", "cd.safetensors")
    assert outcome.status == 0, outcome.err


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--rate", "0"], 2, "--rate"),
        (["--device", "tpu"], 2, "--device"),
        (["--held-out", "nowhere"], 3, "nowhere"),
        (["--init", "nowhere"], 4, "nowhere"),
        (["--init", "data/0.png"], 4, "data/0.png"),
        (["--rate", "inf"], 2, "--rate"),
        (["--rate", "nan"], 2, "--rate"),
    ],
)
def test_refused_before_training(train, arguments, status, words):
    outcome = train("--out", "run", "--steps", "1", *arguments)
    assert outcome.status == status, outcome.err
    assert words in outcome.error
    assert not Path("run").exists()


def test_the_teacher_must_be_vgg19(run, encoder):
    Path("data").mkdir()
    draw("data/0.png")
    outcome = run("train", "encoder", "data", "--teacher", encoder, "--out", "run")
    assert (outcome.status, "must be VGG-19" in outcome.error) == (4, True)


def test_no_pictures(run, teacher):
    Path("data").mkdir()
    outcome = run("train", "encoder", "data", "--teacher", teacher, "--out", "run", "--precision", "float32")
    assert (outcome.status, "holds no picture" in outcome.error) == (3, True)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_no_gpu(run, teacher):
    outcome = run("train", "encoder", "data", "--teacher", teacher, "--out", "run", "--device", "cuda")
    assert (outcome.status, "choose from auto, cpu" in outcome.error) == (5, True)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_trains_on_a_gpu(train):
    assert train("--out", "run", "--steps", "2", "--held-out", "data", "--device", "cuda").status == 0
    assert train("--out", "run", "--steps", "3", "--device", "cuda").status == 0


@pytest.mark.parametrize(
    ("out", "status"),
    [("", 2), ("  ", 2), ("data/0.png", 3), ("data/0.png/x", 3), ("/dev/null", 3), ("x" * 300, 3), ("pipe", 3)],
)
def test_a_bad_folder_is_refused_before_anything_is_read(train, out, status, monkeypatch):
    os.mkfifo("pipe")
    monkeypatch.setattr(encoder_run, "prepare", lambda *_: pytest.fail("read before the refusal"))
    before = sorted(Path().rglob("*"))
    outcome = train("--out", out, "--steps", "1")
    assert outcome.status == status, outcome.err
    assert "folder" in outcome.error
    assert sorted(Path().rglob("*")) == before


def test_a_full_disk(train, monkeypatch):
    def full(_handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    outcome = train("--out", "run", "--steps", "2")
    assert (outcome.status, "free some space" in outcome.error) == (5, True)


def test_too_little_memory(train, monkeypatch):
    def fit(_self, _batches):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")

    monkeypatch.setattr(EncoderTask, "fit_lifts", fit)
    outcome = train("--out", "run", "--steps", "2")
    assert (outcome.status, "--batch" in outcome.error) == (5, True)


def test_what_is_no_picture_is_skipped_and_counted(train):
    os.mkfifo("data/pipe.png")
    Path("data/gone.png").symlink_to("nowhere")
    Path("data/zero.png").symlink_to("/dev/zero")
    Path("data/broken.png").write_bytes(b"nothing")
    outcome = train("--out", "run", "--steps", "2", "--held-out", "data")
    assert outcome.status == 0, outcome.err
    notes = [line for line in outcome.err.splitlines() if "left out: " in line]
    assert len(notes) == 1
    for words in ("1 pipes", "1 broken links", "1 links out of the folder"):
        assert words in notes[0]


@pytest.mark.parametrize("source", ["pipe", "/dev/zero", "cut.tar.gz", "nowhere", "gone"])
def test_sources_that_cannot_be_read(run, teacher, source):
    os.mkfifo("pipe")
    Path("gone").symlink_to("nowhere")
    Path("cut.tar.gz").write_bytes(b"\x1f\x8b\x08\0")
    outcome = run("train", "encoder", source, "--teacher", teacher, "--out", "run", "--precision", "float32")
    assert outcome.status == 3, outcome.err
    assert source in outcome.error


@pytest.mark.parametrize("shape", [(3,), (3, 3), (4, 3, 3, 3), (16, 5, 3, 3)])
def test_an_encoder_to_start_from_whose_shapes_do_not_meet(train, shape):
    tensors = {"encoder5.conv0.weight": torch.eye(3)[:, :, None, None], "encoder5.conv0.bias": torch.zeros(3)}
    save_file(tensors | {"encoder5.conv11.weight": torch.ones(shape)}, "cd.safetensors")
    outcome = train("--out", "run", "--steps", "1", "--init", "cd.safetensors")
    assert (outcome.status, "cd.safetensors" in outcome.error) == (4, True)
