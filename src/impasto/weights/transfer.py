"""One HTTP transfer into a partial file: resumed where the server can, bounded in bytes and in time."""

import contextlib
import http.client
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from impasto._version import __version__
from impasto.errors import ResourceError

Progress = Callable[[int, int | None], None]
"""Called with (bytes so far, bytes in all)."""

CHUNK_BYTES = 1 << 18
"""The most bytes that are received at a time, between two looks at the clock."""
SLOWEST_BYTES_PER_S = 256
"""Below this, averaged over the timeout, a connection counts as stalled although it drips."""

# Only strong validators promise the same bytes (RFC 9110, 13.1.5: If-Range must not carry a weak one).
_STRONG_ETAG = re.compile(r'"[!#-~]{0,200}"')
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_WORTH_ANOTHER_TRY = {408, 425, 429, 500, 502, 503, 504}


class Interrupted(Exception):
    """The transfer broke off, but this mirror may still deliver: try again."""


class MirrorError(Exception):
    """This mirror does not have the file: go on to the next."""


class Unreachable(MirrorError):
    """This mirror does not answer at all."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to the web only, and never from an encrypted connection to a plain one."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Build the next request. Raises `MirrorError` when the target is not to be followed."""
        old, new = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if new not in {"http", "https"} or (old == "https" and new == "http"):
            fp.close()
            raise MirrorError(f"redirects from {old} to {new}, which is refused")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def receive(url: str, part: Path, size: int, *, timeout_s: float, progress: Progress | None = None) -> None:
    """Bring `part` to `size` bytes, going on from what it holds already; the bytes are not verified here.

    Raises `Interrupted` or `MirrorError` on the network's account, `ResourceError` on the disk's.
    """
    held = part.stat().st_size if part.exists() else 0
    with _open(url, part, held, timeout_s) as response:
        held = _check_answer(response, held, size)
        _remember_etag(url, part, response.headers.get("ETag"))
        if progress is not None:
            progress(held, size)
        try:
            stream = part.open("ab" if held else "wb")
        except OSError as error:
            raise _disk_error(part, error) from None
        with stream:
            _copy(response, stream, held, size, timeout_s, part, progress)


def forget_etag(part: Path) -> None:
    """Remove what was remembered about where `part` came from."""
    with contextlib.suppress(OSError):
        _etag_file(part).unlink()


def _copy(
    response: http.client.HTTPResponse,
    stream: IO[bytes],
    held: int,
    size: int,
    timeout_s: float,
    part: Path,
    progress: Progress | None,
) -> None:
    window_start, window_bytes = time.monotonic(), 0
    # The loop ends at the size that the registry states, so no server can fill the disk.
    while held < size:
        try:
            chunk = response.read1(min(CHUNK_BYTES, size - held))
        except (OSError, http.client.HTTPException) as error:
            raise Interrupted(f"broke off at {held} of {size} bytes ({_reason(error)})") from None
        if not chunk:
            raise Interrupted(f"broke off at {held} of {size} bytes")
        try:
            stream.write(chunk)
            stream.flush()
        except OSError as error:
            raise _disk_error(part, error) from None
        held += len(chunk)
        window_bytes += len(chunk)
        if progress is not None:
            progress(held, size)
        elapsed = time.monotonic() - window_start
        if elapsed > timeout_s:
            if window_bytes < SLOWEST_BYTES_PER_S * elapsed:
                raise Interrupted(f"stalled at {held} of {size} bytes")
            window_start, window_bytes = time.monotonic(), 0


def _open(url: str, part: Path, held: int, timeout_s: float) -> http.client.HTTPResponse:
    request = urllib.request.Request(url, headers={"User-Agent": f"impasto/{__version__}", "Accept": "*/*"})
    if held:
        request.add_header("Range", f"bytes={held}-")
        etag = _recall_etag(url, part)
        if etag is not None:
            request.add_header("If-Range", etag)
    try:
        response = _opener().open(request, timeout=timeout_s)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:
            # What is here cannot be the beginning of what the server has: start again.
            with contextlib.suppress(OSError):
                part.unlink()
            raise Interrupted("HTTP 416, range refused") from None
        kind = Interrupted if error.code in _WORTH_ANOTHER_TRY else MirrorError
        raise kind(f"HTTP {error.code}") from None
    except urllib.error.URLError as error:
        # urllib wraps only what happens up to sending the request: no such host, refused, no connection.
        raise Unreachable(_reason(error)) from None
    except (OSError, http.client.HTTPException) as error:
        raise Interrupted(f"no proper answer ({_reason(error)})") from None
    except ValueError:
        raise MirrorError("not a proper URL") from None
    if not isinstance(response, http.client.HTTPResponse):
        raise MirrorError("not a web address")
    return response


def _opener() -> urllib.request.OpenerDirector:
    """Return an opener that knows the web and proxies, but no file:, ftp: or data: addresses."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        _Redirects(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


def _check_answer(response: http.client.HTTPResponse, held: int, size: int) -> int:
    """Judge an answer by its head; return how many bytes already held it continues (0: it starts again)."""
    content_type = response.headers.get_content_type()
    if "Content-Type" in response.headers and content_type in {"text/html", "application/xhtml+xml"}:
        raise MirrorError("answered with a web page")
    length = response.headers.get("Content-Length", "")
    if response.status == 200:
        if length.isdecimal() and int(length) != size:
            raise MirrorError(f"offers {length} bytes where {size} are expected")
        return 0
    span = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if response.status != 206 or not held or span is None:
        raise MirrorError(f"HTTP {response.status}, not the file")
    if span[3] not in {"*", str(size)}:
        raise MirrorError(f"offers {span[3]} bytes where {size} are expected")
    if int(span[1]) != held:
        raise MirrorError(f"sends byte {span[1]} where {held} was asked")
    return held


def _etag_file(part: Path) -> Path:
    return part.with_name(part.name + ".etag")


def _remember_etag(url: str, part: Path, etag: str | None) -> None:
    if etag is None or _STRONG_ETAG.fullmatch(etag) is None:
        forget_etag(part)
        return
    # Only an aid to resuming: where it cannot be written, the digest still decides.
    with contextlib.suppress(OSError):
        _etag_file(part).write_text(f"{url}\n{etag}\n", encoding="utf-8")


def _recall_etag(url: str, part: Path) -> str | None:
    try:
        lines = _etag_file(part).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return None
    if len(lines) == 2 and lines[0] == url and _STRONG_ETAG.fullmatch(lines[1]):
        return lines[1]
    return None


def _disk_error(part: Path, error: OSError) -> ResourceError:
    return ResourceError(
        f"{part}: cannot be written ({error.strerror or error}); free some space or set IMPASTO_CACHE to another folder"
    )


def _reason(error: Exception) -> str:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return "timed out"
    return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
