"""What all requests of the API have in common. A request is a typed function on a `router()`: FastAPI reads what it
takes, sends what it returns, and describes both; here its body is read within limits, and errors become one line."""

import logging
import sqlite3
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from impasto.errors import ImpastoError
from impasto.studio import refusal_words
from impasto.studio.answer_models import Refusal
from impasto.studio.replies import packed, refusal
from impasto.studio.settings import Refused
from impasto.studio.studio import Studio
from impasto.studio.uploads import read_json

logger = logging.getLogger("impasto.studio")
REASONS = {
    400: "not a proper request",
    401: "a token is needed",
    403: "asked by another page, or under a foreign name",
    404: "there is no such thing here",
    408: "it arrives too slowly",
    409: "not as things are now",
    413: "too large",
    415: "not of a kind that is taken",
    422: "it does not make sense: the reason says what, and what to do about it",
    429: "too many at once",
    503: "it took too long",
    507: "the disk, or the studio's folder, is full",
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return how refusals are described, each with its reason in one line."""
    return {status: {"model": Refusal, "description": REASONS[status]} for status in statuses}


async def _studio(request: Request) -> Studio:
    studio: Studio = request.app.state.studio
    return studio


Here = Annotated[Studio, Depends(_studio)]
"""The studio that is asked."""
JobId = Annotated[str, Path(description="id of a painting")]
ChoiceId = Annotated[str, Path(description="id of a choice")]
PictureId = Annotated[str, Path(description="id of a picture")]


class JsonRequest(Request):
    """A request whose JSON was read already, within the limits of the studio."""

    def __init__(self, request: Request, document: dict[str, Any]) -> None:
        super().__init__(request.scope, request.receive)
        self._read = document

    async def body(self) -> bytes:
        """Return what stands for the bytes, which nobody needs any more."""
        return b"{}"

    async def json(self) -> Any:
        """Return what they say."""
        return self._read


class Route(APIRoute):
    """One request of the API."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers: never with anything but what was promised, or one line."""
        respond = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                if self.body_field is not None:
                    request = JsonRequest(request, await read_json(request, request.app.state.settings))
                response = await respond(request)
            except RequestValidationError as error:
                # What was not read as JSON was not read at all.
                unread = self.body_field is None and request.method == "POST"
                return refusal(Refused(422, refusal_words.line(error.errors()), close=unread))
            except Refused as refused:
                return refusal(refused)
            except ImpastoError as error:
                return refusal(Refused(422, str(error)))
            except (OSError, sqlite3.OperationalError) as error:
                logger.exception("%s", self.path)
                said = f"the studio's folder cannot be written or read ({error}); look whether its disk is full"
                return refusal(Refused(507, said))
            if "cache-control" not in response.headers:
                response.headers["cache-control"] = "no-store"
            return packed(request, response) if response.media_type == "application/json" else response

        return answer


def router(tag: str) -> APIRouter:
    """Return a router whose requests are described together under `tag`."""
    return APIRouter(route_class=Route, tags=[tag], responses=errors(401, 403, 422))
