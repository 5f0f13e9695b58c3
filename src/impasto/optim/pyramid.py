"""The levels of a painting: sizes from coarse to fine, and how many steps each gets."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from impasto.recipe.method import Method

COARSEST = 160
"""The longer side in pixels below which automatic pyramids do not start: relu5_1, the deepest style layer, sees 156
pixels, and on a smaller canvas its statistics are those of the border."""
NARROWEST = 16
"""The shorter side in pixels below which they do not start either: one neuron of the deepest layers."""


NARROWEST_OF_MARGIN = 8
"""A margin is at most the short side of the picture divided by this: more would be painted around it than of it."""


@dataclass(frozen=True)
class Level:
    """One size of the pyramid. `size` is the (height, width) in pixels that is painted: the picture in its margin."""

    index: int
    size: tuple[int, int]
    steps: int
    surrogate: bool = False
    """Whether a cheaper encoder stands in for the one asked for."""
    finishing: bool = False
    """Whether these are the last steps, at the last size, that come after those of all other levels."""
    margin: int = 0
    """Pixels on each side of the picture that are painted with it, and cut off."""

    @property
    def picture(self) -> tuple[int, int]:
        """Return the (height, width) of the picture without its margin."""
        return self.size[0] - 2 * self.margin, self.size[1] - 2 * self.margin

    def cropped(self, image: Tensor) -> Tensor:
        """Return the picture (..., h, w) of what is painted (..., H, W)."""
        return image[..., self.margin : image.shape[-2] - self.margin, self.margin : image.shape[-1] - self.margin]

    def in_margin(self, margin: int) -> "Level":
        """Return the level with this margin around its picture."""
        height, width = self.picture
        return replace(self, size=(height + 2 * margin, width + 2 * margin), margin=margin)


def with_margin(levels: Sequence[Level], margin: int) -> tuple[Level, ...]:
    """Return `levels` with a margin of at most so many pixels around the picture of each."""
    return tuple(level.in_margin(min(margin, min(level.picture) // NARROWEST_OF_MARGIN)) for level in levels)


def plan(
    size: tuple[int, int],
    levels: int,
    iterations: int,
    step_ratio: float = 0.5,
    multiple: int = 1,
    finishing: int = 0,
    coarsest: int = COARSEST,
    surrogate: bool = True,
) -> tuple[Level, ...]:
    """Return the levels, coarsest first, for a result of `size` (height, width).

    Each level has half the side of the next. `levels` 0 chooses as many as keep the sides at `coarsest` and
    `NARROWEST` or more. A level gets `step_ratio` times the steps of the coarser one, which costs a quarter as much a
    step; all together they get `iterations`. Sides are multiples of `multiple` (those of a picture that repeats must be
    whole numbers of neurons at every layer). The last `finishing` steps, where there are as many, are a level of their
    own at the last size, and all before them a surrogate's.
    """
    if 0 < finishing < iterations:
        early = plan(size, levels, iterations - finishing, step_ratio, multiple, coarsest=coarsest)
        last = Level(len(early), early[-1].size, finishing, finishing=True)
        return (*(replace(level, surrogate=surrogate) for level in early), last)
    count = levels or automatic(size, coarsest)
    height, width = (
        [multiple * max(1, round(side / 2**depth / multiple)) for depth in reversed(range(count))] for side in size
    )
    sizes = list(zip(height, width, strict=True))
    weights = [step_ratio**index for index in range(count)]
    ends = [round(iterations * sum(weights[: index + 1]) / sum(weights)) for index in range(count)]
    starts = [0, *ends[:-1]]
    return tuple(
        Level(index, level_size, end - start)
        for index, (level_size, start, end) in enumerate(zip(sizes, starts, ends, strict=True))
    )


def coarsest(method: Method, *, photo: bool) -> int:
    """Return the longer side below which an automatic pyramid of a method does not start; `photo`: there is one."""
    return method.coarsest or (0 if photo else method.coarsest_texture) or COARSEST


def automatic(size: tuple[int, int], coarsest: int = COARSEST) -> int:
    """Return the number of levels for a picture of this (height, width)."""
    count = 1
    while max(size) / 2**count >= coarsest and min(size) / 2**count >= NARROWEST:
        count += 1
    return count
