"""Verified, resumable download: several mirrors, one downloader at a time, never a wrong file in place."""

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import filelock

from impasto.errors import ResourceError, UsageError, WeightsError
from impasto.events import notice
from impasto.weights import first_use
from impasto.weights.locate import cache_folder, cached, quarantine, writable_cache_folder
from impasto.weights.registry import WeightFile, lookup
from impasto.weights.sniff import HEAD_BYTES, container_of
from impasto.weights.transfer import Interrupted, MirrorError, Progress, Unreachable, forget_etag, receive


@dataclass(frozen=True)
class Patience:
    """How long to put up with a network."""

    attempts: int = 5
    """Tries in a row at one mirror that bring next to nothing."""
    backoff_s: float = 1.0
    """Pause before the second try; it doubles with each."""
    timeout_s: float = 30.0
    """Longest silence of a connection."""
    worthwhile_bytes: int = 1 << 20
    """A try that brought this many new bytes does not count as a failure."""


def fetch(
    name: str = "vgg19",
    *,
    progress: Progress | None = None,
    mirrors: Sequence[str] | None = None,
    patience: Patience | None = None,
) -> Path:
    """Download a registered weight file into the cache, or find it there; return its path.

    `mirrors` replaces the registered addresses (http and https only). An unfinished download stays as `.part`
    and is gone on with the next time. Raises `UsageError` for an unknown name or mirror, `WeightsError` when
    no mirror delivers the right bytes, `ResourceError` when they cannot be stored.
    """
    entry = lookup(name)
    urls = tuple(mirrors) if mirrors is not None else entry.urls
    for url in urls:
        if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
            raise UsageError(f"mirror {url!r}: not an http or https address")
    # Looked at before any folder is made or probed: a filled read-only cache is fine.
    path = cached(entry)
    if path is not None:
        return path
    final = writable_cache_folder() / entry.filename
    with _sole_downloader(final):
        path = cached(entry)  # another process may have brought it meanwhile
        if path is not None:
            return path
        reasons: list[str] = []
        for url in urls:
            try:
                _fetch_from(url, entry, final, patience or Patience(), progress)
            except MirrorError as error:
                reasons.append(f"{urlsplit(url).hostname}: {error}")
            else:
                return final
    raise missing_error(name, "; ".join(reasons) or "no mirror is known", final)


def missing_error(name: str = "vgg19", reason: str = "", expected: Path | None = None) -> WeightsError:
    """Build the error for absent weights: which file belongs where, with which digest, and what to do."""
    entry = lookup(name)
    final = expected or cache_folder() / entry.filename
    why = f"could not be downloaded ({reason})" if reason else "not on this machine"
    return WeightsError(
        f"{name}: {why}; put {entry.filename} ({entry.size_bytes} bytes, {entry.digest}, "
        f"which {entry.strength}) at {final}, "
        f"or run `impasto weights fetch {name}` when online; --encoder petite needs no download"
    )


def _fetch_from(url: str, entry: WeightFile, final: Path, patience: Patience, progress: Progress | None) -> None:
    """Bring `final` from one mirror, verified. Raises `MirrorError`, `ResourceError`."""
    part = final.with_name(final.name + ".part")
    _discard_foreign(part, entry)
    # Bytes left by an earlier run or another mirror may be wrong: then this mirror gets a fresh start.
    inherited = _size(part) > 0
    while True:
        _receive_patiently(url, part, entry, patience, progress)
        sha256 = entry.verified(part)
        if sha256 is not None and first_use.agrees(entry, final.parent, sha256):
            _put_in_place(part, final)
            return
        forget_etag(part)
        try:
            quarantine(part, final)
        except OSError as error:
            raise ResourceError(f"{part}: wrong bytes that cannot be moved away ({error.strerror})") from None
        if not inherited:
            what = entry.digest if sha256 is None else f"the one whose sha256 stands in {final.name}{first_use.SUFFIX}"
            raise MirrorError(f"sent a file that is not {what}, kept as {final.name}.quarantine")
        inherited = False


def _receive_patiently(url: str, part: Path, entry: WeightFile, patience: Patience, progress: Progress | None) -> None:
    failures, most, answered = 0, _size(part), False
    while _size(part) < entry.size_bytes:
        try:
            receive(url, part, entry.size_bytes, timeout_s=patience.timeout_s, progress=progress)
        except (Interrupted, Unreachable) as error:
            # A mirror that never answered is given up at once, so that being offline is told within seconds.
            if isinstance(error, Unreachable) and not answered:
                raise
            answered = True
            _discard_foreign(part, entry)
            gained = _size(part) - most
            most = max(most, _size(part))
            failures = 0 if gained >= patience.worthwhile_bytes else failures + 1
            if failures >= patience.attempts:
                raise MirrorError(f"{error}, after {failures} tries") from None
            time.sleep(patience.backoff_s * 2 ** max(failures - 1, 0))


def _put_in_place(part: Path, final: Path) -> None:
    try:
        with part.open("rb+") as stream:
            os.fsync(stream.fileno())
        part.replace(final)
    except OSError as error:
        raise ResourceError(f"{final}: cannot be written ({error.strerror or error})") from None
    forget_etag(part)


def _discard_foreign(part: Path, entry: WeightFile) -> None:
    """Remove a partial file that does not begin like the wanted one, such as an error page."""
    with contextlib.suppress(OSError):
        with part.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
        if len(head) < HEAD_BYTES or container_of(head) not in entry.containers:
            part.unlink()
            forget_etag(part)


def _size(part: Path) -> int:
    try:
        return part.stat().st_size
    except OSError:
        return 0


@contextlib.contextmanager
def _sole_downloader(final: Path) -> Iterator[None]:
    """Hold the lock on one file; the system frees it when its holder dies."""
    lock = filelock.FileLock(final.with_name(final.name + ".lock"))
    try:
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            notice(f"{final.name}: another impasto is downloading it; waiting")
            lock.acquire(poll_interval=0.1)
    except (OSError, NotImplementedError) as error:
        # Some network file systems cannot lock. Without it two downloads may spoil each other's .part, which
        # the digest finds; refusing to download at all would be worse.
        notice(f"{final.name}: cannot be locked here ({error}); do not download it twice at once")
    try:
        yield
    finally:
        lock.release()
