"""What Windows does otherwise, by simulation where this machine is another: names of files, signals, no fork."""

import ast
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest

from impasto import files
from impasto.cli import signals
from impasto.errors import OutputError
from impasto.executors import child
from impasto.recipe import Recipe
from impasto.scene.inputs import Inputs
from impasto.series.batch import folder
from impasto.series.batch.items import Item
from impasto.series.batch.names import check_names
from impasto.series.grid import Job
from tests.conftest import needs_unix

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "src" / "impasto").rglob("*.py"))
ONLY_UNIX = {
    "os": {"fork", "forkpty", "getuid", "geteuid", "getpgid", "killpg", "setsid", "nice", "mkfifo", "chown",
           "sched_getaffinity", "sysconf", "statvfs", "O_NONBLOCK", "O_NOFOLLOW", "getloadavg", "uname", "waitpid",
           "pread", "getpgrp", "kill"},
    "signal": {"SIGKILL", "SIGHUP", "SIGALRM", "SIGPIPE", "SIGUSR1", "SIGUSR2", "SIGCHLD", "setitimer", "alarm"},
}  # fmt: skip
"""Names of the standard library that Windows lacks, or (`os.kill` with 0) understands otherwise; a module that uses one
asks first."""


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (r"C:\pictures\CON.png", "kept for a device"),
        (r"C:\pictures\nul", "kept for a device"),
        (r"C:\aux\out.png", "kept for a device"),
        (r"C:\pictures\Com1.tar.gz", "kept for a device"),
        (r"C:\pictures\lpt³.png", "kept for a device"),
        (r"C:\pictures\out.png.", "full stop or a space"),
        (r"C:\pictures \out.png", "full stop or a space"),
        (r"C:\pictures\photo.jpg:out.png", "is in no name of Windows"),
        (r"C:\pictures\what?.png", "is in no name of Windows"),
        ("C:/pictures/a\tb.png", "is in no name of Windows"),
        ("C:\\" + "long\\" * 60 + "out.png", "long paths"),
    ],
)
def test_names_that_windows_would_take_for_others(path, words):
    assert words in files.windows_trouble(path)


@pytest.mark.parametrize(
    "path",
    [
        r"C:\pictures\out.png",
        r"\\server\share\console\auxiliary.png",
        r"C:\a\.hidden\com10.png",
        "D:/bilder/große Übung (1).png",
        "C:\\" + "a" * 252 + ".png",
        "\\\\?\\C:\\" + "long\\" * 60 + "out.png",
    ],
)
def test_names_that_are_fine_there(path):
    assert files.windows_trouble(path) == ""


def test_the_longest_path_is_exact():
    path = "C:\\" + "a" * (files.WINDOWS_PATH - 3)
    assert files.windows_trouble(path) == ""
    assert "has 260 characters" in files.windows_trouble(path + "a")


def test_long_paths_that_are_switched_on(monkeypatch):
    monkeypatch.setattr(files, "long_paths", lambda: True)
    assert files.windows_trouble("C:\\" + "long\\" * 60 + "out.png") == ""


def test_an_output_is_refused_before_an_hour_of_work(monkeypatch, tmp_path):
    monkeypatch.setattr(files, "sys", SimpleNamespace(platform="win32"))
    monkeypatch.setattr(files, "long_paths", lambda: False)
    for name in ("CON.png", "photo.jpg:out.png", "out.png "):
        with pytest.raises(OutputError, match="name another output"):
            files.check_output(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="names that Windows has not")
def test_elsewhere_these_names_are_names(tmp_path):
    files.check_output(tmp_path / "CON.png")
    files.check_output(tmp_path / "photo.jpg:out.png")


def test_ctrl_break_ends_a_command_as_ctrl_c_does(monkeypatch):
    assert {signal.SIGINT, signal.SIGTERM} <= set(signals.ENDING)
    handlers: dict[int, object] = {}
    monkeypatch.setattr(signals, "ENDING", (signal.SIGINT, 21))
    monkeypatch.setattr(signal, "getsignal", lambda _: signal.SIG_DFL)
    monkeypatch.setattr(signal, "signal", handlers.__setitem__)
    with signals.Stop() as stop, stop.gently():
        stop._receive(21, None)
    assert stop.exit_code == 149
    assert set(handlers) == {signal.SIGINT, 21}


def test_children_of_the_studio_have_a_group_of_their_own(monkeypatch):
    """Ctrl-C in a console of Windows goes to the whole group, and sessions are unknown there."""
    import asyncio

    from impasto.studio import child_process

    monkeypatch.setattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0x200, raising=False)
    given = {}

    async def start(*_command, **options):
        given.update(options)
        return SimpleNamespace(stdout=None, returncode=0, pid=1)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
    child = child_process.Child("impasto.studio.worker", lambda _: None, lambda _: None)
    asyncio.run(child.start())
    assert given["creationflags"] == 0x200


def on(monkeypatch, system, *modules):
    """Let modules believe that they run on another system."""
    for module in modules:
        monkeypatch.setattr(module, "sys", SimpleNamespace(platform=system))


def test_names_in_other_cases_are_one_file_where_the_system_says_so(monkeypatch, tmp_path):
    on(monkeypatch, "linux", files)
    assert files.identity(tmp_path / "Out.png") != files.identity(tmp_path / "out.png")
    for system in ("win32", "darwin"):
        on(monkeypatch, system, files)
        assert files.identity(tmp_path / "Out.png") == files.identity(tmp_path / "out.png")
        assert files.identity(tmp_path / "out.png") != files.identity(tmp_path / "out.jpg")


def test_an_output_that_is_an_input_in_another_case_is_refused(tmp_path):
    """The file system says that both names are one file, which here is a second link."""
    (tmp_path / "Photo.png").write_bytes(b"photo")
    (tmp_path / "photo.png").hardlink_to(tmp_path / "Photo.png")
    assert files.identity(tmp_path / "Photo.png") == files.identity(tmp_path / "photo.png")
    job = Job(Inputs(tmp_path / "Photo.png", (tmp_path / "style.png",)), Recipe())
    with pytest.raises(OutputError, match="is also an input"):
        check_names([Item(job, "photo.png")], tmp_path)


def test_a_file_on_another_drive_is_in_no_folder_of_this_one(monkeypatch, tmp_path):
    def refuse(_paths):
        raise ValueError("Paths don't have the same drive")

    assert files.within(tmp_path / "a" / "b.png", tmp_path)
    assert files.within(tmp_path, tmp_path)
    assert not files.within(tmp_path.parent, tmp_path)
    monkeypatch.setattr("os.path.commonpath", refuse)
    assert not files.within("D:/b.png", tmp_path)


def test_every_picture_of_a_series_has_a_name_that_windows_takes(monkeypatch, tmp_path):
    on(monkeypatch, "win32", files)
    job = Job(Inputs(tmp_path / "con.jpg", (tmp_path / "style.png",)), Recipe())
    with pytest.raises(OutputError, match="kept for a device"):
        check_names([Item(job, "fine.png"), Item(job, "con.png")], tmp_path)
    on(monkeypatch, "linux", files)
    check_names([Item(job, "fine.png"), Item(job, "con.png")], tmp_path)


def opened(monkeypatch, times):
    """Let another program have every file open that is to be replaced, for so many tries."""
    tries = []
    rename = os.replace

    def replace(part, target):
        tries.append(target)
        if len(tries) <= times:
            raise PermissionError(13, "The process cannot access the file")
        rename(part, target)

    monkeypatch.setattr("os.replace", replace)
    return tries


def test_a_file_that_a_viewer_has_open_is_replaced_once_it_is_closed(monkeypatch, tmp_path):
    on(monkeypatch, "win32", files)
    monkeypatch.setattr("time.sleep", lambda _: None)
    tries = opened(monkeypatch, 2)
    files.write_bytes(tmp_path / "preview.jpg", b"new")
    assert (tmp_path / "preview.jpg").read_bytes() == b"new"
    assert len(tries) == 3


@pytest.mark.parametrize(("system", "most"), [("win32", 1000), ("linux", 1)])
def test_one_that_stays_open_is_refused_and_stays_whole(monkeypatch, tmp_path, system, most):
    (tmp_path / "out.png").write_bytes(b"old")
    on(monkeypatch, system, files)
    monkeypatch.setattr(files, "OPEN_S", 0.02)
    tries = opened(monkeypatch, 1000)
    with pytest.raises(OutputError, match="cannot access the file"):
        files.write_bytes(tmp_path / "out.png", b"new")
    assert (tmp_path / "out.png").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["out.png"]
    assert 1 <= len(tries) <= most


class Kernel:
    """What a batch asks the kernel of Windows: one process lives, one has ended, one is somebody else's."""

    closed: ClassVar[list[int]] = []

    def __init__(self):
        self.OpenProcess = lambda _access, _inherit, pid: pid if pid in (10, 20) else None
        self.WaitForSingleObject = lambda handle, _ms: 0x102 if handle.value == 10 else 0
        self.CloseHandle = lambda handle: self.closed.append(handle.value)


def test_a_batch_tells_the_living_from_the_dead_without_a_signal(monkeypatch):
    """There, signal 0 is Ctrl-C, and every other one ends the process."""
    import ctypes

    monkeypatch.setattr(ctypes, "WinDLL", lambda _name, **_: Kernel(), raising=False)
    monkeypatch.setattr(ctypes, "get_last_error", lambda: 5, raising=False)
    monkeypatch.setattr(os, "kill", None)
    on(monkeypatch, "win32", folder)
    assert [folder._began(pid) for pid in (10, 20)] == ["0", ""]
    assert folder._began(30) == "0", "access denied: it is there"
    monkeypatch.setattr(ctypes, "get_last_error", lambda: 87, raising=False)
    assert folder._began(30) == ""
    assert Kernel.closed == [10, 20]


def test_a_job_that_another_process_takes_at_this_moment_is_its_own(monkeypatch, tmp_path):
    def refuse(*_):
        raise PermissionError(13, "Access is denied")

    monkeypatch.setattr(Path, "rename", refuse)
    on(monkeypatch, "win32", folder)
    assert not folder._rename(tmp_path / "a", tmp_path / "b")
    on(monkeypatch, "linux", folder)
    with pytest.raises(PermissionError):
        folder._rename(tmp_path / "a", tmp_path / "b")


def test_workers_leave_ctrl_break_to_their_caller(monkeypatch):
    ignored: dict[int, object] = {}
    monkeypatch.setattr(signal, "SIGBREAK", 21, raising=False)
    monkeypatch.setattr(signal, "signal", ignored.__setitem__)
    child._ignore_the_terminal()
    assert ignored == {signal.SIGINT: signal.SIG_IGN, 21: signal.SIG_IGN}


def guarded(source: str) -> set[str]:
    """Return the names of `ONLY_UNIX` that a source uses without having asked whether they are there."""
    used = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = f"{node.value.id}.{node.attr}"
            if node.attr in ONLY_UNIX.get(node.value.id, set()):
                used.add(name)
    # `sysconf` stands for `sysconf_names`, too; suppressing AttributeError, and asking for the system, are answers.
    asked = re.findall(r'hasattr\(os, "(\w+)"\)', source)
    if "sys.platform" in source or "os.name" in source or "AttributeError" in source:
        return set()
    return {name for name in used if name.split(".")[1] not in asked}


def test_nothing_is_used_that_windows_lacks() -> None:
    assert guarded("import os\nos.fork()") == {"os.fork"}
    assert guarded('import os\nif hasattr(os, "fork"):\n    os.fork()') == set()
    used = {path.relative_to(ROOT).as_posix(): guarded(path.read_text("utf-8")) for path in SOURCES}
    assert {path: names for path, names in used.items() if names} == {}


def test_modules_of_unix_are_imported_where_they_are_asked_for() -> None:
    """At the head of a module, they would keep impasto from starting on Windows."""
    for path in SOURCES:
        for node in ast.parse(path.read_text("utf-8")).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {"fcntl", "grp", "posix", "pwd", "resource", "termios", "winreg", "msvcrt"} & set(names), path


def test_text_has_one_encoding_everywhere() -> None:
    """Python on Windows reads and writes text as its code page says, unless it is told otherwise."""
    for path in SOURCES:
        if path.name == "limits.py":  # reads what Linux writes
            continue
        lines = [line for line in path.read_text("utf-8").splitlines() if re.search(r"\.(read|write)_text\(", line)]
        careless = [line for line in lines if not re.search(r"utf-8|ascii|/proc/", line)]
        assert careless == [], path


def test_tests_that_need_unix_are_told_by_their_source() -> None:
    assert needs_unix("import resource\n")
    assert needs_unix("from tests.forked import Forked\n")
    assert needs_unix("    os.mkfifo(path)\n")
    assert not needs_unix("import os\n")
    left = [path for path in (ROOT / "tests").rglob("test_*.py") if not needs_unix(path.read_text("utf-8"))]
    assert len(left) > 100
