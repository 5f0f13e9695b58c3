"""The server's side of the camera: one at a time, one frame of it at a time, so that nothing is ever shown late."""

import asyncio
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from impasto.studio.child_process import Child
from impasto.studio.inspector_client import ending
from impasto.studio.settings import Refused

IDLE_S = 30.0
"""Seconds without a frame after which the process ends, whose networks take some hundred megabytes."""
GONE = "another page paints from a camera now, or this one was away for long; start the camera again"


class LiveClient:
    """The process that paints frames, started with the first camera."""

    def __init__(self, answer_s: float, threads: int | None = None) -> None:
        self._answer_s = answer_s
        self._threads = threads
        self._child: Child | None = None
        self._session: str | None = None
        self._frame: asyncio.Future[bytes] | None = None
        self._idle: asyncio.TimerHandle | None = None

    async def open(self, order: Mapping[str, Any]) -> str:
        """Begin with a camera; one that was painted before has to begin again. Returns its session."""
        self._end_frame(Refused(404, GONE))
        self._session = secrets.token_hex(16)
        if self._child is None or not self._child.alive:
            child = Child("impasto.studio.live_painter", self._receive, lambda code: self._ended(child, code))
            self._child = child
            await child.start(*([] if self._threads is None else [str(self._threads)]))
        self._child.send({"do": "open", "session": self._session, **order})
        self._wait_idle()
        return self._session

    def check(self, session: str) -> None:
        """Raise `Refused` where a session is over, or its last frame is still being painted."""
        if session != self._session or self._child is None:
            raise Refused(404, GONE, close=True)
        if self._frame is not None:
            raise Refused(429, "the frame before is still being painted; send the next one after it", close=True)

    async def frame(self, session: str, data: bytes) -> bytes:
        """Return what is painted of a frame, both JPEG. Raises what `check` does, and where it went wrong."""
        self.check(session)
        child = self._child
        if child is None:
            raise Refused(404, GONE)
        self._wait_idle()
        self._frame = frame = asyncio.get_running_loop().create_future()
        child.send({"do": "frame", "data": b64encode(data).decode()})
        try:
            return await asyncio.wait_for(frame, self._answer_s)
        except TimeoutError:
            child.kill()
            raise Refused(503, f"a frame took more than {self._answer_s:.0f} s; choose a smaller size") from None
        finally:
            if self._frame is frame:
                self._frame = None

    async def end(self, session: str) -> None:
        """End a session, and the process with it."""
        if session == self._session:
            await self.close()

    async def close(self) -> None:
        """End the process."""
        self._session = None
        if self._idle is not None:
            self._idle.cancel()
        self._end_frame(Refused(404, GONE))
        if self._child is not None:
            self._child.kill()
            await self._child.close()
            self._child = None

    def _wait_idle(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(max(IDLE_S, 2 * self._answer_s), self._tire)

    def _tire(self) -> None:
        self._session = None
        if self._child is not None:
            self._child.kill()

    def _receive(self, message: dict[str, Any]) -> None:
        if message["session"] != self._session:
            return  # of a camera before
        if message["event"] == "failed":
            self._session = None
            self._end_frame(Refused(422, message["error"]))
        elif self._frame is not None and not self._frame.done():
            self._frame.set_result(b64decode(message["data"]))

    def _ended(self, child: Child, code: int) -> None:
        if child is self._child:
            self._child = self._session = None
            self._end_frame(Refused(503, f"painting from the camera ended ({ending(code)}); start the camera again"))

    def _end_frame(self, why: Refused) -> None:
        if self._frame is not None and not self._frame.done():
            self._frame.set_exception(why)
