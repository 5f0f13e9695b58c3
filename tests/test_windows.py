"""What Windows does otherwise, by simulation where this machine is another: names of files, signals, no fork."""

import ast
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from impasto import files
from impasto.cli import signals
from impasto.errors import OutputError
from tests.conftest import needs_unix

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "src" / "impasto").rglob("*.py"))
ONLY_UNIX = {
    "os": {"fork", "forkpty", "getuid", "geteuid", "getpgid", "killpg", "setsid", "nice", "mkfifo", "chown",
           "sched_getaffinity", "sysconf", "statvfs", "O_NONBLOCK", "O_NOFOLLOW", "getloadavg", "uname"},
    "signal": {"SIGKILL", "SIGHUP", "SIGALRM", "SIGPIPE", "SIGUSR1", "SIGUSR2", "SIGCHLD", "setitimer", "alarm"},
}  # fmt: skip
"""Names of the standard library that Windows lacks; a module that uses one asks first."""


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
