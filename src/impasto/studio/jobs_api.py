"""Requests about paintings: the queue, one of them, and what happens."""

import asyncio
import json
from typing import Annotated, Any, Literal

from fastapi import Query
from starlette.responses import Response, StreamingResponse

from impasto.studio import commandline, folders, job_requests
from impasto.studio.answer_models import Command, Estimate, History, Job, Sweep
from impasto.studio.library import shown_size
from impasto.studio.pictures_api import FOR_EVER, PICTURE, ShownSize, file_response
from impasto.studio.queue import ACTIVE, view
from impasto.studio.request_models import JobRequest, Nothing, SweepRequest
from impasto.studio.routing import Here, JobId, errors, router
from impasto.studio.settings import Refused

LISTED = 500
"""Paintings that the gallery shows, unless it is asked for more."""
NO_HISTORY: dict[str, Any] = {"steps": [], "levels": [], "loss": [], "losses": {}}
EVENTS: dict[int | str, dict[str, Any]] = {200: {"description": "events", "content": {"text/event-stream": {}}}}
ACTIONS = {
    "pause": "Put a painting aside; the next one has its turn.",
    "resume": "Resume one that was put aside, before all others that wait.",
    "first": "Let one that waits be painted next.",
    "stop": "End it after this step, and keep the picture so far.",
    "cancel": "End it, and keep nothing.",
    "retry": "Paint one that failed, was stopped or cancelled again.",
}
"""What can be done with a painting: methods of the scheduler, with what they do."""
_NOW = {"cache-control": "no-cache"}
_LIVE = {"cache-control": "no-store", "x-accel-buffering": "no"}
_Cached = Annotated[str | None, Query(description="only for caches: another value where the picture is another")]

requests = router("Paintings")


@requests.post(
    "/api/estimate",
    summary="What a painting would take: time, memory, tiles.",
    response_model=Estimate,
    responses=errors(415, 429, 503),
)
async def estimate_job(asked: JobRequest, studio: Here) -> dict[str, Any]:
    """Say what a painting would take."""
    job = job_requests.job(asked, studio.library.get)
    frames = studio.library.get(job["content"]).get("frames") if job["clip"] else None
    return await studio.advice.ask("estimate", order=studio.scheduler.order(job), frames=frames)


@requests.post(
    "/api/jobs", summary="Queue a painting.", response_model=Job, status_code=201, responses=errors(413, 415, 429)
)
async def create_job(asked: JobRequest, studio: Here) -> dict[str, Any]:
    """Queue a painting."""
    made = studio.queue.add([job_requests.job(asked, studio.library.get)], limit=studio.settings.jobs)
    studio.scheduler.announce(made)
    return view(made[0])


@requests.post(
    "/api/sweeps",
    summary="Queue a grid of paintings over one or two settings.",
    response_model=Sweep,
    status_code=201,
    responses=errors(413, 415, 429),
)
async def create_sweep(asked: SweepRequest, studio: Here) -> dict[str, Any]:
    """Queue a grid of paintings."""
    made = studio.queue.add(job_requests.sweep(asked, studio.library.get), limit=studio.settings.jobs)
    studio.scheduler.announce(made)
    return {"sweep": made[0]["sweep"], "jobs": [view(job) for job in made]}


@requests.get("/api/jobs", summary="The queue and the gallery, newest first.", response_model=list[Job])
async def list_jobs(
    studio: Here,
    sweep: Annotated[str | None, Query(description="only the paintings of this sweep")] = None,
    limit: Annotated[int, Query(ge=1, le=999_999, description="how many at most")] = LISTED,
) -> list[dict[str, Any]]:
    """Answer with all paintings, or those of a sweep."""
    return [view(job) for job in studio.queue.all(sweep, limit)]


@requests.get(
    "/api/events",
    summary="Server-sent events of all paintings: open first, then those of each, as {job, data}.",
    response_class=StreamingResponse,
    responses=EVENTS | errors(429),
)
async def watch_jobs(studio: Here) -> StreamingResponse:
    """Tell what happens to all paintings, as it happens."""
    studio.streams.check()
    return StreamingResponse(studio.streams.watch_all(), media_type="text/event-stream", headers=_LIVE)


@requests.get("/api/jobs/{job}", summary="A painting's state.", response_model=Job, responses=errors(404))
async def get_job(job: JobId, studio: Here) -> dict[str, Any]:
    """Answer with a painting's state."""
    return view(studio.queue.get(job))


@requests.delete(
    "/api/jobs/{job}",
    summary="Forget a painting that is over, and its picture.",
    status_code=204,
    responses=errors(404, 409),
)
async def delete_job(job: JobId, studio: Here) -> None:
    """Forget a painting that is over."""
    studio.scheduler.remove(job)


@requests.get(
    "/api/jobs/{job}/events",
    summary="Server-sent events: job (the state, first of all), progress, preview, notice, and end.",
    response_class=StreamingResponse,
    responses=EVENTS | errors(404, 429),
)
async def watch_job(job: JobId, studio: Here) -> StreamingResponse:
    """Tell what happens to a painting, as it happens."""
    studio.queue.get(job)
    studio.streams.check()

    def now() -> tuple[dict[str, Any], bool]:
        state = view(studio.queue.get(job))
        return state, state["state"] not in ACTIVE

    return StreamingResponse(studio.streams.watch(job, now), media_type="text/event-stream", headers=_LIVE)


@requests.get(
    "/api/jobs/{job}/history", summary="The losses over the steps.", response_model=History, responses=errors(404)
)
async def get_history(job: JobId, studio: Here) -> dict[str, Any]:
    """Answer with the losses over the steps."""
    path = studio.scheduler.folder(job) / folders.HISTORY
    try:
        history: dict[str, Any] = json.loads(await asyncio.to_thread(path.read_bytes))
    except (OSError, ValueError):
        return NO_HISTORY
    return history


@requests.get(
    "/api/jobs/{job}/preview",
    summary="The latest look at a painting.",
    response_class=Response,
    responses=PICTURE | errors(404),
)
async def get_preview(job: JobId, studio: Here, v: _Cached = None) -> Response:  # noqa: ARG001 (for caches alone)
    """Answer with the latest look at a painting."""
    path = studio.scheduler.folder(job) / folders.PREVIEW
    if not path.exists():
        path = await studio.result(job, "png", shown_size(1024))
    return await file_response(path, _NOW)


@requests.get(
    "/api/jobs/{job}/result",
    summary="A painting, with its recipe inside.",
    response_class=Response,
    responses=PICTURE | errors(404, 503),
)
async def get_result(
    job: JobId,
    studio: Here,
    format: Literal["png", "jpeg", "webp"] = "png",
    size: ShownSize = None,
    download: Annotated[bool, Query(description="1: as an attachment")] = False,
    v: _Cached = None,
) -> Response:
    """Answer with a painting."""
    record = studio.queue.get(job)
    path = await studio.result(job, format, None if size is None else shown_size(size))
    # Under the address of one time it was painted it stays the same; a retry has another.
    headers = dict(_NOW) if v is None else {"cache-control": FOR_EVER}
    if download:
        headers["content-disposition"] = f'attachment; filename="{folders.stem(record["title"])}{path.suffix}"'
    return await file_response(path, headers)


@requests.get(
    "/api/jobs/{job}/command",
    summary="The command line that paints the same.",
    response_model=Command,
    responses=errors(404),
)
async def get_command(job: JobId, studio: Here) -> dict[str, Any]:
    """Answer with the command line that paints the same."""

    def name(picture: str) -> str:
        try:
            return str(studio.library.get(picture)["name"])
        except Refused:
            return "picture-that-was-deleted"

    words = commandline.argv(studio.queue.get(job), name)
    return {"argv": words, "shell": commandline.shell(words)}


def _add(action: str, summary: str) -> None:
    """Have the request of an action. Its JSON is what no form of another page can send."""

    @requests.post(
        f"/api/jobs/{{job}}/{action}",
        name=f"{action}_job",
        summary=summary,
        response_model=Job,
        responses=errors(404, 409, 415),
    )
    async def act(job: JobId, studio: Here, asked: Nothing) -> dict[str, Any]:  # noqa: ARG001
        return view(getattr(studio.scheduler, action)(job))


for _action, _summary in ACTIONS.items():
    _add(_action, _summary)
