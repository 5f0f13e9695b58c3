"""The server's side of the worker: what is painted next, what becomes of it, and a new worker where one is lost."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from impasto.studio import folders, room
from impasto.studio.child_process import Child
from impasto.studio.inspector_client import ending
from impasto.studio.library import Library
from impasto.studio.queue import ACTIVE, ATTEMPTS, Queue, view
from impasto.studio.settings import Refused, Settings
from impasto.studio.streams import Streams

logger = logging.getLogger("impasto.studio")
LEAVE_S = 5.0
"""How long the worker may take to write a checkpoint when the studio ends."""
NO_ROOM = "the disk has no room to save it; it goes on by itself when there is some"
_PROGRESS = ("step", "total_steps", "level", "levels", "loss", "losses", "elapsed_s", "eta_s", "size")


class Scheduler:
    """Paints the queue, one job at a time, in a process of its own."""

    def __init__(self, settings: Settings, queue: Queue, library: Library, streams: Streams) -> None:
        self._settings = settings
        self._queue = queue
        self._library = library
        self._streams = streams
        self._child: Child | None = None
        self._wake = asyncio.Event()
        self._over: asyncio.Future[None] | None = None
        self._current: str | None = None
        self._asked: str | None = None
        self._leaving = False

    def folder(self, job: str) -> Path:
        """Return where a job's files lie."""
        return self._settings.data / "jobs" / str(self._queue.get(job)["id"])

    def wake(self) -> None:
        """Look again whether there is something to paint."""
        self._wake.set()

    def announce(self, jobs: Iterable[Mapping[str, Any]]) -> None:
        """Say that jobs wait, and paint the next."""
        for job in jobs:
            self._tell(dict(job))
        self.wake()

    async def run(self) -> None:
        """Paint what waits, for ever."""
        self._queue.recover()
        while not self._leaving:
            job = self._queue.next()
            if job is None:
                self._wake.clear()
                await self._wake.wait()
                continue
            try:
                await self._paint(job)
            except Exception as error:  # the queue goes on, whatever one job brings about
                logger.exception("painting %s", job["id"])
                self._current = self._over = self._asked = None
                self._end(job["id"], "failed", error=f"{type(error).__name__} (a mistake in impasto)")

    async def close(self) -> None:
        """End the worker; what it paints is the first to go on when there is a studio again."""
        self._leaving = True
        if self._child is not None:
            if self._current is not None and self._asked is None:
                self._child.send({"do": "pause", "job": self._current})
                if self._over is not None:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(asyncio.shield(self._over), LEAVE_S)
            self._child.kill()
            await self._child.close()

    def pause(self, job: str) -> dict[str, Any]:
        """Put a job aside; the next one has its turn."""
        record = self._active(job, "queued", "running")
        if job == self._current:
            return self._ask("pause")
        return self._tell(self._queue.update(record["id"], "paused"))

    def resume(self, job: str) -> dict[str, Any]:
        """Let a job that was put aside be the next one."""
        record = self._active(job, "paused")
        self.wake()
        return self._tell(self._queue.update(record["id"], "queued", first=True))

    def first(self, job: str) -> dict[str, Any]:
        """Let a job that waits be the next one."""
        record = self._active(job, "queued")
        return self._tell(self._queue.update(record["id"], first=True))

    def stop(self, job: str) -> dict[str, Any]:
        """End a job, and keep the picture so far."""
        record = self._active(job, "running", "paused", "queued", "stopping")
        if job == self._current:
            self._queue.update(job, "stopping")
            return self._tell(self._ask("stop"))
        if not folders.has_checkpoint(self.folder(job)):
            raise Refused(409, "nothing is painted of it yet; cancel it")
        self.wake()
        return self._tell(self._queue.update(record["id"], "queued", first=True, finish=True))

    def cancel(self, job: str) -> dict[str, Any]:
        """End a job, and keep nothing."""
        record = self._active(job, *ACTIVE)
        if job != self._current:
            return self._end(record["id"], "cancelled")
        self._ask("cancel")
        asyncio.get_running_loop().call_later(self._settings.cancel_s, self._insist, job)
        return self._queue.get(job)

    def retry(self, job: str) -> dict[str, Any]:
        """Queue a job that is over once more; from its checkpoint, where there is one."""
        record = self._queue.get(job)
        if record["state"] not in ("failed", "interrupted", "cancelled", "stopped"):
            raise Refused(409, f"it is {record['state']}; only what failed, was stopped or cancelled is painted again")
        folders.forget_results(self.folder(job))
        self.wake()
        return self._tell(self._queue.again(job, fresh=True))

    def remove(self, job: str) -> None:
        """Forget a job and its pictures."""
        record = self._queue.get(job)
        if record["state"] in ACTIVE:
            raise Refused(409, f"it is {record['state']}; cancel it first")
        folders.forget(self.folder(job))
        self._queue.remove(job)

    def order(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a child needs to know of a job. Raises `Refused` where a picture is not here any more."""

        def source(picture: str | None) -> dict[str, str] | None:
            return None if picture is None else self._library.source(picture)

        return {
            "job": job.get("id", ""),
            "folder": str(self._settings.data / "jobs" / job.get("id", "none")),
            "content": source(job["content"]),
            "styles": [source(style) for style in job["styles"]],
            "content_mask": source(job["content_mask"]),
            "style_masks": [source(mask) for mask in job["style_masks"]],
            "region_names": job.get("region_names"),  # jobs of before have none
            "init": source(job.get("init")),
            "landmarks": job.get("landmarks"),
            "recipe": job["recipe"],
            "finish": job.get("finish", False),
            "checkpoint_s": self._settings.checkpoint_s,
            "pixels": self._settings.upload_pixels,
        }

    async def _paint(self, job: dict[str, Any]) -> None:
        name = job["id"]
        try:
            order = self.order(job)
        except Refused:
            self._end(name, "failed", error="a picture that it was to be made of is gone; begin a new painting")
            return
        self._current, self._asked = name, None
        self._over = asyncio.get_running_loop().create_future()
        started = job["started"] or time.time()
        state = "stopping" if job["finish"] else "running"
        self._tell(self._queue.update(name, state, started=started))
        if self._child is None or not self._child.alive:
            child = Child("impasto.studio.worker", self._receive, lambda code: self._ended(child, code))
            self._child, threads = child, self._settings.threads
            await child.start(*([] if threads is None else [str(threads)]))
        self._child.send({"do": "paint", **order})
        self._pass_on_asked()
        await self._over
        self._current = self._over = self._asked = None

    def _pass_on_asked(self) -> None:
        """Tell the worker what was asked of it while it was started."""
        if self._asked is not None and self._child is not None:
            self._child.send({"do": self._asked, "job": self._current})

    def _ask(self, what: str) -> dict[str, Any]:
        job = self._current or ""
        # What goes further goes before: cancel, then stop, then pause.
        ranks = (None, "pause", "stop", "cancel")
        if ranks.index(what) > ranks.index(self._asked):
            self._asked = what
            if self._child is not None:
                self._child.send({"do": what, "job": job})
        return self._queue.get(job)

    def _insist(self, job: str) -> None:
        if self._current == job and self._asked == "cancel" and self._child is not None:
            self._child.kill()

    def _receive(self, message: dict[str, Any]) -> None:
        event, job = message["event"], message.get("job")
        if job is None or job != self._current:
            return
        if event == "progress":
            status = {key: message[key] for key in _PROGRESS}
            self._queue.progress(job, **status)
            self._streams.tell(job, "progress", status)
        elif event == "preview":
            version = self._queue.get(job)["preview_version"] + 1
            self._queue.progress(job, preview_version=version)
            self._streams.tell(job, "preview", {"version": version, "size": message["size"]})
        elif event == "notice":
            if self._queue.note(job, message["text"]):
                self._streams.tell(job, "notice", {"text": message["text"]})
        elif event == "begin":
            self._tell(self._queue.update(job, size=message["size"]))
        elif event == "end":
            self._settle(job, message)

    def _settle(self, job: str, message: Mapping[str, Any]) -> None:
        state = message["state"]
        if state == "paused":
            if self._leaving:
                # Not the person's wish: it goes on when the studio does.
                self._queue.update(job, "queued", first=True)
            else:
                self._tell(self._queue.update(job, "paused"))
            self._done()
            return
        if state == "unsaved":
            if room.free(self._settings.data) < room.NEEDED:
                self._await_room(job)
                return
            state = "failed"
        kept = {key: message[key] for key in ("error", "kept", "size") if key in message}
        self._end(job, state, **kept)
        self._done()

    def _await_room(self, job: str) -> None:
        """Put a painting aside that could not be saved, until the disk has room."""
        self._queue.note(job, NO_ROOM)
        self._tell(self._queue.update(job, "paused"))
        self._done()
        asyncio.get_running_loop().call_later(self._settings.room_s, self._look_for_room, job)

    def _look_for_room(self, job: str) -> None:
        try:
            waits = self._queue.get(job)["state"] == "paused"
        except Refused:
            return  # it was deleted
        if not waits or self._leaving:
            return
        if room.free(self._settings.data) < room.NEEDED:
            asyncio.get_running_loop().call_later(self._settings.room_s, self._look_for_room, job)
        else:
            self.resume(job)

    def _ended(self, child: Child, code: int) -> None:
        """Note that the worker ended, and what it was painting with it."""
        if child is not self._child:
            return  # its end is heard of when another paints already
        self._child = None
        job = self._current
        if job is None or self._leaving:
            self._done()
            return
        record = self._queue.get(job)
        if self._asked == "cancel":
            self._end(job, "cancelled")
        elif record["attempts"] + 1 < ATTEMPTS:
            from_there = "the last checkpoint" if folders.has_checkpoint(self.folder(job)) else "the start"
            notice = f"the process that paints ended ({ending(code)}); going on from {from_there}"
            if self._queue.note(job, notice):
                self._streams.tell(job, "notice", {"text": notice})
            finish = self._asked == "stop" or record["finish"]
            again = self._queue.again(job, fresh=False, first=True, attempts=record["attempts"] + 1, finish=finish)
            self._tell(again)
        else:
            why = "as it does when memory runs out; try a smaller size" if code == -9 else "which is a mistake of ours"
            error = f"the process that paints ended {ATTEMPTS} times ({ending(code)}), {why}"
            self._end(job, "failed", error=error)
        self._done()

    def _done(self) -> None:
        if self._over is not None and not self._over.done():
            self._over.set_result(None)

    def _end(self, job: str, state: str, **status: Any) -> dict[str, Any]:
        if state != "failed":
            folders.forget_checkpoint(self.folder(job))
        record = view(self._queue.update(job, state, finished=time.time(), finish=False, **status))
        self._streams.tell(job, "end", record)
        return self._queue.get(job)

    def _active(self, job: str, *states: str) -> dict[str, Any]:
        record = self._queue.get(job)
        if record["state"] not in states:
            raise Refused(409, f"it is {record['state']}; that can be done while it is {', '.join(states)}")
        return record

    def _tell(self, job: dict[str, Any]) -> dict[str, Any]:
        self._streams.tell(job["id"], "job", view(job))
        return job
