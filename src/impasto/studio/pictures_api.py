"""Requests about pictures: uploads, samples, parts, masks."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote

from fastapi import Header, Query
from starlette.requests import Request
from starlette.responses import Response

from impasto.studio import folders, job_requests
from impasto.studio.answer_models import CheckedMasks, FoundMasks, Picture, Samples, Upload
from impasto.studio.library import clean_name, shown_size
from impasto.studio.request_models import AutoMasks, Crop, JobRequest
from impasto.studio.routing import Here, PictureId, errors, router
from impasto.studio.samples import files
from impasto.studio.settings import Refused
from impasto.studio.studio import Studio

KINDS = {".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp"}
FOR_EVER = "private, max-age=31536000, immutable"
ShownSize = Annotated[
    int | None, Query(ge=1, le=999_999, description="long side at most, pixels (rounded up to one of a few)")
]
PICTURE: dict[int | str, dict[str, Any]] = {200: {"description": "the picture", "content": {"image/*": {}}}}
BYTES = {
    "requestBody": {"required": True, "content": {"image/*": {}, "application/octet-stream": {}}},
}
"""How a body is described that is a file's bytes."""

requests = router("Pictures")


@requests.get("/api/samples", summary="The sample photographs and paintings.", response_model=Samples)
async def list_samples(studio: Here) -> dict[str, Any]:
    """Answer with the samples."""
    rows = [studio.library.get(key) for key in files()]
    photos = [row for row in rows if row["id"].startswith("photo-")]
    return {"photos": photos, "styles": [row for row in rows if row not in photos]}


@requests.post(
    "/api/pictures",
    summary="Take a picture in: its bytes are the body.",
    response_model=Upload,
    status_code=201,
    responses=errors(400, 408, 413, 415, 429, 503, 507),
    openapi_extra=BYTES,
)
async def upload_picture(
    request: Request,
    studio: Here,
    role: Literal["content", "style", "mask"] = "content",
    x_name: Annotated[str, Header(description="the file's name, percent-encoded")] = "",
) -> dict[str, Any]:
    """Take a picture in."""
    name = clean_name(unquote(x_name))
    (await studio.room()).check()
    pixels = studio.settings.upload_pixels
    async with studio.uploads.incoming(request) as incoming:
        inspected = await studio.pictures.ask("receive", path=str(incoming), name=name, pixels=pixels, role=role)
        record = studio.library.take(incoming, name, role, inspected)
    return {**record, **_more(studio, inspected)}


@requests.get("/api/pictures", summary="The uploads, newest first.", response_model=list[Picture])
async def list_pictures(studio: Here) -> list[dict[str, Any]]:
    """Answer with the uploads."""
    return studio.library.all()


@requests.get(
    "/api/pictures/{picture}",
    summary="A picture, upright and in sRGB.",
    response_class=Response,
    responses=PICTURE | errors(404, 503),
)
async def get_picture(picture: PictureId, studio: Here, size: ShownSize = None) -> Response:
    """Answer with a picture, as browsers show it."""
    return await file_response(await studio.shown(picture, shown_size(size)))


@requests.delete("/api/pictures/{picture}", summary="Forget an upload.", status_code=204, responses=errors(404, 409))
async def delete_picture(picture: PictureId, studio: Here) -> None:
    """Forget an upload."""
    studio.library.get(picture)
    if studio.queue.uses(picture):
        raise Refused(409, "a painting that is not over needs it; cancel that first")
    studio.library.remove(picture)


@requests.post(
    "/api/crop",
    summary="Make a picture of a part of another.",
    response_model=Upload,
    status_code=201,
    responses=errors(404, 415, 503),
)
async def crop_picture(asked: Crop, studio: Here) -> dict[str, Any]:
    """Make a picture of a part of another."""
    record, source = studio.library.get(asked.picture), studio.library.source(asked.picture)
    box = [asked.left, asked.top, asked.width, asked.height]

    async def write(path: Path) -> dict[str, Any]:
        pixels = studio.settings.upload_pixels
        return await studio.pictures.ask(
            "crop", path=source["path"], out=str(path), box=box, name=source["name"], pixels=pixels
        )

    record, inspected = await made(studio, record["name"], str(record["role"]), write)
    return {**record, **_more(studio, inspected)}


@requests.post(
    "/api/masks/auto",
    summary="Find regions that a photograph and a painting share.",
    response_model=FoundMasks,
    status_code=201,
    responses=errors(404, 415, 429, 503),
)
async def find_masks(asked: AutoMasks, studio: Here) -> dict[str, Any]:
    """Find regions that a photograph and a painting share."""
    sources = [studio.library.source(picture) for picture in (asked.content, asked.style)]
    made = [studio.library.new() for _ in sources]
    out = [str(folder / "original.png") for _, folder in made]
    try:
        answer = await studio.advice.ask(
            "automatic",
            content=sources[0],
            style=sources[1],
            regions=asked.regions,
            out=out,
            pixels=studio.settings.upload_pixels,
        )
        sizes = await studio.pictures.ask("measure", paths=dict(zip(("0", "1"), out, strict=True)))
    except BaseException:
        for _, folder in made:
            folders.forget(folder)
        raise
    for index, ((picture, folder), source) in enumerate(zip(made, sources, strict=True)):
        (folder / "original.png").replace(folder / "original")
        name = f"{source['name'].rpartition('.')[0] or source['name']}_mask.png"
        studio.library.add(picture, name, "mask", sizes[str(index)])
    masks = {"content_mask": made[0][0], "style_mask": made[1][0]}
    return {**masks, "regions": answer["regions"], "notices": answer["notices"]}


@requests.post(
    "/api/masks/check",
    summary="Read masks as a painting would, and say what will not work well.",
    response_model=CheckedMasks,
    responses=errors(415, 429, 503),
)
async def check_masks(asked: JobRequest, studio: Here) -> dict[str, Any]:
    """Read masks as a painting would."""
    job = job_requests.job(asked, studio.library.get)
    answer = await studio.advice.ask("check_masks", order=studio.scheduler.order(job))
    return {"regions": answer["regions"], "notices": [*answer["notices"], *answer["warnings"]]}


async def file_response(path: Path, headers: dict[str, str] | None = None) -> Response:
    """Answer with a file. Whole, whatever `Range` asks for: there is no end to what ranges can ask for."""
    try:
        data = await asyncio.to_thread(path.read_bytes)
    except OSError:
        raise Refused(404, "there is no such picture any more") from None
    own = {"cache-control": FOR_EVER} if headers is None else headers
    return Response(data, media_type=KINDS[path.suffix], headers=own)


async def made(
    studio: Studio, name: str, role: str, write: Callable[[Path], Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Enter a picture that is made here."""
    picture, folder = studio.library.new()
    path = folder / "original.png"
    try:
        await write(path)
        pixels = studio.settings.upload_pixels
        inspected = await studio.pictures.ask("receive", path=str(path), name=name, pixels=pixels, role=role)
        path.replace(folder / "original")
    except BaseException:
        folders.forget(folder)
        raise
    return studio.library.add(picture, name, role, inspected), inspected


def _more(studio: Studio, inspected: dict[str, Any]) -> dict[str, Any]:
    """Say what else is known of an upload: the recipe that it carries, and which of its inputs are here."""
    notices = [*inspected["notices"], *([inspected["unread"]] if "unread" in inspected else [])]
    more: dict[str, Any] = {"notices": notices, "recipe": inspected["recipe"]}
    if inspected["recipe"] is None:
        return {**more, "restored": None, "missing": []}
    restored, missing = inputs_of(inspected["recorded"], studio.library.with_sha256)
    return {**more, "restored": restored, "missing": missing}


def inputs_of(recorded: list[dict[str, str]], find: Callable[[str], str | None]) -> tuple[dict[str, Any], list[str]]:
    """Find the pictures that a painting was made of, by their hashes; name those that are not here."""
    restored: dict[str, Any] = {"content": None, "styles": [], "content_mask": None, "style_masks": []}
    missing: list[str] = []
    for item in recorded:
        role, picture = item["role"], find(item["sha256"])
        if role == "style":
            restored["styles"].append(picture)
        elif role == "style mask":
            restored["style_masks"].append(picture)
        elif role in ("content", "content mask"):
            restored[role.replace(" ", "_")] = picture
        if picture is None:
            number = len(restored["styles"]) if role == "style" else len(restored["style_masks"])
            missing.append(f"{role} {number}" if role.startswith("style") else role)
    return restored, missing
