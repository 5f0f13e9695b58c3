"""Which way a clip is painted: by the method of the recipe, and by what is asked of its frames."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import Tensor

from impasto.encoders import Encoder
from impasto.errors import UsageError
from impasto.images import Picture
from impasto.optim.resources import Resources
from impasto.painting.api import begin_with
from impasto.recipe import Recipe
from impasto.recipe.catalogue import METHODS, SHARED
from impasto.scene.inputs import Inputs
from impasto.scene.painting import Painting
from impasto.video.carried import Carried
from impasto.video.independent import IndependentPainter
from impasto.video.keyframes import KeyframePainter, keys
from impasto.video.optimized import OptimizedPainter
from impasto.video.passes import PassesPainter, Scratch
from impasto.video.settings import Coherence
from impasto.video.shot_painter import ShotPainter, Watch
from impasto.video.smooth import SmoothPainter

QUICK = "linear"
"""The method of what no painted frame shows: the steadiest of those that need no network of their own."""


@dataclass(frozen=True, eq=False)
class Studio:
    """What every painting of a clip is begun with."""

    inputs: Inputs
    """Of which the content is that of the frame."""
    recipe: Recipe
    coherence: Coherence
    encoder: str | Path | Encoder | None = None
    network: str | Path | None = None
    resources: Resources | None = None
    carried: Carried = field(default_factory=Carried)

    def begin(self, photo: Picture, after: bool = False) -> Painting:
        """Begin a painting of a frame; of one that begins with a picture given later, where `after` says so."""
        recipe, inputs = self.recipe, replace(self.inputs, content=photo)
        steps = recipe.steps
        if self.coherence.passes > 1:
            steps = max(1, steps // self.coherence.passes)
            recipe = recipe.replace(iterations=steps)
        if after:
            part = 1.0 if self.coherence.passes > 1 else self.coherence.follow
            recipe = recipe.replace(init="file", levels=1, iterations=max(1, round(part * steps)))
            inputs = replace(inputs, init=photo)
        if self.carried.masks is not None:
            inputs = replace(inputs, masks=self.carried.masks.first)
        if METHODS[recipe.method].landmarks:
            inputs = self._with_face(inputs, photo)
        return begin_with(
            inputs, recipe, encoder=self.encoder, network=self.network, resources=self.resources or Resources.choose()
        )

    def _with_face(self, inputs: Inputs, photo: Picture) -> Inputs:
        """Return the inputs with the landmarks of the frame that is painted, `photo`; with none where it has none."""
        faces = self.carried.faces
        pair = None if faces is None else faces.now or faces.at(0, photo)
        if pair is None:
            return replace(inputs.without_landmarks(), find_faces=False)
        return replace(inputs, content_landmarks=pair.content, style_landmarks=pair.style)

    def painter(self, watch: Watch, scratch: Scratch | None = None) -> ShotPainter:
        """Return what paints the clip's shots; several passes keep frames in the `scratch`, or in memory.

        Raises `UsageError` for what the method cannot do.
        """
        coherence, method = self.coherence, METHODS[self.recipe.method]
        starts = "init" in method.settings
        if coherence.passes > 1 and not starts:
            raise UsageError(f"passes: {method.name} begins with no picture, as the second pass would; leave them out")
        if coherence.independent:
            return IndependentPainter(self.begin, coherence, self.carried, watch)
        if coherence.passes > 1:
            return PassesPainter(self.begin, coherence, self.carried, watch, scratch)
        if self.every > 1:
            return KeyframePainter(
                self.begin, coherence, self.carried, watch, every=self.every, starts=starts, fill=_Quick(self).paint
            )
        kind = OptimizedPainter if starts else SmoothPainter
        return kind(self.begin, coherence, self.carried, watch)

    @property
    def every(self) -> int:
        """Return of how many frames one is painted."""
        return self.coherence.keyframe or METHODS[self.recipe.method].keyframe

    def counts(self, frames: int) -> tuple[int, int]:
        """Return how many of a shot's frames are painted from nothing, and how many paintings begin with another."""
        starts = "init" in METHODS[self.recipe.method].settings
        if self.coherence.passes > 1 and not self.coherence.independent:
            return frames, frames * (self.coherence.passes - 1)
        if not self.coherence.independent and self.every > 1:
            frames = len(keys(frames, self.every))
        return (1, frames - 1) if starts and not self.coherence.independent else (frames, 0)


class _Quick:
    """Paints a frame by `QUICK`, with the styles and settings of the clip's own method as far as it knows them."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._painting: Painting | None = None

    def paint(self, photo: Picture) -> Tensor:
        """Return a frame (1, 3, H, W), before colours are put back."""
        studio = self._studio
        if self._painting is None:
            known = {*SHARED, *METHODS[QUICK].settings} & {*SHARED, *METHODS[studio.recipe.method].settings}
            settings = {key: getattr(studio.recipe, key) for key in known - {"encoder"}} | {"method": QUICK}
            inputs = Inputs(photo, studio.inputs.styles)
            self._painting = begin_with(
                inputs, Recipe.parse(settings), resources=studio.resources or Resources.choose()
            )
        self._painting.take(photo)
        for _ in self._painting:
            pass
        image = self._painting.image
        if image is None:
            raise RuntimeError(f"{QUICK} painted nothing")
        return image.float().cpu().clone()
