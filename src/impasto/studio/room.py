"""How much room the studio takes and has: its folder against its limit, and the disk that it is on."""

import contextlib
import math
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impasto.studio.settings import Refused, Settings

NEEDED = 64 << 20
"""Bytes of the disk that stay free: a painting of 4096 x 4096 pixels is saved in about so many."""
LOW = 1 << 30
"""Bytes that are left of the disk, or of the folder's limit, below which the page warns."""
AGAIN_S = 5.0
"""Seconds for which the folder's size is believed: adding up thousands of files takes a while."""

_sizes: dict[Path, tuple[float, int]] = {}


@dataclass(frozen=True)
class Room:
    """Bytes: what the folder has, may have, and the disk has left."""

    used: int
    limit: int
    free: int

    def described(self) -> dict[str, Any]:
        """Return it as the page reads it, with a line where room is short."""
        return {"bytes": self.used, "limit_bytes": self.limit, "free_bytes": self.free, "warning": self.warning()}

    def warning(self) -> str | None:
        """Say in one line that room is short; None where it is not."""
        if self.free < LOW:
            return f"The disk has {_readable(self.free)} left. Delete pictures or paintings that you do not need."
        if self.limit - self.used < min(LOW, self.limit // 10):
            return (
                f"The studio's folder has {_readable(self.used)} of the {_readable(self.limit)} that it may have. "
                "Delete pictures or paintings that you do not need."
            )
        return None

    def check(self) -> None:
        """Raise `Refused` where nothing more has room."""
        if self.free < NEEDED:
            raise Refused(507, f"the disk is full ({_readable(self.free)} left); delete what is not needed", close=True)
        if self.used >= self.limit:
            raise Refused(
                507,
                f"the studio's folder has the {_readable(self.limit)} that it may have; delete pictures or paintings",
                close=True,
            )


def measure(settings: Settings) -> Room:
    """Measure the room of a studio."""
    return Room(_size(settings.data), settings.folder_bytes, free(settings.data))


def free(folder: Path) -> int:
    """Return the bytes that the disk of a folder has left for its owner."""
    return shutil.disk_usage(folder).free


def _size(folder: Path) -> int:
    now = time.monotonic()
    when, size = _sizes.get(folder, (-math.inf, 0))
    if now - when >= AGAIN_S:
        # A file with two names takes its room once.
        seen: dict[tuple[int, int], int] = {}
        for path in folder.rglob("*"):
            with contextlib.suppress(OSError):  # it went in the meantime
                status = path.stat()
                seen[status.st_dev, status.st_ino] = status.st_size
        size = sum(seen.values())
        _sizes[folder] = (now, size)
    return size


def _readable(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
