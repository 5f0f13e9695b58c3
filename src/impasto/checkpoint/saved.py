"""`Checkpoint`: what is kept of a painting between two steps, and the document that says so in a file."""

import contextlib
import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from impasto import files
from impasto._version import __version__
from impasto.checkpoint import tensorfile
from impasto.checkpoint.tensorfile import TensorFile
from impasto.encoders import Encoder
from impasto.errors import ImpastoError, InputError, OutputError, RecipeError, UsageError, WeightsError
from impasto.events import notice
from impasto.optim.state import Pieces, State
from impasto.recipe import Recipe

VERSION = 1
FORMAT = "impasto checkpoint"
SUFFIX = ".checkpoint"
RESERVE_BYTES = 256 << 20
"""Disk that a checkpoint leaves free: the picture must still fit."""
_PARTS = {"solver": "solver", "run": "run", "level_state": "begun"}
"""What the states of a checkpoint are called in its file."""


@dataclass(frozen=True)
class Checkpoint:
    """A painting between two steps. `Stylizer.checkpoint` makes it, `Stylizer.restore` goes on from it.

    Its tensors are the solver's own, or wait in the file: save it before the next step, and restore it before the file
    is replaced.
    """

    recipe: Recipe
    """With everything automatic resolved."""
    encoder: Mapping[str, str]
    """Name and sha256 of the weights."""
    inputs: tuple[Mapping[str, Any], ...]
    """Role and sha256 of each picture and mask, as in a `Result`."""
    level: int
    size: tuple[int, int]
    """(height, width) of the level."""
    step: int
    """Steps reported in this level."""
    steps: int
    """Steps planned in all levels together."""
    elapsed_s: float
    level_s: float
    """Seconds of them in this level."""
    history: Sequence[Mapping[str, Any]] = field(repr=False)
    timings: Mapping[str, float]
    solver: State = field(repr=False)
    run: State = field(repr=False)
    engine: Mapping[str, Any] = field(default_factory=dict)
    """How the picture was computed, where that shows in its last bits: threads, device, tile, versions."""
    command: Mapping[str, Any] | None = None
    """What the command line needs to find everything again."""
    level_state: State = field(default_factory=lambda: State({}, {}), repr=False)
    """The picture that the level began with, as `image`, where targets depend on it, and what its terms remember."""
    impasto: str = __version__
    """The version that painted it."""

    @property
    def taken(self) -> int:
        """Steps taken in all levels together."""
        return len(self.history)

    def check(
        self, recipe: Recipe, encoder: Encoder, inputs: Sequence[Mapping[str, Any]], engine: Mapping[str, Any]
    ) -> None:
        """Raise unless these go on with this painting, and say what may change its last bits.

        Raises `WeightsError`, `InputError` or `UsageError`, naming what is another.
        """
        was, now = self.encoder.get("sha256", ""), encoder.sha256
        if was != now:
            raise WeightsError(
                f"the checkpoint is of other weights of {encoder.name} (sha256 {was[:12]} then, {now[:12]} now); "
                "name the file of then with --encoder, or paint again"
            )
        for then, here in zip([*self.inputs, {}], [*inputs, {}], strict=False):
            if dict(then) != dict(here):
                role = here.get("role") or then.get("role")
                raise InputError(f"the checkpoint is of another {role}; give the one of then, or paint again")
        if self.recipe != recipe:
            raise UsageError("the checkpoint is of another recipe; give the Stylizer its own, checkpoint.recipe")
        before = {**self.engine, "impasto": self.impasto}
        for key, value in {**engine, "impasto": __version__}.items():
            if before.get(key) != value:
                was = ascii(before.get(key))[:40]
                notice(f"the checkpoint was painted with {key} {was}, now {value}: the last bits may differ")

    def save(self, path: str | Path) -> None:
        """Write to `path`, whole or not at all; what was there before becomes `previous(path)`.

        Raises `OutputError` when it cannot be written, or would leave less than `RESERVE_BYTES` of the disk; the files
        of before are then intact, at least the last.
        """
        path = Path(path)
        tensors = self._tensors()
        _make_room(path, tensorfile.size_bytes(tensors))
        with files.atomic_writer(path, part=_part(path)) as stream:
            tensorfile.write(stream, tensors, {"format": FORMAT, "version": str(VERSION), "document": self._document()})
            stream.flush()
            os.fsync(stream.fileno())
            # A second name rather than another: at no moment is there no checkpoint. Not all file systems can.
            with contextlib.suppress(OSError):
                previous(path).unlink(missing_ok=True)
                os.link(path, previous(path))

    @classmethod
    def load(cls, path: str | Path) -> "Checkpoint":
        """Read a checkpoint; where it is damaged or gone, the one before it, with a notice.

        Raises `InputError` when neither can be read, `UsageError` for a version that is not known.
        """
        path = Path(path)
        try:
            return cls._load(path)
        except InputError as error:
            if not os.path.lexists(previous(path)):
                raise
            try:
                earlier = cls._load(previous(path))
            except ImpastoError:
                raise error from None
            notice(f"{error}: going on from the one before it, {previous(path).name}")
            return earlier

    @classmethod
    def _load(cls, path: Path) -> "Checkpoint":
        file = TensorFile.open(path)
        if file.metadata.get("format") != FORMAT:
            raise InputError(f"{path}: is not a checkpoint of a painting; name another")
        if file.metadata.get("version") != str(VERSION):
            version = ascii(file.metadata.get("version", "none")[:20])
            raise UsageError(f"{path}: is of version {version}, which this impasto does not know; it reads {VERSION}")
        try:
            # Not pydantic's own JSON: it knows no file names that are not Unicode.
            document = _Document.model_validate(json.loads(file.metadata.get("document", "")))
            recipe = Recipe.parse(document.recipe)
            states = {name: _state(key, getattr(document, key), file.tensors) for name, key in _PARTS.items()}
            history = list(_history(document.columns, file.tensors))
        except (ValidationError, RecipeError, RecursionError, ValueError, OverflowError) as error:
            reason = "" if isinstance(error, ValidationError) else f" ({str(error)[:120]})"
            raise InputError(f"{path}: holds no painting that makes sense{reason}; name another checkpoint") from None
        return cls(
            recipe=recipe,
            encoder=document.encoder,
            inputs=tuple(document.inputs),
            level=document.level,
            size=document.size,
            step=document.step,
            steps=document.steps,
            elapsed_s=document.elapsed_s,
            level_s=document.level_s,
            history=history,
            timings=document.timings,
            engine=document.engine,
            command=document.command,
            impasto=document.impasto,
            **states,
        )

    def _tensors(self) -> dict[str, Tensor | Pieces]:
        tensors = {
            f"{prefix}.{key}": tensor
            for name, prefix in _PARTS.items()
            for key, tensor in getattr(self, name).tensors.items()
        }
        for column in _columns(self.history):
            values = [line.get(column, math.nan) for line in self.history]
            tensors[f"history.{column}"] = torch.tensor(values, dtype=torch.float64)
        return tensors

    def _document(self) -> str:
        plain = {
            key: getattr(self, key)
            for key in ("level", "step", "steps", "elapsed_s", "level_s", "size", "inputs", "command")
        }
        mappings = {key: dict(getattr(self, key)) for key in ("encoder", "timings", "engine")}
        document = {
            **plain,
            **mappings,
            **{key: dict(getattr(self, name).values) for name, key in _PARTS.items()},
            "recipe": self.recipe.model_dump(mode="json"),
            "columns": _columns(self.history),
            "impasto": self.impasto,
        }
        # Not sorted: the order of layers and terms is the order in which they are added.
        return json.dumps(document)


Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=2**31)]
Word = Annotated[str, Field(max_length=200)]


class _Document(BaseModel):
    """The words and numbers of a checkpoint, as they stand in its file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: dict[str, Any]
    encoder: dict[Word, Word]
    inputs: Annotated[list[dict[Word, Any]], Field(max_length=10_000)]
    level: Annotated[int, Field(ge=0, le=12)]
    size: tuple[Count, Count]
    step: Annotated[int, Field(ge=1, le=2**31)]
    steps: Count
    elapsed_s: Seconds
    level_s: Seconds
    timings: dict[Word, Seconds]
    solver: dict[Word, Any]
    run: dict[Word, Any]
    engine: dict[Word, Any]
    begun: dict[Word, Any] = Field(default_factory=dict)
    columns: Annotated[list[Word], Field(max_length=64)]
    command: dict[Word, Any] | None
    impasto: Word


def previous(path: Path) -> Path:
    """Name the checkpoint before the one at `path`."""
    return path.with_name(f"{path.name}.previous")


def remove_spare(path: Path) -> None:
    """Remove what is not the checkpoint itself: the one before it, and one that was never finished."""
    for spare in (previous(path), _part(path)):
        with contextlib.suppress(OSError):
            spare.unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Remove a checkpoint, as well as it goes."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
    remove_spare(path)


def _part(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _make_room(path: Path, size: int) -> None:
    """Remove the checkpoint before the last where the disk is short. Raises `OutputError` where that is not enough."""

    def short() -> int:
        return size + RESERVE_BYTES - shutil.disk_usage(path.parent).free

    with contextlib.suppress(OSError):
        _part(path).unlink(missing_ok=True)
        if short() > 0 and path.exists():
            previous(path).unlink(missing_ok=True)
        if (missing := short()) > 0:
            raise OutputError(
                f"{path}: the disk is too full for a checkpoint of {size / 2**20:.0f} MiB; free {missing >> 20} MiB"
            )


def _state(name: str, values: dict[str, Any], tensors: Mapping[str, Pieces]) -> State:
    own = f"{name}."
    return State({key.removeprefix(own): item for key, item in tensors.items() if key.startswith(own)}, values)


def _columns(history: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for line in history for key in line))


def _history(columns: Sequence[str], tensors: Mapping[str, Pieces]) -> Iterator[dict[str, Any]]:
    """Return the lines of a history from its columns, each a tensor of float64, NaN where a line has no such value."""
    values_of = []
    for column in columns:
        tensor = tensors.get(f"history.{column}")
        if tensor is None or tensor.dtype != torch.float64 or len(tensor.shape) != 1 or tensor.shape[0] > 1_000_000:
            raise ValueError("its history")
        values_of.append(tensor.whole().tolist())
    for line in zip(*values_of, strict=True):
        values = {key: value for key, value in zip(columns, line, strict=True) if not math.isnan(value)}
        yield values | {key: int(values[key]) for key in ("level", "step") if key in values}
