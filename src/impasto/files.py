"""Whole files or none: atomic writes, probing an output before an hour of work, and claiming it meanwhile."""

import contextlib
import errno
import hashlib
import ntpath
import os
import re
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from impasto.errors import OutputError

PREFIX = ".impasto-"
"""What the names of unfinished files begin with."""
PICTURE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".avif", ".avifs"),
    *(".tif", ".tiff", ".bmp", ".dib", ".gif", ".heic", ".heif", ".hif"),
)
"""What names of pictures that impasto reads end in; what they are is told by their content."""
RECIPE_KEYWORD = "impasto"
"""The keyword of the PNG text that holds a picture's recipe."""
RECIPE_NAMESPACE = "https://impasto.invalid/ns/1.0/"
"""The XML namespace of the recipe in other formats' XMP; an address that is not meant to be opened."""
STALE_S = 3600.0
"""Seconds after which an unfinished file that nobody writes to is a dead process's: the largest picture takes minutes,
and every write makes the file young again."""
_WEB = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)
"""A drive of Windows has one letter, and no scheme of addresses has."""
WINDOWS_PATH = 259
"""The most characters of a whole path that Windows takes where long paths are not switched on: MAX_PATH without its
zero."""
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(\.|$)", re.IGNORECASE)
"""Names that Windows keeps for devices, whatever stands behind a full stop."""
OPEN_S = 2.0
"""Seconds that a file of Windows may be kept open by another program (a viewer, a search for viruses) while it is to be
replaced: most look at it for a moment."""
_UNFINISHED = re.compile(re.escape(PREFIX) + r"[a-z0-9_]{8}(\.\w{1,12})?", re.IGNORECASE)


def absence(path: str | Path) -> str:
    """Say why there is no file at `path`, and what to do about it."""
    if is_web_address(os.fspath(path)):
        return "is a web address, and impasto fetches no inputs; download it first, and name the file"
    if Path(path).is_symlink():
        return "is a link to a file that does not exist; check the name"
    return "does not exist; check the name"


def is_web_address(name: str) -> bool:
    """Return whether a name is a web address (a `Path` of one has a slash less), and no file's."""
    return _WEB.match(name) is not None and not os.path.lexists(name)


def identity(path: str | Path) -> object:
    """Return what all names of one file have in common: links to it, and other cases where those are not told apart.

    Of a file that is not there yet, the name it would get; Windows and macOS do not tell upper case from lower.
    """
    with contextlib.suppress(OSError, ValueError):
        status = os.stat(path)
        if status.st_ino:
            return status.st_dev, status.st_ino
    name = os.path.realpath(path)
    return name.casefold() if sys.platform in ("win32", "darwin") else name


def within(path: str | Path, folder: str | Path) -> bool:
    """Return whether a path lies in a folder, or is it, once links are followed."""
    root = os.path.realpath(folder)
    try:
        return os.path.commonpath([root, os.path.realpath(path)]) == root
    except ValueError:  # another drive
        return False


def windows_trouble(path: str) -> str:
    """Say why a file of this whole path would not be the one that is meant on Windows; nothing where all is well.

    There, `CON.png` is the console, a full stop at the end of a name is dropped, what stands behind a colon goes to a
    stream that no folder shows, and long paths must be switched on.
    """
    drive, rest = ntpath.splitdrive(path)
    for part in filter(None, re.split(r"[\\/]", rest)):
        if _DEVICE.match(part):
            return f"'{part}' is kept for a device by Windows"
        if odd := re.search(r'[<>:"|?*\0-\x1f]', part):
            return f"{odd[0]!r} is in no name of Windows"
        if part.endswith((".", " ")) and part not in (".", ".."):
            return f"'{part}' ends in a full stop or a space, which Windows drops"
    if len(path) > WINDOWS_PATH and not drive.startswith("\\\\?\\") and not long_paths():
        return f"has {len(path)} characters, {WINDOWS_PATH} at most until long paths are switched on in Windows"
    return ""


def check_name(path: str | Path) -> None:
    """Raise `OutputError` where this system would take an output of this name for something else."""
    if sys.platform == "win32" and (trouble := windows_trouble(os.path.abspath(path))):
        raise OutputError(f"{path}: {trouble}; name another output")


def long_paths() -> bool:
    """Return whether this Windows has long paths switched on; False where that cannot be told."""
    if sys.platform == "win32":
        import winreg  # only there on Windows

        name = r"SYSTEM\CurrentControlSet\Control\FileSystem"
        with contextlib.suppress(OSError), winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, name) as where:
            return bool(winreg.QueryValueEx(where, "LongPathsEnabled")[0])
    return False


def check_output(path: Path, *, force: bool = False) -> None:
    """Make sure that `path` can be written later, without touching what is there now.

    Missing folders are created, and what killed processes left unfinished in the folder is removed. Raises
    `OutputError` when the file exists and `force` is false, is not a regular file, or its folder cannot be written.
    """
    if is_web_address(os.fspath(path)):
        raise OutputError(f"{path}: is a web address; name a file, and upload that")
    check_name(path)
    try:
        if path.is_dir():
            raise OutputError(f"{path}: is a folder; name a file in it")
        if path.exists() and not path.is_file():
            raise OutputError(f"{path}: is not a regular file; name another output")
        if path.exists() and not force:
            raise OutputError(f"{path}: exists already; pass --force to replace it or name another output")
        if path.is_symlink() and not path.exists() and not force:
            raise OutputError(
                f"{path}: is a link to a file that does not exist; pass --force to write that file or name another "
                "output"
            )
        target = _target(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        # A read-only file in a writable folder could be replaced by the rename; its owner said not to.
        if target.exists() and not os.access(target, os.W_OK):
            raise OutputError(f"{path}: is read-only; change its permissions or name another output")
        remove_stale(target.parent)
        handle, probe = tempfile.mkstemp(prefix=PREFIX, dir=target.parent)
        os.close(handle)
        os.unlink(probe)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error}); name another output") from None


@contextlib.contextmanager
def atomic_writer(
    path: Path, *, part: Path | None = None, follow: bool = False, replace: bool = True
) -> Iterator[IO[bytes]]:
    """Return a binary file that becomes `path` when the block ends well, and vanishes when it does not.

    `part` is what it is called until then, by default a name nobody else has. Under a name that is known, what a
    killed process left is found again, and replaced. A file that is replaced passes its permissions on. With `follow` a
    link stays one, and what it leads to is written; otherwise it is replaced. Without `replace`, whatever stands
    there at the end stays, and that is an error.

    Raises `OutputError` when the disk is full or the folder is not writable; the old file is then intact.
    """
    temporary: str | None = None
    try:
        target = _target(path) if follow and replace else path
        target.parent.mkdir(parents=True, exist_ok=True)
        if part is None:
            handle, temporary = tempfile.mkstemp(prefix=PREFIX, suffix=target.suffix, dir=target.parent)
        else:
            part.unlink(missing_ok=True)
            # Exclusively: whatever stands under a name that is known, a link for example, is not written through.
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
            temporary = str(part)
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        settle(Path(temporary), target, replace=replace)
        temporary = None
    except OSError as error:
        raise OutputError(f"{path}: could not be written ({error.strerror or error})") from None
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def settle(part: Path, target: Path, *, replace: bool = True) -> None:
    """Name a finished file `target`, with the permissions of the one that it replaces or of any new file.

    Raises `FileExistsError` where there is one and `replace` is false, and other `OSError`s of the rename.
    """
    _permit(str(part), target)
    if replace:
        _replace(part, target)
    else:
        _place(str(part), target)


def _replace(part: Path, target: Path) -> None:
    """Rename a file over another one. Windows refuses that while somebody has the other one open: then once more."""
    system: str = sys.platform  # as a plain text: type checkers know the answer for the system that they run on
    deadline = time.monotonic() + OPEN_S
    while True:
        try:
            os.replace(part, target)
            return
        except PermissionError:
            if system != "win32" or time.monotonic() >= deadline:
                raise
        time.sleep(0.05)


def write_bytes(path: Path, data: bytes, *, follow: bool = False, replace: bool = True) -> None:
    """Write `data` to `path`, whole or not at all; `follow` and `replace` as for `atomic_writer`."""
    with atomic_writer(path, follow=follow, replace=replace) as stream:
        stream.write(data)


def digest(path: str | Path) -> str:
    """Return the sha256 of a regular file, empty where there is none that can be read."""
    try:
        # O_NONBLOCK: opening a pipe that nobody writes to would otherwise wait for ever.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                return ""
            with os.fdopen(handle, "rb", closefd=False) as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
        finally:
            os.close(handle)
    except (OSError, ValueError):
        return ""


def drop_link(path: Path) -> None:
    """Remove `path` where it is a link, so that what is written there next stays in its folder."""
    with contextlib.suppress(OSError):
        if path.is_symlink():
            path.unlink()


def remove_stale(folder: Path, *, now: float | None = None) -> None:
    """Remove the unfinished files of this user in `folder` that a killed process left there `STALE_S` ago."""
    now = time.time() if now is None else now
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if not _UNFINISHED.fullmatch(entry.name):
                continue
            with contextlib.suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                own = not hasattr(os, "getuid") or status.st_uid == os.getuid()
                if stat.S_ISREG(status.st_mode) and own and now - status.st_mtime > STALE_S:
                    os.unlink(entry.path)


@contextlib.contextmanager
def claimed(path: Path, refusal: str) -> Iterator[None]:
    """Keep `path` to this process within the block; the claim ends with the process, however that ends.

    It is a lock in the folder for temporary files, one for each user: nothing is left beside the pictures. Where
    there can be no locks nobody is kept out.

    Raises `OutputError` with the `refusal` where another process has claimed it.
    """
    # Not for every import of this module: it takes a while.
    from filelock import FileLock, Timeout

    lock = None
    with contextlib.suppress(OSError, NotImplementedError):
        if (folder := _locks()) is not None:
            name = hashlib.sha256(os.fsencode(os.path.realpath(path))).hexdigest()[:32]
            lock = FileLock(folder / name)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                raise OutputError(f"{path}: {refusal}") from None
    try:
        yield
    finally:
        if lock is not None:
            lock.release()


def _locks() -> Path | None:
    """Make the folder of this user's locks; None where another user was there first, who could plant links in it."""
    user = os.getuid() if sys.platform != "win32" else ""
    folder = Path(tempfile.gettempdir(), f"impasto-locks-{user}")
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    status = folder.lstat()
    own = sys.platform == "win32" or status.st_uid == os.getuid()
    return folder if stat.S_ISDIR(status.st_mode) and own else None


def _target(path: Path) -> Path:
    """Return what is written where `path` is named: the end of a link, and itself otherwise."""
    if not path.is_symlink():
        return path
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return target


def _permit(temporary: str, target: Path) -> None:
    """Set a new file's permissions: those of the one it replaces, or of any other new file (mkstemp's are 0600)."""
    try:
        before = target.lstat()
    except OSError:
        before = None
    if before is None or not stat.S_ISREG(before.st_mode):
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        return
    if hasattr(os, "chown"):
        # Only root may give files away; a group that one is in may be kept.
        with contextlib.suppress(OSError):
            os.chown(temporary, before.st_uid, before.st_gid)
    os.chmod(temporary, before.st_mode & 0o777)


def _place(temporary: str, target: Path) -> None:
    """Name a file `target` unless there is one. Raises `FileExistsError` where there is."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise
    except OSError:  # not all file systems have second names
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
        os.replace(temporary, target)
    else:
        os.unlink(temporary)
