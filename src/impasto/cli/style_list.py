"""The pictures that a list of names stands for: files, folders of pictures, and patterns such as `paintings/*.jpg`."""

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from impasto.errors import InputError, UsageError
from impasto.events import notice
from impasto.files import PICTURE_SUFFIXES, within

LARGEST = 64
"""Pictures that one folder or pattern may stand for: a recipe weighs as many styles, and no more."""


def expand(
    names: Sequence[str], option: str = "--style", *, largest: int = LARGEST, recursive: bool = False
) -> list[str]:
    """Return the files that `names` stand for, in their order; those of a folder or a pattern by their names.

    A name that is a file, or `-`, stands for itself, whatever signs are in it. Of a folder, its own pictures count: not
    those of folders in it, no hidden files, and no link that leads out of it.

    With `recursive`, `**` in a pattern stands for any folders in folders.

    Raises `UsageError` where a pattern matches no file, or one name stands for too many, and `InputError` where a
    folder holds no picture.
    """
    listed: list[str] = []
    for name in names:
        listed += _one(name, option, largest, recursive=recursive)
    return listed


def _one(name: str, option: str, largest: int, *, recursive: bool) -> list[str]:
    try:
        if name in ("", "-") or "\0" in name or Path(name).is_file():
            return [name]
        folder = Path(name).is_dir()
    except OSError:  # too long a name, for example, which whoever opens it refuses
        return [name]
    if folder:
        pictures = _in_folder(name)
        if not pictures:
            raise InputError(f"{name}: is a folder without pictures ({', '.join(PICTURE_SUFFIXES)}); name another")
    elif glob.has_magic(name) and not os.path.lexists(name):
        matches = glob.glob(name, recursive=recursive)  # noqa: PTH207 (it may be absolute)
        pictures = sorted(path for path in matches if Path(path).is_file())
        if not pictures:
            raise UsageError(f"{option} {name}: matches no file; check the pattern")
    else:
        return [name]
    if len(pictures) > largest:
        raise UsageError(f"{option} {name}: stands for {len(pictures)} pictures; name {largest} at most")
    return pictures


def _in_folder(name: str) -> list[str]:
    folder = Path(name)
    pictures, leading_out = [], 0
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror or error}); check its permissions") from None
    for path in entries:
        if path.name.startswith(".") or path.suffix.lower() not in PICTURE_SUFFIXES or not path.is_file():
            continue
        if within(path, folder):
            pictures.append(os.fspath(path))
        else:
            leading_out += 1
    if leading_out:
        notice(f"{name}: left out {leading_out} links that lead out of the folder")
    return pictures
