"""What is kept of a clip while it is painted: each finished frame, and what the next one of its shot depends on.

A process may be killed at any moment: files are whole or not there, and a shot goes on from its last state, with the
frames after that painted again. The state is float32, never a frame of 8 bits that was rounded: errors of rounding add
up over hundreds of frames, and darken them.
"""

import contextlib
import hashlib
import json
import math
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from impasto import files, images
from impasto.checkpoint import tensorfile
from impasto.errors import ImpastoError, InputError, OutputError
from impasto.events import notice
from impasto.images import Picture
from impasto.video.flow import cv2

SUFFIX = ".painting"
"""What the name of the folder ends in that is kept beside an output until that is written."""
_JOB = "job.json"


@dataclass(frozen=True, eq=False)
class State:
    """What the next frame of a shot depends on."""

    done: int = 0
    """Frames of the shot that are finished."""
    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    """float32."""
    numbers: Mapping[str, float] = field(default_factory=dict)


class Store:
    """The folder of one painting of a clip. Raises `OutputError` where it cannot be made or is another painting's."""

    def __init__(self, folder: Path, job: Mapping[str, Any], bits: int = 8) -> None:
        self.folder, self._bits = folder, bits
        self.key = hashlib.sha256(json.dumps(job, sort_keys=True).encode()).hexdigest()
        """What the frames depend on: one digest of it."""
        described = folder / _JOB
        try:
            folder.mkdir(parents=True, exist_ok=True)
            before = json.loads(described.read_text("utf-8")) if described.exists() else None
        except (OSError, ValueError) as error:
            raise OutputError(f"{folder}: cannot be used ({error}); remove it, or name another output") from None
        if before is not None and before.get("key") != self.key:
            notice(f"{folder.name}: is of a painting with other settings or inputs; it begins anew")
            shutil.rmtree(folder)
            folder.mkdir()
        files.write_bytes(described, json.dumps({"key": self.key, "job": job}, sort_keys=True, indent=1).encode())

    def frame(self, number: int) -> Path:
        """Return where frame `number` of the result is kept."""
        return self.folder / f"{number:07}.png"

    def has(self, number: int) -> bool:
        """Return whether frame `number` was finished."""
        return self.frame(number).exists()

    def save(self, number: int, picture: Picture) -> None:
        """Keep a finished frame, exactly as it will be written."""
        with _room():
            files.write_bytes(self.frame(number), quick_png(picture, self._bits), replace=True)

    def read(self, number: int) -> Picture:
        """Return a finished frame. Raises `InputError` where it is damaged."""
        return images.load(self.frame(number))

    def frames(self, count: int) -> Iterator[Picture]:
        """Return the first `count` frames."""
        return (self.read(number) for number in range(count))

    def state(self, shot: int) -> State | None:
        """Return the state of a shot; None where it has none that can be read, and begins anew."""
        return self.read_state(self._state(shot))

    def read_state(self, path: Path) -> State | None:
        """Return the state in a file; None where there is none that can be read."""
        if not path.exists():
            return None
        try:
            saved = tensorfile.TensorFile.open(path)
            notes = json.loads(saved.metadata["state"])
            tensors = {
                name: pieces[slice(0, math.prod(pieces.shape))].reshape(pieces.shape)
                for name, pieces in saved.tensors.items()
            }
            return State(int(notes["done"]), tensors, notes["numbers"])
        except (ImpastoError, OSError, ValueError, KeyError, TypeError):
            notice(f"{path.name}: is damaged; its shot is painted again")
            return None

    def save_state(self, shot: int, state: State) -> None:
        """Keep the state of a shot in place of the one before."""
        self.write_state(self._state(shot), state)

    def write_state(self, path: Path, state: State) -> None:
        """Keep a state in a file, in place of the one before."""
        notes = {"done": state.done, "numbers": dict(state.numbers)}
        with _room(), files.atomic_writer(path) as stream:
            tensorfile.write(stream, dict(state.tensors), {"state": json.dumps(notes)})

    def _state(self, shot: int) -> Path:
        return self.folder / f"shot-{shot:05}.state"

    def scratch(self, shot: int) -> "ShotScratch":
        """Return what keeps the frames of a shot between two passes."""
        return ShotScratch(self, shot)

    def remove(self) -> None:
        """Remove the folder: the result was written."""
        with contextlib.suppress(OSError):
            shutil.rmtree(self.folder)


class ShotScratch:
    """The frames of one shot between two passes, a file each (`passes.Scratch`)."""

    def __init__(self, store: Store, shot: int) -> None:
        self._store, self._shot = store, shot

    def save(self, number: int, state: State) -> None:
        """Keep frame `number` in place of what was kept of it before."""
        self._store.write_state(self._path(number), state)

    def load(self, number: int) -> State | None:
        """Return what was kept of frame `number`; None where that is nothing."""
        return self._store.read_state(self._path(number))

    def clear(self) -> None:
        """Forget all frames."""
        for path in self._store.folder.glob(f"shot-{self._shot:05}-frame-*.state"):
            path.unlink(missing_ok=True)

    def _path(self, number: int) -> Path:
        return self._store.folder / f"shot-{self._shot:05}-frame-{number:07}.state"


@contextlib.contextmanager
def _room() -> Iterator[None]:
    """Say what to do where a disk is full."""
    try:
        yield
    except OutputError as error:
        raise OutputError(f"{error}; make room: the same command goes on with what was painted") from None


def quick_png(picture: Picture, bits: int) -> bytes:
    """Return a picture as a PNG that is packed loosely: it is written in a tenth of the time of one packed well."""
    library = cv2()
    samples = picture.to_numpy(bits)
    swap = library.COLOR_RGB2BGR if samples.shape[2] == 3 else library.COLOR_RGBA2BGRA
    _, data = library.imencode(".png", library.cvtColor(samples, swap), [library.IMWRITE_PNG_COMPRESSION, 1])
    return bytes(data)


def folder_of(output: Path) -> Path:
    """Return where the frames of an output are kept until that is written."""
    return output.with_name(f"{output.name}{SUFFIX}")


def check(folder: Path) -> None:
    """Raise `InputError` where `folder` is a file, or somebody else's folder."""
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / _JOB).exists())):
        raise InputError(
            f"{folder}: is in the way of the frames while they are painted; move it, or name another output"
        )
