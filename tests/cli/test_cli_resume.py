"""Checkpoints from the command line (rows 26, 38, 42 and 43): killed, stopped, moved, and gone on with."""

import os
import shutil
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from impasto import images
from impasto.checkpoint import Checkpoint, previous, saved, tensorfile
from impasto.cli import checkpoints
from impasto.cli.checkpoints import CheckpointWriter
from impasto.encoders.petite import Petite
from impasto.errors import OutputError
from impasto.painting.stylizer import Stylizer
from impasto.recipe import Recipe
from tests.cli.cli_helpers import draw, look, pixels
from tests.forked import Forked, impasto
from tests.type_helpers import present

FIXED = ("--size", "64", "--levels", "2", "--iterations", "9", "--precision", "float32")


def dies(step, where, arguments):
    """Return what runs `impasto`, in a process that is killed after a step; `where` "write": as it writes."""
    keep, write = CheckpointWriter.keep, tensorfile.write

    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    def keep_and_die(self, painting, progress):
        if where == "write" and progress.total_step == step:
            tensorfile.write = write_half
        keep(self, painting, progress)
        if progress.total_step == step:
            die()

    def write_half(stream, tensors, notes):
        write(stream, dict(list(tensors.items())[:3]), notes)
        stream.flush()
        die()

    def run():
        checkpoints.PAUSE = 0
        CheckpointWriter.keep = keep_and_die  # type: ignore[method-assign]
        return impasto(arguments)()

    return run


@pytest.fixture
def scene():
    """A folder with a photograph, a painting, and masks of both."""
    draw("photo.png", 1)
    draw("style.png", 2, size=(44, 60))
    for name, size in (("photo", (40, 52)), ("style", (44, 60))):
        mask = draw(f"{name}-mask.png", 3, size=size)
        array = pixels(mask)
        array[:, : size[1] // 2], array[:, size[1] // 2 :] = (255, 0, 0), (0, 0, 255)
        images.save(images.load(array.astype("uint8")), mask, force=True)
    return ("photo.png", "--style", "style.png")


@pytest.fixture
def killed(scene, encoder):
    """`killed(step, *options)` paints in a process that is killed after a step; `where` "write": in mid-write."""

    def start(step, *options, where="step"):
        arguments = ["paint", *scene, "--encoder", encoder, *FIXED, "--checkpoint-every", "0", *options]
        process = Forked(dies(step, where, arguments), stderr=subprocess.PIPE)
        _, talk = process.communicate()
        assert process.returncode == -signal.SIGKILL, talk

    return start


MASKS = ("--content-mask", "photo-mask.png", "--style-mask", "style-mask.png")
KINDS = {
    "lbfgs": ("--history", "3"),
    "adam": ("--solver", "adam", "--schedule", "linear", "--learning-rate", "9"),
    "luminance": ("--color", "luminance"),
    "masks": (*MASKS, "--region-weights", "red=2"),
    "named masks": (*MASKS, "--region-names", '{"#ff0000": "sky"}', "--region-weights", "sky=2"),
    "masks in grey": (*MASKS, "--color", "luminance", "--solver", "adam"),
    "region": ("--region", "a=photo-mask.png:style-mask.png", "--init", "noise", "--seed", "4"),
    "start": ("--init", "style-mask.png"),
}


@pytest.mark.parametrize(
    ("kind", "step"), [*((kind, 4) for kind in KINDS), ("lbfgs", 6), ("lbfgs", 7), ("adam", 6), ("adam", 7)]
)
def test_killed_and_resumed_is_as_if_nothing_had_been(run, scene, encoder, killed, kind, step) -> None:
    # Of nine steps, six are in the first level.
    unbroken = run("paint", *scene, "--encoder", encoder, *FIXED, *KINDS[kind], "-o", "unbroken.png")
    assert unbroken.status == 0, unbroken.err
    killed(step, *KINDS[kind], "-o", "out.png", "--checkpoint", "kept")
    assert not Path("out.png").exists()
    loaded = Checkpoint.load("kept")
    assert loaded.taken == step
    outcome = run("resume", "kept", "--json", "--checkpoint-every", "0")
    assert outcome.status == 0, outcome.err
    assert outcome.json["steps"] == 9
    assert outcome.json["finished"]
    assert f"going on after step {loaded.taken} of 9" in outcome.err
    assert "bits" not in outcome.err
    assert Path("out.png").read_bytes() == Path("unbroken.png").read_bytes()
    assert not list(Path.cwd().glob("kept*"))


def test_killed_in_the_middle_of_writing(run, scene, encoder, killed) -> None:
    run("paint", *scene, "--encoder", encoder, *FIXED, "-o", "unbroken.png")
    killed(7, "-o", "out.png", "--checkpoint", "kept", where="write")
    assert Path("kept.part").exists()
    assert run("resume", "kept").status == 0
    assert Path("out.png").read_bytes() == Path("unbroken.png").read_bytes()
    assert not list(Path.cwd().glob("kept*"))


@pytest.mark.parametrize("wait_s", [0.0, 0.1])
def test_killed_from_outside_at_any_moment(run, scene, encoder, wait_s) -> None:
    options = ("--size", "48", "--iterations", "100", "--precision", "float32", "--encoder", encoder)
    assert run("paint", *scene, *options, "-o", "unbroken.png").status == 0
    arguments = [*scene, *options, "-o", "out.png", "--checkpoint", "kept", "--checkpoint-every", "0.05"]
    process = Forked(impasto(["paint", *arguments]), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not Path("kept").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(wait_s)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert run("resume", "kept").status == 0
    assert Path("out.png").read_bytes() == Path("unbroken.png").read_bytes()


def test_killed_twice_with_the_damaged_one_replaced(run, scene, encoder, killed) -> None:
    run("paint", *scene, "--encoder", encoder, *FIXED, "-o", "unbroken.png")
    killed(8, "-o", "out.png", "--checkpoint", "kept", where="write")
    assert previous(Path("kept")).exists()
    Path("kept").write_bytes(Path("kept").read_bytes()[:-100])
    outcome = run("resume", "kept")
    assert outcome.status == 0
    assert "going on from the one before it" in outcome.err
    assert Path("out.png").read_bytes() == Path("unbroken.png").read_bytes()


# Stopping.


def test_ctrl_c_keeps_the_picture_and_the_way_to_go_on(run, scene, encoder, stops) -> None:
    options = (*scene, "--encoder", encoder, *FIXED)
    run("paint", *options, "-o", "unbroken.png")
    stops(5)
    outcome = run("paint", *options, "-o", "out.png", "--checkpoint", "kept")
    assert outcome.status == 130
    assert "stopped at step 5 of 9; saved out.png; impasto resume kept goes on" in outcome.err
    stops(8)
    # The picture so far is the painting's own, and may be replaced by it.
    outcome = run("resume", "kept")
    assert outcome.status == 130
    assert "stopped at step 8 of 9" in outcome.err
    stops(None)
    assert run("resume", "kept").status == 0
    assert Path("out.png").read_bytes() == Path("unbroken.png").read_bytes()


def test_a_picture_that_somebody_put_there_is_not_replaced(run, scene, encoder, stops) -> None:
    stops(5)
    run("paint", *scene, "--encoder", encoder, *FIXED, "-o", "out.png", "--checkpoint", "kept")
    stops(None)
    draw("out.png", 9)
    before = Path("out.png").read_bytes()
    outcome = run("resume", "kept")
    assert (outcome.status, "--force" in outcome.error) == (3, True)
    assert Path("out.png").read_bytes() == before
    assert run("resume", "kept", "-o", "other.png").status == 0
    assert look("other.png")[1] == (64, 49)
    assert not Path("kept").exists()


def test_ctrl_c_after_the_last_step_leaves_nothing_to_go_on_with(run, scene, encoder, stops) -> None:
    stops(9)
    outcome = run("paint", *scene, "--encoder", encoder, *FIXED, "-o", "out.png", "--checkpoint", "kept")
    assert outcome.status == 130
    assert Path("out.png").exists()


# When there is one.


def test_short_paintings_leave_none(paint, stops) -> None:
    stops(1)
    assert paint("-o", "out.png", "--checkpoint-every", "0").status == 130
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["out.png", "photo.png", "style.png"]


def test_long_paintings_have_one_beside_the_output(paint, stops, monkeypatch, run) -> None:
    monkeypatch.setattr(checkpoints, "LONG_S", 0.0)
    assert paint("-o", "unbroken.png", "--checkpoint-every", "0").status == 0
    assert not list(Path.cwd().glob(".*"))
    stops(1)
    outcome = paint("-o", "new/out.png")
    assert outcome.status == 130
    assert "impasto resume new/.out.png.checkpoint goes on" in outcome.err
    stops(None)
    # Begun again by mistake.
    Path("new/out.png").unlink()
    refused = paint("-o", "new/out.png")
    assert refused.status == 3
    assert "go on with impasto resume new/.out.png.checkpoint, or pass --force" in refused.error
    assert run("resume", "new/.out.png.checkpoint").status == 0
    assert Path("new/out.png").read_bytes() == Path("unbroken.png").read_bytes()
    assert [path.name for path in Path("new").iterdir()] == ["out.png"]


def test_begun_again_on_purpose(paint, stops, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "LONG_S", 0.0)
        stops(1)
        paint("-o", "out.png")
        stops(None)
    assert Path(".out.png.checkpoint").exists()
    assert paint("-o", "out.png", "--force").status == 0
    assert not Path(".out.png.checkpoint").exists()


def test_off_is_off(paint, stops, monkeypatch) -> None:
    monkeypatch.setattr(checkpoints, "LONG_S", 0.0)
    stops(1)
    outcome = paint("-o", "out.png", "--checkpoint", "off", "--checkpoint-every", "0")
    assert outcome.status == 130
    assert "resume" not in outcome.err
    assert not list(Path.cwd().glob(".*"))


def test_writing_takes_a_twentieth_of_the_time_at_most(monkeypatch) -> None:
    clock, written = [0.0], []

    painting: Any = None
    progress: Any = SimpleNamespace(elapsed_s=1000.0, eta_s=0.0)

    def write(self, _stylizer):
        written.append(clock[0])
        clock[0] += 10
        self._last, self._wait_s = clock[0], checkpoints.PAUSE * 10

    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(CheckpointWriter, "_write", write)
    writer = CheckpointWriter(Path("kept"), False, 60.0, _last=0.0)
    while clock[0] < 2000:
        clock[0] += 1
        writer.keep(painting, progress)
    assert written[0] == 60
    assert 10 * len(written) <= 2000 / 20 + 10
    assert len(written) == 10


# Trouble.


def test_a_full_disk_is_no_reason_to_stop(paint, monkeypatch) -> None:
    tried = []

    def nearly_full(path):
        tried.append(path)
        return shutil._ntuple_diskusage(100, 99, 1)

    monkeypatch.setattr(shutil, "disk_usage", nearly_full)
    outcome = paint("-o", "out.png", "--iterations", "6", "--checkpoint", "kept", "--checkpoint-every", "0")
    assert outcome.status == 0
    assert "too full for a checkpoint" in outcome.err
    assert "tries again" in outcome.err
    assert len(tried) > 1
    assert look("out.png")[1] == (48, 37)
    assert not Path("kept").exists()


def test_a_picture_that_cannot_be_saved_is_not_lost(paint, run, monkeypatch) -> None:
    assert paint("-o", "unbroken.png", "--iterations", "6").status == 0
    write, calls = images.save, []

    def full(_picture, path, **_options):
        calls.append(sorted(item.name for item in Path.cwd().glob("kept*")))
        raise OutputError(f"{path}: could not be written (No space left on device)")

    monkeypatch.setattr(images, "save", full)
    outcome = paint("-o", "out.png", "--iterations", "6", "--checkpoint", "kept", "--checkpoint-every", "0")
    assert outcome.status == 3
    assert "No space left on device" in outcome.error
    assert "impasto resume kept goes on" in outcome.error
    assert len(calls) == 2, "once more, after the older checkpoint made room"
    assert calls[1] == ["kept"]
    monkeypatch.setattr(images, "save", write)
    assert run("resume", "kept").status == 0
    assert Path("out.png").read_bytes() == Path("unbroken.png").read_bytes()


def test_out_of_memory_leaves_a_way_to_go_on(run, scene, encoder, monkeypatch) -> None:
    options = (*scene, "--encoder", encoder, *FIXED)
    keep, share = CheckpointWriter.keep, checkpoints.PAUSE

    def exhausted(self, stylizer, progress):
        keep(self, stylizer, progress)
        if progress.total_step == 5:
            raise MemoryError

    monkeypatch.setattr(checkpoints, "PAUSE", 0)
    monkeypatch.setattr(CheckpointWriter, "keep", exhausted)
    outcome = run("paint", *options, "-o", "out.png", "--checkpoint", "kept", "--checkpoint-every", "0")
    assert outcome.status == 5
    assert "impasto resume kept --force --tile 512" in outcome.error
    monkeypatch.setattr(CheckpointWriter, "keep", keep)
    monkeypatch.setattr(checkpoints, "PAUSE", share)
    assert run("resume", "kept", "--force", "--tile", "512").status == 0
    assert run("paint", *options, "-o", "unbroken.png").status == 0
    # One tile of 512 is the whole of so small a picture.
    assert Path("out.png").read_bytes() == Path("unbroken.png").read_bytes()


def test_moved_as_a_whole(run, scene, encoder, stops, monkeypatch) -> None:
    run("paint", *scene, "--encoder", encoder, *FIXED, *MASKS, "-o", "unbroken.png")
    stops(5)
    run("paint", *scene, "--encoder", encoder, *FIXED, *MASKS, "-o", "out.png", "--checkpoint", "kept")
    stops(None)
    Path("out.png").unlink()
    here = Path.cwd()
    away = here.with_name("away")
    monkeypatch.chdir(here.parent)
    here.rename(away)
    try:
        outcome = run("resume", "away/kept", "-o", "away/out.png")
        assert outcome.status == 0, outcome.err
        assert (away / "out.png").read_bytes() == (away / "unbroken.png").read_bytes()
    finally:
        away.rename(here)


@pytest.mark.parametrize(
    ("name", "status"),
    [("photo.png", 3), ("style.png", 3), ("photo-mask.png", 3), ("style-mask.png", 3), ("encoder", 4)],
)
@pytest.mark.parametrize("how", ["changed", "missing"])
def test_other_inputs_are_refused_by_name(run, scene, encoder, stops, name, status, how) -> None:
    stops(2)
    run("paint", *scene, *MASKS, "--encoder", encoder, *FIXED, "-o", "out.png", "--checkpoint", "kept")
    Path("out.png").unlink()
    path = encoder if name == "encoder" else Path(name)
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes() + b"x")
    outcome = run("resume", "kept")
    assert outcome.status == status
    assert path.name in outcome.error
    assert ("has changed" if how == "changed" else "is not at") in outcome.error
    assert not Path("out.png").exists()
    assert Path("kept").exists()


def test_other_weights_of_a_named_encoder(paint, run, stops, monkeypatch, encoder_bytes) -> None:
    stops(1)
    assert paint("-o", "out.png", "--checkpoint", "kept").status == 130
    stops(None)
    made = Petite.from_bytes(encoder_bytes)
    made.sha256 = "ab" * 32
    monkeypatch.setattr(Petite, "embedded", classmethod(lambda _cls, **_options: made))
    outcome = run("resume", "kept")
    assert outcome.status == 4
    assert "kept: the checkpoint is of other weights of petite" in outcome.error


def test_what_is_no_checkpoint(run, photo) -> None:
    Path("text").write_text("hello")
    Path("folder").mkdir()
    os.mkfifo("pipe")
    for name in ("text", "folder", "pipe", photo, "none", "a\0b"):
        outcome = run("resume", name)
        assert outcome.status == 3, outcome.err
        assert len(outcome.err.splitlines()) == 1


@pytest.fixture
def kept(paint, stops):
    """A checkpoint after the first of two steps."""
    stops(1)
    assert paint("-o", "out.png", "--checkpoint", "kept").status == 130
    stops(None)
    Path("out.png").unlink()
    return Path("kept")


def test_a_checkpoint_of_python_and_one_of_the_future(run, photo, style, encoder, monkeypatch) -> None:
    painting = Stylizer(photo, style, Recipe.parse({"size": 48, "iterations": 2}), encoder=encoder)
    next(iter(painting))
    painting.checkpoint().save("kept")
    outcome = run("resume", "kept")
    assert (outcome.status, "Stylizer.restore" in outcome.error) == (2, True)
    with monkeypatch.context() as patch:
        patch.setattr(saved, "VERSION", 99)
        painting.checkpoint().save("kept")
    outcome = run("resume", "kept")
    assert (outcome.status, "version '99'" in outcome.error) == (2, True)


DIGEST = "ab" * 32


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ({"output": 3}, "makes sense"),
        ({"styles": ["style.png"] * 65}, "makes sense"),
        ({"files": {"photo.png": {"absolute": "/dev/zero", "relative": "..", "sha256": "x"}}}, "makes sense"),
        ({"bits": 12}, "makes sense"),
        ({"device": "cuda; rm"}, "makes sense"),
        ({"tile": "small"}, "makes sense"),
        ({"surprise": True}, "makes sense"),
        ({"content": None, "styles": []}, "style"),
        ({"content": "other.png", "files": {}}, "another content"),
        ({"files": {"photo.png": {"absolute": "pipe", "relative": "folder", "sha256": DIGEST}}}, "is not at pipe"),
        ({"content": "pipe", "files": {}}, "not a regular file"),
        ({"regions": ["x"]}, "--region"),
    ],
)
def test_hostile_commands(run, kept, command, words) -> None:
    draw("other.png", 7)
    os.mkfifo("pipe")  # whoever opens it for reading waits, and the test times out
    Path("folder").mkdir()
    loaded = Checkpoint.load(kept)
    replace(loaded, command={**present(loaded.command), **command}).save("hostile")
    outcome = run("resume", "hostile")
    assert outcome.status in (2, 3), outcome.err
    assert words in outcome.error
    assert not Path("out.png").exists()


def test_a_hostile_checkpoint_replaces_nothing(run, kept) -> None:
    mine = draw("mine.png", 5)
    before = Path(mine).read_bytes()
    loaded = Checkpoint.load(kept)
    for output in (str(Path(mine).absolute()), str(Path("photo.png").absolute()), str(kept.absolute())):
        replace(loaded, command={**present(loaded.command), "output": output, "saved": DIGEST}).save("hostile")
        assert run("resume", "hostile").status == 3
    assert Path(mine).read_bytes() == before
    assert run("resume", "kept", "-o", "kept", "--force").status == 2
    assert kept.exists()


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (("--checkpoint", "photo.png"), 3, "--force"),
        (("--checkpoint", "out.png"), 2, "also another file"),
        (("--checkpoint", "file/kept"), 3, "cannot be written"),
        (("--checkpoint-every", "-1"), 2, "--checkpoint-every"),
    ],
)
@pytest.mark.usefixtures("no_engine")
def test_checkpoints_that_cannot_be(paint, options, status, words) -> None:
    Path("file").write_text("in the way")
    outcome = paint("-o", "out.png", *options)
    assert (outcome.status, words in outcome.error) == (status, True), outcome.err


@pytest.mark.usefixtures("no_engine")
def test_standard_input_is_not_there_again(run, style) -> None:
    outcome = run("paint", "-", "--style", style, "-o", "out.png", "--checkpoint", "kept")
    assert (outcome.status, "standard input" in outcome.error) == (2, True)


def test_memory_and_tiles_are_those_of_before(run, scene, encoder, stops) -> None:
    shallow = ("--style-layers", "relu1_1,relu2_1", "--content-layers", "relu2_1", "--tile", "24")
    options = (*scene, "--encoder", encoder, *FIXED, *shallow)
    assert run("paint", *options, "-o", "unbroken.png").status == 0
    stops(7)
    run("paint", *options, "-o", "out.png", "--checkpoint", "kept", "--memory", "9GiB", "--device", "cpu")
    stops(None)
    command = present(Checkpoint.load("kept").command)
    assert (command["tile"], command["memory"], command["device"]) == (24, 9 * 2**30, "cpu")
    outcome = run("resume", "kept")
    assert outcome.status == 0, outcome.err
    assert "bits" not in outcome.err
    assert Path("out.png").read_bytes() == Path("unbroken.png").read_bytes()


def test_threads_are_those_of_before(paint, run, stops) -> None:
    stops(1)
    paint("-o", "out.png", "--checkpoint", "kept", "--threads", "2")
    stops(None)
    torch.set_num_threads(1)
    try:
        outcome = run("resume", "kept")
        assert torch.get_num_threads() == 2
        assert "bits" not in outcome.err
    finally:
        torch.set_num_threads(1)
