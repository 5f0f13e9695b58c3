"""What there is of a shard that is not whole yet: its pictures as they came, in a file that outlives whoever wrote it.

The file is a tar to which a picture is added, and then its row: what has no row, or another hash, was cut off.
"""

import contextlib
import hashlib
import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from impasto.errors import OutputError
from impasto.series.batch.folder import JobFolder
from impasto.shards import writing


class Part:
    """The pictures of one shard that is claimed, with those that others painted before they were killed."""

    def __init__(self, jobs: JobFolder, shard: int) -> None:
        self._path = jobs.part(shard)
        self._places: dict[int, tuple[int, int]] = {}
        self.rows: dict[int, dict[str, Any]] = {}
        """What is known of each picture that is there, by its number in the batch."""
        try:
            self._path.parent.mkdir(exist_ok=True)
            before = jobs.parts(shard)
            self._stream = self._path.open("x+b")
            for path in before:
                for number, row, data in _whole(path):
                    self.add(number, row, data)
            for path in before:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{self._path}: could not be written ({error.strerror or error})") from None

    def add(self, number: int, row: Mapping[str, Any], data: bytes) -> None:
        """Keep a picture. Raises `OutputError` where there is no room; what was kept before is intact."""
        begin = self._stream.seek(0, 2)
        try:
            writing.append(self._stream, str(number), data)
            end = self._stream.tell()
            writing.append(self._stream, f"{number}.json", json.dumps(row).encode())
            self._stream.flush()
        except OSError as error:
            with contextlib.suppress(OSError):
                self._stream.seek(begin)
                self._stream.truncate()
            raise OutputError(f"{self._path}: could not be written ({error.strerror or error})") from None
        padded = end - (-len(data) % 512) - len(data)
        self._places[number], self.rows[number] = (padded, len(data)), dict(row)

    def data(self, number: int) -> bytes | None:
        """Return the bytes of a picture; None where it is not there."""
        if number not in self._places:
            return None
        place, length = self._places[number]
        self._stream.seek(place)
        return self._stream.read(length)

    def close(self, *, remove: bool = False) -> None:
        """End writing; `remove` what there is, where the shard has all of it."""
        with contextlib.suppress(OSError):
            self._stream.close()
            if remove:
                self._path.unlink(missing_ok=True)


def _whole(path: Path) -> Iterator[tuple[int, dict[str, Any], bytes]]:
    """Yield the pictures of a part that are there from the first byte to the last."""
    data, name = b"", ""
    with contextlib.suppress(tarfile.TarError, ValueError, EOFError, OSError), tarfile.open(path, "r:") as archive:
        for info in archive:
            stream = archive.extractfile(info)
            read = b"" if stream is None else stream.read()
            if info.name == f"{name}.json":
                row = json.loads(read)
                if isinstance(row, dict) and row.get("sha256") == hashlib.sha256(data).hexdigest():
                    yield int(name), row, data
            data, name = read, info.name
