"""Requests about paintings that are over: star, rename, take along, paint with."""

import asyncio
import contextlib
import json
import secrets
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from fastapi import Query
from starlette.background import BackgroundTask
from starlette.responses import FileResponse

from impasto.studio import folders
from impasto.studio.answer_models import Figures, Job, Picture
from impasto.studio.job_requests import MAX_TITLE
from impasto.studio.library import clean_name
from impasto.studio.pictures_api import made
from impasto.studio.queue import view
from impasto.studio.request_models import JobChange, UseJob
from impasto.studio.routing import Here, JobId, errors, router
from impasto.studio.settings import Refused

ZIPPED = 200
"""Paintings in one zip file at most: a browser waits while it is written."""

requests = router("Gallery")


@requests.patch(
    "/api/jobs/{job}",
    summary="Rename a painting, or give it a star.",
    response_model=Job,
    responses=errors(404, 415),
)
async def change_job(job: JobId, asked: JobChange, studio: Here) -> dict[str, Any]:
    """Rename a painting, or give it a star or take that away."""
    changes = asked.model_dump(exclude_none=True)
    if not changes:
        raise Refused(422, "only title and starred can be changed; give one of them")
    if "title" in changes:
        changes["title"] = clean_name(changes["title"].replace("/", " ").replace("\\", " "))[:MAX_TITLE]
    return view(studio.queue.describe(job, changes))


@requests.post(
    "/api/jobs/{job}/use",
    summary="Make a picture to paint, or to paint with, of a painting.",
    response_model=Picture,
    status_code=201,
    responses=errors(404, 415, 507),
)
async def use_job(job: JobId, asked: UseJob, studio: Here) -> dict[str, Any]:
    """Make a picture of the library of a painting, to paint or to paint with."""
    record = studio.queue.get(job)
    saved = await studio.result(job, "png", None)

    async def write(path: Path) -> None:
        await asyncio.to_thread(shutil.copyfile, saved, path)

    picture, _ = await made(studio, f"{record['title']}.png", asked.role, write)
    return picture


@requests.get(
    "/api/jobs/{job}/figures",
    summary="What metrics say of a painting: the photograph in it, the style, and faults. Measured the first time.",
    response_model=Figures,
    responses=errors(404, 409, 429, 503),
)
async def get_figures(job: JobId, studio: Here) -> dict[str, Any]:
    """Measure a painting, or say what was measured."""
    record = studio.queue.get(job)
    saved = await studio.result(job, "png", None)
    kept = saved.with_name(folders.FIGURES)
    with contextlib.suppress(OSError, ValueError):
        figures: dict[str, Any] = json.loads(await asyncio.to_thread(kept.read_text))
        return figures
    if not record["styles"]:
        raise Refused(409, "it was painted without a painting to compare it with")
    order = studio.scheduler.order(record)
    return await studio.advice.ask("evaluated", order=order, path=str(saved), out=str(kept))


@requests.get(
    "/api/zip",
    summary="Several paintings in one zip file.",
    response_class=FileResponse,
    responses={200: {"description": "the file", "content": {"application/zip": {}}}, **errors(404)},
)
async def zip_jobs(
    studio: Here, jobs: Annotated[str, Query(description="ids of paintings, with commas between them")]
) -> FileResponse:
    """Answer with several paintings in one zip file."""
    names = [name for name in jobs.split(",") if name]
    if not 1 <= len(names) <= ZIPPED:
        raise Refused(422, f"jobs: name 1 to {ZIPPED} paintings, with commas between them")
    records = [studio.queue.get(name) for name in names]
    path = studio.settings.data / "incoming" / secrets.token_hex(16)
    try:
        count = await asyncio.to_thread(_write_zip, path, records, [studio.scheduler.folder(name) for name in names])
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
