"""Requests about clips: films and animations, taken in and handed out."""

import secrets
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
    incoming = studio.settings.data / "incoming" / secrets.token_hex(16)
    still = incoming.with_suffix(".png")
    try:
        await studio.uploads.receive(request, incoming, clip=True)
        pixels = studio.settings.upload_pixels
        inspected = await studio.advice.ask(
            "receive_clip", path=str(incoming), name=name, still=str(still), pixels=pixels
        )
        record = studio.library.same(inspected["sha256"], "clip", name)
        if record is None:
            clip, folder = studio.library.new()
            still.replace(folder / folders.STILL)
            studio.library.keep(incoming, folder, inspected["sha256"])
            record = studio.library.add(clip, name, "clip", inspected)
    finally:
        incoming.unlink(missing_ok=True)
        still.unlink(missing_ok=True)
    return record


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
