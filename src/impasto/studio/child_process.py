"""Lines of JSON between the studio and its processes: both ends.

A child reads orders from standard input and writes events to what was its standard output. It ends when the input
does: a child never outlives the studio, however that came to its end.
"""

import asyncio
import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

from impasto import allocator, threads

logger = logging.getLogger("impasto.studio")
MAX_LINE = 16 << 20
"""Bytes of a message at most: a job with all its masks and settings takes some kilobytes."""
NICE = 10
"""Children give way to the server, and to the person at the machine."""


class Parent:
    """A child's end. Made once, first thing in the child."""

    def __init__(self, receive: Callable[[dict[str, Any]], None]) -> None:
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        # Whatever prints would speak into the channel.
        os.dup2(2, 1)
        self._lock = threading.Lock()
        self._receive = receive

    def listen(self) -> None:
        """Hand on orders from a thread, from now on."""
        threading.Thread(target=self._listen, daemon=True, name="orders").start()

    def say(self, **message: Any) -> None:
        """Tell the studio something."""
        with self._lock:
            try:
                self._out.write(json.dumps(message) + "\n")
                self._out.flush()
            except OSError:
                os._exit(0)

    def _listen(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in sys.stdin.buffer:
                self._receive(json.loads(line))
        # Nobody is left who wants the work; checkpoints are on the disk.
        os._exit(0)


def give_way() -> None:
    """Lower the priority of this process, so that all others go first."""
    with contextlib.suppress(OSError, AttributeError):
        os.nice(NICE)


class Child:
    """The studio's end of a process that runs `module`."""

    def __init__(self, module: str, receive: Callable[[dict[str, Any]], None], ended: Callable[[int], None]) -> None:
        self._module = module
        self._receive = receive
        self._ended = ended
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    @property
    def alive(self) -> bool:
        """Whether there is a process to send to."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        """Number of the process."""
        return None if self._process is None else self._process.pid

    async def start(self, *arguments: str) -> None:
        """Start the process."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            self._module,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=MAX_LINE,
            env={**os.environ, **threads.environment(os.environ), **allocator.environment(os.environ)},
            # Ctrl-C is for the studio, which then tells its children. Windows has groups in place of sessions.
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        self._reader = asyncio.create_task(self._read(self._process))

    def send(self, message: Mapping[str, Any]) -> None:
        """Send an order; one to a process that is gone is lost, and `ended` is called."""
        if self._process is not None and self._process.stdin is not None and self.alive:
            with contextlib.suppress(OSError, RuntimeError):
                self._process.stdin.write(json.dumps(message).encode() + b"\n")

    def kill(self) -> None:
        """End the process now."""
        if self._process is not None and self.alive:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def close(self, grace_s: float = 0.0) -> None:
        """Let the process end by itself for a while, then end it."""
        if self._process is None:
            return
        if self._process.stdin is not None:
            with contextlib.suppress(OSError, RuntimeError):
                self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), grace_s)
        except TimeoutError:
            self.kill()
        if self._reader is not None:
            await self._reader

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        events = process.stdout
        if events is None:
            return
        while line := await events.readline():
            try:
                self._receive(json.loads(line))
            except Exception:  # one event that goes wrong should not end all others
                logger.exception("an event of %s", self._module)
        self._ended(await process.wait())
