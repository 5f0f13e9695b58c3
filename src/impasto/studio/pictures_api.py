"""Endpoints about pictures: uploads, samples, parts, masks."""

import asyncio
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from impasto.studio import folders, job_requests
from impasto.studio.endpoints import Endpoint, pictures_query
from impasto.studio.library import ROLES, clean_name, shown_size
from impasto.studio.samples import files
from impasto.studio.settings import Refused
from impasto.studio.uploads import read_json

if TYPE_CHECKING:
    from impasto.studio.studio import Studio

KINDS = {".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp"}
FOR_EVER = "private, max-age=31536000, immutable"


async def list_samples(studio: "Studio", _request: Request) -> Response:
    """Answer with the samples."""
    listed = [studio.library.get(key) for key in files()]
    rows = [{key: sample[key] for key in ("id", "name", "width", "height")} for sample in listed]
    photos = [row for row in rows if row["id"].startswith("photo-")]
    return JSONResponse({"photos": photos, "styles": [row for row in rows if row not in photos]})


async def upload_picture(studio: "Studio", request: Request) -> Response:
    """Take a picture in."""
    role = request.query_params.get("role", "content")
    if role not in ROLES:
        raise Refused(422, f"role: is one of {', '.join(ROLES)}", close=True)
    name = clean_name(unquote(request.headers.get("x-name", "")))
    (await studio.room()).check()
    incoming = studio.settings.data / "incoming" / secrets.token_hex(16)
    try:
        await studio.uploads.receive(request, incoming)
        pixels = studio.settings.upload_pixels
        inspected = await studio.pictures.ask("receive", path=str(incoming), name=name, pixels=pixels, role=role)
        record = studio.library.same(inspected["sha256"], role, name)
        if record is None:
            picture, folder = studio.library.new()
            studio.library.keep(incoming, folder, inspected["sha256"])
            record = studio.library.add(picture, name, role, inspected)
    finally:
        incoming.unlink(missing_ok=True)
    return JSONResponse({**record, **await _more(studio, inspected)}, 201)


async def list_pictures(studio: "Studio", _request: Request) -> Response:
    """Answer with the uploads."""
    return JSONResponse(studio.library.all())


async def get_picture(studio: "Studio", request: Request) -> Response:
    """Answer with a picture, as browsers show it."""
    size = shown_size(whole(request, "size"))
    return await file_response(await studio.shown(request.path_params["id"], size))


async def delete_picture(studio: "Studio", request: Request) -> Response:
    """Forget an upload."""
    picture = request.path_params["id"]
    studio.library.get(picture)
    if studio.queue.uses(picture):
        raise Refused(409, "a painting that is not over needs it; cancel that first")
    studio.library.remove(picture)
    return Response(status_code=204)


async def crop_picture(studio: "Studio", request: Request) -> Response:
    """Make a picture of a part of another."""
    asked = await read_json(request, studio.settings)
    picture = _id(asked, "picture")
    box = [asked.get(key) for key in ("left", "top", "width", "height")]
    if not all(type(side) is int and abs(side) < 2**31 for side in box):
        raise Refused(422, "left, top, width and height are whole numbers of pixels")
    record, source = studio.library.get(picture), studio.library.source(picture)

    async def write(path: Path) -> dict[str, Any]:
        pixels = studio.settings.upload_pixels
        return await studio.pictures.ask(
            "crop", path=source["path"], out=str(path), box=box, name=source["name"], pixels=pixels
        )

    role = str(record["role"])
    record, inspected = await made(studio, record["name"], role, write)
    return JSONResponse({**record, **await _more(studio, inspected)}, 201)


async def find_masks(studio: "Studio", request: Request) -> Response:
    """Find regions that a photograph and a painting share."""
    asked = await read_json(request, studio.settings)
    content, style = _id(asked, "content"), _id(asked, "style")
    regions = asked.get("regions", 0)
    if type(regions) is not int or not (regions == 0 or 2 <= regions <= 12):
        raise Refused(422, "regions: give 2 to 12, or 0 to let the pictures decide")
    sources = [studio.library.source(content), studio.library.source(style)]
    made = [studio.library.new() for _ in sources]
    out = [str(folder / "original.png") for _, folder in made]
    try:
        answer = await studio.advice.ask(
            "automatic",
            content=sources[0],
            style=sources[1],
            regions=regions,
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
    return JSONResponse({**masks, "regions": answer["regions"], "notices": answer["notices"]}, 201)


async def check_masks(studio: "Studio", request: Request) -> Response:
    """Read masks as a painting would."""
    asked = await read_json(request, studio.settings)
    job = job_requests.job(asked, studio.library.get)
    answer = await studio.advice.ask("check_masks", order=studio.scheduler.order(job))
    return JSONResponse({"regions": answer["regions"], "notices": [*answer["notices"], *answer["warnings"]]})


async def file_response(path: Path, headers: dict[str, str] | None = None) -> Response:
    """Answer with a file. Whole, whatever `Range` asks for: there is no end to what ranges can ask for."""
    try:
        data = await asyncio.to_thread(path.read_bytes)
    except OSError:
        raise Refused(404, "there is no such picture any more") from None
    own = {"cache-control": FOR_EVER} if headers is None else headers
    return Response(data, media_type=KINDS[path.suffix], headers=own)


def whole(request: Request, key: str, what: str = "pixels") -> int | None:
    """Read a whole number from the query. Raises `Refused`."""
    said = request.query_params.get(key)
    if said is None:
        return None
    if not (said.isascii() and said.isdigit() and 0 < len(said) <= 6 and int(said) > 0):
        raise Refused(422, f"{key}: is a number of {what}, at least 1")
    return int(said)


def _id(asked: dict[str, Any], key: str) -> str:
    value = asked.get(key)
    if not isinstance(value, str):
        raise Refused(422, f"{key}: is not the id of a picture")
    return value


async def made(studio: "Studio", name: str, role: str, write: Any) -> tuple[dict[str, Any], dict[str, Any]]:
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


async def _more(studio: "Studio", inspected: dict[str, Any]) -> dict[str, Any]:
    """Say what else is known of an upload: the recipe that it carries, and which of its inputs are here."""
    notices = [*inspected["notices"], *([inspected["unread"]] if "unread" in inspected else [])]
    more: dict[str, Any] = {"notices": notices, "recipe": inspected["recipe"]}
    if inspected["recipe"] is None:
        return {**more, "restored": None, "missing": []}
    restored, missing = inputs_of(inspected["recorded"], studio.library.with_sha256)
    return {**more, "restored": restored, "missing": missing}


def inputs_of(recorded: list[dict[str, str]], find: Any) -> tuple[dict[str, Any], list[str]]:
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


ENDPOINTS = (
    Endpoint("GET", "/api/samples", list_samples, "The sample photographs and paintings."),
    Endpoint(
        "POST",
        "/api/pictures",
        upload_picture,
        "Take a picture in: its bytes are the body.",
        takes="bytes",
        gives="Upload",
        status=201,
        query={"role": "content, style or mask"},
        errors=(400, 408, 413, 415, 422, 429, 503, 507),
    ),
    Endpoint("GET", "/api/pictures", list_pictures, "The uploads, newest first.", gives="Picture[]"),
    Endpoint(
        "GET",
        "/api/pictures/{id}",
        get_picture,
        "A picture, upright and in sRGB.",
        gives="bytes",
        query=pictures_query(),
        errors=(404, 422, 503),
    ),
    Endpoint(
        "DELETE",
        "/api/pictures/{id}",
        delete_picture,
        "Forget an upload.",
        gives="nothing",
        status=204,
        errors=(404, 409),
    ),
    Endpoint(
        "POST",
        "/api/crop",
        crop_picture,
        "Make a picture of a part of another.",
        takes="Crop",
        gives="Upload",
        status=201,
        errors=(404, 415, 422, 503),
    ),
    Endpoint(
        "POST",
        "/api/masks/auto",
        find_masks,
        "Find regions that a photograph and a painting share.",
        takes="AutoMasks",
        status=201,
        errors=(404, 415, 422, 429, 503),
    ),
    Endpoint(
        "POST",
        "/api/masks/check",
        check_masks,
        "Read masks as a painting would, and say what will not work well.",
        takes="JobRequest",
        errors=(415, 422, 429, 503),
    ),
)
