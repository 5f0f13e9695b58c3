"""The server's side of the inspector: requests with a time limit, and a new process where one is lost."""

import asyncio
from typing import Any

from impasto.studio.child_process import Child
from impasto.studio.settings import Refused

WAITING = 64
"""Requests that may wait at once; further ones are refused, as their pages would wait for minutes."""


class InspectorClient:
    """One inspector, started with the first request. Requests are answered one after another."""

    def __init__(self, answer_s: float, waiting: int = WAITING, threads: int | None = 1) -> None:
        self._answer_s = answer_s
        self._most = waiting
        self._threads = threads
        self._turn = asyncio.Lock()
        self._queued = 0
        self._number = 0
        self._child: Child | None = None
        self._answer: asyncio.Future[dict[str, Any]] | None = None

    @property
    def pid(self) -> int | None:
        """Number of the process."""
        return None if self._child is None else self._child.pid

    @property
    def waiting(self) -> int:
        """How many requests are answered, or wait for that."""
        return self._queued

    async def ask(self, what: str, **request: Any) -> dict[str, Any]:
        """Send a request to the inspector; return its answer.

        Raises `Refused`: for what is wrong with the request, when too many wait, when it takes too long (503).
        """
        if self._queued >= self._most:
            raise Refused(429, "too much is being looked at already; try again in a moment")
        self._queued += 1
        try:
            async with self._turn:
                return await self._ask(what, request)
        finally:
            self._queued -= 1

    async def close(self) -> None:
        """End the process."""
        if self._child is not None:
            self._child.kill()
            await self._child.close()

    async def _ask(self, what: str, request: dict[str, Any]) -> dict[str, Any]:
        if self._child is None or not self._child.alive:
            child = Child("impasto.studio.inspector", self._receive, lambda code: self._ended(child, code))
            self._child = child
            await child.start(*([] if self._threads is None else [str(self._threads)]))
        self._number += 1
        self._answer = asyncio.get_running_loop().create_future()
        self._child.send({"do": what, "number": self._number, "with": request})
        try:
            reply = await asyncio.wait_for(self._answer, self._answer_s)
        except TimeoutError:
            self._child.kill()
            await self._child.close()
            raise Refused(503, f"that took more than {self._answer_s:.0f} s and was given up; try it smaller") from None
        except asyncio.CancelledError:
            # Nobody waits for the answer any more; the next one should not wait for it either.
            self._child.kill()
            raise
        finally:
            self._answer = None
        if "answer" not in reply:
            raise Refused(reply["status"], reply["error"])
        answer: dict[str, Any] = reply["answer"]
        return answer

    def _receive(self, message: dict[str, Any]) -> None:
        if self._answer is not None and not self._answer.done() and message["number"] == self._number:
            self._answer.set_result(message)

    def _ended(self, child: Child, code: int) -> None:
        # The end of one may be heard of when another is at work already.
        if child is self._child and self._answer is not None and not self._answer.done():
            error = f"looking at it ended badly ({ending(code)}); try it smaller, or another picture"
            self._answer.set_result({"error": error, "status": 422})


class InspectorPool:
    """Several inspectors, of which the least busy one is asked; those beside the first start when they are needed."""

    def __init__(self, answer_s: float, count: int = 2) -> None:
        self._clients = [InspectorClient(answer_s) for _ in range(count)]

    async def ask(self, what: str, **request: Any) -> dict[str, Any]:
        """Send a request to an inspector; return its answer. Raises what `InspectorClient.ask` does."""
        return await min(self._clients, key=lambda client: client.waiting).ask(what, **request)

    async def close(self) -> None:
        """End the processes."""
        for client in self._clients:
            await client.close()


def ending(code: int) -> str:
    """Say how a process ended."""
    return f"signal {-code}" if code < 0 else f"status {code}"
