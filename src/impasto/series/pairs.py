"""The pairs of a benchmark: photographs and paintings as they are read, and which of them are put together."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from impasto import images
from impasto.errors import ImageError, ResourceError, UsageError
from impasto.guides import Regions
from impasto.series.grid import file_part


@dataclass(frozen=True)
class Input:
    """A photograph or painting of a benchmark."""

    name: str
    path: Path
    credit: str = ""
    regions: Regions | None = field(default=None, repr=False, compare=False)
    """Of a photograph: painted by and measured at."""


@dataclass(frozen=True)
class Problem:
    """A file that could not be used, or a pair that has no picture."""

    file: str
    note: str


def read_inputs(
    paths: Sequence[Path], *, max_pixels: int = images.DEFAULT_MAX_PIXELS, allow_truncated: bool = False
) -> tuple[list[Input], list[Problem]]:
    """Return the pictures that can be read, called by their names without suffix, and those that cannot.

    `max_pixels` and `allow_truncated` are those of `images.load`. Raises `UsageError` where two have one name,
    `ImageError` where none can be read.
    """
    inputs: list[Input] = []
    problems = []
    for path in paths:
        try:
            images.load(path, max_pixels=max_pixels, allow_truncated=allow_truncated)
        except (ImageError, ResourceError) as error:
            problems.append(Problem(path.name, str(error)))
            continue
        name = file_part(path.stem)
        for other in inputs:
            if other.name.casefold() == name.casefold():
                raise UsageError(f"{other.path.name} and {path.name} would both be called {name}; rename one of them")
        inputs.append(Input(name, path))
    if not inputs:
        raise ImageError(f"{problems[0].note}" if len(problems) == 1 else f"none of {len(paths)} pictures can be read")
    return inputs, problems


def balanced(contents: int, styles: int, count: int | None = None) -> Iterator[tuple[int, int]]:
    """Yield `count` different pairs (number of a photograph, number of a painting), or all `contents` x `styles`.

    Each photograph, and each painting, is in as many pairs as any other, or in one more. More pairs are those of fewer
    and others, so that a benchmark can be widened.
    """
    both = contents * styles
    # Going along diagonals visits lcm(contents, styles) pairs before one comes again; the next round is moved by one.
    round_length = math.lcm(contents, styles)
    for number in range(both if count is None else min(count, both)):
        yield number % contents, (number + number // round_length) % styles
