"""What pictures a tar or a parquet file holds, told from its headers."""

import functools
import posixpath
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from impasto.errors import InputError
from impasto.files import PICTURE_SUFFIXES
from impasto.shards import tables
from impasto.shards.member import Member

SUFFIXES = (".tar", ".parquet")
"""What names of shards end in."""


def is_archive(path: str | Path) -> bool:
    """Return whether a file's name is that of a shard."""
    return Path(path).suffix.lower() in SUFFIXES


def listing(path: str | Path) -> list[Member]:
    """Return the pictures in a file, in its order.

    Of a tar, files whose names are the same up to the first full stop are one sample, as in WebDataset: `7.jpg`,
    `7.txt` and `7.seg.png` are one picture, and the others go with it. Of a parquet table, rows are pictures.

    Raises `InputError` for what is no such file, or has no picture.
    """
    name = str(path)
    members = _of_table(name) if Path(name).suffix.lower() == ".parquet" else list(_of_tar(name))
    if not members:
        raise InputError(f"{name}: holds no pictures ({', '.join(PICTURE_SUFFIXES)}); name another")
    return members


def sibling(member: Member, name: str) -> Member | None:
    """Return another file of a picture's tar, named from the picture's folder; None where there is none."""
    if member.column:
        return None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(member.name), name))
    if (found := _index(member.archive).get(path)) is None:
        return None
    return Member(member.archive, path, *found)


def _of_table(path: str) -> list[Member]:
    column, names = tables.rows(path)
    stem = Path(path).stem
    return [Member(path, _named(name) or f"{stem}-{row:06}", row, column=column) for row, name in enumerate(names)]


def _named(name: str | None) -> str:
    """Return what a row is called as a file would be: of an address, its last part."""
    return "" if name is None else PurePosixPath(name.partition("?")[0].replace("\\", "/")).name


def _of_tar(path: str) -> Iterator[Member]:
    samples: dict[str, list[tuple[str, str]]] = {}
    index = _index(path)
    for name in index:
        folder, base = posixpath.split(name)
        key, _, suffix = base.partition(".")
        if key:
            samples.setdefault(posixpath.join(folder, key), []).append((suffix, name))
    for files in samples.values():
        pictures = [(suffix, name) for suffix, name in files if PurePosixPath(name).suffix.lower() in PICTURE_SUFFIXES]
        # 7.jpg is the picture, and 7.seg.png goes with it; without the first, each is a picture of its own.
        alone = [picture for picture in pictures if "." not in picture[0]][:1]
        for picture in alone or pictures:
            others = [file for file in files if file != picture] if alone or len(pictures) == 1 else []
            beside = tuple((suffix, *index[name]) for suffix, name in others if suffix)
            yield Member(path, picture[1], *index[picture[1]], beside=beside)


def _index(path: str) -> dict[str, tuple[int, int]]:
    """Return where each file of a tar begins, and how long it is."""
    try:
        status = Path(path).stat()
        return _read_index(str(Path(path).absolute()), status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); check the name") from None
    except (tarfile.TarError, ValueError, EOFError, RecursionError) as error:
        plain = f"is no proper tar ({error}); get another copy"
        what = "is compressed; unpack it to a plain tar" if _compressed(path) else plain
        raise InputError(f"{path}: {what}") from None


@functools.lru_cache(maxsize=4)
def _read_index(path: str, length: int, _modified: int) -> dict[str, tuple[int, int]]:
    index = {}
    with tarfile.open(path, "r:") as archive:
        for info in archive:
            base = posixpath.basename(info.name)
            if info.isreg() and not info.issparse() and base and not base.startswith("."):
                if info.offset_data + info.size > length:
                    raise tarfile.ReadError("it ends early")
                index[info.name] = (info.offset_data, info.size)
    return index


def _compressed(path: str) -> bool:
    with Path(path).open("rb") as stream:
        head = stream.read(6)
    return head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"))
