"""Endpoints about paintings that are over: star, rename, take along, paint with."""

import asyncio
import secrets
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from impasto.studio import folders
from impasto.studio.endpoints import Endpoint
from impasto.studio.job_requests import MAX_TITLE
from impasto.studio.library import clean_name
from impasto.studio.pictures_api import made
from impasto.studio.queue import view
from impasto.studio.settings import Refused
from impasto.studio.uploads import read_json

if TYPE_CHECKING:
    from impasto.studio.studio import Studio

ZIPPED = 200
"""Paintings in one zip file at most: a browser waits while it is written."""


async def change_job(studio: "Studio", request: Request) -> Response:
    """Rename a painting, or give it a star or take that away."""
    asked = await read_json(request, studio.settings)
    title, starred = asked.get("title"), asked.get("starred")
    if not {*asked} <= {"title", "starred"} or not asked:
        raise Refused(422, "only title and starred can be changed; give one of them")
    if title is not None and (not isinstance(title, str) or not title.strip()):
        raise Refused(422, "title: is no text")
    if starred is not None and not isinstance(starred, bool):
        raise Refused(422, "starred: is true or false")
    changes: dict[str, Any] = {} if starred is None else {"starred": starred}
    if title is not None:
        changes["title"] = clean_name(title.replace("/", " ").replace("\\", " "))[:MAX_TITLE]
    return JSONResponse(view(studio.queue.describe(str(request.path_params["id"]), changes)))


async def use_job(studio: "Studio", request: Request) -> Response:
    """Make a picture of the library of a painting, to paint or to paint with."""
    asked = await read_json(request, studio.settings)
    role = asked.get("role", "content")
    if role not in ("content", "style"):
        raise Refused(422, "role: is content or style")
    job = studio.queue.get(str(request.path_params["id"]))
    saved = await studio.result(job["id"], "png", None)

    async def write(path: Path) -> None:
        await asyncio.to_thread(shutil.copyfile, saved, path)

    record, _ = await made(studio, f"{job['title']}.png", role, write)
    return JSONResponse(record, 201)


async def zip_jobs(studio: "Studio", request: Request) -> Response:
    """Answer with several paintings in one zip file."""
    names = [name for name in request.query_params.get("jobs", "").split(",") if name]
    if not 1 <= len(names) <= ZIPPED:
        raise Refused(422, f"jobs: name 1 to {ZIPPED} paintings, with commas between them")
    jobs = [studio.queue.get(name) for name in names]
    path = studio.settings.data / "incoming" / secrets.token_hex(16)
    try:
        count = await asyncio.to_thread(_write_zip, path, jobs, [studio.scheduler.folder(name) for name in names])
        if not count:
            raise Refused(404, "none of these paintings has a picture")
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return FileResponse(
        path,
        media_type="application/zip",
        headers={"content-disposition": 'attachment; filename="paintings.zip"', "cache-control": "no-store"},
        background=BackgroundTask(path.unlink, missing_ok=True),
    )


def _write_zip(path: Path, jobs: Sequence[Mapping[str, Any]], places: Sequence[Path]) -> int:
    """Write the results that are there, each under its title; return how many."""
    taken: set[str] = set()
    # PNG is compressed already.
    with zipfile.ZipFile(path, "x", zipfile.ZIP_STORED) as packed:
        for job, place in zip(jobs, places, strict=True):
            if not (place / folders.RESULT).exists():
                continue
            stem, number = folders.stem(job["title"]), 1
            while (name := f"{stem}.png" if number == 1 else f"{stem}_{number}.png") in taken:
                number += 1
            taken.add(name)
            packed.write(place / folders.RESULT, name)
    return len(taken)


ENDPOINTS = (
    Endpoint(
        "PATCH",
        "/api/jobs/{id}",
        change_job,
        "Rename a painting, or give it a star.",
        takes="JobChange",
        gives="Job",
        errors=(404, 415, 422),
    ),
    Endpoint(
        "POST",
        "/api/jobs/{id}/use",
        use_job,
        "Make a picture to paint, or to paint with, of a painting.",
        takes="UseJob",
        gives="Picture",
        status=201,
        errors=(404, 415, 422, 507),
    ),
    Endpoint(
        "GET",
        "/api/zip",
        zip_jobs,
        "Several paintings in one zip file.",
        gives="bytes",
        query={"jobs": "ids of paintings, with commas between them"},
        errors=(404, 422),
    ),
)
