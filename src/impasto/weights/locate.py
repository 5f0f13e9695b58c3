"""Where weight files lie: impasto's own cache, and the caches that other tools left."""

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import platformdirs

from impasto.errors import ResourceError, WeightsError
from impasto.events import notice
from impasto.weights import first_use
from impasto.weights.registry import REGISTRY, WeightFile

QUARANTINE_SUFFIX = ".quarantine"
"""What is added to the name of a file that failed its check."""


def cache_folder() -> Path:
    """Return impasto's own cache: `IMPASTO_CACHE`, or the platform's place for caches. It is not created."""
    return _from_environment("IMPASTO_CACHE") or platformdirs.user_cache_path("impasto", appauthor=False)


def writable_cache_folder() -> Path:
    """Return the folder to download into: the cache, or with a notice a private folder among the temporary ones.

    Raises `ResourceError` when neither can be written.
    """
    folder = cache_folder()
    problem = _why_not_writable(folder)
    if problem is None:
        return folder
    try:
        substitute = _substitute_folder()
        with contextlib.suppress(FileExistsError):
            substitute.mkdir(mode=0o700)
        if not _is_private(substitute):
            # Somebody else owns the name that would have been ours; take one that nobody can foresee.
            substitute = Path(tempfile.mkdtemp(prefix="impasto-"))
    except OSError as error:
        raise ResourceError(
            f"{folder}: cannot be written ({problem}), nor can a temporary folder "
            f"({error.strerror or error}); set IMPASTO_CACHE to a folder that can"
        ) from None
    notice(
        f"{folder}: cannot be written ({problem}); keeping weights in {substitute}, which may not last; "
        "set IMPASTO_CACHE to a folder that will"
    )
    return substitute


def cached(entry: WeightFile) -> Path | None:
    """Find a registered file in impasto's own cache, digest verified; a damaged one is put in quarantine."""
    folders = [cache_folder()]
    with contextlib.suppress(OSError):  # there may be no temporary folder at all
        if _is_private(_substitute_folder()):
            folders.append(_substitute_folder())
    for folder in folders:
        path = folder / entry.filename
        if not _is_file(path):
            continue
        problem = _problem(entry, path, folder)
        if not problem:
            return path
        try:
            kept = quarantine(path)
        except OSError:
            notice(f"{path}: {problem}; ignored")
        else:
            notice(f"{path}: {problem}; moved to {kept.name} and ignored")
    return None


def find(network: str = "vgg19") -> Path | None:
    """Find weights of vgg16 or vgg19 that are on this machine already, without the internet.

    Looks at `IMPASTO_VGG16` or `IMPASTO_VGG19` (taken as it is), then impasto's own cache, torch hub's and Keras's,
    whose files count only with the right digest. Raises `WeightsError` when the variable names no file.
    """
    variable = f"IMPASTO_{network.upper()}"
    explicit = _from_environment(variable)
    if explicit is not None:
        if not _is_file(explicit):
            raise WeightsError(f"{variable}: {explicit} is not a file; correct or unset the variable")
        return explicit
    oxford, torchvision = REGISTRY[network], REGISTRY[f"{network}-torchvision"]
    for entry in (oxford, torchvision):
        path = cached(entry)
        if path is not None:
            return path
    foreign = ((torchvision, _torch_hub_folders()), (oxford, _keras_folders()))
    for entry, folders in foreign:
        for folder in folders:
            path = folder / entry.filename
            if not _is_file(path):
                continue
            problem = _problem(entry, path, cache_folder())
            if not problem:
                return path
            # Keras writes straight to the final name: a cut download looks whole. It is not ours to move.
            notice(f"{path}: {problem}; ignored")
    return None


def quarantine(path: Path, final: Path | None = None) -> Path:
    """Move a file that failed its check to where nothing loads it, replacing an earlier one there.

    `final` is the name that the file would have had. Raises `OSError`.
    """
    final = final or path
    target = final.with_name(final.name + QUARANTINE_SUFFIX)
    path.replace(target)
    return target


def _from_environment(variable: str) -> Path | None:
    value = os.environ.get(variable, "").strip()
    if not value:
        return None
    with contextlib.suppress(RuntimeError):  # no home folder is known
        return Path(value).expanduser()
    return Path(value)


def _torch_hub_folders() -> Iterator[Path]:
    home = _from_environment("TORCH_HOME")
    if home is None:
        base = _from_environment("XDG_CACHE_HOME")
        home = base / "torch" if base is not None else _under_home(".cache/torch")
    if home is not None:
        yield home / "hub" / "checkpoints"


def _keras_folders() -> Iterator[Path]:
    home = _from_environment("KERAS_HOME") or _under_home(".keras")
    if home is not None:
        yield home / "models"


def _under_home(relative: str) -> Path | None:
    try:
        return Path.home() / relative
    except RuntimeError:
        return None


def _problem(entry: WeightFile, path: Path, folder: Path) -> str:
    """Return what is wrong with a file, nothing if it is the published one; `folder` remembers which that was."""
    try:
        sha256 = entry.verified(path)
    except (WeightsError, OSError):  # unreadable is as useless as wrong
        sha256 = None
    if sha256 is None:
        return f"is incomplete, unreadable or not the published file ({entry.digest})"
    if not first_use.agrees(entry, folder, sha256):
        return (
            f"passes its publisher's check ({entry.digest}), but is not the file that passed it first; if it is the "
            f"right one, remove {first_use.record_of(entry, folder)}"
        )
    return ""


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a folder that may not be searched; a NUL in a variable
        return False


def _why_not_writable(folder: Path) -> str | None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, probe = tempfile.mkstemp(prefix=".probe-", dir=folder)
        os.close(handle)
        Path(probe).unlink()
    except OSError as error:
        return error.strerror or str(error)
    return None


def _substitute_folder() -> Path:
    owner = os.getuid() if hasattr(os, "getuid") else "user"
    return Path(tempfile.gettempdir()) / f"impasto-{owner}"


def _is_private(folder: Path) -> bool:
    """Return whether a folder among the temporary ones, where anybody may make names, is ours and only ours."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    if not stat.S_ISDIR(status.st_mode):
        return False
    if not hasattr(os, "getuid"):  # Windows gives each user a temporary folder
        return True
    return status.st_uid == os.getuid() and not status.st_mode & 0o022
