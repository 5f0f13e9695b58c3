"""Parquet tables of pictures: which column holds them, and the bytes of one row after another.

The one home of pyarrow, which the extra `[ray]` brings.
"""

import threading
from collections.abc import Iterator, Sequence
from typing import Any

from impasto.errors import InputError, ResourceError

PICTURES = ("image", "jpg", "jpeg", "png", "webp", "picture", "content", "bytes")
"""Names of columns that hold pictures, the usual first; a table with but one column of bytes may call it anything."""
KEYS = ("key", "__key__", "id", "name", "file_name", "filename", "path", "url")
"""Names of columns that say what a picture is called, the usual first."""
READ_AT_ONCE = 16
"""Rows that are read at a time: pictures are megabytes, and as many are held."""
WRITTEN_AT_ONCE = 100
"""Rows of a group: readers take a group at a time."""


def pyarrow() -> Any:
    """Return pyarrow with its parquet. Raises `ResourceError` where it is not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ResourceError("parquet needs pyarrow, which is not installed; run: pip install 'impasto[ray]'") from None
    return pyarrow


def rows(path: str) -> tuple[str, list[str | None]]:
    """Return the column of a table that holds pictures, and what each row is called, where it says so.

    Raises `InputError` for what is no such table.
    """
    file = _open(path)
    column = _column(path, file.schema_arrow)
    names: list[str | None] = [None] * file.metadata.num_rows
    key = _key(file.schema_arrow, column)
    if key:
        try:
            values = file.read(columns=[key]).column(0)
        except (OSError, pyarrow().ArrowException) as error:
            raise _damaged(path, error) from None
        inner = key.rpartition(".")[2] if "." in key else ""
        for row, value in enumerate(values.to_pylist()):
            said = value.get(inner) if isinstance(value, dict) else value
            names[row] = None if said in (None, "") else str(said)
    return column, names


def cell(path: str, column: str, row: int) -> bytes:
    """Return the bytes of a row. Raises `InputError` where there are none."""
    with _lock:
        reader = _readers.get((path, column))
        if reader is None:
            # One table at a time: rows come in order, and a reader holds a batch of pictures.
            _readers.clear()
            reader = _readers[path, column] = _Reader(path, column)
        return reader.cell(row)


def write(stream: Any, columns: Sequence[str], batches: Iterator[list[dict[str, Any]]]) -> None:
    """Write rows of the text columns `columns` and of `image`, `width` and `height` as parquet."""
    arrow = pyarrow()
    fields = [(name, arrow.string()) for name in columns]
    fields += [("image", arrow.binary()), ("width", arrow.int32()), ("height", arrow.int32())]
    schema = arrow.schema(fields)
    # Pictures are compressed already, and no two are alike.
    with arrow.parquet.ParquetWriter(stream, schema, compression="NONE", use_dictionary=False) as writer:
        for batch in batches:
            writer.write_table(arrow.Table.from_pylist(batch, schema=schema))


class _Reader:
    """Reads a column from row to row; going back begins once more."""

    def __init__(self, path: str, column: str) -> None:
        self._path, self._column = path, column
        self._file = _open(path)
        self._batches: Iterator[Any] = iter(())
        self._batch: Any = None
        self._first = self._end = 0

    def cell(self, row: int) -> bytes:
        """Return the bytes of a row."""
        try:
            if not self._first <= row < self._end:
                self._move(row)
            value = self._batch.column(0)[row - self._first].as_py()
        except (OSError, StopIteration, pyarrow().ArrowException) as error:
            raise _damaged(self._path, error) from None
        if isinstance(value, dict):
            value = value.get("bytes")
        if not isinstance(value, bytes):
            raise InputError(f"{self._path}: row {row + 1} has no picture in its column '{self._column}'")
        return value

    def _move(self, row: int) -> None:
        """Go to the batch that has a row."""
        if row < self._end or self._batch is None:
            group = first = 0
            metadata = self._file.metadata
            while first + metadata.row_group(group).num_rows <= row:
                first += metadata.row_group(group).num_rows
                group += 1
            groups = list(range(group, metadata.num_row_groups))
            self._batches = self._file.iter_batches(READ_AT_ONCE, row_groups=groups, columns=[self._column])
            self._end = first
        while row >= self._end:
            self._batch = next(self._batches)
            self._first, self._end = self._end, self._end + self._batch.num_rows


_lock = threading.Lock()
_readers: dict[tuple[str, str], _Reader] = {}


def _open(path: str) -> Any:
    arrow = pyarrow()
    try:
        return arrow.parquet.ParquetFile(path, memory_map=False, pre_buffer=False)
    except (OSError, arrow.ArrowException) as error:
        raise _damaged(path, error) from None


def _damaged(path: str, error: Exception) -> InputError:
    reason = " ".join(str(error).split())[:120] or "it ends early"
    return InputError(f"{path}: cannot be read as a parquet table ({reason}); get another copy")


def _column(path: str, schema: Any) -> str:
    """Return the column of pictures; of the struct that Hugging Face's tables have, its `bytes`."""
    types = pyarrow().types

    def holds_bytes(kind: Any) -> bool:
        return bool(types.is_binary(kind) or types.is_large_binary(kind))

    held: dict[str, str] = {}
    for part in schema:
        if holds_bytes(part.type):
            held[part.name] = part.name
        elif types.is_struct(part.type) and any(
            inner.name == "bytes" and holds_bytes(inner.type) for inner in part.type
        ):
            held[part.name] = f"{part.name}.bytes"
    for name in PICTURES:
        if name in held:
            return held[name]
    if len(held) == 1:
        return next(iter(held.values()))
    names = ", ".join(held or schema.names)
    what = f"several columns of bytes ({names})" if held else f"no column of bytes ({names})"
    raise InputError(f"{path}: has {what}; call the one that holds the pictures image")


def _key(schema: Any, column: str) -> str:
    """Return the column that says what pictures are called; empty where there is none."""
    for name in KEYS:
        if name in schema.names and name != column:
            kind = schema.field(name).type
            types = pyarrow().types
            if types.is_string(kind) or types.is_large_string(kind) or types.is_integer(kind):
                return name
    owner = column.removesuffix(".bytes")
    if owner != column and any(inner.name == "path" for inner in schema.field(owner).type):
        return f"{owner}.path"
    return ""
