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
        images.save(picture, self.frame(number), bits=self._bits, force=True)

    def read(self, number: int) -> Picture:
        """Return a finished frame. Raises `InputError` where it is damaged."""
        return images.load(self.frame(number))

    def frames(self, count: int) -> Iterator[Picture]:
        """Return the first `count` frames."""
        return (self.read(number) for number in range(count))

    def state(self, shot: int) -> State | None:
        """Return the state of a shot; None where it has none that can be read, and begins anew."""
        path = self._state(shot)
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
        notes = {"done": state.done, "numbers": dict(state.numbers)}
        with files.atomic_writer(self._state(shot)) as stream:
            tensorfile.write(stream, dict(state.tensors), {"state": json.dumps(notes)})

    def _state(self, shot: int) -> Path:
        return self.folder / f"shot-{shot:05}.state"

    def remove(self) -> None:
        """Remove the folder: the result was written."""
        with contextlib.suppress(OSError):
            shutil.rmtree(self.folder)


def folder_of(output: Path) -> Path:
    """Return where the frames of an output are kept until that is written."""
    return output.with_name(f"{output.name}{SUFFIX}")


def check(folder: Path) -> None:
    """Raise `InputError` where `folder` is a file, or somebody else's folder."""
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / _JOB).exists())):
        raise InputError(
            f"{folder}: is in the way of the frames while they are painted; move it, or name another output"
        )
