"""A page that asks which of two pictures is better, for whatever `Ballot` it is given.

`impasto compare` serves it by itself. The addresses of pictures tell the number of
the trial and the side alone, so that nothing on the page says whose a picture is.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from impasto.comparison import Ballot
from impasto.errors import ImpastoError
from impasto.studio.app import show_static, static
from impasto.studio.guard import App, Guard
from impasto.studio.replies import HANDLERS
from impasto.studio.request_models import Asked, Nothing
from impasto.studio.routing import errors, router
from impasto.studio.serve import ImpatientServer, address, bind, configure
from impasto.studio.settings import Refused, Settings

SIDES = ("left", "right", "content", "style")
"""The places on the page: the two that are judged, and what they were made of."""
MOST_SECONDS = 86400.0
"""Longest time that a vote can say its pair was looked at, seconds: a page that was left open over night says this."""
SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"BM": "image/bmp",
    b"RIFF": "image/webp",
}
"""How files of pictures begin, and what they are then sent as."""


class Vote(Asked):
    """A choice between the two that are shown."""

    number: int = Field(description="of the pair, from 0: one is not voted on twice")
    choice: Literal["left", "right", "tie"]
    seconds: float = Field(0.0, description="how long the pair was looked at")


class Standing(BaseModel):
    """What the page shows."""

    title: str
    number: int
    total: int
    over: bool
    beside: list[str]
    summary: list[dict[str, Any]]


def requests(ballot: Ballot, finished: Callable[[], None]) -> APIRouter:
    """Return the requests of the page; `finished` is called when the judge is done."""
    turn = asyncio.Lock()
    asked_of = router("Ballot")

    @asked_of.get("/api/ballot", summary="What the page shows.", response_model=Standing)
    async def state() -> dict[str, Any]:
        return _state(ballot)

    @asked_of.post("/api/ballot/vote", summary="Vote on a pair.", response_model=Standing, responses=errors(409, 415))
    async def vote(asked: Vote) -> dict[str, Any]:
        async with turn:
            if asked.number != ballot.number or ballot.number >= ballot.total:
                raise Refused(409, "another page has voted on this pair; this one goes on with the next")
            await asyncio.to_thread(_kept, ballot.vote, asked.choice, min(max(0.0, asked.seconds), MOST_SECONDS))
        return _state(ballot)

    @asked_of.post("/api/ballot/undo", summary="Take a vote back.", response_model=Standing, responses=errors(415))
    async def undo(asked: Nothing) -> dict[str, Any]:  # noqa: ARG001
        async with turn:
            await asyncio.to_thread(_kept, ballot.undo)
        return _state(ballot)

    @asked_of.post("/api/ballot/finish", summary="Be done.", response_model=Standing, responses=errors(415))
    async def finish(asked: Nothing) -> dict[str, Any]:  # noqa: ARG001
        finished()
        return _state(ballot)

    @asked_of.get(
        "/api/ballot/{number}/{side}", summary="A picture.", response_class=FileResponse, responses=errors(404)
    )
    async def picture(number: int, side: str) -> FileResponse:
        # Only the pair that is judged and the next one, which the page loads ahead.
        near = ballot.number <= number <= ballot.number + 1
        path = ballot.picture(number, side) if near and side in SIDES else None
        kind = None if path is None else await asyncio.to_thread(_kind, path)
        if path is None or kind is None:
            raise Refused(404, "there is no such picture")
        # Always asked for again: after a vote is taken back, the same number may be another pair.
        return FileResponse(
            path, media_type=kind, headers={"cache-control": "no-cache", "content-disposition": "inline"}
        )

    return asked_of


def create(ballot: Ballot, settings: Settings, finished: Callable[[], None] = lambda: None) -> App:
    """Make the application that is the page alone, behind the studio's guard."""

    async def page(request: Request) -> Response:
        return show_static(request, "ballot/ballot.html")

    app = FastAPI(
        openapi_url=None,
        exception_handlers=HANDLERS,
        routes=[Route("/", page, methods=["GET"]), Route("/static/{path:path}", static, methods=["GET"])],
    )
    app.state.settings = settings
    app.include_router(requests(ballot, finished))
    return Guard(app, settings)


def serve(ballot: Ballot, say: Callable[[str], None], *, port: int = 8765, browser: bool = False) -> None:
    """Show the page on this machine alone, until the judge is done or the process is interrupted.

    `say` gets the address to open. Raises `ResourceError` where no port is free.
    """
    settings = Settings(Path(), port=port).check()
    listener = bind(settings.host, settings.port)
    server: ImpatientServer

    def finished() -> None:
        server.should_exit = True

    try:
        server = ImpatientServer(configure(create(ballot, settings, finished), lifespan="off"))
        url = address(settings, listener)
        say(url)
        if browser:
            server.opens = url
        asyncio.run(server.serve([listener]))
    finally:
        listener.close()


def _state(ballot: Ballot) -> dict[str, Any]:
    """Return what the page shows. What the votes say is told when all are cast, lest it sways the next one."""
    number, total = ballot.number, ballot.total
    over = number >= total
    return {
        "title": ballot.title,
        "number": number,
        "total": total,
        "over": over,
        "beside": [side for side in SIDES[2:] if not over and ballot.picture(number, side) is not None],
        "summary": ballot.summary() if over else [],
    }


def _kind(path: Path) -> str | None:
    """Return what a file is by its first bytes, None where it is no picture that a browser shows."""
    try:
        with path.open("rb") as stream:
            head = stream.read(16)
    except OSError:
        return None
    if head[4:12] in (b"ftypavif", b"ftypavis"):
        return "image/avif"
    return next((kind for start, kind in SIGNATURES.items() if head.startswith(start)), None)


def _kept(act: Callable[..., object], *values: object) -> None:
    """Do something that is written down. Raises `Refused` where that cannot be: the page keeps the pair."""
    try:
        act(*values)
    except ImpastoError as error:
        raise Refused(507, str(error)) from None
