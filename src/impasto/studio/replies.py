"""Answers that are no page of a framework's: refusals in one line, compressed JSON, what is never read to its end."""

import asyncio
import contextlib
import gzip
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from impasto.studio.guard import Message, Receive, Send
from impasto.studio.settings import Refused

PACKED_BYTES = 1024
"""Bytes from which text is sent compressed: less fits into one packet of a network anyway."""
LINGER_S = 2.0
"""Seconds for which the rest of a refused body is still read, so that its sender sees the answer and not a reset."""
LINGER_BYTES = 32 << 20
"""Bytes of such a body that are read at most: about what arrives within that time from the same machine."""


def refusal(refused: Refused) -> Response:
    """Return the answer that says why something is refused."""
    content = {"error": str(refused)}
    if refused.close:
        return Closing(content, refused.status, {"connection": "close"})
    return JSONResponse(content, refused.status)


def packed(request: Request, response: Response) -> Response:
    """Return a response compressed, where it is worth it and the browser reads that."""
    accepted = [word.strip() for word in request.headers.get("accept-encoding", "").split(",")]
    if "gzip" not in accepted or len(response.body) < PACKED_BYTES:
        return response
    response.body = gzip.compress(bytes(response.body), 6, mtime=0)
    response.headers["content-length"] = str(len(response.body))
    response.headers["content-encoding"] = "gzip"
    response.headers["vary"] = "accept-encoding"
    return response


class Closing(JSONResponse):
    """An answer before the request was read to its end.

    A connection that is closed over unread bytes is reset, and the answer is lost on its way. So the rest is thrown
    away for a moment, once the answer is sent.
    """

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send the answer, then wait a little."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})

        async def linger() -> None:
            left, more = LINGER_BYTES, True
            while more and left > 0:
                message = await receive()
                more = message["type"] == "http.request" and message.get("more_body", False)
                left -= len(message.get("body", b""))

        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(linger(), LINGER_S)
        await send({"type": "http.response.body", "body": b""})


async def _plain(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    said = {404: "there is nothing here", 405: "that is not a thing to do here"}.get(status, "refused")
    return JSONResponse({"error": said}, status)


async def _mistake(_request: Request, error: Exception) -> Response:
    return JSONResponse({"error": f"{type(error).__name__} (a mistake in impasto)"}, 500)


HANDLERS: dict[Any, Any] = {HTTPException: _plain, Exception: _mistake}
"""What answers in place of a page of the framework's own."""
