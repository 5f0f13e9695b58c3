"""What is told of a training while it runs, by callbacks on its records; one of them writes for TensorBoard."""

import importlib.util
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from impasto import images
from impasto.errors import ImageError, ResourceError
from impasto.events import notice
from impasto.training.outputs import SAMPLES

Record = Mapping[str, float]
"""What a training yields after a step: `step`, `loss`, `rate`, `seconds`, and what was measured."""
Callback = Callable[[Record], None]


def told(records: Iterable[Record], *callbacks: Callback) -> Iterator[Record]:
    """Yield the records of a training, each after all callbacks have had it."""
    for record in records:
        for callback in callbacks:
            callback(record)
        yield record


class Board:
    """A callback that writes TensorBoard's event files into a folder: every number of a record, and sheets of samples.

    `run` is the folder of the training, whose sheets are shown. Watching never ends what is watched: where the folder
    cannot be written that is said once. Raises `ResourceError` where tensorboard is not installed.
    """

    def __init__(self, folder: Path, run: Path | None = None) -> None:
        if importlib.util.find_spec("tensorboard") is None:
            raise ResourceError(
                "--tensorboard needs tensorboard, which is not installed; run: pip install 'impasto[tensorboard]'"
            )
        self._folder, self._run = folder, run
        self._writer: Any = None
        self._broken = False

    def __call__(self, record: Record) -> None:
        """Write one record."""
        if self._broken:
            return
        try:
            self._write(record)
        except OSError as error:
            self._broken = True
            notice(f"{self._folder}: cannot be written ({error.strerror or error}); the training goes on without it")

    def close(self) -> None:
        """Write what waits, and let go of the files."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _write(self, record: Record) -> None:
        step = int(record["step"])
        if self._writer is None:
            # Late: it takes two seconds to import.
            from torch.utils.tensorboard import SummaryWriter

            self._folder.mkdir(parents=True, exist_ok=True)
            # A training that goes on from a checkpoint repeats some steps; those of before are then hidden.
            self._writer = SummaryWriter(str(self._folder), purge_step=step)
        for key, value in record.items():
            if key != "step":
                self._writer.add_scalar(key, value, step)
        sheet = None if self._run is None else self._run / SAMPLES / f"{step:06d}.png"
        if sheet is not None and sheet.is_file():
            try:
                self._writer.add_image(SAMPLES, images.load(sheet).pixels[0], step)
            except ImageError as error:
                notice(str(error))
