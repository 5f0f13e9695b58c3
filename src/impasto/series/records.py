"""What a sweep remembers of its cells: a record of each file in sweep.json, and the table that is made of it."""

import csv
import hashlib
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from impasto import files
from impasto.errors import OutputError

NAME = "sweep.json"
TABLE = "losses.csv"
PARTS = ("total", "content", "style", "tv", "gamut")
"""Losses that the table has columns for."""

_MOST_BYTES = 2**24


@dataclass(frozen=True)
class Record:
    """How the painting of one file went."""

    picture: str
    """sha256 of the file: a record belongs to these bytes, not to a name."""
    steps: int
    seconds: float
    start: Mapping[str, float] = field(default_factory=dict)
    end: Mapping[str, float] = field(default_factory=dict)
    """Weighted losses of the first step and of the last: `total`, and its groups."""
    peak_bytes: int | None = None
    """Most memory that the process had meanwhile; None where the system does not tell."""

    @classmethod
    def of(
        cls, path: Path, history: Sequence[Mapping[str, Any]], seconds: float, peak_bytes: int | None = None
    ) -> "Record":
        """Record the painting that was saved as `path`."""
        start, end = (_losses(history[at]) if history else {} for at in (0, -1))
        return cls(digest(path), len(history), round(seconds, 3), start, end, peak_bytes)


def digest(path: Path) -> str:
    """Return the sha256 of a file; empty where it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return ""


def read(folder: Path, name: str = NAME, *, force: bool = False) -> dict[str, Record]:
    """Return the records of a folder, by file name; what is not a proper record is left out.

    Raises `OutputError` where the file is something else, which a sweep would replace; with `force`, that is nothing.
    """
    path = folder / name
    try:
        if not path.exists():
            return {}
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError
        entries = json.loads(path.read_bytes())["cells"]
        return {name: record for name, entry in entries.items() if (record := _record(entry)) is not None}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        if force:
            return {}
        raise OutputError(
            f"{path}: is damaged or of no series; remove it, pass --force, or name another folder"
        ) from None


def write(folder: Path, records: Mapping[str, Record], name: str = NAME) -> None:
    """Write the records of a folder, whole or not at all."""
    text = json.dumps({"cells": {name: asdict(record) for name, record in records.items()}}, sort_keys=True, indent=1)
    files.write_bytes(folder / name, f"{text}\n".encode())


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of the same keys as CSV."""
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    # File names need not be text.
    files.write_bytes(path, stream.getvalue().encode(errors="backslashreplace"))


def check_folder(folder: Path, outputs: Sequence[Path], name: str = NAME, *, force: bool) -> None:
    """Raise `OutputError` unless `outputs` can be written, or where they stand in a folder without such records."""
    for path in outputs:
        if path.is_file() and not force and not (folder / name).exists():
            raise OutputError(f"{path}: exists already and is of no such series; pass --force, or name another folder")
    for path in (*outputs, folder / name):
        files.check_output(path, force=True)


def _losses(line: Mapping[str, Any]) -> dict[str, float]:
    # A diverging loss is no number that JSON could hold, and float32 has seven digits to tell.
    kept = {key: line.get("loss" if key == "total" else key) for key in PARTS}
    return {key: float(f"{value:.7g}") for key, value in kept.items() if value is not None and math.isfinite(value)}


def _record(entry: Any) -> Record | None:
    try:
        start, end = ({str(key): float(value) for key, value in entry[at].items()} for at in ("start", "end"))
        peak = entry.get("peak_bytes")
        record = Record(
            str(entry["picture"]),
            int(entry["steps"]),
            float(entry["seconds"]),
            start,
            end,
            None if peak is None else int(peak),
        )
        # JSON as Python reads it may hold NaN, which nobody else could read out of the table's twin in --json.
        return record if all(map(math.isfinite, (record.seconds, *start.values(), *end.values()))) else None
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None
