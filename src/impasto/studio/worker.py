"""The process that paints: `python -m impasto.studio.worker`. One job at a time, by orders from the studio.

It is thin over `impasto.begin`: it turns an order into pictures and a recipe, and progress into events, previews,
checkpoints and a result in the job's folder, each file whole or not at all.
"""

import contextlib
import json
import logging
import queue
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from impasto import files, images
from impasto.checkpoint import Checkpoint
from impasto.errors import ImpastoError, OutputError, UsageError
from impasto.events import Progress, notice
from impasto.images import Picture
from impasto.optim import memory
from impasto.painting.api import begin_with
from impasto.recipe import Recipe
from impasto.scene.painting import Painting
from impasto.studio import clips
from impasto.studio.child_process import Parent, give_way
from impasto.studio.curves import curves, finite, parts
from impasto.studio.folders import CHECKPOINT, HISTORY, PREVIEW, RESULT
from impasto.studio.order import Order, inputs
from impasto.studio.trouble import noticed, told

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
            outcome = {"state": "failed", "error": told(error)}
        except Exception as error:
            if not memory.is_out_of_memory(error):
                logging.getLogger("impasto.studio").exception("painting %s", order.job)
            outcome = {"state": "failed", "error": told(error)}
        self.parent.say(event="end", job=order.job, **outcome)

    def _paint(self, order: Order) -> dict[str, Any]:
        if (order.content or {}).get("clip"):
            return clips.paint(order, self)
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
        try:
            result.save(order.folder / RESULT, force=True)
        except OutputError as full:
            # What goes on from there when there is room; where that cannot be kept either, the last checkpoint does.
            keep(painting, order)
            return {"state": "unsaved", "error": told(full)}
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
        if not over:
            self.preview(order, lambda: painting.shown(progress))
        if self._due("curves", HISTORY_S):
            self._write_curves(order)
        if "checkpoint" not in self._next:
            self._wait("checkpoint", order.checkpoint_s)
        elif self._due("checkpoint", order.checkpoint_s) and not over:
            began = time.monotonic()
            keep(painting, order)
            self._wait("checkpoint", max(order.checkpoint_s, CHECKPOINT_PAUSE * (time.monotonic() - began)))

    def preview(self, order: Order, look: Callable[[], Picture]) -> None:
        """Show what there is, where it is time for that."""
        if self._due("preview", PREVIEW_S):
            began = time.monotonic()
            shown = small(look())
            images.save(shown, order.folder / PREVIEW, quality=85, force=True)
            self.parent.say(event="preview", job=order.job, size=list(shown.size))
            self._wait("preview", max(PREVIEW_S, PREVIEW_PAUSE * (time.monotonic() - began)))

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
