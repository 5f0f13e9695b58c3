"""From what the user names to bytes, and from bytes to the kind of file they really are."""

import io
import os
import stat
import sys
from pathlib import Path

from impasto.errors import ImageError
from impasto.files import absence
from impasto.images import headers

MAX_FILE_BYTES = 2**31
"""Larger files are refused: no picture within a sane pixel limit needs more."""

READABLE = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "GIF", "HEIC")

_SUFFIXES = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "PNG": (".png", ".apng"),
    "WEBP": (".webp",),
    "AVIF": (".avif", ".avifs"),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp", ".dib"),
    "GIF": (".gif",),
    "HEIC": (".heic", ".heif", ".hif"),
    "other": (".psd", ".eps", ".ps", ".pdf", ".svg", ".fits", ".ico", ".jp2", ".jxl", ".tga", ".exr", ".hdr", ".xcf"),
}

_MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"BM", "BMP"),
    (b"%!PS", "an EPS or PostScript document"),
    (b"\xc5\xd0\xd3\xc6", "an EPS document"),
    (b"%PDF", "a PDF document"),
    (b"8BPS", "a Photoshop document (PSD)"),
    (b"v/1\x01", "an OpenEXR picture"),
    (b"#?RADIANCE", "a Radiance HDR picture"),
    (b"#?RGBE", "a Radiance HDR picture"),
    (b"gimp xcf", "a GIMP document (XCF)"),
    (b"qoif", "a QOI picture"),
    (b"DDS ", "a DDS texture"),
    (b"AT&TFORM", "a DjVu document"),
    (b"BPG\xfb", "a BPG picture"),
    (b"II\xbc\x01", "a JPEG XR picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"icns", "an icon"),
    (b"\x1aE\xdf\xa3", "a video"),
    (b"IIRO", "a raw photograph (ORF)"),
    (b"IIRS", "a raw photograph (ORF)"),
    (b"MMOR", "a raw photograph (ORF)"),
    (b"IIU\0", "a raw photograph (RW2)"),
    (b"FUJIFILMCCD-RAW", "a raw photograph (RAF)"),
    (b"II\x1a\0\0\0HEAPCCDR", "a raw photograph (CRW)"),
    (b"FOVb", "a raw photograph (X3F)"),
    (b"\0MRM", "a raw photograph (MRW)"),
    (b"SIMPLE  =", "a FITS file"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (b"\0\0\x01\0", "an icon"),
    (b"PK\x03\x04", "a ZIP archive"),
)

_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}


def shown(name: str) -> str:
    """Make a file's name printable on one line whatever is in it (newlines, escapes, undecodable bytes)."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in name)


def sniff(data: bytes) -> str | None:
    """Name the format of a file by its first bytes.

    Returns one of `READABLE`, a description in words of something else, or None where nothing is recognised.
    """
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        end = max(16, min(int.from_bytes(data[:4], "big"), 256))
        brands = {data[8:12]} | {data[at : at + 4] for at in range(16, min(end, len(data) - 3), 4)}
        if brands & {b"avif", b"avis"}:
            return "AVIF"
        if brands & {b"crx "}:
            return "a raw photograph (CR3)"
        if brands & {b"jxl "}:
            return "a JPEG XL picture"
        return "HEIC" if brands & _HEIF_BRANDS else "a video"
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<svg", b"<?xml", b"<!doctype svg")) and b"svg" in head:
        return "an SVG drawing"
    if head.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "a web page"
    return None


def is_picture(head: bytes) -> bool:
    """Return whether a file that begins so is a picture of a kind that impasto reads."""
    return sniff(head) in READABLE


def misnamed(suffix: str, kind: str) -> bool:
    """Return whether a file's suffix promises another format than the one found in it."""
    known = {known for suffixes in _SUFFIXES.values() for known in suffixes}
    return suffix.lower() in known and suffix.lower() not in _SUFFIXES[kind]


def check_kind(head: bytes, name: str) -> str:
    """Sniff, and raise `ImageError` where the bytes are not one of `READABLE`."""
    choices = "give a JPEG, PNG, WebP, AVIF, TIFF, BMP, GIF or HEIC picture"
    if not head:
        raise ImageError(f"{name}: is empty (0 bytes); {choices}")
    kind = sniff(head)
    if kind is None:
        raise ImageError(f"{name}: is not a picture that impasto knows; {choices}")
    if kind.startswith("a raw"):
        raise ImageError(f"{name}: is {kind}, which impasto does not read; develop it first, and {choices}")
    if kind not in READABLE:
        raise ImageError(f"{name}: is {kind}, which impasto does not read; {choices}")
    return kind


def read_file(path: str | Path, name: str, max_pixels: int) -> bytes:
    """Read a regular file that looks like a picture; anything else is refused without reading it through.

    Raises `ImageError` when it is missing, unreadable, a folder, a pipe or a device, too large, or no picture, and
    `ResourceError` when its header tells of more than there is memory for.
    """
    try:
        # O_NONBLOCK: opening a pipe that nobody writes to would otherwise wait for ever.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            status = os.fstat(handle)
            if stat.S_ISDIR(status.st_mode):
                raise ImageError(f"{name}: is a folder; name a picture in it")
            if not stat.S_ISREG(status.st_mode):
                raise ImageError(f"{name}: is not a regular file; give - as the name and pipe the picture in")
            if status.st_size > MAX_FILE_BYTES:
                raise ImageError(f"{name}: is larger than {MAX_FILE_BYTES:,} bytes; give a smaller file")
            with os.fdopen(handle, "rb", closefd=False) as stream:
                kind = check_kind(stream.read(1024), name)
                headers.check(stream, kind, name, max_pixels, status.st_size)
                stream.seek(0)
                return stream.read()
        finally:
            os.close(handle)
    except FileNotFoundError:
        raise ImageError(f"{name}: {absence(path)}") from None
    except PermissionError:
        raise ImageError(f"{name}: may not be read; check its permissions") from None
    except OSError as error:
        raise ImageError(f"{name}: cannot be read ({error.strerror or error})") from None
    except ValueError as error:  # a NUL in the name
        raise ImageError(f"{name}: is not a possible file name ({error})") from None


def read_stdin(max_pixels: int) -> bytes:
    """Read a picture's bytes from standard input. Raises `ImageError` when nothing is piped in, or too much."""
    if sys.stdin is None:
        raise ImageError("-: standard input is closed; pipe a picture in, or name a file")
    if sys.stdin.isatty():
        raise ImageError("-: standard input is a terminal; pipe a picture in")
    data = bytearray()
    # In pieces: one read of the whole allowance would allocate it.
    while piece := sys.stdin.buffer.read(2**20):
        first = not data
        data += piece
        if first:
            # What a header promises is judged before all the rest is waited for.
            headers.check(io.BytesIO(piece), check_kind(piece[:1024], "-"), "-", max_pixels, len(piece))
        if len(data) > MAX_FILE_BYTES:
            raise ImageError(f"-: more than {MAX_FILE_BYTES:,} bytes on standard input; give a smaller file")
    return bytes(data)
