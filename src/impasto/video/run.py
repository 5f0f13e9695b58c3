"""The painting of a clip, shot by shot: what was finished before is kept, and the result is written at the end."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from impasto.events import Progress, notice
from impasto.images import Picture
from impasto.recipe.catalogue import METHODS
from impasto.video.encoding import Encoding
from impasto.video.loops import paint_loop
from impasto.video.output import ClipFormat
from impasto.video.painters import Studio
from impasto.video.plan import ClipPlan
from impasto.video.shot_work import paint_shots
from impasto.video.store import Store, folder_of

SAVED_EVERY_S = 2.0
"""Seconds between two states that are kept: as much work may be lost, and quick methods do not wait for the disk."""

Watch = Callable[[Progress], None]
"""Sees each step of each frame; stops the painting by raising."""
Painted = Callable[[int, Picture], None]
"""Sees the number of each finished frame, and the frame."""


@dataclass(frozen=True)
class FrameProgress:
    """A frame of a clip after it was painted."""

    frame: int
    """Frames of the result that are finished, from 1."""
    frames: int
    shot: int
    """Number of its shot, from 0."""
    shots: int
    size: tuple[int, int]
    """(height, width) in pixels."""
    elapsed_s: float
    eta_s: float
    """Estimated seconds until all frames are painted."""
    path: Path
    """Where it is kept until the result is written."""


@dataclass
class Shares:
    """Seconds that went into each part of the work of one process; threads overlap, so they may exceed the whole."""

    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, part: str, since: float) -> float:
        """Count the time from `since` to now for a part; return now."""
        now = time.monotonic()
        self.seconds[part] = self.seconds.get(part, 0.0) + now - since
        return now

    def take(self, part: str, seconds: float) -> None:
        """Count seconds for a part."""
        self.seconds[part] = self.seconds.get(part, 0.0) + seconds


@dataclass(frozen=True, eq=False)
class VideoJob:
    """One painting of a clip. The result depends on all of it but the `format`'s path."""

    plan: ClipPlan
    studio: Studio
    format: ClipFormat
    description: dict[str, Any]
    """What the frames depend on, as a digest for a process that goes on: settings, and sha256 of inputs."""
    memory_bytes: int
    """Estimated peak of a process while it paints a frame."""
    shares: Shares = field(default_factory=Shares)

    @property
    def folder(self) -> Path:
        """Return where frames are kept until the result is written."""
        return folder_of(self.format.path)

    def store(self) -> Store:
        """Return the folder of finished frames; it goes on with what an earlier process left there."""
        return Store(self.folder, self.description, self.format.bits)

    def paint(self, watch: Watch, workers: int = 1) -> Iterator[FrameProgress]:
        """Paint what is not finished yet, and write the result; yield after each frame.

        With more `workers`, shots are painted in as many processes, and `watch` sees no steps.
        """
        store, began = self.store(), time.monotonic()
        total, shots = len(self.plan.selected), len(self.plan.shots)
        states = [store.state(number) for number in range(shots)]
        before = sum(state.done for state in states if state is not None)
        if before:
            notice(f"{self.folder.name}: {before} of {total} frames were painted before, and are kept")
        if self.studio.coherence.loop and shots > 1:
            notice(f"{self.plan.clip.info.name}: has {shots} shots, so its end is a cut already, and no loop is made")
        for fresh, (shot, path) in enumerate(self._written(store, watch, workers), 1):
            elapsed = time.monotonic() - began
            done = before + fresh
            eta = elapsed / fresh * (total - done)
            yield FrameProgress(done, total, shot, shots, self.plan.size, elapsed, eta, path)
        store.remove()

    def _written(self, store: Store, watch: Watch, workers: int) -> Iterator[tuple[int, Path]]:
        """Paint all shots, and write the result: where painting is quick, while it goes on; yield as `_frames`."""
        total, quick = len(self.plan.selected), METHODS[self.studio.recipe.method].feed_forward
        if self.format.kind != "film" or workers > 1 or not quick:
            yield from self._frames(store, watch, workers)
            since = time.monotonic()
            self.format.write(store.frames(total))
            self.shares.add("encode", since)
            return
        with Encoding(lambda frames: self.format.write(frames, store.folder), store.read, total) as encoding:
            yield from self._frames(store, watch, workers, encoding.put)
            encoding.finish()
        self.shares.take("encode", encoding.seconds)

    def _frames(
        self, store: Store, watch: Watch, workers: int, painted: Painted | None = None
    ) -> Iterator[tuple[int, Path]]:
        """Paint all shots; yield the shot and the file of each frame that was not there. `painted` sees each."""
        numbers = range(len(self.plan.shots))
        if workers > 1 and len(numbers) > 1:
            told: list[tuple[int, Path]] = []
            for _ in paint_shots(self, list(numbers), workers, lambda shot, path: told.append((shot, Path(path)))):
                yield from told
                told.clear()
            return
        for number in numbers:
            for path in self.paint_shot(number, store, watch, painted):
                yield number, path

    def paint_shot(self, number: int, store: Store, watch: Watch, painted: Painted | None = None) -> Iterator[Path]:
        """Paint what is not finished yet of a shot, keeping each frame; yield their files. `painted` sees each."""
        start, stop = self.plan.shots[number]
        state = store.state(number)
        if state is not None and not all(store.has(start + frame) for frame in range(state.done)):
            state = None
        if state is not None and state.done >= stop - start:
            return
        painter = self.studio.painter(watch, store.scratch(number))
        shot = self.plan.shot(number)
        loop = self.studio.coherence.loop and len(self.plan.shots) == 1
        frames = paint_loop(painter, shot, state) if loop else painter.paint(shot, state)
        saved = since = time.monotonic()
        for frame in frames:
            since = self.shares.add("paint", since)
            store.save(start + frame.number, frame.picture)
            if since - saved >= SAVED_EVERY_S or frame.number == stop - start - 1:
                store.save_state(number, frame.state)
                saved = time.monotonic()
            since = self.shares.add("keep", since)
            if painted is not None:
                painted(start + frame.number, frame.picture)
            yield store.frame(start + frame.number)
            since = time.monotonic()
        self.shares.take("paint", -painter.aside(shot))
        self.shares.take("flow", painter.flow.seconds)
        self.shares.take("read", shot.reading.seconds)

    def counts(self) -> tuple[int, int]:
        """Return how many frames are painted from nothing, and how many from another."""
        counts = [self.studio.counts(stop - start) for start, stop in self.plan.shots]
        return sum(first for first, _ in counts), sum(after for _, after in counts)

    def preview(self, count: int, watch: Watch) -> list[tuple[int, Picture]]:
        """Paint `count` frames from all over the clip, each by itself; return them with their numbers."""
        total = len(self.plan.selected)
        numbers = sorted({round((place + 0.5) * total / count - 0.5) for place in range(min(count, total))})
        pictures = []
        for number in numbers:
            photo = self.plan.photo(number)
            after = self.studio.carried.after(self.plan.selected[number].index, photo)
            painting = self.studio.begin(photo)
            painting.take(photo, after=after)
            for progress in painting:
                watch(progress)
            pictures.append((number, painting.result().picture))
        return pictures
