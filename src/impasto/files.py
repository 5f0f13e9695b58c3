"""Whole files or none: atomic writes, and probing an output before an hour of work."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from impasto.errors import OutputError


def check_output(path: Path, *, force: bool = False) -> None:
    """Make sure that `path` can be written later, without touching what is there now.

    Missing folders are created. Raises `OutputError` when the file exists and `force` is false, is not a
    regular file, or its folder cannot be written.
    """
    try:
        if path.is_dir():
            raise OutputError(f"{path}: is a folder; name a file in it")
        if path.exists() and not path.is_file():
            raise OutputError(f"{path}: is not a regular file; name another output")
        if path.exists() and not force:
            raise OutputError(f"{path}: exists already; pass --force to replace it or name another output")
        path.parent.mkdir(parents=True, exist_ok=True)
        # A read-only file in a writable folder could be replaced by the rename; its owner said not to.
        if path.exists() and not os.access(path, os.W_OK):
            raise OutputError(f"{path}: is read-only; change its permissions or name another output")
        handle, probe = tempfile.mkstemp(prefix=".impasto-", dir=path.parent)
        os.close(handle)
        os.unlink(probe)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error}); name another output") from None


@contextlib.contextmanager
def atomic_writer(path: Path, *, part: Path | None = None) -> Iterator[IO[bytes]]:
    """Return a binary file that becomes `path` when the block ends well, and vanishes when it does not.

    `part` is what it is called until then, by default a name nobody else has. Under a name that is known, what a
    killed process left is found again, and replaced.

    Raises `OutputError` when the disk is full or the folder is not writable; the old file is then intact.
    """
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if part is None:
            handle, temporary = tempfile.mkstemp(prefix=".impasto-", suffix=path.suffix, dir=path.parent)
        else:
            part.unlink(missing_ok=True)
            # Exclusively: whatever stands under a name that is known, a link for example, is not written through.
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
            temporary = str(part)
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        # mkstemp makes 0600 files; a result should have the permissions any other new file gets.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise OutputError(f"{path}: could not be written ({error.strerror or error})") from None
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all."""
    with atomic_writer(path) as stream:
        stream.write(data)
