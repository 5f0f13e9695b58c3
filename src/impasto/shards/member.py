"""A picture that lies within another file."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from impasto.errors import InputError
from impasto.shards import tables


@dataclass(frozen=True)
class Member:
    """A picture's file within a tar or a parquet file, whose bytes are read when they are needed."""

    archive: str
    name: str
    """What it is called in there, with its folders and its suffix."""
    place: int
    """Of a tar, where its bytes begin; of a table, its row, both from 0."""
    length: int = 0
    """Of a tar, how many bytes it has."""
    column: str = ""
    """Of a table, the column that holds the bytes; empty for a tar."""
    beside: tuple[tuple[str, int, int], ...] = ()
    """Other files of the same sample: what their names end in, such as `txt`, where they begin and their length."""
    data: bytes | None = field(default=None, repr=False, compare=False)
    """The bytes, where they were read already."""

    def __str__(self) -> str:
        return f"{self.archive}:{self.name}"

    def read_bytes(self) -> bytes:
        """Return the picture's bytes. Raises `InputError` where the file cannot be read, or has changed."""
        if self.data is not None:
            return self.data
        if self.column:
            return tables.cell(self.archive, self.column, self.place)
        return _bytes(self.archive, self.place, self.length)

    def loaded(self) -> "Member":
        """Return the same with its bytes, for another process: rows of a table are best read in their order."""
        return replace(self, data=self.read_bytes())

    def others(self) -> list[tuple[str, bytes]]:
        """Return the other files of the sample: what their names end in, and their bytes."""
        return [(suffix, _bytes(self.archive, place, length)) for suffix, place, length in self.beside]


def _bytes(archive: str, place: int, length: int) -> bytes:
    try:
        with Path(archive).open("rb") as stream:
            stream.seek(place)
            data = stream.read(length)
    except OSError as error:
        raise InputError(f"{archive}: cannot be read ({error.strerror or error}); check the name") from None
    if len(data) < length:
        raise InputError(f"{archive}: is shorter than it was; get another copy")
    return data
