"""Getting the pictures of a set, each verified by its published digest before it is put in place."""

from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from impasto.datasets.catalogue import DataSet, Entry, lookup
from impasto.datasets.collection import cache_folder, how_to_get, md5
from impasto.errors import InputError, ResourceError, UsageError
from impasto.weights.transfer import Interrupted, MirrorError, forget_etag, receive

TRIES = 3
"""Times that one picture is asked for at one address, half a megabyte each."""
TIMEOUT_S = 30.0
"""Longest silence of a connection, seconds."""


def fetch(name: str, *, mirrors: Sequence[str] = (), progress: Callable[[Entry, int, int], None] | None = None) -> Path:
    """Download what is missing of a set into the cache, and return the folder.

    `mirrors`, each with `{file}` for the name of a picture, are asked before the addresses that are known. `progress`
    gets each picture with its number and how many there are. What was fetched stays when a later picture fails, so that
    the next call goes on. Raises `UsageError` for an unknown set, a mirror that is none and a set without digests,
    `InputError` where no mirror has the right bytes, `ResourceError` where they cannot be kept.
    """
    dataset = lookup(name)
    for mirror in mirrors:
        if urlsplit(mirror).scheme not in ("http", "https") or not urlsplit(mirror).hostname or "{file}" not in mirror:
            raise UsageError(f"mirror {mirror!r}: give a web address with {{file}} in it, for the name of a picture")
    wanted = [entry for entry in dataset.entries if entry.md5]
    if not wanted:
        raise UsageError(f"{name}: has no published digests, so nothing is downloaded; {how_to_get(dataset)}")
    folder = cache_folder(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResourceError(
            f"{folder}: cannot be made ({error.strerror or error}); set IMPASTO_CACHE to a folder that can be written"
        ) from None
    for number, entry in enumerate(wanted, 1):
        if progress is not None:
            progress(entry, number, len(wanted))
        path = folder / entry.file
        if md5(path) != entry.md5:
            _fetch_one(dataset, entry, path, (*mirrors, *dataset.addresses))
    return folder


def _fetch_one(dataset: DataSet, entry: Entry, path: Path, addresses: Sequence[str]) -> None:
    reasons = []
    part = path.with_name(f"{path.name}.part")
    for address in addresses:
        url = address.format(file=entry.file)
        try:
            _receive(url, entry, part)
        except MirrorError as error:
            reasons.append(f"{urlsplit(url).hostname}: {error}")
            continue
        if md5(part) == entry.md5:
            try:
                part.replace(path)
            except OSError as error:
                raise ResourceError(f"{path}: cannot be written ({error.strerror or error})") from None
            forget_etag(part)
            return
        reasons.append(f"{urlsplit(url).hostname}: sent a file that is not md5 {entry.md5}")
        part.unlink(missing_ok=True)
        forget_etag(part)
    raise InputError(
        f"{entry.file}: could not be downloaded ({'; '.join(reasons)}); put the file into {path.parent}, name a mirror "
        f"with --mirror, or name a folder or zip of {dataset.title}"
    )


def _receive(url: str, entry: Entry, part: Path) -> None:
    for left in range(TRIES - 1, -1, -1):
        try:
            receive(url, part, entry.size_bytes, timeout_s=TIMEOUT_S)
        except Interrupted as error:
            if not left:
                raise MirrorError(f"{error}, after {TRIES} tries") from None
        else:
            return
