"""The API as a table: what the routes are made from, and the OpenAPI document too."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

if TYPE_CHECKING:
    from impasto.studio.studio import Studio

Handler = Callable[["Studio", Request], Coroutine[Any, Any, Response]]
JSON = "application/json"


@dataclass(frozen=True)
class Endpoint:
    """One method of one path."""

    method: str
    path: str
    """With `{name}` for each part that varies."""
    handler: Handler
    summary: str
    takes: str | None = None
    """Name of the schema of the JSON that it takes, or `bytes`."""
    gives: str = "object"
    """Name of the schema of the JSON that it gives, `bytes` or `events`, with [] for a list."""
    status: int = 200
    query: dict[str, str] = field(default_factory=dict)
    """Parameters of the query, with what they mean."""
    errors: tuple[int, ...] = ()


def pictures_query(*more: tuple[str, str]) -> dict[str, str]:
    """Return the parameters of what answers with a picture."""
    return {"size": "long side at most, pixels (rounded up to one of a few)", **dict(more)}
