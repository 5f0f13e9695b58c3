"""`Painting`: one run that makes a picture, whatever its method, and all that may be asked of it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from impasto import images
from impasto.checkpoint import Checkpoint
from impasto.encoders import Encoder
from impasto.errors import InputError, UsageError
from impasto.events import Progress
from impasto.guides import Regions
from impasto.images import Picture
from impasto.landmarks import Pair
from impasto.losses import Anchor
from impasto.optim.resources import Resources
from impasto.recipe import Recipe
from impasto.result import Result
from impasto.scene.resolve import PictureLike, result_size
from impasto.scene.scene import Scene


@dataclass(frozen=True)
class PlannedLevel:
    """What is planned for one level of a painting by optimisation."""

    size: tuple[int, int]
    """(height, width) in pixels."""
    steps: int
    tiles: int
    """How many each evaluation takes."""
    surrogate: bool
    """Whether petite takes its steps in place of the encoder."""


@dataclass(frozen=True, eq=False)
class After:
    """What a frame of moving pictures has of those before it."""

    regions: Regions | None = None
    """Where the regions are now; None: where they were in the first frame."""
    init: Picture | None = None
    """What the canvas begins with, for `init` 'file'."""
    anchor: Anchor | None = None
    """What the canvas is held to, by methods that optimise."""
    landmarks: Pair | None = None
    """Where the face of a portrait is now; None: where it was in the first frame."""

    def put(self, scene: Scene, photo: Picture) -> None:
        """Take all of it, and `photo`, as what is painted next."""
        scene.show(photo)
        scene.regions = self.regions or scene.regions
        scene.init = self.init or scene.init
        scene.anchor = self.anchor
        scene.landmarks = self.landmarks or scene.landmarks


class Painting(ABC):
    """One painting in progress: iterate over it for `Progress`, ask for `result()` at any time.

    Subclasses refuse in their constructors whatever can be refused, and paint when they are iterated over.
    """

    resumable = False
    """Whether `checkpoint` and `restore` work: a painting by one pass of networks has no steps to go on from."""
    encoder: Encoder | None = None
    """What features are taken with; None where a network paints without any."""
    steps: int
    """How many times `Progress` is made."""
    memory_bytes: int
    """Estimated peak of the process while painting; on a device with memory of its own, of that."""

    def __init__(
        self,
        scene: Scene,
        recipe: Recipe,
        size: tuple[int, int],
        resources: Resources,
        load: Callable[[PictureLike], Picture] = images.load,
    ) -> None:
        self.scene, self.recipe, self.size, self.resources = scene, recipe, size, resources
        self._load_picture = load
        self._reset()

    @abstractmethod
    def __iter__(self) -> Generator[Progress, None, None]:
        """Paint, yielding one `Progress` a step; closing the iterator keeps the picture so far."""

    @abstractmethod
    def seconds(self) -> float:
        """Estimate how long the painting will take, by timing a small part of it."""

    @property
    @abstractmethod
    def weights(self) -> tuple[Mapping[str, str], ...]:
        """Name and sha256 of each network that the painting uses, that of the encoder first."""

    @property
    @abstractmethod
    def tile(self) -> int | None:
        """Side of the tiles of the last level, in pixels; None: in one piece."""

    @property
    @abstractmethod
    def tiles(self) -> int | None:
        """How many tiles the last level is painted in; None where that is not counted before."""

    @property
    def schedule(self) -> tuple[PlannedLevel, ...]:
        """The levels in which steps are taken; none where networks paint in one pass."""
        return ()

    @property
    def pixel_steps(self) -> int:
        """Steps times pixels over all levels: what the time goes by."""
        return self.steps * self.size[0] * self.size[1]

    @property
    def content(self) -> Picture | None:
        """The photograph; None for a texture."""
        return self.scene.content

    @property
    def styles(self) -> list[Picture]:
        """The paintings that are imitated."""
        return self.scene.styles

    @property
    def image(self) -> Tensor | None:
        """The picture so far (1, 3, H, W), before colours and regions are put back; None before the first step."""
        return self._image

    @property
    def history(self) -> list[dict[str, Any]]:
        """One record for each step taken, as in a `Result`."""
        return self._history

    @property
    def timings(self) -> dict[str, float]:
        """Seconds of each level, or of each network, and in total."""
        return self._timings

    @property
    def finished(self) -> bool:
        """Whether the last step was taken."""
        return self._finished

    @property
    def taken(self) -> int:
        """How many of `steps` were taken."""
        return len(self.history)

    def checkpoint(self) -> Checkpoint:
        """Return the state after the last step, to be saved before the next one.

        Raises `UsageError` where there is none: before the first step, and where networks paint in one pass.
        """
        raise UsageError(f"{self.recipe.method} paints in one pass, and has no step to go on from")

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from `checkpoint` when iterated over; `result()` is its picture until then.

        Raises `InputError` when it is of other pictures, `WeightsError` when of other weights, `UsageError` when of
        another recipe: nothing else would end in the picture that was begun.
        """
        method = checkpoint.recipe.method
        raise InputError(f"is of a painting by {method} without steps, which nothing can go on with; paint it again")

    def result(self) -> Result:
        """Return the picture so far, at the size of the recipe, with the content's alpha."""
        self._release()
        image = self.image
        return Result(
            picture=self.finished_picture(self._first_image() if image is None else image),
            recipe=self.recipe,
            history=tuple(self.history),
            timings=dict(self.timings),
            inputs=tuple(self.scene.inputs()),
            weights=self.weights,
            finished=self.finished,
        )

    def finished_picture(self, image: Tensor) -> Picture:
        """Return `image` (1, 3, H, W) as a result: at the recipe's size, with the colours and alpha of the content."""
        content = self.scene.content
        alpha = None if content is None or content.alpha is None else images.resize(content.alpha, self.size)
        return Picture(self.scene.finish(image.cpu(), self.size), alpha, name="result")

    def shown(self, progress: Progress) -> Picture:
        """Return the picture of a step as it would be saved, at the size of its level."""
        return Picture(self.scene.finish(progress.image.cpu(), progress.size), name="preview")

    def frames(self, photos: Iterable[PictureLike]) -> Iterator[Picture]:
        """Paint a stream of photographs that have the shape of the first, each by itself; yield each when it is done.

        What does not depend on them is loaded and planned once; feed-forward methods measure the styles once too.
        Raises `UsageError` for one of another shape, or where the painting is a texture or has landmarks, and what
        `images.load` raises.
        """
        if self.scene.content is None:
            raise UsageError("a texture has no frames; begin with the first of them as content")
        if self.scene.landmarks is not None:
            raise UsageError("landmarks are of one photograph; begin a painting for each frame")
        for number, source in enumerate(photos):
            self.take(self._load_picture(source), f"frame {number}")
            for _ in self:
                pass
            yield self.result().picture

    def take(self, photo: Picture, called: str = "this photograph", *, after: After | None = None) -> None:
        """Make `photo`, which has the shape of the one before, the content of the next iteration.

        What does not depend on it is kept. `after` is what a frame of moving pictures has of those before; without it,
        it is painted by itself. Raises `UsageError` for a photograph of another shape, which is `called` so.
        """
        if result_size(photo, self.recipe) != self.size:
            height, width = photo.size
            raise UsageError(f"{called} is {width}x{height} px, another shape than the first; begin a painting for it")
        self._reset()
        self._show(photo, after or After())

    def foresee(self, contents: Sequence[Picture]) -> None:  # noqa: ARG002
        """See photographs of this painting's shape that will be taken, to paint several at once where that is faster.

        No picture depends on whether this was called. Here, nothing is faster.
        """
        return

    def _reset(self) -> None:
        """Forget what was painted."""
        self._history: list[dict[str, Any]] = []
        self._timings: dict[str, float] = {}
        self._image: Tensor | None = None
        self._finished = False

    @abstractmethod
    def _first_image(self) -> Tensor:
        """Return the picture (1, 3, H, W) that painting begins with."""

    def _show(self, photo: Picture, after: After) -> None:
        """Take `photo` as the content of the next iteration, with what it has of the frames before."""
        after.put(self.scene, photo)

    def _release(self) -> None:
        """Return memory to the system, where there is much of it."""
        return
