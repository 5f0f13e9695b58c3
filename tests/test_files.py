"""Rows 23, 24, 26 at their root: whole files or none."""

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
from tests.type_helpers import present


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

    def full(*_arguments):
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
    def denied(*_arguments, **_options):
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


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("bits", [0o600, 0o640, 0o664])
def test_a_file_that_is_replaced_passes_its_permissions_on(tmp_path, bits):
    path = tmp_path / "out"
    path.write_bytes(b"old")
    path.chmod(bits)
    files.write_bytes(path, b"new")
    assert (path.read_bytes(), mode(path)) == (b"new", bits)


def test_a_link_stays_one_and_its_end_is_written(tmp_path):
    (tmp_path / "far").mkdir()
    end, link, middle = tmp_path / "far" / "end", tmp_path / "link", tmp_path / "middle"
    end.write_bytes(b"old")
    end.chmod(0o600)
    middle.symlink_to("far/end")
    link.symlink_to("middle")
    files.check_output(link, force=True)
    files.write_bytes(link, b"new", follow=True)
    assert link.is_symlink()
    assert middle.is_symlink()
    assert (end.read_bytes(), mode(end)) == (b"new", 0o600)
    assert names(tmp_path / "far") == ["end"]
    # What impasto names itself stays where it is.
    files.write_bytes(link, b"own")
    assert (link.is_symlink(), link.read_bytes(), end.read_bytes()) == (False, b"own", b"new")


def test_a_dangling_link_is_something_that_exists(tmp_path):
    link = tmp_path / "link"
    link.symlink_to("missing/end")
    with pytest.raises(OutputError, match="link to a file that does not exist; pass --force"):
        files.check_output(link)
    assert names(tmp_path) == ["link"]
    with pytest.raises(OutputError, match="File exists"):
        files.write_bytes(link, b"new", follow=True, replace=False)
    files.check_output(link, force=True)
    files.write_bytes(link, b"new", follow=True)
    assert link.is_symlink()
    assert (tmp_path / "missing" / "end").read_bytes() == b"new"


def test_links_in_a_circle_are_refused(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OutputError):
        files.check_output(tmp_path / "a", force=True)
    with pytest.raises(OutputError):
        files.write_bytes(tmp_path / "a", b"new", follow=True)
    assert names(tmp_path) == ["a", "b"]


@pytest.mark.parametrize("links", [True, False])
def test_what_appeared_meanwhile_is_not_replaced(tmp_path, monkeypatch, links):
    def no_links(*_arguments):
        raise OSError(errno.EPERM, "Operation not permitted")

    if not links:
        monkeypatch.setattr(os, "link", no_links)
    path = tmp_path / "out"
    files.write_bytes(path, b"first", replace=False)
    with pytest.raises(OutputError, match="File exists"):
        files.write_bytes(path, b"second", replace=False)
    assert path.read_bytes() == b"first"
    assert names(tmp_path) == ["out"]


def test_what_a_killed_process_left_is_removed_by_age_and_owner(tmp_path, monkeypatch):
    old, young = [".impasto-abcd1234.png", ".impasto-ab_d1234"], [".impasto-young123.png"]
    others = [".impasto-notes.txt", "impasto-abcd1234.png", ".impasto-abcd1234.checkpoint.previous"]
    for name in (*old, *young, *others):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / ".impasto-linked12.png").symlink_to(others[0])
    (tmp_path / ".impasto-folder12").mkdir()
    kept = sorted([*young, *others, ".impasto-linked12.png", ".impasto-folder12"])
    for name in (*old, *others):
        os.utime(tmp_path / name, (0, 0))
    with monkeypatch.context() as patch:
        patch.setattr(os, "getuid", lambda: 12345)
        files.remove_stale(tmp_path)
    assert names(tmp_path) == sorted([*kept, *old])
    files.check_output(tmp_path / "out.png")
    assert names(tmp_path) == kept


def test_a_claim_keeps_others_out_and_ends_with_its_process(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    path = tmp_path / "out.png"
    code = (
        "import pathlib, sys, time; from impasto import files\n"
        "with files.claimed(pathlib.Path(sys.argv[1]), 'taken'): print(flush=True); time.sleep(60)\n"
    )
    environment = {"PYTHONPATH": str(pathlib.Path(files.__file__).parents[1]), "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, env=environment) as other:
        present(other.stdout).readline()
        (tmp_path / "link.png").symlink_to("out.png")
        for name in (path, tmp_path / "link.png", tmp_path / "." / "out.png"):
            with pytest.raises(OutputError, match="is painted already"), files.claimed(name, "is painted already"):
                pass
        with files.claimed(tmp_path / "another.png", "is painted already"):
            pass
        other.kill()
    with files.claimed(path, "is painted already"):
        pass


def test_a_folder_of_locks_that_is_not_ours_locks_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = tmp_path / f"impasto-locks-{os.getuid()}"
    folder.symlink_to("elsewhere")
    with files.claimed(tmp_path / "out.png", "taken"), files.claimed(tmp_path / "out.png", "taken"):
        pass
    assert not (tmp_path / "elsewhere").exists()
