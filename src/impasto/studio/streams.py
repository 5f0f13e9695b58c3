"""Server-sent events: who watches which painting, and what they have not been told yet."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

from impasto.studio.settings import Refused

MAX_NOTICES = 20
"""Notices that wait for one slow page at most; later ones replace the oldest."""
RETRY_MS = 2000
"""Milliseconds after which a page connects again to a stream that broke."""
HEARTBEAT = b": still here\n\n"
"""What keeps a stream open where nothing happens: a comment, which nobody hears."""


class Watcher:
    """One open stream. Of each kind of news of a painting only the latest waits, so a slow reader costs nothing and
    falls no further behind."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[str, Mapping[str, Any]]] = {}
        self._wake = asyncio.Event()
        self._notices = 0

    def tell(self, event: str, data: Mapping[str, Any], job: str = "") -> None:
        """Leave news, of one of several paintings where there are several."""
        key = f"{event} {job}"
        if event == "notice":
            self._notices += 1
            key = f"notice {self._notices % MAX_NOTICES}"
        self._waiting.pop(key, None)  # behind what came before it
        self._waiting[key] = (event, data)
        self._wake.set()

    async def take(self, timeout_s: float) -> list[tuple[str, Mapping[str, Any]]]:
        """Return the news, in order, as soon as there are some; none when the time is over."""
        try:
            await asyncio.wait_for(self._wake.wait(), timeout_s)
        except TimeoutError:
            return []
        self._wake.clear()
        events, self._waiting = list(self._waiting.values()), {}
        return events


ALL = ""
"""In the place of a job: news of all of them."""


class Streams:
    """All open event streams, by job."""

    def __init__(self, limit: int, heartbeat_s: float) -> None:
        self._limit = limit
        self._heartbeat_s = heartbeat_s
        self._watchers: dict[str, set[Watcher]] = {}
        self._closing = False

    @property
    def count(self) -> int:
        """How many are open."""
        return sum(map(len, self._watchers.values()))

    def tell(self, job: str, event: str, data: Mapping[str, Any]) -> None:
        """Tell everybody who watches a job, or all of them."""
        for watcher in self._watchers.get(job, ()):
            watcher.tell(event, data)
        for watcher in self._watchers.get(ALL, ()):
            watcher.tell(event, {"job": job, "data": data}, job)

    def close(self) -> None:
        """End all streams; their pages connect again when there is a server again."""
        self._closing = True
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.tell("close", {})

    def check(self) -> None:
        """Raise `Refused` where one more is too many."""
        if self.count >= self._limit:
            raise Refused(429, f"{self._limit} pages watch already; close some, or ask for the job now and then")

    async def watch(self, job: str, now: Callable[[], tuple[Mapping[str, Any], bool]]) -> AsyncIterator[bytes]:
        """Return the lines of one stream: what is the case now, then what happens, until the job is over.

        `now` gives the job as it is, and whether it is over.
        """
        with self._watching(job) as watcher:
            state, over = now()
            yield f"retry: {RETRY_MS}\n\n".encode()
            yield message(1, "job", state)
            if over:
                yield message(2, "end", state)
                return
            async for number, event, data in self._news(watcher, 2):
                yield message(number, event, data) if event else HEARTBEAT
                if event == "end":
                    return

    async def watch_all(self) -> AsyncIterator[bytes]:
        """Return the lines of a stream of what happens to all jobs, each with its `job`: one does for all pages."""
        with self._watching(ALL) as watcher:
            yield f"retry: {RETRY_MS}\n\n".encode()
            yield message(1, "open", {})
            async for number, event, data in self._news(watcher, 2):
                yield message(number, event, data) if event else HEARTBEAT

    @contextlib.contextmanager
    def _watching(self, job: str) -> Iterator[Watcher]:
        """Have a watcher of a job, from before its state is read, so that nothing happens unseen in between."""
        watcher = Watcher()
        self._watchers.setdefault(job, set()).add(watcher)
        try:
            yield watcher
        finally:
            self._watchers[job].discard(watcher)
            if not self._watchers[job]:
                del self._watchers[job]

    async def _news(self, watcher: Watcher, number: int) -> AsyncIterator[tuple[int, str, Mapping[str, Any]]]:
        """Return news with their numbers, from `number` on; no event where there was none for a while."""
        while not self._closing:
            news = await watcher.take(self._heartbeat_s)
            if not news:
                yield number, "", {}
            for event, data in news:
                if event == "close":
                    return
                yield number, event, data
                number += 1


def message(number: int, event: str, data: Mapping[str, Any]) -> bytes:
    """Write one event. JSON has no raw newlines, so that data is always one line."""
    return f"id: {number}\nevent: {event}\ndata: {json.dumps(data)}\n\n".encode()
