"""What a studio may do, and where: limits, folders and addresses, once; and how it says no."""

import ipaddress
import os
import re
from dataclasses import dataclass
from pathlib import Path

from impasto.errors import OutputError, UsageError

LOOPBACK_NAMES = ("localhost",)
MIN_TOKEN = 16
"""Characters: shorter ones are guessed."""


class Refused(Exception):
    """A request that is refused: an HTTP status, and one line that a person can act on."""

    def __init__(self, status: int, message: str, *, close: bool = False) -> None:
        # What is quoted may hold half of a pair of surrogates, which JSON can carry and UTF-8 cannot.
        super().__init__(" ".join(message.encode("utf-8", "replace").decode().split()))
        self.status = status
        self.close = close
        """The rest of the request is not worth reading: the connection ends with the answer."""


@dataclass(frozen=True)
class Settings:
    """One studio. Times are in seconds, sizes in bytes unless they say pixels."""

    data: Path
    host: str = "127.0.0.1"
    port: int = 8765
    listen: bool = False
    """Other machines may connect."""
    token: str | None = None
    threads: int | None = None
    """Of the process that paints; None: as torch chooses."""

    upload_bytes: int = 64 << 20
    upload_pixels: int = 100_000_000
    clip_bytes: int = 512 << 20
    uploads: int = 24
    """Pictures and clips that may arrive at once."""
    upload_idle_s: float = 10.0
    """How long an upload may say nothing."""
    upload_rate: int = 8192
    """Bytes a second that an upload keeps, after `upload_idle_s`."""
    json_bytes: int = 1 << 20
    folder_bytes: int = 50 << 30
    """What the data folder may have."""
    streams: int = 256
    """Event streams that may be open at once."""
    jobs: int = 500
    """Paintings that may wait at once."""
    heartbeat_s: float = 10.0
    answer_s: float = 60.0
    """How long a picture may take to be decoded, or an estimate to be made."""
    checkpoint_s: float = 5.0
    """How much work a killed process may lose."""
    room_s: float = 5.0
    """How often a painting that could not be saved looks whether the disk has room."""
    cancel_s: float = 2.0
    """How long a painting has to end by itself once it is cancelled."""

    def check(self) -> "Settings":
        """Return these settings; raise `UsageError` for those that would let strangers in, or cannot be."""
        if not 0 <= self.port <= 65535:
            raise UsageError(f"--port {self.port}: is no port; give 1 to 65535")
        if self.token is not None and len(self.token) < MIN_TOKEN:
            raise UsageError(f"--token: has fewer than {MIN_TOKEN} characters; give a longer one, or --token auto")
        if self.token is not None and not re.fullmatch(r"[A-Za-z0-9._~-]+", self.token):
            raise UsageError("--token: give letters, digits, and the signs . _ ~ - alone, or --token auto")
        if not self.listen and not is_loopback(self.host):
            raise UsageError(
                f"--host {self.host}: other machines could connect; add --listen --token auto to let those in who "
                "know the token, or leave --host out"
            )
        if self.listen and self.token is None:
            raise UsageError("--listen lets other machines connect, so it needs a token; add --token auto")
        return self

    def make_folders(self) -> None:
        """Make the data folder, for its owner alone. Raises `OutputError` when that cannot be."""
        try:
            self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
            for name in ("pictures", "jobs", "incoming"):
                (self.data / name).mkdir(exist_ok=True, mode=0o700)
            if os.name == "posix" and self.data.stat().st_uid == os.getuid():
                self.data.chmod(0o700)
        except OSError as error:
            raise OutputError(
                f"{self.data}: cannot hold the studio's pictures ({error.strerror or error}); name another folder "
                "with --data"
            ) from None


def is_loopback(host: str) -> bool:
    """Return whether only this machine can connect to `host`."""
    if host.lower() in LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
