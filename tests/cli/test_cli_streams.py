"""Streams that are full, closed or noisy, and signals before anything has begun (rows 38 and 45)."""

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from impasto.cli import main, signals
from tests.cli.cli_helpers import SMALL, draw, look
from tests.forked import Forked, impasto
from tests.type_helpers import present

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and streams")
SOURCE = Path(__file__).resolve().parents[2] / "src"
FULL = Path("/dev/full")
full = pytest.mark.skipif(not FULL.exists(), reason="only Linux has a file that is always full")


def start(*arguments, before=(), shell="", **options):
    """Run the command in a process of its own, `before` which folders are searched for modules; stderr is told."""
    path = os.pathsep.join([*map(str, before), str(SOURCE), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "impasto", *map(str, arguments)]
    if shell:
        command = ["/bin/sh", "-c", f'exec "$@" {shell}', "sh", *command]
    options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, **options}
    return subprocess.run(command, env=environment, timeout=120, check=False, text=True, **options)


# Full and closed.


@full
@pytest.mark.parametrize(
    "arguments", [["presets"], ["--help"], ["--version"], ["paint", "--help"], ["recipe", "--schema"]], ids=" ".join
)
def test_a_full_standard_output_is_a_lack_of_room(arguments):
    done = start(*arguments, shell="> /dev/full")
    assert done.returncode == 5, done.stderr
    assert done.stderr.startswith("impasto: error: standard output")
    assert len(done.stderr.splitlines()) == 1


@full
@pytest.mark.parametrize("options", [("-o", "-"), ("-o", "out.png", "--json")])
def test_a_picture_or_report_that_finds_no_room(encoder, options):
    draw("photo.png", 1)
    arguments = ("paint", "photo.png", "--style", "photo.png", *SMALL, "--encoder", encoder, "--quiet", *options)
    with FULL.open("wb") as nowhere:
        process = Forked(impasto(arguments), stdout=nowhere.fileno(), stderr=subprocess.PIPE)
        _, talk = process.communicate()
    assert process.returncode == 5, talk
    assert talk is not None
    assert b"standard output" in talk
    assert b"No space left" in talk
    assert len(talk.splitlines()) == 1
    assert "-" in options or look("out.png")[1] == (48, 37)


@pytest.mark.parametrize(
    ("stream", "content", "output", "words"),
    [
        ("stdin", "-", "out.png", b"-: standard input is closed"),
        ("stdout", "photo.png", "-", b"-: standard output is closed"),
    ],
)
def test_a_closed_stream_is_no_terminal(stream, content, output, words):
    draw("photo.png", 1)

    def paint():
        # As an interpreter that was started so has it.
        os.close(("stdin", "stdout").index(stream))
        setattr(sys, stream, None)
        return impasto(("paint", content, "--style", "photo.png", "-o", output, *SMALL))()

    process = Forked(paint, stderr=subprocess.PIPE)
    _, talk = process.communicate()
    assert process.returncode == 3
    assert talk is not None
    assert words in talk
    assert b"terminal" not in talk


def test_no_file_gets_the_number_of_a_closed_stream(encoder):
    draw("photo.png", 1)
    options = (*SMALL, "--encoder", encoder, "-o", "out.png")
    done = start("paint", "photo.png", "--style", "photo.png", *options, shell="<&- >&- 2>&-", stdout=None)
    assert done.returncode == 0
    assert look("out.png")[1] == (48, 37)


# Signals while modules are imported.

MODULE = """
import os, signal
try:
    os.kill(os.getpid(), signal.{name})
except BaseException as error:
    raise ImportError("a library takes it for a failure of its own") from error
"""


@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
@pytest.mark.parametrize("module", ["logging", "typer", "torch", "pydantic"])
def test_a_signal_while_modules_are_imported_is_quiet(tmp_path, name, status, module):
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / f"{module}.py").write_text(MODULE.format(name=name))
    draw("photo.png", 1)
    done = start(
        "paint", "photo.png", "--style", "photo.png", "-o", "out.png", before=[folder],
        # A shell's background job ignores SIGINT, and so would everything started from it: these tests too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (status, "")


@pytest.mark.parametrize("moment", ["enter", "exit"])
def test_a_signal_between_any_two_lines_is_quiet(monkeypatch, capsys, moment):
    whole = getattr(signals.Stop, f"__{moment}__")

    def interrupted(self, *arguments):
        whole(self, *arguments)
        if moment == "enter":
            signal.raise_signal(signal.SIGTERM)
        raise signals.Stopped(signal.SIGTERM)

    monkeypatch.setattr(signals.Stop, f"__{moment}__", interrupted)
    assert main(["presets"]) == 143
    assert capsys.readouterr().err == ""


def test_a_signal_as_an_object_is_deleted_is_not_lost(monkeypatch):
    class Deleted:
        def __del__(self):
            signal.raise_signal(signal.SIGTERM)

    left: list[int] = []
    printed: list[object] = []
    monkeypatch.setattr(os, "_exit", left.append)
    monkeypatch.setattr(sys, "unraisablehook", printed.append)
    before = sys.unraisablehook
    with signals.Stop():
        Deleted()
    assert left == [143]
    assert not printed
    assert sys.unraisablehook is before


# Libraries that print by themselves.


def damaged():
    stream = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (40, 52, 3), dtype=np.uint8)
    Image.fromarray(noise).save(stream, "TIFF", compression="tiff_adobe_deflate")
    data = bytearray(stream.getvalue())
    data[300:400] = bytes(100)
    Path("damaged.tiff").write_bytes(data)


def test_quiet_is_quiet_of_libraries_too(encoder):
    damaged()
    options = ("-o", "out.png", *SMALL, "--encoder", encoder, "--quiet")
    command = impasto(("paint", "damaged.tiff", "--style", "damaged.tiff", *options))
    process = Forked(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    talk = present(process.communicate()[1])
    assert process.returncode == 3
    assert len(talk.splitlines()) == 1, talk
    assert talk.startswith(b"impasto: error: damaged.tiff: ")


def test_everybody_may_print_again_afterwards(capfd, photo):
    before = sys.stderr
    sys.stderr = os.fdopen(os.dup(2), "w")
    own = sys.stderr
    try:
        os.dup2(own.fileno(), 2)
        assert main(["paint", photo, "--style", photo, "--quiet"]) == 2
        assert sys.stderr is own
    finally:
        own.close()
        sys.stderr = before
    os.write(2, b"heard\n")
    assert "heard" in capfd.readouterr().err


@pytest.mark.parametrize("method", ["nnst", "strotss"])
def test_a_method_that_cannot_be_tiled_lacks_memory(run, photo, style, method):
    arguments = ("paint", photo, "--style", style, "--method", method, "--encoder", "petite", "--dry-run")
    sizes = ("--size", "1024", "--levels", "1")
    needed = run(*arguments, *sizes, "--memory", "64GiB", "--json").json["memory_bytes"]
    outcome = run(*arguments, *sizes, "--memory", str(int(needed * 0.9)))
    assert outcome.status == 5, outcome.err
    assert "memory" in outcome.error
