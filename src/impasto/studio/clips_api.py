"""Requests about clips: films and animations, taken in and handed out."""

from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import Header, Query
from starlette.requests import Request
from starlette.responses import FileResponse

from impasto.studio import folders
from impasto.studio.answer_models import Picture
from impasto.studio.library import clean_name
from impasto.studio.routing import Here, JobId, errors, router
from impasto.studio.settings import Refused

FILM = "video/mp4"
BYTES = {
    "requestBody": {"required": True, "content": {"video/*": {}, "image/*": {}, "application/octet-stream": {}}},
}

requests = router("Clips")


@requests.post(
    "/api/clips",
    summary="Take a clip in, a film or a picture that moves: its bytes are the body. It is painted as the content.",
    response_model=Picture,
    status_code=201,
    responses=errors(400, 408, 413, 415, 429, 503, 507),
    openapi_extra=BYTES,
)
async def upload_clip(
    request: Request,
    studio: Here,
    x_name: Annotated[str, Header(description="the file's name, percent-encoded")] = "",
) -> dict[str, Any]:
    """Take a clip in."""
    name = clean_name(unquote(x_name))
    (await studio.room()).check()
    pixels = studio.settings.upload_pixels
    async with studio.uploads.incoming(request, clip=True) as incoming:
        still = incoming.with_suffix(".png")
        try:
            inspected = await studio.advice.ask(
                "receive_clip", path=str(incoming), name=name, still=str(still), pixels=pixels
            )
            return studio.library.take(incoming, name, "clip", inspected, still)
        finally:
            still.unlink(missing_ok=True)


@requests.get(
    "/api/jobs/{job}/clip",
    summary="A painted clip.",
    response_class=FileResponse,
    responses={200: {"description": "the film", "content": {FILM: {}}}, **errors(404)},
)
async def get_clip(
    request: Request,
    job: JobId,
    studio: Here,
    download: Annotated[bool, Query(description="1: as an attachment")] = False,
) -> FileResponse:
    """Answer with a painted clip, or the part of it that a player asks for."""
    record, path = studio.queue.get(job), studio.scheduler.folder(job) / folders.CLIP
    if not path.is_file():
        raise Refused(404, "there is no clip of it yet")
    if "," in request.headers.get("range", ""):
        # A player asks for one part; of several, whoever asks gets all of it.
        request.scope["headers"] = [each for each in request.scope["headers"] if each[0] != b"range"]
    headers = {"cache-control": "no-cache"}
    if download:
        headers["content-disposition"] = f'attachment; filename="{folders.stem(record["title"])}.mp4"'
    return FileResponse(path, media_type=FILM, headers=headers)
