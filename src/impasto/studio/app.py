"""The application: the API, the page and its files."""

import contextlib
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from impasto._version import __version__
from impasto.studio import choices_api, clips_api, gallery_api, jobs_api, live_api, pictures_api
from impasto.studio.answer_models import About
from impasto.studio.guard import App, Guard
from impasto.studio.replies import HANDLERS, packed
from impasto.studio.routing import Here, errors, router
from impasto.studio.studio import Studio

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
TOKEN = {"type": "http", "scheme": "bearer", "description": "where the studio was given one"}

requests = router("The studio")


@requests.get(
    "/api/about", summary="The version, the machine, and the limits.", response_model=About, responses=errors(503)
)
async def get_about(studio: Here) -> dict[str, Any]:
    """Answer with what the studio and the machine are."""
    return await studio.about()


@requests.get("/api/schema", summary="Settings, groups, presets and methods: what the form is made from.")
async def get_schema(studio: Here) -> dict[str, Any]:
    """Answer with everything that the form is generated from."""
    return studio.form


@requests.get("/api/openapi.json", summary="This description.")
async def get_openapi(request: Request) -> dict[str, Any]:
    """Answer with the description of this API."""
    described: dict[str, Any] = request.app.openapi()
    return described


PARTS = (
    requests,
    pictures_api.requests,
    jobs_api.requests,
    gallery_api.requests,
    clips_api.requests,
    live_api.requests,
    choices_api.requests,
)
"""The requests of the API, in the order in which they are described."""


class Api(FastAPI):
    """The API, whose description says that a token may be needed: the guard asks for it, before any request."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        if self.openapi_schema is None:
            document = super().openapi()
            document["components"]["securitySchemes"] = {"token": TOKEN}
            document["security"] = [{}, {"token": []}]
        return self.openapi_schema or {}


def create(studio: Studio) -> App:
    """Make the application, which starts the studio's processes and ends them."""

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with studio.running():
            yield

    app = Api(
        title="impasto studio",
        summary="Paint photographs like paintings.",
        version=__version__,
        lifespan=lifespan,
        exception_handlers=HANDLERS,
        # The description is a request like any other, and the page that shows it is ours: nothing is from outside.
        openapi_url=None,
        generate_unique_id_function=lambda route: route.name,
        routes=[
            Route("/", page, methods=["GET"]),
            Route("/docs", docs, methods=["GET"]),
            Route("/static/{path:path}", static, methods=["GET"]),
        ],
    )
    app.state.studio, app.state.settings = studio, studio.settings
    for part in PARTS:
        app.include_router(part)
    return Guard(app, studio.settings)


async def page(request: Request) -> Response:
    """Answer with the page."""
    return show_static(request, "index.html")


async def docs(request: Request) -> Response:
    """Answer with the page that describes the API to people."""
    return show_static(request, "docs/docs.html")


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
