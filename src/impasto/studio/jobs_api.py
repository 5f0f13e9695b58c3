"""Endpoints about paintings: the queue, the gallery, and what happens."""

import asyncio
import json
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from impasto.studio import commandline, folders, job_requests
from impasto.studio.endpoints import Endpoint, pictures_query
from impasto.studio.library import shown_size
from impasto.studio.pictures_api import FOR_EVER, file_response, whole
from impasto.studio.queue import ACTIVE, view
from impasto.studio.settings import Refused
from impasto.studio.uploads import read_json

if TYPE_CHECKING:
    from impasto.studio.studio import Studio

LISTED = 500
"""Paintings that the gallery shows, unless it is asked for more."""
FORMATS = ("png", "jpeg", "webp")
NO_HISTORY: dict[str, Any] = {"steps": [], "levels": [], "loss": [], "losses": {}}
_NOW = {"cache-control": "no-cache"}


async def estimate_job(studio: "Studio", request: Request) -> Response:
    """Say what a painting would take."""
    asked = await read_json(request, studio.settings)
    order = studio.scheduler.order(job_requests.job(asked, studio.library.get))
    return JSONResponse(await studio.advice.ask("estimate", order=order))


async def create_job(studio: "Studio", request: Request) -> Response:
    """Queue a painting."""
    asked = await read_json(request, studio.settings)
    made = studio.queue.add([job_requests.job(asked, studio.library.get)], limit=studio.settings.jobs)
    studio.scheduler.announce(made)
    return JSONResponse(view(made[0]), 201)


async def create_sweep(studio: "Studio", request: Request) -> Response:
    """Queue a grid of paintings."""
    asked = await read_json(request, studio.settings)
    made = studio.queue.add(job_requests.sweep(asked, studio.library.get), limit=studio.settings.jobs)
    studio.scheduler.announce(made)
    return JSONResponse({"sweep": made[0]["sweep"], "jobs": [view(job) for job in made]}, 201)


async def list_jobs(studio: "Studio", request: Request) -> Response:
    """Answer with all paintings, or those of a sweep."""
    limit = whole(request, "limit", "jobs") or LISTED
    return JSONResponse([view(job) for job in studio.queue.all(request.query_params.get("sweep"), limit)])


async def get_job(studio: "Studio", request: Request) -> Response:
    """Answer with a painting's state."""
    return JSONResponse(view(studio.queue.get(_job(request))))


async def delete_job(studio: "Studio", request: Request) -> Response:
    """Forget a painting that is over."""
    studio.scheduler.remove(_job(request))
    return Response(status_code=204)


async def watch_job(studio: "Studio", request: Request) -> Response:
    """Tell what happens to a painting, as it happens."""
    job = _job(request)
    studio.queue.get(job)
    studio.streams.check()

    def now() -> tuple[dict[str, Any], bool]:
        state = view(studio.queue.get(job))
        return state, state["state"] not in ACTIVE

    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(studio.streams.watch(job, now), media_type="text/event-stream", headers=headers)


async def watch_jobs(studio: "Studio", _request: Request) -> Response:
    """Tell what happens to all paintings, as it happens."""
    studio.streams.check()
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(studio.streams.watch_all(), media_type="text/event-stream", headers=headers)


async def get_history(studio: "Studio", request: Request) -> Response:
    """Answer with the losses over the steps."""
    path = studio.scheduler.folder(_job(request)) / folders.HISTORY
    try:
        history = json.loads(await asyncio.to_thread(path.read_bytes))
    except (OSError, ValueError):
        history = NO_HISTORY
    return JSONResponse(history)


async def get_preview(studio: "Studio", request: Request) -> Response:
    """Answer with the latest look at a painting."""
    path = studio.scheduler.folder(_job(request)) / folders.PREVIEW
    if not path.exists():
        path = await studio.result(_job(request), "png", shown_size(1024))
    return await file_response(path, _NOW)


async def get_result(studio: "Studio", request: Request) -> Response:
    """Answer with a painting."""
    job, kind = studio.queue.get(_job(request)), request.query_params.get("format", "png")
    if kind not in FORMATS:
        raise Refused(422, f"format: is one of {', '.join(FORMATS)}")
    asked = whole(request, "size")
    path = await studio.result(job["id"], kind, None if asked is None else shown_size(asked))
    # Under the address of one time it was painted it stays the same; a retry has another.
    headers = {"cache-control": FOR_EVER} if "v" in request.query_params else dict(_NOW)
    if request.query_params.get("download") == "1":
        headers["content-disposition"] = f'attachment; filename="{folders.stem(job["title"])}{path.suffix}"'
    return await file_response(path, headers)


async def get_command(studio: "Studio", request: Request) -> Response:
    """Answer with the command line that paints the same."""

    def name(picture: str) -> str:
        try:
            return str(studio.library.get(picture)["name"])
        except Refused:
            return "picture-that-was-deleted"

    words = commandline.argv(studio.queue.get(_job(request)), name)
    return JSONResponse({"argv": words, "shell": commandline.shell(words)})


async def pause_job(studio: "Studio", request: Request) -> Response:
    """Put a painting aside."""
    return await _act(studio, request, "pause")


async def resume_job(studio: "Studio", request: Request) -> Response:
    """Resume a painting."""
    return await _act(studio, request, "resume")


async def first_job(studio: "Studio", request: Request) -> Response:
    """Let one that waits be the next."""
    return await _act(studio, request, "first")


async def stop_job(studio: "Studio", request: Request) -> Response:
    """End a painting and keep the picture so far."""
    return await _act(studio, request, "stop")


async def cancel_job(studio: "Studio", request: Request) -> Response:
    """End a painting and keep nothing."""
    return await _act(studio, request, "cancel")


async def retry_job(studio: "Studio", request: Request) -> Response:
    """Paint again."""
    return await _act(studio, request, "retry")


async def _act(studio: "Studio", request: Request, what: str) -> Response:
    await read_json(request, studio.settings)
    return JSONResponse(view(getattr(studio.scheduler, what)(_job(request))))


def _job(request: Request) -> str:
    return str(request.path_params["id"])


def _action(what: str, handler: Any, summary: str) -> Endpoint:
    path = f"/api/jobs/{{id}}/{what}"
    return Endpoint("POST", path, handler, summary, takes="object", gives="Job", errors=(404, 409, 415))


ENDPOINTS = (
    Endpoint(
        "POST",
        "/api/estimate",
        estimate_job,
        "What a painting would take: time, memory, tiles.",
        takes="JobRequest",
        gives="Estimate",
        errors=(415, 422, 429, 503),
    ),
    Endpoint(
        "POST",
        "/api/jobs",
        create_job,
        "Queue a painting.",
        takes="JobRequest",
        gives="Job",
        status=201,
        errors=(413, 415, 422, 429),
    ),
    Endpoint(
        "POST",
        "/api/sweeps",
        create_sweep,
        "Queue a grid of paintings over one or two settings.",
        takes="SweepRequest",
        gives="Sweep",
        status=201,
        errors=(413, 415, 422, 429),
    ),
    Endpoint(
        "GET",
        "/api/jobs",
        list_jobs,
        "The queue and the gallery, newest first.",
        gives="Job[]",
        query={"sweep": "only the paintings of this sweep", "limit": f"how many at most ({LISTED})"},
        errors=(422,),
    ),
    Endpoint(
        "GET",
        "/api/events",
        watch_jobs,
        "Server-sent events of all paintings: open first, then those of each, as {job, data}.",
        gives="events",
        errors=(429,),
    ),
    Endpoint("GET", "/api/jobs/{id}", get_job, "A painting's state.", gives="Job", errors=(404,)),
    Endpoint(
        "DELETE",
        "/api/jobs/{id}",
        delete_job,
        "Forget a painting that is over, and its picture.",
        gives="nothing",
        status=204,
        errors=(404, 409),
    ),
    Endpoint(
        "GET",
        "/api/jobs/{id}/events",
        watch_job,
        "Server-sent events: job (the state, first of all), progress, preview, notice, and end.",
        gives="events",
        errors=(404, 429),
    ),
    Endpoint("GET", "/api/jobs/{id}/history", get_history, "The losses over the steps.", errors=(404,)),
    Endpoint(
        "GET",
        "/api/jobs/{id}/preview",
        get_preview,
        "The latest look at a painting.",
        gives="bytes",
        query={"v": "the preview's version, which is only for caches"},
        errors=(404,),
    ),
    Endpoint(
        "GET",
        "/api/jobs/{id}/result",
        get_result,
        "A painting, with its recipe inside.",
        gives="bytes",
        query=pictures_query(
            ("format", "png, jpeg or webp"),
            ("download", "1: as an attachment"),
            ("v", "when it was painted: caches may keep what has one"),
        ),
        errors=(404, 422, 503),
    ),
    Endpoint(
        "GET",
        "/api/jobs/{id}/command",
        get_command,
        "The command line that paints the same.",
        gives="Command",
        errors=(404,),
    ),
    _action("pause", pause_job, "Put a painting aside; the next one has its turn."),
    _action("resume", resume_job, "Resume one that was put aside, before all others that wait."),
    _action("first", first_job, "Let one that waits be painted next."),
    _action("stop", stop_job, "End it after this step, and keep the picture so far."),
    _action("cancel", cancel_job, "End it, and keep nothing."),
    _action("retry", retry_job, "Paint one that failed, was stopped or cancelled again."),
)
