"""The members of tar files, packed or not, read as a stream of untrusted bytes.

Python's own reader believes what headers claim: it reads a name or a list of settings of any size into memory, fills
the holes of sparse members, and unpacks with as much memory as an archive asks for. Here every claim is bounded.
"""

import bz2
import lzma
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, Protocol

BLOCK = 512
"""Bytes of a header, and the unit that data are padded to (POSIX.1-1988)."""
MAX_NAME_BYTES = 64 << 10
"""Bytes of a member's name at most, many times what any file system allows."""
MAX_SETTINGS_BYTES = 1 << 20
"""Bytes of a member's pax header at most, whose usual entries take some hundred."""
PIECE_BYTES = 1 << 20
"""Bytes that are unpacked at a time."""
FREE_BYTES = 64 << 20
"""Bytes that may be unpacked whatever they were packed into."""
LARGEST_RATIO = 100
"""Beyond that, bytes that are unpacked for each that they were packed into: pictures hardly pack, and even a flat BMP
takes a fiftieth. Bombs go to a thousand and more."""
MAX_UNPACKED_BYTES = 64 << 30
"""Bytes that are unpacked of one archive at most, whatever its size: a large data set of photographs."""
XZ_MEMORY_BYTES = 256 << 20
"""Memory that unpacking xz may take: `xz -9` asks for 65 MiB, and a file may ask for 4 GiB."""

_REGULAR = (b"0", b"\0", b"7")
_FOLDER, _SPARSE, _LONG_NAME, _LONG_LINK, _SETTINGS, _GLOBAL = b"5", b"S", b"L", b"K", b"x", b"g"
_LINKS = (b"1", b"2")
_SPECIAL = (b"3", b"4", b"6")


class BrokenArchive(Exception):
    """What comes next cannot be read; what came before is sound."""


@dataclass(frozen=True)
class Member:
    """One entry of an archive; its data come next in the stream, and are skipped if nobody reads them."""

    name: str
    kind: str
    """`file`, `link`, `special`, `sparse` or `other`."""
    offset: int
    size: int


class Source(Protocol):
    """Bytes that are read in their order."""

    position: int

    def read(self, size: int) -> bytes:
        """Read `size` bytes, fewer only at the end. Raises `BrokenArchive`."""

    def skip(self, size: int) -> None:
        """Leave out `size` bytes. Raises `BrokenArchive` beyond the end."""


class Plain:
    """The bytes of a file as they are."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._size = os.fstat(stream.fileno()).st_size
        self.position = 0

    def read(self, size: int) -> bytes:
        """Read `size` bytes, fewer only at the end."""
        data = self._stream.read(size)
        self.position += len(data)
        return data

    def skip(self, size: int) -> None:
        """Leave out `size` bytes. Raises `BrokenArchive` beyond the end."""
        if size > self._size - self.position:
            raise BrokenArchive(f"cut off at {self._size} bytes")
        self.position += size
        self._stream.seek(self.position)


class Packed:
    """What a gzip, bzip2 or xz file unpacks to, in pieces, within bounds of memory and of what it grows to."""

    def __init__(self, stream: IO[bytes], kind: str) -> None:
        self._stream, self._kind = stream, kind
        self._unpacker = _unpacker(kind)
        self._waiting = b""
        self._buffer = b""
        self._taken = self._unpacked = 0
        self.position = 0

    def read(self, size: int) -> bytes:
        """Read `size` bytes, fewer only at the end. Raises `BrokenArchive`."""
        pieces, missing = [self._buffer[:size]], size - len(self._buffer)
        self._buffer = self._buffer[size:]
        while missing > 0 and (piece := self._piece()):
            pieces.append(piece[:missing])
            self._buffer = piece[missing:]
            missing -= len(piece)
        data = b"".join(pieces)
        self.position += len(data)
        return data

    def skip(self, size: int) -> None:
        """Leave out `size` bytes. Raises `BrokenArchive` beyond the end."""
        while size:
            data = self.read(min(size, PIECE_BYTES))
            if not data:
                raise BrokenArchive(f"cut off at {self.position} bytes")
            size -= len(data)

    def _piece(self) -> bytes:
        """Unpack some more; nothing at the end."""
        while True:
            if self._unpacker.eof:
                # Several streams in a row are one, and zeros between them mean nothing.
                self._waiting = self._unpacker.unused_data.lstrip(b"\0") or self._take().lstrip(b"\0")
                if not self._waiting:
                    return b""
                self._unpacker = _unpacker(self._kind)
            elif not self._waiting and self._hungry():
                self._waiting = self._take()
                if not self._waiting:
                    raise BrokenArchive(f"cut off at {self._taken} bytes")
            try:
                data = bytes(self._unpacker.decompress(self._waiting, PIECE_BYTES))
            except lzma.LZMAError as error:
                raise BrokenArchive(f"not to be unpacked ({error})") from None
            except (OSError, EOFError, zlib.error) as error:
                raise BrokenArchive(f"damaged ({error})") from None
            self._waiting = getattr(self._unpacker, "unconsumed_tail", b"")
            self._unpacked += len(data)
            if self._unpacked > max(FREE_BYTES, min(LARGEST_RATIO * self._taken, MAX_UNPACKED_BYTES)):
                raise BrokenArchive(f"a bomb: {self._taken} bytes unpack to more than {self._unpacked}")
            if data:
                return data

    def _hungry(self) -> bool:
        return bool(getattr(self._unpacker, "needs_input", True))

    def _take(self) -> bytes:
        data = self._stream.read(PIECE_BYTES // 16)
        self._taken += len(data)
        return data


def _unpacker(kind: str) -> Any:
    if kind == "gzip":
        return zlib.decompressobj(31)
    return bz2.BZ2Decompressor() if kind == "bzip2" else lzma.LZMADecompressor(memlimit=XZ_MEMORY_BYTES)


def opened(stream: IO[bytes]) -> Source:
    """Return the bytes of an archive, unpacked if its first bytes say that they are packed."""
    head = stream.read(6)
    stream.seek(0)
    for magic, kind in ((b"\x1f\x8b", "gzip"), (b"BZh", "bzip2"), (b"\xfd7zXZ\0", "xz"), (b"]\0\0", "lzma")):
        if head.startswith(magic):
            return Packed(stream, kind)
    return Plain(stream)


def members(source: Source) -> Iterator[Member]:
    """Yield the entries of a tar file in their order, folders left out.

    Raises `BrokenArchive` where it is cut off or damaged, or no tar file at all.
    """
    long_name, settings = "", dict[str, str]()
    while True:
        head = _header(source)
        if head is None:
            return
        kind, size = head[156:157], _number(head[124:136])
        if kind in (_LONG_NAME, _LONG_LINK, _SETTINGS, _GLOBAL):
            data = _about_the_next(source, kind, size)
            if kind == _LONG_NAME and data is not None:
                long_name = _text(data)
            elif kind == _SETTINGS and data is not None:
                settings = _settings(data)
            continue
        if kind == _SPARSE:
            more = head[482]
            while more:
                block = source.read(BLOCK)
                more = len(block) == BLOCK and block[504]
        if "size" in settings and settings["size"].isdecimal():
            size = int(settings["size"][:20])
        sparse = kind == _SPARSE or any(key.startswith("GNU.sparse.") for key in settings)
        prefix = _text(head[345:500]) if head[257:263] == b"ustar\0" else ""
        name = settings.get("path") or long_name or "/".join(part for part in (prefix, _text(head[:100])) if part)
        long_name, settings = "", {}
        start = source.position
        if kind != _FOLDER and not (kind == b"\0" and name.endswith("/")):
            yield Member(name, "sparse" if sparse else _kind(kind), start, size)
        if kind in _LINKS or kind in _SPECIAL or kind == _FOLDER:
            continue  # what their headers call their size is not in the archive
        source.skip(start + size + -size % BLOCK - source.position)


def _header(source: Source) -> bytes | None:
    """Read the header of an entry; None at the end. Raises `BrokenArchive` as `members`."""
    head = source.read(BLOCK)
    if not head.strip(b"\0"):
        if len(head) < BLOCK:
            # Every archive ends in zeros.
            raise BrokenArchive(f"cut off at {source.position} bytes")
        return None
    if len(head) < BLOCK or not _sound(head):
        raise BrokenArchive("no tar file" if source.position <= BLOCK else f"damaged at {source.position} bytes")
    return head


def _about_the_next(source: Source, kind: bytes, size: int) -> bytes | None:
    """Read what an entry says of the one that follows; None where nothing reads such an entry, or it is too long."""
    most = MAX_NAME_BYTES if kind == _LONG_NAME else MAX_SETTINGS_BYTES
    if kind not in (_LONG_NAME, _SETTINGS) or size > most:
        source.skip(size + -size % BLOCK)
        return None
    data = source.read(size)
    source.skip(-size % BLOCK)
    return data


def _kind(flag: bytes) -> str:
    if flag in _REGULAR:
        return "file"
    return "link" if flag in _LINKS else "special" if flag in _SPECIAL else "other"


def _sound(head: bytes) -> bool:
    """Return whether a header's sum is what it says; old programs took bytes for signed."""
    rest = head[:148] + b" " * 8 + head[156:]
    try:
        told = _number(head[148:156])
    except BrokenArchive:
        return False
    return told in (sum(rest), sum(rest) - 256 * sum(byte > 127 for byte in rest))


def _number(data: bytes) -> int:
    if data[0] & 0x80:
        if data[0] != 0x80:
            raise BrokenArchive("damaged (a negative size)")
        return int.from_bytes(data[1:], "big")
    text = data.split(b"\0")[0].strip()
    if text and not text.isdigit():
        raise BrokenArchive("damaged (a size that is no number)")
    try:
        return int(text or b"0", 8)
    except ValueError:
        raise BrokenArchive("damaged (a size that is no number)") from None


def _text(data: bytes) -> str:
    return data.split(b"\0")[0].decode("utf-8", "surrogateescape")


def _settings(data: bytes) -> dict[str, str]:
    """Read `length key=value` lines as far as they are sound."""
    records = {}
    while data:
        length, space, _ = data[:20].partition(b" ")
        if not space or not length.isdigit() or not len(length) + 2 < int(length) <= len(data):
            break
        key, equals, value = data[len(length) + 1 : int(length) - 1].partition(b"=")
        if not key or not equals or data[int(length) - 1 : int(length)] != b"\n":
            break
        records[_text(key)] = _text(value)
        data = data[int(length) :]
    return records
