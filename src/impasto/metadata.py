"""The recipe in a picture: what made it, written as JSON that the same picture gives back byte for byte.

PNG holds it in an iTXt chunk, the other formats in an XMP packet. Reading never follows what it reads: contents
are data, and no path or address in them is opened. Nothing here needs torch, so that showing a recipe is quick.
"""

import base64
import binascii
import functools
import json
import math
import os
import platform
import re
import stat
import struct
import zlib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from impasto._version import __version__
from impasto.errors import ImageError, InputError
from impasto.files import RECIPE_KEYWORD, RECIPE_NAMESPACE

MAX_BYTES = 2**20
"""Longer recipes, packed or not, are refused."""
MAX_DEPTH = 32
"""The deepest nesting of what is read: a recipe needs four."""
_MAX_FILE_BYTES = 2**31
"""The most bytes of a picture that is searched for a recipe, as `images` reads no larger ones."""

_INPUT_KEYS = ("role", "sha256", "truncated")
_WEIGHT_KEYS = ("licence", "name", "sha256")
_PNG = b"\x89PNG\r\n\x1a\n"
_ADDRESS = re.compile(r"^[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_PATHLIKE = re.compile(r"^(?:[/\\~]|\.{1,2}[/\\]|[a-z]:[/\\]|file:)|[/\\].*\.\w{1,12}$", re.IGNORECASE | re.DOTALL)


def build(
    recipe: dict[str, Any],
    inputs: list[dict[str, Any]],
    weights: list[dict[str, Any]],
    stopped_after: int | None = None,
) -> str:
    """Describe how a picture was made, as canonical JSON; `stopped_after` steps where it is unfinished.

    inputs: of each only `role`, `sha256` and `truncated` are kept; weights: `name`, `sha256`, `licence`. Wherever
    a path stands, in the recipe too, only its last part is written: a picture should not tell whose disk it
    comes from.
    """
    stopped = {} if stopped_after is None else {"stopped_after": stopped_after}
    return canonical(
        stopped
        | {
            "impasto": __version__,
            "inputs": [{key: _no_paths(item[key]) for key in _INPUT_KEYS if key in item} for item in inputs],
            "recipe": _no_paths(recipe),
            "versions": {
                "pillow": _version("pillow"),
                "python": platform.python_version(),
                "torch": _version("torch"),
            },
            "weights": [{key: _no_paths(item[key]) for key in _WEIGHT_KEYS if key in item} for item in weights],
        }
    )


def canonical(data: dict[str, Any]) -> str:
    """Write JSON in the one way: sorted keys, no spaces, ASCII. Raises `InputError` for what JSON cannot hold."""
    try:
        return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"metadata: cannot be written as JSON ({error})") from None


def read(source: str | Path | bytes) -> dict[str, Any] | None:
    """Return what `build` described in a picture file or its bytes; None where the picture says nothing.

    Raises `ImageError` when the file cannot be read, or the description is damaged, too large or too deep.
    """
    name = "bytes" if isinstance(source, bytes) else ascii(os.fspath(source))[1:-1]
    data = source if isinstance(source, bytes) else _read_file(source, name)
    text = _from_png(data, name) if data.startswith(_PNG) else _from_xmp(data, name)
    return None if text is None else _parse(text, name)


@functools.cache  # reading it takes milliseconds, which add up where hundreds of pictures are looked at
def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def _no_paths(value: Any) -> Any:
    if isinstance(value, dict):
        return {_no_paths(str(key)): _no_paths(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_no_paths(item) for item in value]
    if isinstance(value, Path):
        return value.name
    if isinstance(value, str) and _PATHLIKE.search(value) and not _is_web_address(value):
        return re.split(r"[/\\]", value.rstrip("/\\"))[-1]
    return value


def _is_web_address(value: str) -> bool:
    return bool(_ADDRESS.match(value)) and not value.lower().startswith("file:")


def _read_file(path: str | Path, name: str) -> bytes:
    try:
        # As in images.source: a pipe must not make us wait.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_FILE_BYTES:
                raise ImageError(f"{name}: is not a picture file")
            with os.fdopen(handle, "rb", closefd=False) as stream:
                return stream.read()
        finally:
            os.close(handle)
    except (OSError, ValueError) as error:
        raise ImageError(f"{name}: cannot be read ({getattr(error, 'strerror', None) or error})") from None


def _from_png(data: bytes, name: str) -> str | None:
    for body in _chunks(data, b"iTXt"):
        keyword, _, rest = body.partition(b"\0")
        if keyword != RECIPE_KEYWORD.encode() or len(rest) < 2:
            continue
        packed, text = rest[0], rest[2:].partition(b"\0")[2].partition(b"\0")[2]
        return _decode(_inflate(text, name) if packed else text, name)
    return None


def _chunks(data: bytes, kind: bytes) -> Iterator[bytes]:
    at = len(_PNG)
    while at + 8 <= len(data):
        size, found_kind = struct.unpack(">I4s", data[at : at + 8])
        if found_kind == kind:
            yield data[at + 8 : at + 8 + size]
        if found_kind == b"IEND":
            return
        at += 12 + size


def _from_xmp(data: bytes, name: str) -> str | None:
    # XMP packets are made to be found by scanning (ISO 16684-1, section 7.3): one way for every container,
    # and no XML parser, hence no entities to expand or to fetch.
    if RECIPE_NAMESPACE.encode() not in data:
        return None
    for tag in (b"recipe", b"packed"):
        _, opening, rest = data.partition(b"<impasto:" + tag + b">")
        body, closing, _ = rest[: MAX_BYTES + 64].partition(b"</impasto:" + tag + b">")
        if not opening:
            continue
        if not closing:
            raise ImageError(f"{name}: its impasto metadata is cut off or longer than {MAX_BYTES:,} bytes")
        if tag == b"recipe":
            return _decode(body.replace(b"&lt;", b"<").replace(b"&gt;", b">").replace(b"&amp;", b"&"), name)
        try:
            return _decode(_inflate(base64.b64decode(body, validate=True), name), name)
        except binascii.Error:
            raise ImageError(f"{name}: its impasto metadata is damaged (not base64)") from None
    return None


def _inflate(data: bytes, name: str) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(data, MAX_BYTES + 1)
    except zlib.error:
        raise ImageError(f"{name}: its impasto metadata is damaged (does not unpack)") from None
    if not unpacker.eof and len(text) <= MAX_BYTES:
        raise ImageError(f"{name}: its impasto metadata is cut off")
    return text


def _decode(text: bytes, name: str) -> str:
    if len(text) > MAX_BYTES:
        raise ImageError(f"{name}: its impasto metadata is longer than {MAX_BYTES:,} bytes")
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise ImageError(f"{name}: its impasto metadata is damaged (not UTF-8)") from None


def _parse(text: str, name: str) -> dict[str, Any]:
    try:
        data = json.loads(text, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError) as error:
        reason = "nested too deep" if isinstance(error, RecursionError) else error
        raise ImageError(f"{name}: its impasto metadata is not proper JSON ({reason})") from None
    if not isinstance(data, dict):
        raise ImageError(f"{name}: its impasto metadata is not a JSON object")
    level: list[Any] = [data]
    for _ in range(MAX_DEPTH):
        inner = [list(item.values()) if isinstance(item, dict) else item for item in level]
        level = [item for items in inner for item in items if isinstance(item, dict | list)]
    if level:
        raise ImageError(f"{name}: its impasto metadata is nested more than {MAX_DEPTH} deep")
    return data


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a finite number")
    return number
