"""The process that paints: `python -m impasto.studio.worker`. One job at a time, by orders from the studio.

It is thin over `impasto.begin`: it turns an order into pictures and a recipe, and progress into events, previews,
checkpoints and a result in the job's folder, each file whole or not at all.
"""

import contextlib
import json
import logging
import math
import queue
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from impasto import files, images
from impasto.checkpoint import Checkpoint
from impasto.errors import ImpastoError, OutputError, ResourceError, UsageError
from impasto.events import Progress, logger, notice
from impasto.images import Picture
from impasto.optim import memory
from impasto.painting.api import begin_with
from impasto.recipe import Recipe
from impasto.scene.inputs import Inputs, Masks
from impasto.scene.painting import Painting
from impasto.studio.child_process import Parent, give_way
from impasto.studio.folders import CHECKPOINT, HISTORY, PREVIEW, RESULT

PREVIEW_S = 0.5
"""Seconds between previews at least."""
PREVIEW_PAUSE = 10
"""A preview waits at least this many times as long as the last one took: previews take a tenth of the time at most."""
PREVIEW_SIZE = 1024
"""Long side of a preview at most, pixels."""
CHECKPOINT_PAUSE = 19
"""A checkpoint waits at least this many times as long as the last one took: writing takes a twentieth at most."""
PROGRESS_S = 0.1
"""Seconds between reports of progress at least: ten a second look smooth."""
HISTORY_S = 2.0
"""Seconds between writes of the curves at least."""
POINTS = 2000
"""Points of a curve at most, more than a screen has columns."""


@dataclass
class Order:
    """One job, as the studio sends it."""

    job: str
    folder: Path
    content: Mapping[str, str] | None
    styles: list[Mapping[str, str]]
    content_mask: Mapping[str, str] | None
    style_masks: list[Mapping[str, str] | None]
    region_names: Mapping[str, str] | list[str] | None
    recipe: Mapping[str, Any]
    finish: bool
    """Nothing more is to be painted: save what the checkpoint has."""
    checkpoint_s: float
    pixels: int

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> "Order":
        """Read a message."""
        fields = {key: message[key] for key in cls.__dataclass_fields__ if key != "folder"}
        return cls(folder=Path(message["folder"]), **fields)


@dataclass
class JobRunner:
    """Paints one job after another."""

    parent: Parent
    asked: tuple[str, str] | None = None
    """The job that is to end early, and how: pause, stop or cancel."""
    _curves: list[dict[str, Any]] = field(default_factory=list)
    _next: dict[str, float] = field(default_factory=dict)

    def wish(self, job: str) -> str | None:
        """Return how a job is to end early, if it is."""
        return self.asked[1] if self.asked is not None and self.asked[0] == job else None

    def do(self, order: Order) -> None:
        """Paint a job, and say how it ended."""
        self._curves, self._next = [], {}
        order.folder.mkdir(parents=True, exist_ok=True)
        try:
            with noticed(lambda text: self.parent.say(event="notice", job=order.job, text=text)):
                outcome = self._paint(order)
        except ImpastoError as error:
            outcome = {"state": "failed", "error": str(error)}
        except Exception as error:
            if not memory.is_out_of_memory(error):
                logging.getLogger("impasto.studio").exception("painting %s", order.job)
            outcome = {"state": "failed", "error": explain(error)}
        self.parent.say(event="end", job=order.job, **outcome)

    def _paint(self, order: Order) -> dict[str, Any]:
        painting, saved = prepare(order)
        if order.finish and saved is None:
            return {"state": "failed", "error": "nothing of it was kept when the studio ended; retry it"}
        if saved is not None:
            self._curves = [dict(line) for line in saved.history]
        self.parent.say(event="begin", job=order.job, size=list(painting.size), resumed=saved is not None)
        last: Progress | None = None
        wish = "stop" if order.finish else self.wish(order.job)
        trouble: Exception | None = None
        steps = iter(painting)
        try:
            # One step at least: before it there is no picture to keep.
            while (wish is None or (wish == "stop" and last is None and saved is None)) and (
                progress := next(steps, None)
            ) is not None:
                last = progress
                self._tell(order, painting, progress)
                wish = self.wish(order.job)
        except (MemoryError, RuntimeError) as error:
            if last is None or not memory.is_out_of_memory(error):
                raise
            trouble = error
        if wish == "cancel":
            return {"state": "cancelled"}
        if wish == "pause":
            if last is not None:
                keep(painting, order)
                self._say_progress(order, last)
            return {"state": "paused"}
        return self._save(order, painting, last, trouble)

    def _save(
        self, order: Order, painting: Painting, last: Progress | None, trouble: Exception | None
    ) -> dict[str, Any]:
        result = painting.result()
        if last is not None and not self._over(last):
            self._say_progress(order, last)
        result.save(order.folder / RESULT, force=True)
        self._write_curves(order)
        size = list(result.picture.size)
        if trouble is not None:
            error = "not enough memory to go on; the picture so far is kept; use a smaller size"
            return {"state": "failed", "error": error, "kept": True, "size": size}
        return {"state": "done" if result.finished else "stopped", "kept": True, "size": size}

    def _tell(self, order: Order, painting: Painting, progress: Progress) -> None:
        self._curves.append({"level": progress.level, "loss": finite(progress.loss), **parts(progress)})
        over = self._over(progress)
        if self._due("progress", PROGRESS_S) or over or progress.step in (1, progress.steps):
            self._say_progress(order, progress)
        if self._due("preview", PREVIEW_S) and not over:
            began = time.monotonic()
            shown = small(painting.shown(progress))
            images.save(shown, order.folder / PREVIEW, quality=85, force=True)
            self.parent.say(event="preview", job=order.job, size=list(shown.size))
            self._wait("preview", max(PREVIEW_S, PREVIEW_PAUSE * (time.monotonic() - began)))
        if self._due("curves", HISTORY_S):
            self._write_curves(order)
        if "checkpoint" not in self._next:
            self._wait("checkpoint", order.checkpoint_s)
        elif self._due("checkpoint", order.checkpoint_s) and not over:
            began = time.monotonic()
            keep(painting, order)
            self._wait("checkpoint", max(order.checkpoint_s, CHECKPOINT_PAUSE * (time.monotonic() - began)))

    def _over(self, progress: Progress) -> bool:
        return progress.total_step == progress.total_steps

    def _say_progress(self, order: Order, progress: Progress) -> None:
        self.parent.say(
            event="progress",
            job=order.job,
            step=progress.total_step,
            total_steps=progress.total_steps,
            level=progress.level,
            levels=progress.levels,
            loss=finite(progress.loss) if progress.losses else None,
            losses=parts(progress),
            elapsed_s=round(progress.elapsed_s, 2),
            eta_s=round(progress.eta_s, 2),
            size=list(progress.size),
        )

    def _write_curves(self, order: Order) -> None:
        with contextlib.suppress(OutputError):
            files.write_bytes(order.folder / HISTORY, json.dumps(curves(self._curves)).encode())

    def _due(self, what: str, every_s: float) -> bool:
        if time.monotonic() < self._next.get(what, 0.0):
            return False
        self._wait(what, every_s)
        return True

    def _wait(self, what: str, wait_s: float) -> None:
        self._next[what] = time.monotonic() + wait_s


def prepare(order: Order) -> tuple[Painting, Checkpoint | None]:
    """Read the pictures and begin, where there is a checkpoint from it.

    Raises `ImpastoError`s, of which each is one line for the person who waits.
    """
    painting = begin_with(inputs(order), Recipe.parse(order.recipe))
    path = order.folder / CHECKPOINT
    if not painting.resumable or not path.exists():
        return painting, None
    try:
        saved = Checkpoint.load(path)
        painting = begin_with(inputs(order), saved.recipe)
        painting.restore(saved)
    except ImpastoError as error:
        notice(f"begun anew: {error}")
        return begin_with(inputs(order), Recipe.parse(order.recipe)), None
    return painting, saved


def inputs(order: Order) -> Inputs:
    """Read the pictures that an order names."""
    content_mask = read(order.content_mask, order.pixels)
    style_masks = [read(mask, order.pixels) for mask in order.style_masks]
    masks = None if content_mask is None else Masks(content_mask, style_masks, names=order.region_names)
    styles = [read(style, order.pixels) for style in order.styles]
    return Inputs(read(order.content, order.pixels), styles, masks=masks)


def read(source: Mapping[str, str] | None, pixels: int) -> Picture | None:
    """Read a picture of the library, under the name that its owner knows it by."""
    if source is None:
        return None
    return replace(images.load(Path(source["path"]), max_pixels=pixels), name=source["name"])


def small(picture: Picture) -> Picture:
    """Return a picture no larger than a preview, without alpha."""
    pixels = picture.pixels
    if max(picture.size) > PREVIEW_SIZE:
        pixels = images.resize(pixels, images.fit_size(picture.size, PREVIEW_SIZE))
    return Picture(pixels, name=picture.name)


def keep(painting: Painting, order: Order) -> None:
    """Write a checkpoint where there is anything to go on from; a full disk is told, and no reason to stop."""
    try:
        saved = painting.checkpoint()
    except UsageError:  # networks paint, alone or first
        return
    try:
        saved.save(order.folder / CHECKPOINT)
    except OutputError as error:
        notice(f"{error}; painting goes on without a new checkpoint")


def curves(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the columns of a history, thinned to `POINTS` where it is longer; the last step is always there."""
    count = len(lines)
    every = -(-count // POINTS) if count else 1
    kept = sorted({*range(0, count, every), count - 1} - {-1})
    parts = dict.fromkeys(key for line in lines for key in line if key not in ("level", "step", "loss", "elapsed_s"))
    return {
        "steps": [index + 1 for index in kept],
        "levels": [lines[index]["level"] for index in kept],
        "loss": [lines[index].get("loss") for index in kept],
        "losses": {part: [lines[index].get(part) for index in kept] for part in parts},
    }


def finite(value: float) -> float | None:
    """Return a number that JSON knows; a step that overshoots may be infinitely bad."""
    return value if math.isfinite(value) else None


def parts(progress: Progress) -> dict[str, float | None]:
    """Return the loss of each part."""
    return {part: finite(loss) for part, loss in progress.losses.items()}


def explain(error: Exception) -> str:
    """Say in one line what went wrong that nobody foresaw."""
    if isinstance(error, MemoryError) or memory.is_out_of_memory(error):
        return str(ResourceError("not enough memory; use a smaller size"))
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return f"{what[:300]} (a mistake in impasto)"


@contextlib.contextmanager
def noticed(say: Any) -> Iterator[None]:
    """Hand on what impasto says within the block, each line once."""
    said: set[str] = set()

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            text = record.getMessage()
            if text not in said and record.name == logger.name:
                said.add(text)
                say(text)

    handler = Handler(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def main(threads: int | None = None) -> None:
    """Paint what is ordered until nobody orders any more."""
    give_way()
    if threads is not None:
        torch.set_num_threads(threads)
    waiting: queue.SimpleQueue[Order] = queue.SimpleQueue()

    def receive(message: dict[str, Any]) -> None:
        if message["do"] == "paint":
            # What was asked of it before it was put aside is done.
            painter.asked = None
            waiting.put(Order.of(message))
        else:
            painter.asked = (message["job"], message["do"])

    parent = Parent(receive)
    painter = JobRunner(parent)
    parent.listen()
    parent.say(event="ready")
    while True:
        painter.do(waiting.get())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else None)
