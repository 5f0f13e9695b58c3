"""Requests about the camera: frame after frame, painted by networks as fast as the machine can."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from impasto.studio import job_requests
from impasto.studio.answer_models import LiveSession
from impasto.studio.request_models import LiveRequest
from impasto.studio.routing import Here, errors, router
from impasto.studio.uploads import body, check_kind, check_length

JPEG: dict[int | str, dict[str, Any]] = {200: {"description": "the frame, painted", "content": {"image/jpeg": {}}}}
BYTES = {"requestBody": {"required": True, "content": {"image/jpeg": {}}}}

requests = router("Camera")


@requests.post(
    "/api/live",
    summary="Begin to paint what a camera sees. One camera at a time: the one before has to begin again.",
    response_model=LiveSession,
    status_code=201,
    responses=errors(415),
)
async def open_live(asked: LiveRequest, studio: Here) -> dict[str, Any]:
    """Begin with a camera."""
    order = job_requests.live(asked, studio.library.get)
    order["styles"] = [studio.library.source(style) for style in asked.styles]
    return {"session": await studio.live.open(order)}


@requests.post(
    "/api/live/{session}",
    summary="Paint a frame: its bytes are the body, and what is painted of it is the answer.",
    response_class=Response,
    responses=JPEG | errors(400, 404, 408, 413, 415, 429, 503),
    openapi_extra=BYTES,
)
async def paint_frame(session: str, request: Request, studio: Here) -> Response:
    """Paint a frame."""
    studio.live.check(session)
    check_kind(request)
    limit = studio.settings.json_bytes
    check_length(request, limit)
    data = b"".join([part async for part in body(request, studio.settings, limit)])
    painted = await studio.live.frame(session, data)
    return Response(painted, media_type="image/jpeg", headers={"cache-control": "no-store"})


@requests.delete("/api/live/{session}", summary="End with a camera.", status_code=204)
async def end_live(session: str, studio: Here) -> None:
    """End with a camera."""
    await studio.live.end(session)
