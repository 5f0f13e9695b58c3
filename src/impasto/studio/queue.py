"""Paintings that wait, are painted and were painted: a queue that outlives the process."""

import json
import secrets
import sqlite3
import time
from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args

from impasto.studio.settings import Refused

State = Literal["queued", "running", "paused", "stopping", "done", "stopped", "cancelled", "failed", "interrupted"]
STATES: tuple[State, ...] = get_args(State)
ACTIVE = ("queued", "running", "paused", "stopping")
"""States of paintings that are not over."""
ATTEMPTS = 2
"""How often the process that paints may die of one painting."""
DOWNS = 5
"""How often a painting may go down with the whole studio, without a step between."""
MAX_NOTICES = 50
"""Notices that are kept of one job: a person reads a few, and a fault that repeats must not fill the database."""
FLUSH_S = 1.0
"""Seconds between writes of a job's progress to the file; what is read of it is always the latest."""

_FRESH: dict[str, Any] = {
    "started": None,
    "finished": None,
    "step": 0,
    "total_steps": 0,
    "level": 0,
    "levels": 0,
    "loss": None,
    "losses": {},
    "elapsed_s": 0.0,
    "eta_s": None,
    "size": None,
    "preview_version": 0,
    "error": None,
    "notices": [],
    "kept": False,
    "attempts": 0,
    "downs": 0,
    "down_at": 0,
    "finish": False,
}
_HIDDEN = ("attempts", "downs", "down_at", "finish")


class Queue:
    """All jobs, oldest first. A job is a mapping of plain JSON; `view` is what the page sees of it.

    Progress is written once a second, everything else at once.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._live: dict[str, dict[str, Any]] = {}
        self._flushed: dict[str, float] = {}

    def add(self, specs: Iterable[Mapping[str, Any]], *, limit: int) -> list[dict[str, Any]]:
        """Queue jobs, all of them or none.

        Raises `Refused` when more than `limit` would wait.
        """
        specs, now = list(specs), time.time()
        if self.count("queued") + len(specs) > limit:
            raise Refused(429, f"{limit} paintings may wait at once; let some finish, or cancel some")
        made = []
        with self._transaction():
            place = self._end()
            for spec in specs:
                job = secrets.token_hex(16)
                self._database.execute(
                    "INSERT INTO jobs (id, place, state, sweep, spec, status) VALUES (?, ?, 'queued', ?, ?, ?)",
                    (job, place, spec.get("sweep"), json.dumps({"created": now, **spec}), json.dumps(_FRESH)),
                )
                made.append(job)
        return [self.get(job) for job in made]

    def get(self, job: str) -> dict[str, Any]:
        """Return a job. Raises `Refused` for an id that is not here."""
        row = self._database.execute("SELECT * FROM jobs WHERE id = ?", (job,)).fetchone()
        if row is None:
            raise Refused(404, "there is no such painting here; look at the gallery")
        return self._read(row)

    def all(self, sweep: str | None = None, limit: int = -1) -> list[dict[str, Any]]:
        """Return all jobs, or those of a sweep, newest first; the newest `limit` of them, -1 for all."""
        where, values = ("WHERE sweep = ?", (sweep,)) if sweep is not None else ("", ())
        rows = self._database.execute(f"SELECT * FROM jobs {where} ORDER BY number DESC LIMIT ?", (*values, limit))
        return [self._read(row) for row in rows]

    def next(self) -> dict[str, Any] | None:
        """Return the job that is to be painted next."""
        row = self._database.execute("SELECT * FROM jobs WHERE state = 'queued' ORDER BY place, number").fetchone()
        return None if row is None else self._read(row)

    def _end(self) -> float:
        """Return a place behind all jobs: the time, unless the clock went back since one of them came."""
        (most,) = self._database.execute("SELECT MAX(place) FROM jobs").fetchone()
        return max(time.time(), most + 0.001) if most is not None else time.time()

    def count(self, *states: str) -> int:
        """Count the jobs in some states."""
        marks = ", ".join("?" * len(states))
        (number,) = self._database.execute(f"SELECT COUNT(*) FROM jobs WHERE state IN ({marks})", states).fetchone()
        return int(number)

    def update(self, job: str, state: str | None = None, *, first: bool = False, **status: Any) -> dict[str, Any]:
        """Change a job's state and status; `first` puts it at the head of the queue. Returns the job."""
        before = self.get(job)
        for key in status:
            if key not in _FRESH:
                raise KeyError(key)
        merged = {key: status.get(key, before[key]) for key in _FRESH}
        self._live.pop(job, None)
        place = before["place"]
        if first:
            (least,) = self._database.execute("SELECT MIN(place) FROM jobs").fetchone()
            place = least - 1
        self._database.execute(
            "UPDATE jobs SET state = ?, status = ?, place = ? WHERE id = ?",
            (state or before["state"], json.dumps(merged), place, job),
        )
        return self.get(job)

    def describe(self, job: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Change what is said of a job: its title, its star. Returns the job."""
        self.get(job)
        (text,) = self._database.execute("SELECT spec FROM jobs WHERE id = ?", (job,)).fetchone()
        self._database.execute(
            "UPDATE jobs SET spec = ? WHERE id = ?", (json.dumps({**json.loads(text), **changes}), job)
        )
        return self.get(job)

    def progress(self, job: str, **status: Any) -> None:
        """Note how far a job is; what is read sees it at once, the file within a second."""
        self._live.setdefault(job, {}).update(status)
        now = time.monotonic()
        if now - self._flushed.get(job, 0.0) >= FLUSH_S:
            self._flushed = {job: now}
            self.update(job)

    def note(self, job: str, text: str) -> bool:
        """Keep a notice about a job; say whether it is new."""
        notices = self.get(job)["notices"]
        if text in notices or len(notices) >= MAX_NOTICES:
            return False
        self.update(job, notices=[*notices, text])
        return True

    def again(self, job: str, *, fresh: bool, first: bool = False, **status: Any) -> dict[str, Any]:
        """Queue a job once more; `fresh` forgets how far it was."""
        keep = {} if not fresh else {key: value for key, value in _FRESH.items() if key != "preview_version"}
        return self.update(job, "queued", first=first, **{**keep, **status})

    def remove(self, job: str) -> None:
        """Forget a job."""
        self._live.pop(job, None)
        self._database.execute("DELETE FROM jobs WHERE id = ?", (job,))

    def uses(self, picture: str) -> bool:
        """Return whether a job that is not over needs a picture."""
        marks = ", ".join("?" * len(ACTIVE))
        rows = self._database.execute(f"SELECT spec FROM jobs WHERE state IN ({marks})", ACTIVE)
        return any(picture in inputs(json.loads(row["spec"])) for row in rows)

    def recover(self) -> None:
        """Queue again, before all else, what was being painted when the studio ended.

        A painting that went down with the studio time and again is left alone.
        """
        marks = ("running", "stopping")
        rows = self._database.execute("SELECT * FROM jobs WHERE state IN (?, ?) ORDER BY place DESC", marks)
        for job in [self._read(row) for row in rows]:
            downs = 1 if job["step"] > job["down_at"] else job["downs"] + 1
            if downs >= DOWNS:
                error = f"the studio ended {downs} times while painting this; retry it, perhaps smaller"
                self.update(job["id"], "interrupted", finished=time.time(), error=error)
            else:
                finish = job["state"] == "stopping"
                self.again(job["id"], fresh=False, first=True, finish=finish, downs=downs, down_at=job["step"])

    def _read(self, row: sqlite3.Row) -> dict[str, Any]:
        status = {**_FRESH, **json.loads(row["status"]), **self._live.get(row["id"], {})}
        spec = {
            "starred": False,
            "init": None,
            "landmarks": None,
            "clip": False,
            **json.loads(row["spec"]),
        }  # jobs of before have none of them
        return {"id": row["id"], "state": row["state"], "place": row["place"], **spec, **status}

    def _transaction(self) -> sqlite3.Connection:
        # As a context manager a connection commits, or rolls back what an error left half done.
        self._database.execute("BEGIN")
        return self._database


def view(job: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the page sees of a job."""
    return {key: value for key, value in job.items() if key not in _HIDDEN}


def inputs(job: Mapping[str, Any]) -> list[str]:
    """List the ids of the pictures that a job needs."""
    named = [job["content"], *job["styles"], job["content_mask"], *job["style_masks"], job.get("init")]
    return [picture for picture in named if picture is not None]
