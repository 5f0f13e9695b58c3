"""`Studio`: everything that one server holds, put together."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from impasto._version import __version__
from impasto.errors import UsageError
from impasto.recipe.catalogue import ENCODERS
from impasto.studio import folders, room
from impasto.studio.form import describe
from impasto.studio.inspector_client import InspectorClient, InspectorPool
from impasto.studio.library import Library
from impasto.studio.live_client import LiveClient
from impasto.studio.queue import Queue
from impasto.studio.room import Room
from impasto.studio.scheduler import Scheduler
from impasto.studio.settings import Refused, Settings
from impasto.studio.store import open_database
from impasto.studio.streams import Streams
from impasto.studio.uploads import UploadReceiver


class Studio:
    """One data folder and the processes that work on it. `running` starts and ends them.

    Raises `UsageError` where another studio has the folder, `InputError` where its database is damaged.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings.check()
        settings.make_folders()
        self._lock = FileLock(settings.data / "studio.lock")
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise UsageError(
                f"{settings.data}: another studio works in this folder; use that one, or name another with --data"
            ) from None
        try:
            self.database: sqlite3.Connection = open_database(settings.data / "studio.sqlite")
        except BaseException:
            self._lock.release()
            raise
        for left in (settings.data / "incoming").iterdir():
            left.unlink()
        self.queue = Queue(self.database)
        self.library = Library(self.database, settings.data / "pictures")
        self.streams = Streams(settings.streams, settings.heartbeat_s)
        self.scheduler = Scheduler(settings, self.queue, self.library, self.streams)
        self.uploads = UploadReceiver(settings)
        self.pictures = InspectorPool(settings.answer_s)
        """Looks at pictures, which is quick but for very large ones, beside which others are looked at."""
        self.advice = InspectorClient(settings.answer_s, waiting=8, threads=settings.threads)
        """Finds regions and estimates, which is not; with as many threads as paint, as an estimate is of those."""
        self.live = LiveClient(settings.answer_s, threads=settings.threads)
        self.form = describe()
        self._about: dict[str, Any] | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Paint and answer within the block."""
        painting = asyncio.create_task(self.scheduler.run())
        try:
            yield
        finally:
            self.streams.close()
            await self.scheduler.close()
            painting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await painting
            await self.pictures.close()
            await self.advice.close()
            await self.live.close()

    def close(self) -> None:
        """Close the database and release the folder."""
        self.database.close()
        self._lock.release()

    async def about(self) -> dict[str, Any]:
        """Describe the studio and the machine."""
        if self._about is None:
            machine = await self.pictures.ask("about")
            self._about = {key: machine[key] for key in ("device", "cores", "memory_bytes")}
        limits = {"upload_bytes": self.settings.upload_bytes, "pixels": self.settings.upload_pixels}
        more = {
            "limits": limits,
            "folder": (await self.room()).described(),
            "encoders": list(ENCODERS),
            "token_needed": self.settings.token is not None,
        }
        return {"version": __version__, **self._about, **more}

    async def room(self) -> Room:
        """Measure the folder and the disk."""
        return await asyncio.to_thread(room.measure, self.settings)

    async def shown(self, picture: str, size: int) -> Path:
        """Return the file of a picture as it is shown, making it the first time."""
        path = self.library.view(picture, size)
        if not path.exists():
            source = self.library.source(picture)
            pixels = self.settings.upload_pixels
            await self.pictures.ask("shown", path=source["path"], out=str(path), size=size, pixels=pixels)
        return path

    async def result(self, job: str, kind: str, size: int | None) -> Path:
        """Return the file of a painting, as it was saved or in another format or size.

        Raises `Refused` where there is none.
        """
        folder = self.scheduler.folder(job)
        saved = folder / folders.RESULT
        if not saved.exists():
            raise Refused(404, "there is no picture of it yet")
        if kind == "png" and size is None:
            return saved
        path = folder / f"result{'' if size is None else f'-{size}'}.{'jpg' if kind == 'jpeg' else kind}"
        if not path.exists() or path.stat().st_mtime < saved.stat().st_mtime:
            pixels = 2**31
            await self.pictures.ask("converted", path=str(saved), out=str(path), size=size, pixels=pixels)
        return path
