"""Checkpoints of one painting from the command line: when they are written, and what a later command line needs."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError

from impasto import checkpoint, files
from impasto.checkpoint import SUFFIX, Checkpoint
from impasto.errors import ImpastoError, InputError, OutputError, UsageError, WeightsError
from impasto.events import notice

if TYPE_CHECKING:
    from impasto.cli.outputs import Outputs
    from impasto.cli.paint_inputs import InputFiles
    from impasto.events import Progress
    from impasto.scene.painting import Painting

LONG_S = 120.0
"""Seconds that a painting takes for a checkpoint to be written that nobody asked for."""
PAUSE = 19
"""A checkpoint waits at least this many times as long as the last one took: writing takes a twentieth at most."""
OFF = "off"
_LONGEST = 32_768
"""Characters of a file's name at most, which is the longest path of any system."""


def _name(value: object) -> str:
    # pydantic's own str is Unicode, and names of files need not be.
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise ValueError("no name of a file")
    return value


Name = Annotated[str, PlainValidator(_name)]


class FileSaid(BaseModel):
    """Where a file was, seen from the root and from the checkpoint, and what was in it."""

    model_config = ConfigDict(extra="forbid")

    absolute: Name
    relative: Name
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Command(BaseModel):
    """A command line that paints: what was typed, as it was typed, and the files that it named."""

    model_config = ConfigDict(extra="forbid")

    content: Name | None
    styles: Annotated[list[Name], Field(max_length=64)]
    init: Name | None
    protect: Name | None = None
    encoder: Name | None
    network: Name | None = None
    content_mask: Name | None
    style_masks: Annotated[list[Name], Field(max_length=64)]
    regions: Annotated[list[Name], Field(max_length=64)]
    region_names: Annotated[str, Field(max_length=100_000)] | None = None
    """As they were written, not where."""
    landmarks: tuple[Name | None, Name | None] = (None, None)
    files: dict[Name, FileSaid]
    max_pixels: Annotated[int, Field(ge=1)] | None
    allow_truncated: bool
    tile: Annotated[int, Field(ge=1, le=2**31)] | Literal["auto", "off"]
    memory: Annotated[int, Field(ge=1)] | None
    device: Annotated[str, Field(pattern=r"^[a-z0-9:]{1,40}$")]
    output: Name
    """Absolute, or `-`."""
    relative: Name = ""
    """The output as it lay beside the checkpoint."""
    place: Name = ""
    """The absolute name of the checkpoint's folder, which tells whether that was moved or copied since."""
    bits: Literal[8, 16]
    quality: Annotated[int, Field(ge=1, le=100)]
    embed: bool
    saved: str = ""
    """sha256 of the picture so far, where the painting was stopped and saved it as `output`."""

    @classmethod
    def of(cls, saved: Checkpoint, path: Path) -> "Command":
        """Read the command line of a checkpoint.

        Raises `UsageError` for one that Python made, `InputError` for nonsense.
        """
        if saved.command is None:
            raise UsageError(f"{path}: was made in Python and names no files; go on with Stylizer.restore there")
        try:
            return cls.model_validate(saved.command)
        except ValidationError:
            raise InputError(f"{path}: names no painting that makes sense; name another checkpoint") from None

    def target(self, path: Path) -> str:
        """Return where the picture goes that the checkpoint at `path` is of, and say so where that is a new place.

        A folder that was moved or copied is a place of its own: its painting ends in it, and not where it began.
        Raises `UsageError` for a checkpoint that was moved away from the folder of its picture.
        """
        if self.output == "-" or not self.place or os.path.realpath(self.place) == os.path.realpath(path.parent):
            return self.output
        here = Path(os.path.normpath(path.parent.absolute() / self.relative))
        # Outside of the checkpoint's own folder only where the inputs came along: it may have been moved alone.
        if Path(self.relative).is_absolute() or (self.relative.startswith("..") and not self._came_along(path)):
            raise UsageError(f"{path}: was moved away from the place of its picture, {self.output}; say where with -o")
        notice(f"{path}: was moved or copied from {self.place}; the picture goes to {here}")
        return str(here)

    def _came_along(self, path: Path) -> bool:
        """Return whether an input lies beside the checkpoint as it did, in a place of its own."""
        places = {str(path.parent.absolute() / said.relative): said for said in self.files.values()}
        return any(
            os.path.realpath(place) != os.path.realpath(said.absolute) and files.digest(place) == said.sha256
            for place, said in places.items()
        )

    def find(self, path: Path) -> dict[str, str]:
        """Return where each file is now: where it was, or as it lay beside the checkpoint.

        Raises `InputError`, of weights `WeightsError`, for one that is gone or has changed: it would be another
        picture.
        """
        current = {}
        for name, said in self.files.items():
            wrong = WeightsError if name in (self.encoder, self.network) else InputError
            places = [said.absolute, str(path.parent.absolute() / said.relative)]
            digests = [files.digest(place) for place in places]
            if said.sha256 in digests:
                current[name] = places[digests.index(said.sha256)]
            elif any(digests):
                raise wrong(f"{name}: has changed since; put back the file of then, or paint again")
            else:
                raise wrong(f"{name}: is not at {said.absolute} any more; put it back, or paint again")
        return current


@dataclass
class CheckpointWriter:
    """Writes the checkpoints of one painting to `path`; to none where that is None."""

    path: Path | None
    asked: bool
    """Somebody wants one, however long it takes."""
    every_s: float
    command: Mapping[str, Any] = field(default_factory=dict)
    begun: bool = False
    """There is a checkpoint at `path`, of this painting."""
    stale: bool = False
    """There is one of an earlier painting, which this one replaces because that was asked for."""
    _last: float = field(default_factory=time.monotonic)
    _wait_s: float = 0.0
    _progress: "Progress | None" = None

    def keep(self, stylizer: "Painting", progress: "Progress") -> None:
        """Write one when it is due. A disk that is full is told, and no reason to stop."""
        self._progress = progress
        if self.path is not None and self._long and time.monotonic() - self._last >= max(self.every_s, self._wait_s):
            self._write(stylizer)

    def stop(self, stylizer: "Painting", output: str) -> str:
        """Write one of a painting that was stopped, and saved so far; return what to say of it."""
        if self.path is None or self._progress is None or not (self._long or self.begun):
            return ""
        # A resumed painting may replace this very picture, and no other, without --force.
        self.command = {**self.command, "saved": "" if output == "-" else files.digest(output)}
        self._write(stylizer)
        return f"; impasto resume {self.path} goes on" if self.begun else ""

    def done(self) -> str:
        """Remove the checkpoints of a painting that is saved; return what to say of it: nothing."""
        if self.path is not None and (self.begun or self.stale):
            checkpoint.remove(self.path)
        return ""

    def make_room(self) -> None:
        """Leave the disk to the picture, as far as one checkpoint remains."""
        if self.path is not None and self.begun:
            checkpoint.remove_spare(self.path)

    def describe(self, inputs: "InputFiles", outputs: "Outputs", stylizer: "Painting") -> None:
        """Note what a later command line needs, once all inputs were read."""
        if self.path is None:
            return
        digests, encoder = dict(inputs.digests), inputs.chosen.encoder
        if encoder is not None and stylizer.encoder is not None:
            digests[str(encoder)] = stylizer.encoder.sha256
        network = inputs.chosen.network
        if network is not None and network.is_file():
            digests[str(network)] = files.digest(str(network))
        folder = self.path.parent.absolute()
        output = outputs.output if outputs.output == "-" else str(Path(outputs.output).absolute())
        said = {}
        for name, sha256 in digests.items():
            absolute = str(Path(inputs.places.get(name, name)).absolute())
            said[name] = FileSaid(absolute=absolute, relative=_relative(absolute, folder), sha256=sha256)
        self.command = Command(
            content=inputs.content,
            styles=inputs.styles,
            init=inputs.chosen.init,
            protect=inputs.chosen.protect,
            encoder=None if encoder is None else str(encoder),
            network=None if network is None else str(network if network.is_file() else network.absolute()),
            content_mask=inputs.masks.content,
            style_masks=inputs.masks.styles,
            regions=inputs.masks.regions,
            region_names=inputs.masks.names,
            landmarks=inputs.landmarks,
            files=said,
            max_pixels=inputs.max_pixels,
            allow_truncated=inputs.allow_truncated,
            tile=inputs.tile,
            memory=inputs.memory,
            device=str(stylizer.resources.device),
            output=output,
            relative=output if output == "-" else _relative(output, folder),
            place=str(folder),
            bits=8 if outputs.bits == 8 else 16,
            quality=outputs.quality,
            embed=outputs.embed,
        ).model_dump()

    @property
    def _long(self) -> bool:
        progress = self._progress
        return self.asked or (progress is not None and progress.elapsed_s + progress.eta_s >= LONG_S)

    def _write(self, stylizer: "Painting") -> None:
        if self.path is None:
            return
        began = time.monotonic()
        try:
            replace(stylizer.checkpoint(), command=self.command).save(self.path)
            self.begun = True
        except OutputError as error:
            notice(f"{error}; painting goes on without a new checkpoint, and tries again")
        self._last = time.monotonic()
        self._wait_s = PAUSE * (self._last - began)


def checkpoint_writer(
    option: str | None, every_s: float, inputs: "InputFiles", outputs: "Outputs | None"
) -> CheckpointWriter:
    """Return the writer of a new painting's checkpoints, by the options; one that writes none without `outputs`.

    Raises `OutputError` where a painting was interrupted and waits in the file, `UsageError` where it can never be
    gone on with.
    """
    streamed = "-" in [inputs.content, *inputs.styles, inputs.chosen.init, inputs.chosen.protect]
    if outputs is None or option == OFF or (option is None and (streamed or outputs.output == "-")):
        return CheckpointWriter(None, False, every_s)
    if streamed:
        raise UsageError("--checkpoint: a picture from standard input is not there again; name a file for it")
    output = Path(outputs.output)
    path = output.with_name(f".{output.name}{SUFFIX}") if option is None else Path(option)
    there = os.path.lexists(path)
    if there and not outputs.force:
        raise OutputError(
            f"{path}: an interrupted painting is kept there; go on with impasto resume {path}, or pass --force to "
            "begin again"
        )
    if option is not None:
        named = {files.identity(name) for name in (outputs.output, outputs.preview, outputs.plot) if name}
        if files.identity(path) in named | {files.identity(name) for name in inputs.files}:
            raise UsageError(f"--checkpoint {path}: is also another file of this painting; give it its own")
        files.check_output(path, force=outputs.force)
    return CheckpointWriter(path, option is not None, every_s, stale=there and option is None)


def load(path: Path, threads: int | None) -> tuple[Checkpoint, Command]:
    """Read a checkpoint, and take as many threads as it was painted with: they decide the order of sums."""
    saved = Checkpoint.load(path)
    command = Command.of(saved, path)
    count = saved.engine.get("threads") if threads is None else threads
    if type(count) is int and 1 <= count <= 1024:
        torch.set_num_threads(count)
    return saved, command


def restore(stylizer: "Painting", saved: Checkpoint, path: Path) -> None:
    """Put a painting back to where it was. Raises what `Stylizer.restore` does, naming the checkpoint."""
    try:
        stylizer.restore(saved)
    except ImpastoError as error:
        raise type(error)(f"{path}: {error}") from None


def own(output: str, command: Command) -> bool:
    """Return whether `output` is the picture that the interrupted painting saved so far, in its place or a new one."""
    return bool(command.saved) and files.digest(output) == command.saved


def _relative(absolute: str, folder: Path) -> str:
    try:
        return os.path.relpath(absolute, folder)
    except ValueError:  # on another drive
        return absolute
