"""Where a training writes: looked at before it begins, and what a full disk is called."""

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from impasto.errors import OutputError, ResourceError

FILES = ("checkpoint.safetensors", "checkpoint.previous.safetensors", "weights.safetensors", "log.jsonl")
SAMPLES = "samples"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def check_folder(folder: Path) -> None:
    """Make sure that a training can write into `folder`, without making it: what is refused leaves nothing behind.

    Raises `OutputError` for one that cannot be written, or holds something else under the name of a file of a training,
    `ResourceError` for a full disk.
    """
    try:
        for name in FILES:
            path = folder / name
            if os.path.lexists(path) and not path.is_file():
                raise OutputError(f"{path}: is not a regular file; name another output folder")
            if path.exists() and not os.access(path, os.R_OK | os.W_OK):
                raise OutputError(f"{path}: may not be written; change its permissions or name another output folder")
        # The nearest folder that is there has to take the others.
        there = folder
        while not os.path.lexists(there) and there != there.parent:
            there = there.parent
        for path in (there, folder / SAMPLES):
            if os.path.lexists(path) and not stat.S_ISDIR(path.stat().st_mode):
                raise OutputError(f"{path}: is not a folder; name another output folder")
        # A name that is impossible or too long shows only when the system is asked, and is not simply missing.
        with contextlib.suppress(FileNotFoundError):
            os.lstat(folder)
        handle, probe = tempfile.mkstemp(prefix=".impasto-", dir=there)
        os.close(handle)
        Path(probe).unlink()
    except OSError as error:
        raise _explained(folder, error) from None
    except ValueError as error:  # a NUL in the name
        raise OutputError(f"{folder}: is not a possible name of a folder ({error}); name another") from None


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say what hinders writing `path`, with what to do.

    Raises `ResourceError` when the disk is full, `OutputError` for anything else that the system refuses.
    """
    try:
        yield
    except OutputError as error:
        cause = error.__context__
        if isinstance(cause, OSError) and cause.errno in _FULL:
            raise _explained(path, cause) from None
        raise
    except OSError as error:
        raise _explained(path, error) from None


def _explained(path: Path, error: OSError) -> OutputError | ResourceError:
    reason = error.strerror or str(error)
    if error.errno in _FULL:
        return ResourceError(
            f"{path}: could not be written ({reason}); free some space and run the same command again, which goes on "
            "from the last checkpoint"
        )
    return OutputError(f"{path}: cannot be written ({reason}); name another output folder")
