"""What the words of `impasto batch` stand for: photographs, paintings, lists of jobs, and files by a naming rule."""

import csv
import glob
import io
import json
import os
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impasto.cli.style_list import expand
from impasto.errors import InputError, UsageError
from impasto.events import notice
from impasto.files import PICTURE_SUFFIXES, within
from impasto.recipe.spelling import mapping_of
from impasto.shards import Member, is_archive, listing, sibling

MOST = 10_000_000
"""Pictures that a pattern or a folder may stand for: beyond that it is a mistake, such as the root of a disk."""
LONGEST = 2**28
"""Bytes of a list of jobs that is read: some million jobs."""


@dataclass(frozen=True)
class Photograph:
    """One photograph, a file or within one, and the folder below the one it was looked for in."""

    path: str | Member
    below: str = ""
    """Relative, with / between its parts."""


def photographs(names: Sequence[str], *, tree: bool) -> list[Photograph]:
    """Return the photographs that files, folders and patterns stand for; with `tree` those of folders in folders.

    Those in tar and parquet files are among them; with `tree`, below a folder of the file's name.

    Raises `UsageError` where a pattern matches nothing, `InputError` where a folder has no picture.
    """
    listed: list[Photograph] = []
    for name in names:
        if name == "-":
            raise UsageError("a batch reads its photographs from files; name them, or a folder")
        root = _root(name)
        if tree and Path(name).is_dir():
            inside = list(_walk(Path(name)))
            if not inside:
                raise InputError(f"{name}: is a folder without pictures, and so are those in it; name another")
            listed += inside
            continue
        for path in _expanded(name):
            below = Path(os.path.relpath(Path(path).parent, root)).as_posix() if tree and root is not None else "."
            listed += _inside(path, "" if below == "." or below.startswith("..") else below, tree=tree)
    return listed


def _expanded(name: str) -> list[str]:
    """Return the files that a name stands for: of a folder of shards, these."""
    if Path(name).is_dir():
        paths = [path for path in sorted(Path(name).iterdir()) if not path.name.startswith(".")]
        shards = [str(path) for path in paths if is_archive(path)]
        if shards and not any(path.suffix.lower() in PICTURE_SUFFIXES for path in paths):
            return shards
    return expand([name], "CONTENT", largest=MOST, recursive=True)


def _inside(path: str, below: str, *, tree: bool) -> Iterator[Photograph]:
    """Yield the photograph that a file is, or those that are in it."""
    if not is_archive(path):
        yield Photograph(path, below)
        return
    for member in listing(path):
        folders = [below, Path(path).stem, posixpath.dirname(member.name)] if tree else []
        yield Photograph(member, posixpath.join("", *filter(None, folders)))


def _root(name: str) -> Path | None:
    """Return the folder that a pattern is looked for in; None of what is no pattern."""
    if not glob.has_magic(name) or os.path.lexists(name):
        return None
    parts: list[str] = []
    for part in Path(name).parts[:-1]:
        if glob.has_magic(part):
            break
        parts.append(part)
    return Path(*parts)


def _walk(folder: Path) -> Iterator[Photograph]:
    """Yield the pictures of a folder and of those in it, but no hidden ones, and none that a link leads out to."""
    leading_out = 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        below = Path(os.path.relpath(place, folder)).as_posix()
        for name in sorted(names):
            path = Path(place, name)
            picture = path.suffix.lower() in PICTURE_SUFFIXES or is_archive(path)
            if name.startswith(".") or not picture or not path.is_file():
                continue
            if within(path, folder):
                yield from _inside(str(path), "" if below == "." else below, tree=True)
            else:
                leading_out += 1
    if leading_out:
        notice(f"{folder}: left out {leading_out} links that lead out of the folder")


def read_list(name: str) -> list[dict[str, Any]]:
    """Read a list of jobs: a JSON object a line, or CSV with the keys above.

    Names of files are relative to the list's folder. Raises `InputError` for what is no such list.
    """
    path = Path(name)
    try:
        if path.stat().st_size > LONGEST:
            raise InputError(f"{name}: is too long for a list of jobs; divide it")
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror or error}); check the name") from None
    except UnicodeDecodeError:
        raise InputError(f"{name}: is no text in UTF-8; save it as such") from None
    rows = _of_csv(text, name) if path.suffix.lower() == ".csv" else _of_json(text, name)
    if not rows:
        raise InputError(f'{name}: lists no jobs; one line for each, such as {{"content": "photo.jpg"}}')
    return [_in_folder(row, path.parent) for row in rows]


def _of_csv(text: str, name: str) -> list[dict[str, Any]]:
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        rows = list(reader)
    except csv.Error as error:
        raise InputError(f"{name}: is no proper CSV ({error})") from None
    try:
        # A spreadsheet leaves empty columns behind, of no name.
        mapping_of((key.strip(), None) for key in reader.fieldnames or () if key.strip())
    except ValueError as error:
        raise InputError(f"{name}: a column {error}") from None
    for number, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise InputError(f"{name}: row {number} has not as many cells as the first row has keys")
    return [{key.strip(): value for key, value in row.items() if value} for row in rows]


def _of_json(text: str, name: str) -> list[dict[str, Any]]:
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, object_pairs_hook=mapping_of)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{name}: line {number} is no proper JSON ({error})") from None
        if not isinstance(row, dict):
            raise InputError(f"{name}: line {number} is no JSON object; give one with content, style and settings")
        rows.append(row)
    return rows


def _in_folder(row: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    placed = dict(row)
    for key in ("content", "style", "content_mask", "style_mask", "landmarks", "style_landmarks"):
        value = placed.get(key)
        if isinstance(value, str):
            value = [value] if key in ("style", "style_mask") else value
        elif value is not None and not (isinstance(value, list) and all(isinstance(one, str) for one in value)):
            raise UsageError(f"key '{key}' of a job names files, and not {json.dumps(value)[:40]}")
        if isinstance(value, list):
            placed[key] = [str(folder / one) for one in value]
        elif value is not None:
            placed[key] = str(folder / value)
    for key in ("encoder", "init", "network"):
        value = placed.get(key)
        # Names of what ships are no files.
        if isinstance(value, str) and (folder / value).exists():
            placed[key] = str(folder / value)
    return placed


@dataclass
class Rule:
    """Files that belong to pictures by their names: `{content}_mask.png` beside the photograph, or elsewhere.

    `{content}` or `{style}` stands for the picture's name without suffix. A picture whose file is not there goes
    without; `check` raises `UsageError` where all do.
    """

    option: str
    pattern: str
    field: str
    seen: int = 0
    missing: int = 0

    def __post_init__(self) -> None:
        if f"{{{self.field}}}" not in self.pattern:
            raise UsageError(
                f"{self.option} {self.pattern}: has no {{{self.field}}} in it, which stands for the picture's name, as "
                f"in {{{self.field}}}_mask.png"
            )

    def find(self, picture: str | Member) -> str | Member | None:
        """Return the file that belongs to a picture, of one in a tar within that; None where there is none."""
        found = self.look(picture)
        self.seen, self.missing = self.seen + (found is not None), self.missing + (found is None)
        return found

    def look(self, picture: str | Member) -> str | Member | None:
        """Return what `find` does, uncounted."""
        name = picture.name if isinstance(picture, Member) else picture
        called = self.pattern.replace(f"{{{self.field}}}", Path(name).stem)
        if isinstance(picture, Member):
            return sibling(picture, called)
        path = Path(picture).parent / called
        return str(path) if path.is_file() else None

    def check(self) -> None:
        """Raise `UsageError` where no picture has its file, and say how many have none."""
        if self.missing and not self.seen:
            raise UsageError(f"{self.option} {self.pattern}: none of the files is there; check the pattern")
        if self.missing:
            notice(f"{self.option} {self.pattern}: {self.missing} pictures have none, and are painted without")
