"""Clips: what the inspector looks at, and how the worker paints one, frame by frame."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from impasto import files, images
from impasto.errors import ImpastoError, InputError, OutputError
from impasto.events import Progress
from impasto.images import Picture
from impasto.recipe import Recipe
from impasto.scene.inputs import Inputs
from impasto.scene.resolve import result_size
from impasto.studio import folders
from impasto.studio.child_process import Parent
from impasto.studio.order import Order, inputs
from impasto.studio.plain_words import plain
from impasto.studio.trouble import told
from impasto.video.api import begin_video
from impasto.video.painters import Studio
from impasto.video.run import FrameProgress, VideoJob
from impasto.video.settings import Coherence, Writing
from impasto.video.source import open_clip

MOST_FRAMES = 900
"""Frames of a clip at most, half a minute: all of them are looked at while its page waits."""
SMALLER = 32
"""Pixels by which a clip is painted smaller at most, so that both sides are even: films of odd ones do not play
everywhere."""


class Runner(Protocol):
    """What paints a job: it knows what is wished of it, and whom to tell how far it is."""

    parent: Parent

    def wish(self, job: str) -> str | None:
        """Return how a job is to end early, if it is: pause, stop or cancel."""

    def preview(self, order: Order, look: Callable[[], Picture]) -> None:
        """Show what there is, where it is time for that."""


def receive_clip(path: str, name: str, still: str, pixels: int) -> dict[str, Any]:
    """Look at an upload: does it move, how large is it, and how long? Its first frame is written to `still`.

    Raises `InputError` for what is no clip, or too long a one.
    """
    try:
        clip = open_clip(path, max_pixels=pixels)
        for number, frame in enumerate(clip.scan()):
            if number == 0:
                images.save(frame, still, force=True)
            if number >= MOST_FRAMES:
                raise InputError(
                    f"{name}: has more than {MOST_FRAMES} frames, half a minute; cut it shorter, or paint it with the "
                    "command impasto video"
                )
        info = clip.info
    except ImpastoError as error:
        raise InputError(told(error).replace(path, name).replace(Path(path).name, name)) from None
    if len(info) < 2:
        raise InputError(f"{name}: has one frame and does not move; bring it as a picture")
    height, width = info.size
    return {
        "width": width,
        "height": height,
        "frames": len(info),
        "seconds": round(float(info.duration), 3),
        "sha256": files.digest(path),
    }


def seconds(order: Order, frames: int) -> tuple[float, Any]:
    """Estimate how long a clip takes, in seconds, from what its first frame does; return the painting of that too."""
    given = inputs(order)
    studio = Studio(given, Recipe.parse(order.recipe), Coherence())
    first, following = studio.counts(frames)
    photo = images.load(Path((order.content or {})["path"]))
    painting = studio.begin(photo)
    later = studio.begin(photo, True).seconds() if following else 0.0
    return first * painting.seconds() + following * later, painting


def paint(order: Order, runner: Runner) -> dict[str, Any]:
    """Paint a clip, and say how it ended. Frames that are finished are kept, whatever happens to the process."""
    content = order.content or {}
    given = replace(inputs(order), content=None)
    recipe = even(Recipe.parse(order.recipe), images.load(Path(content["path"])))
    job = begin(order, given, recipe)
    kept = job.store()
    runner.parent.say(event="begin", job=order.job, size=list(job.plan.size), resumed=kept.has(0))
    clip = ClipRun(order, runner, job)
    if order.finish or not clip.painted():
        return clip.end()
    return clip.finished("done")


def begin(order: Order, given: Inputs, recipe: Recipe) -> VideoJob:
    """Begin the painting of an order's clip, whose name is told in the place of its file's."""
    content = order.content or {}
    try:
        return begin_video(
            content["clip"],
            order.folder / folders.CLIP,
            replace(given, max_pixels=order.pixels),
            recipe,
            writing=Writing(force=True),
        )
    except ImpastoError as error:
        raise type(error)(plain(str(error)).replace(content["clip"], content["name"])) from None


def even(recipe: Recipe, photo: Picture) -> Recipe:
    """Return a recipe of the size nearest below its own at which frames like `photo` have even sides."""
    size = max(result_size(photo, recipe))
    for smaller in range(size, max(1, size - SMALLER), -1):
        sized = recipe.replace(size=smaller)
        if not any(side % 2 for side in result_size(photo, sized)):
            return sized
    return recipe


class ClipRun:
    """One clip while it is painted."""

    def __init__(self, order: Order, runner: Runner, job: VideoJob) -> None:
        self._order, self._runner, self._job = order, runner, job
        self._done = 0
        while job.store().has(self._done):
            self._done += 1

    def painted(self) -> bool:
        """Paint what is not finished yet; return whether that is all."""
        try:
            for frame in self._job.paint(self._watch):
                self._done = frame.frame
                self._tell(frame)
                self._watch(None)
        except _Enough:
            return False
        return True

    def end(self) -> dict[str, Any]:
        """End early, as is wished: keep the frames for later, or write those that there are."""
        wish = "stop" if self._order.finish else self._runner.wish(self._order.job)
        if wish == "cancel":
            return {"state": "cancelled"}
        if wish == "pause":
            return {"state": "paused"}
        if not self._done:
            return {"state": "failed", "error": "nothing of it was kept when the studio ended; retry it"}
        shown, format = self._job.plan.shown[: self._done], self._job.format
        sound = None if format.sound is None else replace(format.sound, duration=shown[-1].end)
        frames = self._job.store()
        try:
            replace(format, shown=shown, sound=sound).write(frames.frames(self._done))
        except OutputError as full:
            return {"state": "unsaved", "error": told(full)}
        frames.remove()
        return self.finished("stopped")

    def finished(self, state: str) -> dict[str, Any]:
        """Say that the clip is written, with its first frame as a picture of it."""
        frame = next(iter(open_clip(self._job.format.path).frames(0, 1)))
        images.save(frame, self._order.folder / folders.RESULT, force=True)
        return {"state": state, "kept": True, "size": list(frame.size)}

    def _watch(self, _: Progress | None) -> None:
        wish = self._runner.wish(self._order.job)
        # One frame at least: before it there is no picture to keep.
        if wish is not None and (wish != "stop" or self._done):
            raise _Enough

    def _tell(self, frame: FrameProgress) -> None:
        self._runner.parent.say(
            event="progress",
            job=self._order.job,
            step=frame.frame,
            total_steps=frame.frames,
            level=frame.shot,
            levels=frame.shots,
            loss=None,
            losses={},
            elapsed_s=round(frame.elapsed_s, 2),
            eta_s=round(frame.eta_s, 2),
            size=list(frame.size),
        )
        self._runner.preview(self._order, lambda: images.load(frame.path))


class _Enough(Exception):
    """Somebody wants it to end here."""
