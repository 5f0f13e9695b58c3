"""The routes: the API, the page and its files."""

import asyncio
import contextlib
import gzip
import hashlib
import logging
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from impasto.errors import ImpastoError
from impasto.studio import gallery_api, jobs_api, openapi, pictures_api
from impasto.studio.endpoints import Endpoint
from impasto.studio.guard import App, Guard, Message, Receive, Send
from impasto.studio.settings import Refused
from impasto.studio.studio import Studio

logger = logging.getLogger("impasto.studio")
STATIC = Path(__file__).resolve().parent / "static"
HEAD_MARK = b"  <!-- head.html -->\n"
"""The line of a page in whose place the file `head.html` is sent: what all pages have in their heads."""
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}
PACKED_BYTES = 1024
"""Bytes from which text is sent compressed: less fits into one packet of a network anyway."""
LINGER_S = 2.0
"""Seconds for which the rest of a refused body is still read, so that its sender sees the answer and not a reset."""
LINGER_BYTES = 32 << 20
"""Bytes of such a body that are read at most: about what arrives within that time from the same machine."""


async def get_about(studio: Studio, _request: Request) -> Response:
    """Answer with what the studio and the machine are."""
    return JSONResponse(await studio.about())


async def get_schema(studio: Studio, _request: Request) -> Response:
    """Answer with everything that the form is generated from."""
    return JSONResponse(studio.form)


async def get_openapi(_studio: Studio, _request: Request) -> Response:
    """Answer with the description of this API."""
    return JSONResponse(openapi.document(ENDPOINTS))


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/api/about", get_about, "The version, the machine, and the limits.", errors=(503,)),
    Endpoint("GET", "/api/schema", get_schema, "Settings, groups, presets and methods: what the form is made from."),
    *pictures_api.ENDPOINTS,
    *jobs_api.ENDPOINTS,
    *gallery_api.ENDPOINTS,
    Endpoint("GET", "/api/openapi.json", get_openapi, "This description."),
)


def create(studio: Studio) -> App:
    """Make the application, which starts the studio's processes and ends them."""

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with studio.running():
            yield

    routes = [
        Route(endpoint.path, _answering(studio, endpoint), methods=[endpoint.method], name=endpoint.handler.__name__)
        for endpoint in ENDPOINTS
    ]
    for route in routes:
        # A HEAD would begin what only a GET means, and for a stream not end it.
        (route.methods or set()).discard("HEAD")
    routes += [Route("/", page, methods=["GET"]), Route("/static/{path:path}", static, methods=["GET"])]
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers=HANDLERS)
    return Guard(app, studio.settings)


async def page(request: Request) -> Response:
    """Answer with the page."""
    return show_static(request, "index.html")


async def static(request: Request) -> Response:
    """Answer with a file of the page."""
    return show_static(request, request.path_params["path"])


def show_static(request: Request, name: str) -> Response:
    """Answer with a file of the page, 404 where there is none of that name."""
    # From a list of what there is, so that no name leads anywhere else.
    known = {path.relative_to(STATIC).as_posix(): path for path in STATIC.rglob("*") if path.suffix in TYPES}
    if name not in known:
        return JSONResponse({"error": "there is no such page"}, 404)
    data = known[name].read_bytes()
    if known[name].suffix == ".html":
        data = data.replace(HEAD_MARK, known["head.html"].read_bytes())
    tag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    headers = {"etag": tag, "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    response = Response(data, headers={**headers, "content-type": TYPES[known[name].suffix]})
    return packed(request, response) if known[name].suffix in (".html", ".css", ".js", ".svg") else response


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


def _answering(studio: Studio, endpoint: Endpoint) -> Any:
    async def answer(request: Request) -> Response:
        try:
            response = await endpoint.handler(studio, request)
        except Refused as refused:
            return _refusal(refused)
        except ImpastoError as error:
            return _refusal(Refused(422, str(error)))
        except (OSError, sqlite3.OperationalError) as error:
            logger.exception("%s", endpoint.path)
            said = f"the studio's folder cannot be written or read ({error}); look whether its disk is full"
            return JSONResponse({"error": " ".join(said.split())}, 507)
        if "cache-control" not in response.headers:
            response.headers["cache-control"] = "no-store"
        return packed(request, response) if type(response) is JSONResponse else response

    return answer


def _refusal(refused: Refused) -> Response:
    content = {"error": str(refused)}
    if refused.close:
        return Closing(content, refused.status, {"connection": "close"})
    return JSONResponse(content, refused.status)


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
"""What answers in place of a page of Starlette's own."""
