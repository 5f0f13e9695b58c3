"""Where the pictures of a set are: a folder or a zip that the user has, or what was fetched into the cache."""

import contextlib
import hashlib
import lzma
import os
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from impasto import files, weights
from impasto.datasets.catalogue import DataSet, Entry, lookup
from impasto.errors import ImageError, InputError
from impasto.events import notice

if TYPE_CHECKING:
    from impasto.guides import Regions

PICTURES = (".jpg", ".jpeg", ".png")
MOST_BYTES = 64 << 20
"""Longest picture that is taken out of a zip, bytes: ten times the largest of these sets."""
MOST_MEMBERS = 10_000
"""Most files of a zip, or of a folder with all its folders, that are looked at."""
_MASK = re.compile(r"^(\d\d).*?_(?:regions|segmentation|mask)$")
_LEVEL = re.compile(r"(?:level[ _-]?|NPRportrait)(\d)", re.IGNORECASE)


_UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError),
    *(NotImplementedError, RuntimeError, OSError, ValueError),
)
"""What `zipfile` raises of damaged, encrypted and exotic archives."""


@dataclass(frozen=True)
class Item:
    """A picture of a set that is here."""

    entry: Entry
    path: Path
    mask: Path | None = None
    """Its regions, each in one colour of the set's."""
    verified: bool = False
    """The file is the published one, by its digest."""


@dataclass(frozen=True)
class Collection:
    """The pictures of a set that are here, in the set's order."""

    dataset: DataSet
    items: tuple[Item, ...]
    missing: tuple[Entry, ...] = field(default=())
    """Of the levels that are here at all."""


def collect(name: str, source: Path | None = None) -> Collection:
    """Find the pictures of a set in `source`, a folder or a zip; None: where its variable says, else in the cache.

    Files are known by their names, wherever in the folder they lie. A file that is not the published one is used, with
    a notice; one that is missing is listed. A zip is unpacked into the cache, its pictures alone. Raises `UsageError`
    for an unknown set and `InputError` where there is none of its pictures, saying how to get them.
    """
    dataset = lookup(name)
    said = os.environ.get(dataset.variable, "").strip()
    if source is None and said:
        source = Path(said)
    if source is None:
        source = cache_folder(name)
        if not source.is_dir():
            raise InputError(f"{name}: its pictures are not on this machine; {how_to_get(dataset)}")
    if source.is_file():
        source = _unpack(dataset, source)
    elif not source.is_dir():
        raise InputError(f"{source}: is no folder and no zip; {how_to_get(dataset)}")
    paths = {path.relative_to(source).as_posix(): path for path in _walk(source)}
    pictures, masks = _sort(dataset, paths, source)
    if not pictures:
        example = dataset.entries[0].file or "level1/01.jpg"
        raise InputError(f"{source}: has none of the pictures of {dataset.title}, such as {example}")
    levels = {entry.level for entry in pictures}
    items, other = [], []
    for entry in dataset.entries:
        if entry not in pictures:
            continue
        verified = bool(entry.md5) and md5(pictures[entry]) == entry.md5
        if entry.md5 and not verified:
            other.append(pictures[entry].name)
        items.append(Item(entry, pictures[entry], masks.get(entry), verified))
    if other:
        more = f" and {len(other) - 3} more" if len(other) > 3 else ""
        notice(
            f"{', '.join(other[:3])}{more}: not the published file{'s' if len(other) > 1 else ''} of {dataset.title} "
            "(by md5); used, but results do not compare with others' on the set"
        )
    missing = tuple(entry for entry in dataset.entries if entry.level in levels and entry not in pictures)
    return Collection(dataset, tuple(items), missing)


def read_regions(dataset: DataSet, item: Item) -> "Regions | None":
    """Read the mask of a picture as regions with the set's names; None where there is none.

    Raises `ImageError` for a mask that cannot be read or has other colours.
    """
    if item.mask is None:
        return None
    from impasto import guides, images

    names = {color: name for name, color in dataset.regions.items()}
    return guides.from_colors(images.load(item.mask), [None], names=names)


def how_to_get(dataset: DataSet) -> str:
    """Say how to get the pictures of a set, as the end of an error."""
    own = f"or name a folder or zip that has them, here or in {dataset.variable}"
    if dataset.addresses:
        return f"run `impasto datasets fetch {dataset.name}` when online, {own}"
    return f"download {dataset.archives[0].format(level=1)} (and so on), {own}"


def cache_folder(name: str) -> Path:
    """Return where the pictures of a set are kept once they were fetched; it is not created."""
    return weights.cache_folder() / "datasets" / name


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the pictures below `folder`; links to folders are not followed."""
    seen = 0
    try:
        for parent, folders, names in os.walk(folder):
            folders.sort()
            for name in sorted(names):
                seen += 1
                if seen > MOST_MEMBERS:
                    raise InputError(f"{folder}: has more than {MOST_MEMBERS} files; name the folder of the set itself")
                if Path(name).suffix.lower() in PICTURES:
                    yield Path(parent, name)
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error.strerror or error})") from None


def _sort(dataset: DataSet, paths: Mapping[str, Path], source: Path) -> tuple[dict[Entry, Path], dict[Entry, Path]]:
    """Return the files of the pictures and those of the masks, by entry, of `paths` by their names below `source`."""
    by_file = {entry.file.casefold(): entry for entry in dataset.entries if entry.file}
    by_place = {(entry.level, entry.number): entry for entry in dataset.entries if entry.level}
    pictures: dict[Entry, Path] = {}
    masks: dict[Entry, Path] = {}
    for name, path in paths.items():
        entry = by_file.get(path.name.casefold())
        if entry is not None:
            pictures.setdefault(entry, path)
        if not by_place or not path.stem[:2].isdecimal():
            continue
        level = _LEVEL.search(name) or _LEVEL.search(source.name)
        entry = by_place.get((int(level[1]) if level else 1, int(path.stem[:2])))
        if entry is not None:
            is_mask = _MASK.match(path.stem) or "segmentation" in str(PurePosixPath(name).parent)
            (masks if is_mask else pictures).setdefault(entry, path)
    return pictures, masks


def _unpack(dataset: DataSet, path: Path) -> Path:
    """Unpack the pictures of a zip into the cache, each once, and return the folder."""
    digest = files.digest(path)[:16]
    level = _LEVEL.search(path.stem)
    folder = weights.writable_cache_folder() / "datasets" / f"{dataset.name}-{digest}"
    # Members need not say the level that the zip's own name does.
    folder = folder / (f"level{level[1]}" if level and dataset.regions else "all")
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MOST_MEMBERS:
                raise InputError(f"{path}: has more than {MOST_MEMBERS} files; it is no zip of {dataset.title}")
            for member in members:
                _unpack_one(archive, member, folder, path)
    except _UNREADABLE as error:
        raise ImageError(f"{path}: is no zip that can be read ({error}); name a folder or a zip") from None
    if not folder.is_dir():
        raise InputError(f"{path}: has no pictures; name a zip of {dataset.title}")
    return folder


def _unpack_one(archive: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path, path: Path) -> None:
    parts = [part for part in PurePosixPath(member.filename.replace("\\", "/")).parts if part not in ("/", "..", ".")]
    if member.is_dir() or not parts or Path(parts[-1]).suffix.lower() not in PICTURES or parts[0] == "__MACOSX":
        return
    if any(":" in part or "\0" in part for part in parts):
        return
    target = folder.joinpath(*parts)
    if member.file_size > MOST_BYTES:
        raise InputError(f"{path}: {parts[-1]} would have over {MOST_BYTES >> 20} MiB; it is no picture of the set")
    with contextlib.suppress(OSError):
        if target.stat().st_size == member.file_size and zlib.crc32(target.read_bytes()) == member.CRC:
            return
    with archive.open(member) as stream:
        # One byte more than it says it has: what a header says need not be so.
        data = stream.read(member.file_size + 1)
    files.write_bytes(target, data)


def md5(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError:
        return ""
