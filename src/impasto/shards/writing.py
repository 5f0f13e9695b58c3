"""Shards out: the same pictures always make the same bytes."""

import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal

from impasto import files
from impasto.shards import tables

Kind = Literal["tar", "parquet"]
KINDS: tuple[Kind, ...] = ("tar", "parquet")
COLUMNS = ("key", "state", "error", "sha256", "source")
"""Columns of text in a table, beside the picture and its size."""
_BLOCK = 512
"""Bytes that everything in a tar is a multiple of."""


@dataclass(frozen=True)
class Sample:
    """A picture that was painted, or why it was not."""

    name: str
    """Its file's name, with folders."""
    data: bytes | None
    """The file's bytes; None where there is none."""
    row: dict[str, Any] = field(default_factory=dict)
    """What a table says of it beside its key."""
    beside: tuple[tuple[str, bytes], ...] = ()
    """Files that go with it in a tar: what their names end in, and their bytes."""


def write(path: Path, kind: Kind, samples: Iterable[Sample]) -> None:
    """Write a shard, whole or not at all.

    A tar has the pictures alone, and what goes with them; a table has a row for what failed, too. Raises `OutputError`.
    """
    with files.atomic_writer(path) as stream:
        if kind == "parquet":
            tables.write(stream, COLUMNS, _rows(iter(samples)))
            return
        for sample in samples:
            if sample.data is not None:
                append(stream, sample.name, sample.data)
                for suffix, data in sample.beside:
                    append(stream, f"{_key(sample.name)}.{suffix}", data)
        stream.write(bytes(2 * _BLOCK))


def append(stream: IO[bytes], name: str, data: bytes) -> None:
    """Write one file of a tar."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    stream.write(info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape"))
    stream.write(data)
    stream.write(bytes(-len(data) % _BLOCK))


def _key(name: str) -> str:
    return name.rpartition(".")[0]


def _rows(samples: Iterator[Sample]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(samples, tables.WRITTEN_AT_ONCE)):
        yield [{**sample.row, "key": _key(sample.name), "image": sample.data} for sample in batch]
