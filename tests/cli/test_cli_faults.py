"""Faults that reach every kind of input, and machines that lack something (rows 4, 21, 22, 26, 39, 40, 44, 45, 55)."""

import builtins
import errno
import json
import os
import shutil
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from impasto.feedforward.per_style import PerStyle
from impasto.optim import memory
from impasto.painting.level_builder import LevelBuilder
from impasto.painting.stylizer import Stylizer
from tests.cli.cli_helpers import SMALL, draw, look, pixels
from tests.forked import Forked, impasto

SOURCE = Path(__file__).resolve().parents[2] / "src"
ROLES = {
    "content": lambda name: (name, "--style", "style.png"),
    "style": lambda name: ("photo.png", "--style", name),
    "content mask": lambda name: ("photo.png", "--style", "style.png", "--content-mask", name, "--style-mask", "-"),
    "style mask": lambda name: (
        "photo.png", "--style", "style.png", "--content-mask", "mask.png", "--style-mask", name
    ),
    "region": lambda name: ("photo.png", "--style", "style.png", "--region", f"sky={name}:mask.png"),
    "init": lambda name: ("photo.png", "--style", "style.png", "--init", f"./{name}"),
}  # fmt: skip
"""Every place of a picture on the command line."""
OTHERS = {
    "recipe": (3, lambda name: ("photo.png", "--style", "style.png", "--recipe", name)),
    "region names": (3, lambda name: (*ROLES["style mask"]("mask.png"), "--region-names", name)),
    "landmarks": (3, lambda name: ("photo.png", "--style", "style.png", "--method", "portrait", "--landmarks", name)),
    "encoder": (4, lambda name: ("photo.png", "--style", "style.png", "--encoder", f"./{name}")),
    "network": (4, lambda name: ("photo.png", "--style", "style.png", "--method", "wct", "--network", f"./{name}")),
}
"""Every other file that is read, and the status of one that cannot be."""


@pytest.fixture
def pictures(photo, style):
    halves("mask.png")
    return photo, style


def halves(path):
    """A mask of two flat colours."""
    mask = Image.new("RGB", (52, 40), (255, 0, 0))
    mask.paste((0, 0, 255), (0, 0, 26, 40))
    mask.save(path)


def nothing(path):
    path.unlink(missing_ok=True)


UNUSABLE = {
    "missing": nothing,
    "folder": lambda path: path.mkdir(),
    "fifo": os.mkfifo,
    "broken link": lambda path: path.symlink_to("nowhere"),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("role", [*ROLES, *OTHERS])
@pytest.mark.parametrize("kind", UNUSABLE)
@pytest.mark.usefixtures("pictures")
def test_row_22_no_kind_of_input_hangs_or_is_read_when_it_is_no_file(run, role, kind):
    if (role, kind) == ("network", "folder"):
        pytest.skip("networks may lie in a folder")
    UNUSABLE[kind](Path("odd.file"))
    status, words = (3, ROLES[role]) if role in ROLES else OTHERS[role]
    refused = run("paint", *words("odd.file"), "-o", "out.png", "--size", "48")
    assert refused.status == status, refused.err
    assert "odd.file" in refused.error
    assert not Path("out.png").exists()


@pytest.mark.parametrize("role", [*ROLES, *OTHERS])
@pytest.mark.usefixtures("pictures")
def test_row_22_what_may_not_be_read_is_told(run, monkeypatch, role):
    draw("odd.png", 4)
    real, real_os = builtins.open, os.open

    def refusing(opener):
        def opened(path, *arguments, **options):
            if isinstance(path, str | bytes | os.PathLike) and os.fsdecode(path).endswith("odd.png"):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
            return opener(path, *arguments, **options)

        return opened

    # As root, who runs the tests in containers, may read everything.
    monkeypatch.setattr("io.open", refusing(real))
    monkeypatch.setattr(builtins, "open", refusing(real))
    monkeypatch.setattr(os, "open", refusing(real_os))
    status, words = (3, ROLES[role]) if role in ROLES else OTHERS[role]
    refused = run("paint", *words("odd.png"), "-o", "out.png", "--size", "48")
    assert refused.status == status, refused.err
    assert "ermission" in refused.error or "may not be read" in refused.error


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.usefixtures("pictures", "no_engine")
def test_row_4_a_giant_header_is_refused_in_every_place(run, role):
    head = struct.pack(">IIBBBBB", 65536, 65536, 8, 2, 0, 0, 0)
    body = b"IHDR" + head
    chunk = struct.pack(">I", len(head)) + body + struct.pack(">I", zlib.crc32(body))
    Path("giant.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk)
    began = time.process_time()
    refused = run("paint", *ROLES[role]("giant.png"), "-o", "out.png")
    assert refused.status == 3
    assert "giant.png" in refused.error
    assert "--max-pixels" in refused.error
    assert time.process_time() - began < 2


@pytest.mark.parametrize(("limit", "status"), [(40 * 52 - 1, 3), (40 * 52 // 2 + 1, 3), (40 * 52, 0)])
@pytest.mark.usefixtures("pictures")
def test_row_4_the_limit_is_one_pixel_wide_in_both_directions(paint, limit, status):
    # Pillow itself only warns until a picture has twice as many pixels as its limit.
    assert paint("--max-pixels", limit, "--dry-run").status == status


ODD = [
    "with space",
    "ünï çødé 画",
    "-lead",
    "new\nline",
    "quo'te\"",
    "percent%20",
    "#hash;semi",
    os.fsdecode(b"caf\xe9"),
]


@pytest.mark.parametrize("name", ODD)
def test_row_21_odd_names_in_every_place(run, encoder, stops, name):
    for number, what in enumerate(("photo", "style", "init")):
        draw(f"{name} {what}.png", number)
    halves(f"{name} mask.png")
    shutil.copy(encoder, f"{name} encoder")
    Path(f"{name} recipe").write_text(json.dumps({"size": 48, "iterations": 3, "levels": 1, "precision": "float32"}))
    words = [
        *(f"--style={name} style.png", f"--content-mask={name} mask.png", f"--style-mask={name} mask.png"),
        *(f"--init={name} init.png", f"--encoder={name} encoder", f"--recipe={name} recipe"),
        *(f"--output={name} out.png", f"--preview={name} preview.png", f"--checkpoint={name} kept"),
        *("--checkpoint-every", "0", "--", f"{name} photo.png"),
    ]
    stops(2)
    stopped = run("paint", *words)
    assert stopped.status == 130, stopped.err
    stops(None)
    done = run("resume", "--force", "--", f"{name} kept")
    assert done.status == 0, done.err
    assert look(f"{name} out.png")[1] == (48, 37)
    assert "Traceback" not in stopped.err + done.err
    # A name with a newline is told on one line.
    assert all(
        line.startswith(("impasto: ", "start:", "end:", "step ", "saved ", "going on"))
        for line in done.err.splitlines()
    )


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits")
@pytest.mark.usefixtures("pictures")
def test_row_26_a_file_system_that_takes_no_more_keeps_the_old_picture():
    old = Path("style.png").read_bytes()
    Path("out.png").write_bytes(old)

    # The system itself says so: no file of this process may become longer than 100 bytes.
    def paint():
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        return impasto(("paint", "photo.png", "--style", "style.png", *SMALL, "-o", "out.png", "--force"))()

    process = Forked(paint, stderr=subprocess.PIPE)
    _, talk = process.communicate()
    assert process.returncode in (3, 5), talk
    assert talk is not None
    assert talk.splitlines()[-1].startswith(b"impasto: error: out.png: could not be written")
    assert Path("out.png").read_bytes() == old
    assert list(Path().glob(".impasto*")) == []


@pytest.mark.usefixtures("pictures")
def test_row_39_a_plan_beyond_what_the_machine_has_takes_tiles_and_says_so(paint, monkeypatch):
    whole = paint("--size", "3000", "--dry-run", "--json").json
    assert whole["tile"] is None
    short = int(memory.resident() + 0.7 * (whole["memory_bytes"] - memory.resident()))
    monkeypatch.setattr(memory, "available", lambda: short - memory.resident())
    tiled = paint("--size", "3000", "--dry-run", "--json")
    assert tiled.status == 0, tiled.err
    assert tiled.json["tile"] is not None
    assert "tiles" in tiled.err
    assert tiled.json["memory_bytes"] < whole["memory_bytes"]


@pytest.mark.parametrize("method", ["gatys", "nnst", "strotss", "johnson"])
@pytest.mark.usefixtures("pictures")
def test_row_39_what_no_plan_fits_into_is_refused_before_starting(run, monkeypatch, method):
    monkeypatch.setattr(memory, "available", lambda: 1 << 20)
    began = []
    monkeypatch.setattr(Stylizer, "__iter__", lambda _self: began.append(1))
    monkeypatch.setattr(PerStyle, "__iter__", lambda _self: began.append(1))
    of_style = ("--network", "woodblock") if method == "johnson" else ("--style", "style.png")
    words = ("paint", "photo.png", *of_style, "--size", "1024", "--method", method, "-o", "out.png")
    refused = run(*words, "--precision", "float32")
    assert refused.status == 5, refused.err
    assert not began
    assert not Path("out.png").exists()


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory")],
)
@pytest.mark.usefixtures("pictures")
def test_row_40_memory_that_runs_out_in_one_pass_is_no_mistake(run, monkeypatch, error):
    def exhausted(_self):
        yield from ()
        raise error

    monkeypatch.setattr(PerStyle, "_painted", exhausted)
    words = ("--method", "johnson", "--network", "woodblock", "--size", "48")
    refused = run("paint", "photo.png", *words, "-o", "out.png")
    assert refused.status == 5
    assert refused.error.startswith("not enough memory")


@pytest.mark.usefixtures("pictures")
def test_row_40_and_55_a_cell_without_memory_is_recorded_and_the_others_are_painted(run, monkeypatch):
    prepare = LevelBuilder.shared_objective
    asked = []

    def exhausted(self, level, init):
        asked.append(level)
        if len(asked) == 2:
            raise MemoryError
        return prepare(self, level, init)

    monkeypatch.setattr(LevelBuilder, "shared_objective", exhausted)
    done = run("sweep", "photo.png", "--style", "style.png", "--vary", "seed=1,2,3", "-o", "out", *SMALL, "--json")
    assert done.status == 1, done.err
    states = {row["seed"]: row["state"] for row in done.json["cells"]}
    assert [states[seed] for seed in sorted(states)] == ["painted", "failed", "painted"]
    again = run("sweep", "photo.png", "--style", "style.png", "--vary", "seed=1,2,3", "-o", "out", *SMALL, "--json")
    assert [row["state"] for row in again.json["cells"]].count("kept") == 2


@pytest.mark.usefixtures("pictures")
def test_row_44_a_machine_without_gpu_wide_vectors_or_compiler_paints_the_same(tmp_path, run, encoder):
    words = ("paint", "photo.png", "--style", "style.png", *SMALL, "--encoder", encoder)
    usual = run(*words, "-o", "usual.png", "--device", "cpu")
    assert usual.status == 0, usual.err
    empty = tmp_path / "empty"
    empty.mkdir()
    lacking = {
        "CC": "/nowhere",
        "CXX": "/nowhere",
        "CUDA_VISIBLE_DEVICES": "",
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
    }
    bare = subprocess.run(
        [sys.executable, "-m", "impasto", *map(str, words), "-o", "bare.png"],
        env={**os.environ, "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1", "PATH": str(empty), **lacking},
        capture_output=True,
        text=True,
        check=False,
    )
    assert bare.returncode == 0, bare.stderr
    assert len([line for line in bare.stderr.splitlines() if line.startswith("impasto: note:")]) <= 1
    difference = np.abs(pixels("usual.png") - pixels("bare.png"))
    # Other instructions sum in another order: no more than that shows.
    assert difference.max() <= 3


@pytest.mark.usefixtures("pictures", "no_engine")
def test_row_44_a_device_that_is_not_there_is_told_with_those_that_are(run, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    refused = run("paint", "photo.png", "--style", "style.png", "--device", "cuda", "-o", "out.png")
    assert refused.status == 5
    assert refused.error.startswith("device 'cuda' is not on this machine; choose from auto, cpu")


@pytest.mark.usefixtures("pictures")
def test_row_45_a_clock_that_goes_back_hinders_nothing(run, paint, stops, monkeypatch):
    unbroken = paint("-o", "unbroken.png", "--iterations", "4", "--levels", "1")
    assert unbroken.status == 0
    hours = [0]

    def backwards():
        hours[0] += 1
        return 1e9 - 3600 * hours[0]

    monkeypatch.setattr(time, "time", backwards)
    watched = ("--preview", "preview.png", "--save-every", "1", "--checkpoint", "kept", "--checkpoint-every", "0")
    stops(2)
    stopped = paint("-o", "out.png", "--iterations", "4", "--levels", "1", *watched)
    assert stopped.status == 130, stopped.err
    stops(None)
    # Files of the future, as the clock sees them now.
    for path in Path().iterdir():
        os.utime(path, (2e9, 2e9))
    done = run("resume", "kept", "--force")
    assert done.status == 0, done.err
    assert hours[0] > 1
    assert Path("out.png").read_bytes() == Path("unbroken.png").read_bytes()
