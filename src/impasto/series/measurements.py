"""The file of what was measured: one line of JSON for each picture, appended as soon as it is known.

A line that a killed process left unfinished is dropped when the file is opened again; a later line on the same picture
takes the place of an earlier one. A line belongs to the picture's bytes and the encoders, not to a name.
"""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from impasto.errors import OutputError

NAME = "measured.jsonl"
_MOST_BYTES = 2**28
"""Longest file that is read, bytes: some 100,000 lines."""


@dataclass(frozen=True)
class Measurement:
    """What the metrics said of one picture."""

    file: str
    picture: str
    """sha256 of the file."""
    setting: str
    """What it was measured with: encoders, layers and inputs. With other ones it is measured again."""
    values: Mapping[str, float | None]
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why a value is missing."""
    seconds: float = 0.0
    size: tuple[int, int] = (0, 0)
    """(height, width) of the picture."""


class Measurements:
    """The measurements of a folder, by file; `add` appends one. Raises `OutputError` for what is no such file."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self._by_file: dict[str, Measurement] = {}
        try:
            data = self.path.read_bytes() if self.path.exists() else b""
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be read ({error.strerror or error})") from None
        whole = data[: data.rfind(b"\n") + 1]
        self._length = len(whole)
        if len(data) > _MOST_BYTES:
            raise OutputError(f"{self.path}: is too long for a file of measurements; name another folder")
        for number, line in enumerate(whole.splitlines(), 1):
            measurement = _read(line)
            if measurement is None:
                raise OutputError(f"{self.path}: line {number} is no measurement; remove it, or name another folder")
            self._by_file[measurement.file] = measurement

    def get(self, file: str, picture: str, setting: str) -> Measurement | None:
        """Return what was measured of these bytes, with these encoders."""
        measurement = self._by_file.get(file)
        if measurement is None or (measurement.picture, measurement.setting) != (picture, setting):
            return None
        return measurement

    def add(self, measurement: Measurement) -> None:
        """Append a measurement; it is on the disk when this returns. Raises `OutputError`."""
        line = json.dumps(asdict(measurement), sort_keys=True, allow_nan=False).encode() + b"\n"
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
            try:
                # What a killed process left of a line, or a full disk took of one.
                os.ftruncate(handle, self._length)
                os.lseek(handle, self._length, os.SEEK_SET)
                with os.fdopen(handle, "wb", closefd=False) as stream:
                    stream.write(line)
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise OutputError(f"{self.path}: could not be written ({error.strerror or error}); make room") from None
        self._length += len(line)
        self._by_file[measurement.file] = measurement


def _read(line: bytes) -> Measurement | None:
    try:
        entry: dict[str, Any] = json.loads(line)
        values = {str(key): None if value is None else float(value) for key, value in entry["values"].items()}
        if not all(value is None or math.isfinite(value) for value in values.values()):
            return None
        height, width = entry["size"]
        return Measurement(
            str(entry["file"]),
            str(entry["picture"]),
            str(entry["setting"]),
            values,
            {str(key): str(value) for key, value in entry["reasons"].items()},
            float(entry["seconds"]),
            (int(height), int(width)),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
