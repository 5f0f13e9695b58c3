"""Where training pictures lie: folders and tar files, looked through without trusting what is in them."""

import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from impasto.errors import ImageError, InputError
from impasto.events import notice
from impasto.files import absence, is_web_address, within
from impasto.images.source import shown
from impasto.training import archive
from impasto.training.archive import BrokenArchive

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".avif", ".tif", ".tiff", ".bmp"})
MAX_PICTURE_BYTES = 256 << 20
"""Bytes of one picture's file at most; larger ones are left out."""
MAX_PIXELS = 64_000_000
"""Pixels of a picture that crops are cut from: one is decoded for each crop, at some 25 bytes a pixel meanwhile."""
MAX_ENTRIES = 2_000_000
"""Entries of one folder or archive that are looked at."""
MAX_KEPT_BYTES = 2 << 30
"""Bytes of the pictures in a packed archive, which cannot be read at will and are kept in memory."""


@dataclass(frozen=True)
class Stored:
    """A picture that can be read when it is asked for."""

    name: str
    """For messages: printable, and without folders."""
    path: Path
    """The file, or the archive that holds it."""
    offset: int = 0
    size: int | None = None
    """Of a member of an archive; None: the whole file."""
    data: bytes | None = field(default=None, repr=False)
    """What a packed archive held."""

    def read(self) -> bytes:
        """Read the file's bytes. Raises `ImageError` when they are gone, too many, or no regular file's any more."""
        if self.data is not None:
            return self.data
        try:
            with regular(self.path) as stream:
                stream.seek(self.offset)
                data = stream.read(MAX_PICTURE_BYTES + 1 if self.size is None else self.size)
        except (OSError, ValueError) as error:
            raise ImageError(f"{self.name}: cannot be read ({_reason(error)})") from None
        if len(data) > MAX_PICTURE_BYTES or (self.size is not None and len(data) < self.size):
            raise ImageError(f"{self.name}: has changed since it was found")
        return data


@dataclass
class Skipped:
    """What of a source was left out, and why."""

    reasons: Counter[str] = field(default_factory=Counter)
    first: str = ""

    def add(self, reason: str, name: str = "") -> None:
        """Count one entry."""
        self.reasons[reason] += 1
        self.first = self.first or name

    def text(self) -> str:
        """Return the counts in words; nothing where there are none."""
        listing = ", ".join(f"{count} {reason}" for reason, count in self.reasons.most_common())
        return listing + (f"; the first is {shown(self.first)[:100]}" if self.first else "")


def pictures(source: Path) -> list[Stored]:
    """List the pictures of a folder or a tar file, those of a folder by their paths.

    What is no picture of the source's own is left out and counted, and one notice says so: broken links and links out
    of the folder, pipes, sockets and devices, sparse members, whatever is empty or larger than a picture, the rest of
    an archive that is cut off, damaged, or unpacks without end. Raises `InputError` when the source is missing or
    neither, or no picture is left.
    """
    name, skipped = shown(str(source)), Skipped()
    if is_web_address(str(source)):
        raise InputError(f"{name}: {absence(source)}")
    try:
        status = source.stat()
        if stat.S_ISDIR(status.st_mode):
            stored = sorted(_in_folder(source, skipped), key=lambda picture: picture.path)
        elif stat.S_ISREG(status.st_mode):
            stored = list(_in_archive(source, skipped))
        else:
            raise InputError(f"{name}: is neither a folder nor a tar file of pictures; name one")
    except (OSError, ValueError) as error:
        raise InputError(
            f"{name}: cannot be read as a folder or tar file of pictures ({_reason(error)}); check the name"
        ) from None
    left_out = skipped.text()
    if not stored:
        more = f"; left out: {left_out}" if left_out else ""
        raise InputError(f"{name}: holds no picture ({', '.join(sorted(SUFFIXES))}){more}")
    if left_out:
        notice(f"{name}: {len(stored)} pictures; left out: {left_out}")
    return stored


def regular(path: Path) -> IO[bytes]:
    """Open a regular file to read, and nothing else: neither waits for a pipe nor follows a link.

    Raises `OSError`.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags | getattr(os, "O_CLOEXEC", 0))
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError("not a regular file")
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def _in_folder(top: Path, skipped: Skipped) -> Iterator[Stored]:
    root = os.path.realpath(top)
    waiting, looked = [top], 0
    while waiting:
        folder = waiting.pop()
        try:
            listing = os.scandir(folder)
        except OSError:
            if folder == top:
                raise
            skipped.add("folders that cannot be read", folder.name)
            continue
        with listing:
            for entry in listing:
                looked += 1
                if looked > MAX_ENTRIES:
                    skipped.add(f"rest beyond {MAX_ENTRIES} entries", entry.name)
                    return
                path = folder / entry.name
                try:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(path)
                    elif path.suffix.lower() in SUFFIXES:
                        problem, real = _looked_at(path, entry.is_symlink(), root)
                        if problem:
                            skipped.add(problem, entry.name)
                        else:
                            yield Stored(shown(entry.name), real)
                    elif entry.is_symlink() and entry.is_dir():
                        skipped.add("links to folders", entry.name)
                except (OSError, ValueError):
                    skipped.add("that cannot be looked at", entry.name)


def _looked_at(path: Path, link: bool, root: str) -> tuple[str, Path]:
    """Return what is wrong with an entry called like a picture, nothing if it is sound; and the file that it is."""
    real = path
    if link:
        try:
            real = Path(os.path.realpath(path, strict=True))
        except OSError:
            return "broken links", path
        if not within(real, root):
            return "links out of the folder", path
    status = os.lstat(real)
    if not stat.S_ISREG(status.st_mode):
        return "pipes, sockets, devices and folders", path
    return _size_problem(status.st_size), real


def _size_problem(size: int) -> str:
    if not size:
        return "empty files"
    return f"files over {MAX_PICTURE_BYTES >> 20} MiB" if size > MAX_PICTURE_BYTES else ""


def _in_archive(path: Path, skipped: Skipped) -> Iterator[Stored]:
    problems = {
        "link": "links",
        "special": "pipes and devices",
        "sparse": "sparse members",
        "other": "members of unknown kinds",
    }
    kept = usable = 0
    # A link to an archive is the user's own.
    real = Path(os.path.realpath(path))
    with regular(real) as stream:
        source = archive.opened(stream)
        try:
            for looked, member in enumerate(archive.members(source)):
                if looked >= MAX_ENTRIES:
                    skipped.add(f"rest beyond {MAX_ENTRIES} entries", member.name)
                    return
                name = member.name.rpartition("/")[2]
                if Path(name).suffix.lower() not in SUFFIXES:
                    continue
                problem = problems.get(member.kind) or _size_problem(member.size)
                if problem:
                    skipped.add(problem, name)
                    continue
                if isinstance(source, archive.Plain):
                    here = Stored(shown(name), real, member.offset, member.size)
                    if member.offset + member.size > os.fstat(stream.fileno()).st_size:
                        skipped.add("member that is cut off", name)
                        return
                else:
                    if kept + member.size > MAX_KEPT_BYTES:
                        skipped.add(f"rest beyond {MAX_KEPT_BYTES >> 30} GiB (unpack it into a folder)", name)
                        return
                    data = source.read(member.size)
                    if len(data) < member.size:
                        skipped.add("member that is cut off", name)
                        return
                    here = Stored(shown(name), real, data=data)
                    kept += len(data)
                usable += 1
                yield here
        except BrokenArchive as error:
            if not usable and not skipped.reasons:
                raise InputError(
                    f"{shown(str(path))}: cannot be read as a folder or tar file of pictures ({error}); get it again"
                ) from None
            skipped.add(f"rest of the archive, which is {error}")


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
