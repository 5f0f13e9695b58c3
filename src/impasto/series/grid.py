"""What a sweep paints: axes, cells, and the name of each cell's file, settled before anything is painted."""

import hashlib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

from impasto.encoders import Encoder
from impasto.errors import UsageError
from impasto.images import Picture
from impasto.recipe import Recipe, unknown
from impasto.scene.inputs import Inputs
from impasto.series.records import Record

MOST_CELLS = 400
MOST_NAME_BYTES = 80
"""Of one value in a file's name."""

FILES = ("content", "style")
"""Axes of pictures: each cell uses one."""
KEYS = (*(key for key in Recipe.model_fields if key != "version"), *FILES, "preset")
"""What can be varied."""

State = Literal["new", "kept", "unfinished", "differs", "painted", "stopped", "failed", "external"]


@dataclass(frozen=True, eq=False)
class Job:
    """What one cell paints: the arguments of `begin_with`."""

    inputs: Inputs
    recipe: Recipe
    encoder: str | Path | Encoder | None = None
    network: str | Path | None = None

    def same(self, other: "Job") -> bool:
        """Return whether both paint the same, as far as can be told without opening files."""
        if self.recipe != other.recipe or len(self.inputs.paintings) != len(other.inputs.paintings):
            return False
        ours, theirs = (
            (job.inputs.content, *job.inputs.paintings, job.inputs.init, job.inputs.masks, job.encoder, job.network)
            for job in (self, other)
        )
        return all(map(_same, ours, theirs))


@dataclass(frozen=True, eq=False)
class Axis:
    """One key and the values it takes.

    `labels` name the values in files and on the sheet. Raises `UsageError` for an unknown key, for no values, and
    for a value that is there twice.
    """

    key: str
    values: tuple[Any, ...]
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.key not in KEYS:
            raise UsageError(unknown(self.key, dict.fromkeys(KEYS), "key to vary"))
        if not self.values:
            raise UsageError(f"{self.key}: there are no values to vary; name at least one")
        if not self.labels:
            labels = tuple(_label(self.key, value, number) for number, value in enumerate(self.values, 1))
            object.__setattr__(self, "labels", labels)
        for one, other in combinations(self.labels, 2):
            if one == other and self.key not in FILES:
                raise UsageError(f"{self.key}: '{one}' is there twice; name each value once")


@dataclass(eq=False)
class Cell:
    """One painting of a sweep, and how far it is."""

    labels: dict[str, str]
    """Of each axis, in order."""
    at: tuple[int, int]
    """(row, column)."""
    job: Job = field(repr=False)
    path: Path
    state: State = "new"
    """new, unfinished (a stopped picture is there) and differs (another picture is) wait to be painted; external
    ones are pictures from elsewhere, which are never painted."""
    note: str = ""
    """Why it differs or failed."""
    size: tuple[int, int] = (0, 0)
    """(height, width) of the result in pixels."""
    encoder: str = ""
    steps: int = 0
    work: int = 0
    """Steps times pixels, over all levels."""
    record: Record | None = None
    """Losses and seconds; None until painted, or where nobody wrote them down."""

    @property
    def title(self) -> str:
        """The cell in words: `content_weight=1e-2 tv=l1`."""
        return " ".join(f"{key}={label}" for key, label in self.labels.items())


def lay_out(axes: Sequence[Axis], make: Callable[[Mapping[str, Any]], Job], folder: Path) -> list[Cell]:
    """Return every cell, row by row: the first axis goes along the columns, the second down the rows.

    `make` turns {key: value} into what to paint, and raises what is wrong with the values. Raises `UsageError` for
    other than one or two axes, too many cells, two values that mean the same, and two cells of one file.
    """
    if not 1 <= len(axes) <= 2:
        raise UsageError(f"{len(axes)} things are varied; a sheet has room for one or two")
    if len({axis.key for axis in axes}) < len(axes):
        raise UsageError(f"{axes[0].key} is varied twice; name all its values in one place")
    columns, rows = axes[0], axes[1] if len(axes) > 1 else None
    across, down = len(columns.values), 1 if rows is None else len(rows.values)
    if across * down > MOST_CELLS:
        shape = f"{across} x {down} = " if down > 1 else ""
        raise UsageError(f"{shape}{across * down} cells; a sweep has at most {MOST_CELLS}: name fewer values")
    cells = []
    for row in range(down):
        for column in range(across):
            places = [(columns, column)] + ([] if rows is None else [(rows, row)])
            labels = {axis.key: axis.labels[index] for axis, index in places}
            job = make({axis.key: axis.values[index] for axis, index in places})
            name = "_".join(f"{key}={file_part(label)}" for key, label in labels.items())
            cells.append(Cell(labels, (row, column), job, folder / f"{name}.png"))
    _check_apart([cell for cell in cells if cell.at[0] == 0], columns.key)
    if rows is not None:
        _check_apart([cell for cell in cells if cell.at[1] == 0], rows.key)
    taken: dict[str, Cell] = {}
    for cell in cells:
        # Some file systems do not tell upper case from lower.
        if (other := taken.setdefault(cell.path.name.casefold(), cell)) is not cell:
            raise UsageError(
                f"'{other.title}' and '{cell.title}' would both be {cell.path.name}; rename or leave out one of them"
            )
    return cells


def _check_apart(line: list[Cell], key: str) -> None:
    """Raise `UsageError` where two values along one axis are one, however they are written."""
    for one, other in combinations(line, 2):
        if one.job.same(other.job):
            raise UsageError(
                f"{key}: '{one.labels[key]}' and '{other.labels[key]}' mean the same; leave one of them out"
            )


def _same(one: Any, other: Any) -> bool:
    if one is other or not (isinstance(one, str | Path) and isinstance(other, str | Path)):
        return one is other
    return os.path.realpath(one) == os.path.realpath(other)


def _label(key: str, value: Any, number: int) -> str:
    if isinstance(value, Path) or (isinstance(value, str) and key in FILES):
        return Path(value).stem
    if isinstance(value, Picture):
        return Path(value.name).stem
    if isinstance(value, str | int | float | Mapping | list | tuple):
        return spell(value)
    name = getattr(value, "name", None)
    return name if key == "encoder" and isinstance(name, str) else str(number)


def spell(value: Any) -> str:
    """Return a value as a part of a name is written."""
    if isinstance(value, Mapping):
        return ",".join(f"{key}={spell(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ",".join(map(spell, value))
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def file_part(label: str) -> str:
    """Return `label` as part of a file's name: no separators, nothing invisible, not too long."""
    safe = re.sub(r"[^\w.,+=-]+", "-", label)
    raw = safe.encode()
    if len(raw) <= MOST_NAME_BYTES:
        return safe
    digest = hashlib.sha256(label.encode(errors="surrogateescape")).hexdigest()[:8]
    return f"{raw[: MOST_NAME_BYTES - 9].decode(errors='ignore')}-{digest}"
