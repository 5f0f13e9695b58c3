"""Signals and broken pipes (rows 38 and 45), in processes of their own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from impasto.cli import signals
from tests.cli.cli_helpers import draw, look
from tests.forked import Forked, impasto
from tests.type_helpers import present

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and pipes")

# A shell's background job ignores SIGINT, and so would everything started from it: these tests too.
PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from impasto.cli import main
raise SystemExit(main())
"""
STARTED: list[Forked | subprocess.Popen[bytes]] = []
SOURCE = Path(__file__).resolve().parents[2] / "src"


@pytest.fixture(autouse=True)
def nothing_is_left_running():
    yield
    while STARTED:
        process = STARTED.pop()
        if process.poll() is None:
            process.kill()
            process.communicate()
        present(process.stderr).close()


def start(*arguments, **options):
    path = os.pathsep.join([str(SOURCE), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *map(str, arguments)],
        stderr=subprocess.PIPE,
        env=environment,
        **options,
    )
    STARTED.append(process)
    return process


def painting(encoder, *arguments, size=48):
    draw("photo.png", 1)
    draw("style.png", 2)
    fixed = ("--iterations", "100000", "--solver", "adam", "--precision", "float32", "--encoder", encoder)
    command = ("paint", "photo.png", "--style", "style.png", "--size", size, *fixed, *arguments)
    process = Forked(impasto(command), stderr=subprocess.PIPE)
    STARTED.append(process)
    for line in present(process.stderr):
        if line.startswith(b"start:"):
            return process
    raise AssertionError("the painting did not start")


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_keeps_the_picture(encoder, signum, status):
    process = painting(encoder, "-o", "out.png")
    process.send_signal(signum)
    _, talk = process.communicate(timeout=120)
    assert process.returncode == status
    assert b"impasto: note: stopped at step " in talk
    assert b"of 100000; saved out.png" in talk
    assert b"Traceback" not in talk
    assert look("out.png")[1] == (48, 37)
    assert not list(Path.cwd().glob(".impasto-*"))


def test_the_second_signal_ends_it_at_once(encoder):
    # At this size a step takes long enough for the second signal to come before the first was acted on.
    process = painting(encoder, "-o", "out.png", "--levels", "1", size=700)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    _, talk = process.communicate(timeout=120)
    assert process.returncode in (130, 143)
    assert b"saved" not in talk
    assert not Path("out.png").exists()


def test_a_signal_before_painting_leaves_at_once(run, photo, style, monkeypatch):
    def interrupted(*_args, **_kwargs):
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("impasto.images.load", interrupted)
    outcome = run("paint", photo, "--style", style, "-o", "out.png")
    assert (outcome.status, outcome.err) == (143, "")


@pytest.fixture
def heard():
    """SIGINT as a terminal's programs have it; a shell's background jobs are started with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard")
def test_stop_asks_once(monkeypatch):
    def leave(status):
        raise SystemExit(status)

    monkeypatch.setattr(os, "_exit", leave)
    before = signal.getsignal(signal.SIGINT)
    with signals.Stop() as stop:
        with stop.gently():
            signal.raise_signal(signal.SIGINT)
            assert (stop.asked, stop.exit_code) == (signal.SIGINT, 130)
        with pytest.raises(SystemExit, match="143"):
            signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGINT) is before
    with signals.Stop(), pytest.raises(signals.Stopped):
        signal.raise_signal(signal.SIGINT)


def test_ignored_signals_stay_ignored():
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with signals.Stop() as stop:
            signal.raise_signal(signal.SIGTERM)
        assert stop.asked is None
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("arguments", [["presets"], ["--help"], ["recipe", "--schema"]])
def test_nobody_reads_the_output(arguments):
    reader, writer = os.pipe()
    os.close(reader)
    process = start(*arguments, stdout=writer)
    os.close(writer)
    _, talk = process.communicate(timeout=60)
    assert (process.returncode, talk) == (141, b"")


def test_nobody_reads_the_picture(encoder):
    draw("photo.png", 1)
    reader, writer = os.pipe()
    os.close(reader)
    options = ("--size", "48", "--iterations", "1", "--precision", "float32", "--encoder", encoder, "--quiet")
    command = impasto(("paint", "photo.png", "--style", "photo.png", "-o", "-", *options))
    process = Forked(command, stdout=writer, stderr=subprocess.PIPE)
    STARTED.append(process)
    os.close(writer)
    _, talk = process.communicate(timeout=120)
    assert (process.returncode, talk) == (141, b"")


def test_no_standard_output_at_all():
    closed = f'exec "{sys.executable}" -m impasto presets >&-'
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    done = subprocess.run(["/bin/sh", "-c", closed], stderr=subprocess.PIPE, env=environment, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
