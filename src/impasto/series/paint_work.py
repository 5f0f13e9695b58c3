"""The work of every series: one picture painted and saved, in whatever process."""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from impasto import files, images, limits
from impasto.executors import InProcess, Later, Tell
from impasto.executors.executor import Executor
from impasto.executors.painter import Painter
from impasto.optim.resources import Resources
from impasto.optim.tile_planner import Tiling
from impasto.result import Result
from impasto.scene.painting import Painting
from impasto.series.existing import compare
from impasto.series.grid import Job
from impasto.series.records import Record

KEPT_BYTES = 64 << 20
"""Of decoded pictures, in each process beside others: paintings that come again and again, and a few photographs."""
TOLD_S = 0.1
"""Seconds between two steps that another process is told of: ten a second look smooth."""


@dataclass(frozen=True)
class Order:
    """One picture that is to be painted."""

    job: Job
    path: Path | None = None
    """Where it is saved; None returns it."""
    keep: bool = False
    """Whether a picture that is there already, and is the one that would be painted, stays."""
    partly: bool = True
    """Whether what there is of a picture is saved where the painting is stopped."""
    suffix: str = ""
    """Of an order without a path, the format in which the picture comes back, as the bytes of a file."""
    quality: int = 95
    bits: int = 8


@dataclass(frozen=True)
class Painted:
    """What came of an order."""

    state: Literal["painted", "kept", "unfinished"]
    """unfinished: it was stopped, or could not go on."""
    taken: int = 0
    """Steps."""
    size: tuple[int, int] = (0, 0)
    """(height, width) in pixels."""
    record: Record | None = None
    """How it went, of one that was saved, or came back as the bytes of a file."""
    result: Result | None = None
    """The painting, of an order without a path."""
    data: bytes | None = None
    """The bytes of its file, of an order with a `suffix`."""


class PaintWork:
    """Paints orders. `near`: whoever is told is in this process, and sees every step with its picture."""

    def __init__(self, painter: Painter, *, near: bool = False) -> None:
        self._painter, self._near = painter, near

    def prepare(self, order: Order) -> Order:
        """Read the pictures and masks."""
        inputs = self._painter.read(order.job.inputs, order.job.recipe)
        return replace(order, job=replace(order.job, inputs=inputs))

    def foresee(self, orders: Sequence[Order]) -> None:
        """See what comes next, to paint several at once where a network does that faster."""
        jobs = [order.job for order in orders]
        self._painter.foresee([(job.inputs, job.recipe, job.encoder, job.network) for job in jobs])

    def __call__(self, order: Order, tell: Tell) -> Painted | Later:
        """Paint a picture; what is returned still has to be saved."""
        began, job = time.monotonic(), order.job
        limits.forget_peak()
        painting = self._painter.begin(job.inputs, job.recipe, encoder=job.encoder, network=job.network)
        if order.keep and order.path is not None and order.path.is_file() and _is_there(order.path, painting):
            return Painted("kept", size=painting.size, record=Record.of(order.path, (), 0.0))
        stopped = self._paint(painting, tell)
        result = painting.result()
        state: Literal["painted", "unfinished"] = "painted" if result.finished else "unfinished"
        painted = Painted(state, painting.taken, painting.size, result=result)
        if (order.path is None and not order.suffix) or (stopped and not result.finished and not order.partly):
            return painted
        seconds, peak = time.monotonic() - began, limits.peak()
        return Later(partial(_save if order.path else _encode, painted, result, order, seconds, peak))

    def _paint(self, painting: Painting, tell: Tell) -> bool:
        """Take the steps; return whether it was asked to stop."""
        told = float("-inf")
        for progress in painting:
            now = time.monotonic()
            if self._near:
                asked = tell(progress)
            elif now - told >= TOLD_S or progress.total_step == progress.total_steps:
                told, asked = now, tell(replace(progress, image=None))
            else:
                asked = tell(None)
            if asked:
                return True
        return False


def _is_there(path: Path, painting: Painting) -> bool:
    return compare(path, json.loads(painting.result().metadata))[0] == "kept"


def _save(painted: Painted, result: Result, order: Order, seconds: float, peak: int | None) -> Painted:
    """Save a picture and record how it went."""
    path = order.path
    if path is None:
        return painted
    # A series stays within its folder, wherever links in it lead.
    files.drop_link(path)
    result.save(path, force=True, quality=order.quality, bits=order.bits)
    return replace(painted, result=None, record=Record.of(path, result.history, seconds, peak))


def _encode(painted: Painted, result: Result, order: Order, seconds: float, peak: int | None) -> Painted:
    """Return a picture as the bytes of a file, and record how it went."""
    data = images.encode(
        result.picture, order.suffix.lstrip("."), bits=order.bits, quality=order.quality, metadata=result.metadata
    )
    record = Record(hashlib.sha256(data).hexdigest(), len(result.history), round(seconds, 3), peak_bytes=peak)
    return replace(painted, result=None, record=record, data=data)


def make_work(device: str, tile: Tiling, memory: int | None, precision: str) -> PaintWork:
    """Make the work of a process of its own."""
    return PaintWork(Painter(Resources.choose(device, tile, memory), precision, KEPT_BYTES))


def maker(executor: Executor, painter: Painter, memory: int | None = None) -> Callable[[], Any]:
    """Return what an executor makes its work with: in this process with `painter` itself, elsewhere with its like.

    `memory` is what each process may have, in bytes, where the painter's resources do not say.
    """
    if isinstance(executor, InProcess):
        return lambda: PaintWork(painter, near=True)
    own = painter.resources
    device = str(own.device) if own.device.type != "cuda" else "auto"
    return partial(make_work, device, own.tile, own.memory or memory, painter.precision)
