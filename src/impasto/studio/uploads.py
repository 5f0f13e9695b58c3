"""The bodies of requests: pictures of any kind from strangers, and small JSON."""

import asyncio
import json
import math
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.requests import Request

from impasto.studio.settings import Refused, Settings

_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
_NEVER = ("text/", "image/svg", "application/xhtml", "application/xml", "application/pdf")


PICTURES = "a JPEG, PNG, WebP, AVIF, TIFF, BMP or GIF"
CLIPS = "an MP4, MOV, WebM, MKV or AVI, or a GIF, WebP or PNG that moves"


class UploadReceiver:
    """Lets so many pictures in at once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._open = 0

    @asynccontextmanager
    async def incoming(self, request: Request, *, clip: bool = False) -> AsyncIterator[Path]:
        """Receive a request's body into a file that is gone at the end, unless it was moved. Raises as `receive`."""
        path = self._settings.data / "incoming" / secrets.token_hex(16)
        try:
            await self.receive(request, path, clip=clip)
            yield path
        finally:
            path.unlink(missing_ok=True)

    async def receive(self, request: Request, path: Path, *, clip: bool = False) -> None:
        """Write a request's body to `path`, of a picture or a clip.

        Raises `Refused`: 400 for a form, 408 for one that drips, 413 for one that is too large (before it is read,
        where it says so), 415 for what is no picture by its own account, 429 where too many arrive.
        """
        check_kind(request, clip=clip)
        limit = self._settings.clip_bytes if clip else self._settings.upload_bytes
        check_length(request, limit)
        if self._open >= self._settings.uploads:
            raise Refused(429, "too many pictures arrive at once; try again in a moment", close=True)
        self._open += 1
        try:
            with path.open("xb") as stream:
                async for part in body(request, self._settings, limit):
                    stream.write(part)
        except OSError as error:
            raise Refused(507, f"the picture could not be kept ({error.strerror or error})", close=True) from None
        finally:
            self._open -= 1


def check_kind(request: Request, *, clip: bool = False) -> None:
    """Raise `Refused` for a body that is not the bytes of a picture, or of a `clip`, by its own account."""
    what, kinds = ("clip", CLIPS) if clip else ("picture", PICTURES)
    taken = ("image/", "video/") if clip else ("image/",)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in _FORMS:
        raise Refused(400, "forms are not read; send the file's bytes as the body", close=True)
    if kind.startswith(_NEVER):
        raise Refused(415, f"{kind[:60]} is no {what}; give {kinds}", close=True)
    if kind and not kind.startswith(taken) and kind != "application/octet-stream":
        raise Refused(
            415, f"{kind[:60]} is no {what}; send it as {taken[-1]}... or application/octet-stream", close=True
        )


def check_length(request: Request, limit: int) -> None:
    """Raise `Refused` for a body that says that it is too large."""
    said = request.headers.get("content-length", "0")
    if not (said.isascii() and said.isdigit()):
        raise Refused(400, "its length is no number", close=True)
    if int(said) > limit:
        raise too_large(limit)


async def body(request: Request, settings: Settings, limit: int) -> AsyncIterator[bytes]:
    """Return the parts of a body. Raises `Refused` for one that is too long, or too slow."""
    began, size = time.monotonic(), 0
    while True:
        try:
            message = await asyncio.wait_for(request.receive(), settings.upload_idle_s)
        except TimeoutError:
            raise Refused(408, "nothing arrived for a while; send it again", close=True) from None
        if message["type"] == "http.disconnect":
            raise Refused(400, "the sender went away", close=True)
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise too_large(limit)
        if part:
            yield part
        if not message.get("more_body", False):
            return
        elapsed = time.monotonic() - began
        if elapsed > settings.upload_idle_s and size < settings.upload_rate * elapsed:
            raise Refused(408, "it arrives too slowly; send it again over a better connection", close=True)


async def read_json(request: Request, settings: Settings) -> dict[str, Any]:
    """Read a JSON object. Raises `Refused`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(415, "send JSON, as application/json", close=True)
    check_length(request, settings.json_bytes)
    data = bytearray()
    async for part in body(request, settings, settings.json_bytes):
        data += part
    try:
        document = json.loads(data or b"{}", parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError):
        raise Refused(400, "the request is not proper JSON") from None
    if not isinstance(document, dict):
        raise Refused(400, "the request is not a JSON object")
    return document


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a finite number")
    return number


def too_large(limit: int) -> Refused:
    """Return the error of a body that is too large."""
    return Refused(413, f"is larger than {limit / 2**20:.0f} MiB, the most that is taken; make it smaller", close=True)
