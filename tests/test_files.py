"""faults.md rows 23, 24, 26 at their root: whole files or none."""

import errno
import os
import pathlib
import signal
import stat
import subprocess
import sys
import tempfile

import pytest

from impasto import files
from impasto.errors import OutputError


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_writes_whole(tmp_path):
    path = tmp_path / "new" / "out.bin"
    files.write_bytes(path, b"abc")
    assert path.read_bytes() == b"abc"
    files.write_bytes(path, b"longer than before")
    assert path.read_bytes() == b"longer than before"
    assert names(path.parent) == ["out.bin"]


def test_permissions_are_those_of_any_new_file(tmp_path):
    before = os.umask(0o027)
    try:
        files.write_bytes(tmp_path / "out", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o640


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("reason", [Interrupted, KeyboardInterrupt])
def test_an_exception_leaves_the_old_file(tmp_path, reason):
    path = tmp_path / "out"
    path.write_bytes(b"old")

    def half():
        with files.atomic_writer(path) as stream:
            stream.write(b"ne")
            stream.flush()
            raise reason

    with pytest.raises(reason):
        half()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("where", ["write", "fsync", "replace"])
@pytest.mark.parametrize("existing", [False, True])
def test_row_26_disk_full(tmp_path, monkeypatch, where, existing):
    path = tmp_path / "out"
    if existing:
        path.write_bytes(b"old")

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    def half():
        with files.atomic_writer(path) as stream:
            stream.write(b"new")
            if where == "write":
                full()

    if where != "write":
        monkeypatch.setattr(os, where, full)
    with pytest.raises(OutputError, match="No space left") as caught:
        half()
    assert str(path) in str(caught.value)
    assert names(tmp_path) == (["out"] if existing else [])
    assert not existing or path.read_bytes() == b"old"


def test_row_26_killed_in_mid_write(tmp_path):
    path = tmp_path / "out"
    path.write_bytes(b"old")
    code = (
        "import os, signal, pathlib, sys; from impasto import files\n"
        "with files.atomic_writer(pathlib.Path(sys.argv[1])) as stream:\n"
        "    stream.write(b'half of the new'); stream.flush(); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    source = pathlib.Path(files.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False, env={"PYTHONPATH": str(source)})
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"


def test_row_23_check_makes_folders_and_leaves_nothing(tmp_path):
    files.check_output(tmp_path / "a" / "b" / "out.png")
    assert names(tmp_path / "a" / "b") == []


def test_row_23_read_only_folder(tmp_path, monkeypatch):
    def denied(*arguments, **options):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(tempfile, "mkstemp", denied)
    with pytest.raises(OutputError, match="cannot be written") as caught:
        files.check_output(tmp_path / "out.png")
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("force", [False, True])
def test_row_24_existing(tmp_path, force):
    path = tmp_path / "out.png"
    path.write_bytes(b"precious")
    if force:
        files.check_output(path, force=True)
    else:
        with pytest.raises(OutputError, match="--force"):
            files.check_output(path)
    assert path.read_bytes() == b"precious"


def test_not_a_place_for_a_file(tmp_path):
    with pytest.raises(OutputError, match="folder"):
        files.check_output(tmp_path, force=True)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match="regular"):
        files.check_output(tmp_path / "pipe", force=True)
    with pytest.raises(OutputError):
        files.check_output(tmp_path / "pipe" / "out.png")
    with pytest.raises(OutputError):
        files.check_output(tmp_path / ("x" * 300))
