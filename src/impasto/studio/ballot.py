"""A page that asks which of two pictures is better, for whatever `Ballot` it is given.

`impasto compare` serves it by itself; the routes can be mounted elsewhere. The addresses of pictures tell the number of
the trial and the side alone, so that nothing on the page says whose a picture is.
"""

import asyncio
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from impasto.comparison import Ballot
from impasto.comparison.votes import CHOICES
from impasto.errors import ImpastoError
from impasto.studio.app import show_static, static
from impasto.studio.guard import App, Guard
from impasto.studio.replies import HANDLERS
from impasto.studio.serve import ImpatientServer, address, bind, configure
from impasto.studio.settings import Refused, Settings
from impasto.studio.uploads import read_json

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


def routes(ballot: Ballot, settings: Settings, finished: Callable[[], None]) -> list[Route]:
    """Return the routes of the page and of its four requests; `finished` is called when the judge is done."""
    turn = asyncio.Lock()

    async def page(request: Request) -> Response:
        return show_static(request, "ballot/ballot.html")

    async def state(_request: Request) -> Response:
        return JSONResponse(_state(ballot))

    async def picture(request: Request) -> Response:
        number, side = request.path_params["number"], request.path_params["side"]
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

    async def vote(request: Request) -> Response:
        asked = await read_json(request, settings)
        choice, number, seconds = asked.get("choice"), asked.get("number"), asked.get("seconds", 0)
        if choice not in CHOICES:
            raise Refused(400, f"choice: give one of {', '.join(CHOICES)}")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds):
            raise Refused(400, "seconds: give a number")
        async with turn:
            if number != ballot.number or ballot.number >= ballot.total:
                raise Refused(409, "another page has voted on this pair; this one goes on with the next")
            await asyncio.to_thread(ballot.vote, choice, min(max(0.0, float(seconds)), MOST_SECONDS))
        return JSONResponse(_state(ballot))

    async def undo(request: Request) -> Response:
        await read_json(request, settings)
        async with turn:
            await asyncio.to_thread(ballot.undo)
        return JSONResponse(_state(ballot))

    async def finish(request: Request) -> Response:
        await read_json(request, settings)
        finished()
        return JSONResponse(_state(ballot))

    return [
        Route("/", page, methods=["GET"]),
        Route("/static/{path:path}", static, methods=["GET"]),
        Route("/api/ballot", _answering(state), methods=["GET"]),
        Route("/api/ballot/vote", _answering(vote), methods=["POST"]),
        Route("/api/ballot/undo", _answering(undo), methods=["POST"]),
        Route("/api/ballot/finish", _answering(finish), methods=["POST"]),
        Route("/api/ballot/{number:int}/{side}", _answering(picture), methods=["GET"]),
    ]


def create(ballot: Ballot, settings: Settings, finished: Callable[[], None] = lambda: None) -> App:
    """Make the application that is the page alone, behind the studio's guard."""
    app = Starlette(routes=routes(ballot, settings, finished), exception_handlers=HANDLERS)
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


def _answering(handler: Any) -> Any:
    async def answer(request: Request) -> Response:
        try:
            response: Response = await handler(request)
        except Refused as refused:
            return JSONResponse({"error": str(refused)}, refused.status)
        except ImpastoError as error:
            # A vote that cannot be written: the page keeps the pair.
            return JSONResponse({"error": str(error)}, 507)
        response.headers.setdefault("cache-control", "no-store")
        return response

    return answer
