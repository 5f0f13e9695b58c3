"""Landmarks of a face: points in a picture, from files, from Python, or found by a detector."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from impasto.errors import InputError, UsageError
from impasto.files import absence, is_web_address
from impasto.landmarks import spline

MAX_BYTES = 1 << 20
"""The most bytes of a file of landmarks: 500 points take some 20 kB."""
MAX_POINTS = 500
"""The most points of a face: the longest annotations have 478."""
MIN_SPREAD = 0.02
"""Points whose narrow extent is less than this part of the wide one lie on a line."""


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Points of one picture: `points` (n, 2), x and y in fractions of its width and height."""

    points: Tensor
    names: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        """Return what they are, whatever file or unit they came in."""
        rounded = (self.points * 1e6).round().long().tolist()
        return hashlib.sha256(json.dumps([rounded, self.names]).encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class Pair:
    """Landmarks of the photograph and of the example, point by point: (n, 2) each, in fractions."""

    content: Landmarks
    style: Landmarks

    @property
    def digests(self) -> tuple[tuple[str, str], ...]:
        """Return (role, sha256) of both."""
        return ("content landmarks", self.content.sha256), ("style landmarks", self.style.sha256)


def load(source: Any, size: tuple[int, int], what: str = "landmarks") -> Landmarks:
    """Read the landmarks of a picture of `size` (height, width).

    `source` is a file, JSON or .pts (ibug), or what JSON would hold, or `Landmarks`, or an array (n, 2) of
    pixels or fractions. JSON is a list of [x, y], or {"points": [...], "names": [...], "unit": "pixel" | "fraction"};
    where no unit is said, points that are all within 0 and 1 are fractions.

    Raises `InputError` for a file that cannot be read, `UsageError` for points that make no sense.
    """
    if isinstance(source, Landmarks):
        return source
    if isinstance(source, str | Path):
        what = ascii(Path(source).name)[1:-1]
        source = _read(Path(source), what)
    names: Any = []
    unit = None
    if isinstance(source, Mapping):
        names, unit, source = source.get("names") or [], source.get("unit"), source.get("points")
    if unit not in (None, "pixel", "fraction"):
        raise UsageError(f"{what}: unit is pixel or fraction, not {ascii(str(unit))[:40]}")
    if hasattr(source, "tolist"):
        source = source.tolist()
    _check_kinds(source, names, what)
    points = torch.tensor([[float(x), float(y)] for x, y in source], dtype=torch.float64)
    if unit == "pixel" or (unit is None and float(points.max()) > 1):
        points = points / torch.tensor([size[1], size[0]])
    for number, (x, y) in enumerate(points.tolist()):
        if not (0 <= x <= 1 and 0 <= y <= 1):
            name = names[number] if names else number + 1
            raise UsageError(
                f"{what}: point {name!a} lies outside of the picture of {size[1]}x{size[0]} px; move it in"
            )
    _check(points, what)
    return Landmarks(points, tuple(names))


def _check_kinds(source: Any, names: Any, what: str) -> None:
    """Raise `UsageError` where `source` is no list of points, or `names` are not as many words as it has."""
    if not isinstance(source, Sequence) or isinstance(source, str) or not all(map(_is_point, source)):
        raise UsageError(f"{what}: landmarks are a list of [x, y], or an object with such a list as points")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UsageError(f"{what}: names are a list of words, one for each point")
    if not 3 <= len(source) <= MAX_POINTS:
        raise UsageError(f"{what}: has {len(source)} points; a face needs 3 at least, and {MAX_POINTS} at most")
    if names and (len(names) != len(source) or len(set(names)) != len(names)):
        raise UsageError(f"{what}: give each of its {len(source)} points a name of its own, or none a name")


def pair(content: Landmarks, style: Landmarks) -> Pair:
    """Match two sets: by names where both have some, else in order. Raises `UsageError` where they do not match."""
    if content.names and style.names:
        common = [name for name in content.names if name in style.names]
        if len(common) < 3:
            raise UsageError(
                f"the landmarks of photograph and painting share {len(common)} names; they need 3 at least"
            )
        content, style = _named(content, common), _named(style, common)
        for landmarks in (content, style):
            _check(landmarks.points, "the landmarks that photograph and painting share")
    if len(content.points) != len(style.points):
        raise UsageError(
            f"there are {len(content.points)} landmarks of the photograph and {len(style.points)} of the painting; "
            "give as many of each, in one order"
        )
    return Pair(content, style)


def _check(points: Tensor, what: str) -> None:
    if spline.spread(points) < MIN_SPREAD:
        raise UsageError(f"{what}: the points lie on a line, which says nothing of a face; add points beside it")
    if len(torch.unique(points, dim=0)) < len(points):
        raise UsageError(f"{what}: two of the points are at one place; move them apart")


def _named(landmarks: Landmarks, names: list[str]) -> Landmarks:
    return Landmarks(landmarks.points[[landmarks.names.index(name) for name in names]], tuple(names))


def _is_point(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) == 2
        and all(
            isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number)
            for number in value
        )
    )


def digest(path: Path) -> str:
    """Return the sha256 of a file of landmarks. Raises `InputError` where it cannot be read."""
    return hashlib.sha256(_bytes(path, ascii(path.name)[1:-1])).hexdigest()


def _read(path: Path, name: str) -> Any:
    data = _bytes(path, name)
    try:
        text = data.decode("utf-8-sig")
        return _pts(text) if path.suffix.lower() == ".pts" else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}: is no proper file of landmarks ({error})") from None


def _bytes(path: Path, name: str) -> bytes:
    try:
        if is_web_address(str(path)):
            raise InputError(f"{name}: {absence(path)}")
        if not path.is_file():
            raise InputError(f"{name}: is not a file of landmarks; name one (JSON, or .pts)")
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror or error})") from None
    if len(data) > MAX_BYTES:
        raise InputError(f"{name}: is too large for landmarks, which have {MAX_BYTES} bytes at most")
    return data


def _pts(text: str) -> dict[str, Any]:
    """Read what ibug's annotations are written in: `n_points: 68`, then points between braces, counted from (1, 1)."""
    head, brace, rest = text.partition("{")
    body, end, _ = rest.partition("}")
    if not brace or not end or "n_points" not in head:
        raise ValueError("it has no n_points and no { ... }")
    rows = [[float(part) for part in line.split()] for line in body.splitlines() if line.strip()]
    said = head.split("n_points", 1)[1].lstrip(": \t").split()
    if not said or not said[0].isdigit() or int(said[0]) != len(rows) or any(len(row) != 2 for row in rows):
        raise ValueError("it has not as many points as it says")
    return {"unit": "pixel", "points": [[x - 0.5, y - 0.5] for x, y in rows]}
