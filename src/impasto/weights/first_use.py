"""Trust on first use: the sha256 of what first passed a publisher's weak check, kept beside the file.

Publishers give eight hex digits, or an md5. Whoever can make another file that passes either would have to do so before
the first use here: from then on the whole sha256 counts, whatever place a file is found in or fetched from.
"""

import contextlib
import re
from pathlib import Path

from impasto.errors import OutputError
from impasto.events import notice
from impasto.files import write_bytes
from impasto.weights.registry import WeightFile

SUFFIX = ".sha256"
"""What the name of a record ends with, after that of its file."""
_LINE = re.compile(rb"([0-9a-f]{64})  [^\n]{0,300}\n?")
_MAX_BYTES = 400
"""The most bytes of a record: a digest and a name."""


def record_of(entry: WeightFile, folder: Path) -> Path:
    """Return where the sha256 of a registered file stands in a cache folder."""
    return folder / f"{entry.filename}{SUFFIX}"


def remembered(entry: WeightFile, folder: Path) -> str | None:
    """Return the sha256 that was recorded in `folder`, None where there is none or it cannot be read."""
    path = record_of(entry, folder)
    with contextlib.suppress(OSError):
        if path.is_file() and path.stat().st_size <= _MAX_BYTES:
            line = _LINE.fullmatch(path.read_bytes())
            return None if line is None else line[1].decode()
    return None


def agrees(entry: WeightFile, folder: Path, sha256: str) -> bool:
    """Return whether what passed the publisher's check is what passed it first; the first is recorded in `folder`.

    The record has the form that `sha256sum --check` reads. Where it cannot be written there is none.
    """
    if entry.proves:
        return True
    known = remembered(entry, folder)
    if known is not None:
        return known == sha256
    try:
        write_bytes(record_of(entry, folder), f"{sha256}  {entry.filename}\n".encode())
    except OutputError:
        return True
    notice(
        f"{entry.filename}: passed its publisher's check ({entry.digest}, which {entry.strength}); "
        f"its sha256 {sha256} is recorded in {record_of(entry, folder)}, and from now on nothing else passes"
    )
    return True
