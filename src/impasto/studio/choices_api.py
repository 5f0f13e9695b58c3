"""Requests about the choice of the best of several paintings: two at a time, until that is sure."""

import hashlib
import json
from pathlib import Path
from typing import Any

from impasto.studio import folders
from impasto.studio.answer_models import ChoiceState
from impasto.studio.request_models import Answer, ChoiceRequest, Nothing
from impasto.studio.routing import ChoiceId, Here, errors, router
from impasto.studio.settings import Refused
from impasto.studio.studio import Studio

FOLDER = "choices"
"""Of the data folder: a folder for each set of paintings that was chosen from."""

requests = router("Choosing the best")


@requests.post(
    "/api/choices",
    summary="Choose the best of several paintings, two at a time. What was answered of the same ones before counts.",
    response_model=ChoiceState,
    status_code=201,
    responses=errors(404, 409, 415, 429, 503),
)
async def open_choice(asked: ChoiceRequest, studio: Here) -> dict[str, Any]:
    """Begin, or go on."""
    jobs = sorted(set(asked.jobs))
    records = [studio.queue.get(job) for job in jobs]
    if len(jobs) < 2:
        raise Refused(422, "jobs: has one painting twice; name at least two")
    if not all(record["kept"] for record in records):
        raise Refused(409, "not all of them have a picture; wait until they are painted, or leave those out")
    # Painted again it is another picture, and what was said of it before is of the other one.
    key = json.dumps([[record["id"], record["finished"]] for record in records])
    choice = hashlib.sha256(key.encode()).hexdigest()[:32]
    folder = studio.settings.data / FOLDER / choice
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / "jobs.json").write_text(json.dumps(jobs), "utf-8")
    return await _ask(studio, choice)


@requests.get(
    "/api/choices/{choice}",
    summary="Which two are to be compared next, and what was answered so far.",
    response_model=ChoiceState,
    responses=errors(404, 429, 503),
)
async def get_choice(choice: ChoiceId, studio: Here) -> dict[str, Any]:
    """Say what is asked next."""
    return await _ask(studio, choice)


@requests.post(
    "/api/choices/{choice}/answer",
    summary="Say which of the two is better.",
    response_model=ChoiceState,
    responses=errors(404, 415, 429, 503),
)
async def answer_choice(choice: ChoiceId, asked: Answer, studio: Here) -> dict[str, Any]:
    """Take an answer; it is on the disk when this answers."""
    return await _ask(studio, choice, action="vote", **asked.model_dump())


@requests.post(
    "/api/choices/{choice}/undo",
    summary="Take the last answer back.",
    response_model=ChoiceState,
    responses=errors(404, 415, 429, 503),
)
async def undo_answer(choice: ChoiceId, asked: Nothing, studio: Here) -> dict[str, Any]:  # noqa: ARG001
    """Take the last answer back."""
    return await _ask(studio, choice, action="undo")


async def _ask(studio: Studio, name: str, **request: Any) -> dict[str, Any]:
    folder = studio.settings.data / FOLDER / name
    paths = {job: str(path) for job, path in _pictures(studio, name, folder).items()}
    answer = await studio.pictures.ask("choose", paths=paths, file=str(folder / "votes.jsonl"), **request)
    return {"choice": name, **answer}


def _pictures(studio: Studio, name: str, folder: Path) -> dict[str, Path]:
    """Return the results that are chosen from. Raises `Refused` where the choice or one of them is not here."""
    # A name of ours is letters and digits, so that none leads elsewhere.
    if not name.isalnum() or not (folder / "jobs.json").is_file():
        raise Refused(404, "there is no such choice here; begin it in the gallery")
    jobs: list[str] = json.loads((folder / "jobs.json").read_text("utf-8"))
    paths = {job: studio.scheduler.folder(job) / folders.RESULT for job in jobs}
    if not all(path.is_file() for path in paths.values()):
        raise Refused(404, "one of these paintings was deleted; choose from the others")
    return paths
