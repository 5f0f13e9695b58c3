"""One painting by two processes, as torchrun starts them: one talks and writes, and both begin and end together."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from impasto.cli import main, processes
from impasto.errors import ResourceError, UsageError
from impasto.optim import parallel
from tests.cli.cli_helpers import SMALL, draw, pixels
from tests.forked import Forked, impasto

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

SHARED = ("--size", "320", "--levels", "1", "--solver", "adam")
LONG = (
    "-o", "out.png", "--iterations", "100000", "--solver", "adam",
    "--preview", "preview.png", "--checkpoint", "kept", "--checkpoint-every", "0",
)  # fmt: skip


def start(rank, port, *arguments):
    environment = {
        **os.environ,
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "2",
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": str(port),
    }
    return Forked(impasto(arguments), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.fixture
def together():
    """`together("paint", ...)` starts the command twice, as one run; what still runs at the end is killed."""
    started: list[Forked] = []

    def begin(*arguments):
        with socket.socket() as probe:
            probe.bind(("localhost", 0))
            port = probe.getsockname()[1]
        started.extend(start(rank, port, *arguments) for rank in range(2))
        return started

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def ends(started):
    return [([said.decode() for said in process.communicate()], process.returncode) for process in started]


def painting(picture):
    """Wait until there is a preview."""
    for _ in range(1200):
        if Path(picture).exists():
            return
        time.sleep(0.1)
    raise AssertionError("no preview came")


def test_two_processes_paint_the_picture_of_one(run, together, style, encoder):
    draw("wide.png", 4, (200, 320))
    command = ("paint", "wide.png", "--style", style, *SMALL, *SHARED, "--encoder", str(encoder))
    ((out, err), status), ((other_out, other_err), other_status) = ends(together(*command, "-o", "two.png", "--json"))
    assert (status, other_status) == (0, 0), err + other_err
    assert "because 2 processes share them" in err
    assert "saved two.png" in err
    assert out.count("\n") == 1
    # Not a word from the other.
    assert (other_out, other_err) == ("", "")
    assert {path.name for path in Path().iterdir()} == {"wide.png", style, "two.png"}
    assert run(*command, "-o", "one.png").status == 0
    assert np.abs(pixels("one.png") - pixels("two.png")).max() <= 1


def test_both_stop_after_the_same_step_and_one_saves(together, photo, style, encoder):
    started = together("paint", photo, "--style", style, *SMALL, *LONG, "--encoder", str(encoder))
    painting("preview.png")
    started[1].send_signal(signal.SIGTERM)
    ((_, err), status), ((_, other_err), other_status) = ends(started)
    assert (status, other_status) == (143, 143), err + other_err
    assert "stopped at step" in err
    assert "impasto resume kept goes on" in err
    assert other_err == ""
    assert pixels("out.png").std() > 5
    assert Path("kept").exists()


def test_a_process_that_dies_costs_no_picture(together, photo, style, encoder):
    started = together("paint", photo, "--style", style, *SMALL, *LONG, "--encoder", str(encoder))
    painting("preview.png")
    started[1].kill()
    ((_, err), status), _ = ends(started)
    assert status == 5, err
    (line,) = [line for line in err.splitlines() if line.startswith("impasto: error: ")]
    assert "another process of this run has ended" in line
    assert "saved out.png so far; impasto resume kept --force goes on" in line
    assert pixels("out.png").std() > 5


@pytest.fixture
def second(monkeypatch):
    """This is the second of two processes, which never meet."""
    for name, value in {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(parallel, "join_processes", lambda: None)


@pytest.mark.usefixtures("second")
def test_commands_that_cannot_be_shared_are_refused_by_name(monkeypatch, run):
    monkeypatch.setenv("RANK", "0")
    outcome = run("sweep", "photo.png", "-o", "sweep")
    assert outcome.status == 2
    assert "impasto sweep" in outcome.error
    assert "without torchrun" in outcome.error


@pytest.mark.parametrize("arguments", [("sweep", "photo.png"), ("paint", "photo.png", "--tile", "half", "-o", "x.png")])
@pytest.mark.usefixtures("second")
def test_what_the_first_says_the_second_does_not(run, arguments):
    outcome = run(*arguments)
    assert (outcome.status, outcome.out, outcome.err) == (2, "", "")


@pytest.mark.usefixtures("second")
def test_its_own_mistakes_the_second_tells(monkeypatch, run):
    def join():
        raise KeyError("a bug")

    monkeypatch.setattr(parallel, "join_processes", join)
    outcome = run("paint", "photo.png")
    assert outcome.status == 1
    assert "a bug" in outcome.error


@pytest.mark.usefixtures("second")
def test_help_needs_no_others(monkeypatch, capsys):
    def join():
        raise AssertionError("joined for a help text")

    monkeypatch.setattr(parallel, "join_processes", join)
    assert main(["paint", "--help"]) == 0
    assert "--tile" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, None),
        ({"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "here"}, 0),
        ({"RANK": "3", "WORLD_SIZE": "4", "MASTER_ADDR": "here"}, 3),
        ({"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "here"}, None),
        ({"RANK": "1", "WORLD_SIZE": "2"}, None),
        ({"WORLD_SIZE": "2", "MASTER_ADDR": "here"}, None),
        ({"RANK": "x", "WORLD_SIZE": "2", "MASTER_ADDR": "here"}, None),
    ],
)
def test_which_process_this_is(monkeypatch, variables, expected):
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert processes.rank() == expected
    assert processes.silent() is bool(expected)


def test_processes_that_do_not_meet_are_told_so(monkeypatch):
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("MASTER_ADDR", "localhost")
    monkeypatch.delenv("MASTER_PORT", raising=False)
    with pytest.raises(ResourceError, match="do not find one another"):
        parallel.join_processes()


@pytest.mark.usefixtures("second")
def test_a_command_that_fails_leaves_the_group_to_its_end(monkeypatch):
    left = []
    monkeypatch.setattr(parallel, "leave_processes", lambda: left.append(1))
    with processes.joined(["paint"]):
        pass
    assert left == [1]
    with pytest.raises(UsageError), processes.joined(["paint"]):
        raise UsageError("x")
    assert left == [1]


def test_memory_that_runs_out_at_once_is_no_mistake(paint, monkeypatch):
    from impasto.optim.evaluate import WholeImage

    def scarce(_self, _image):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(WholeImage, "__call__", scarce)
    outcome = paint("-o", "out.png")
    assert outcome.status == 5
    assert "use --tile 512 or a smaller --size" in outcome.error
    assert not Path("out.png").exists()
