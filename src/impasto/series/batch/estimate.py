"""What a batch will take, by looking at a few of its pictures."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from impasto.errors import ImageError, InputError
from impasto.series.batch.items import Item, Same
from impasto.series.batch.run import Batch

SAMPLED = 5
"""Pictures of one recipe that an estimate looks at: those of a folder are mostly of a few sizes."""


@dataclass(frozen=True)
class Estimate:
    """What a batch will take."""

    count: int
    """Pictures that are to be painted."""
    seconds: float
    """Of one process, painting one after another."""
    pixel_steps: int
    bytes_each: int
    """Most memory of one painting, beside what its process has anyway."""


def estimated(made: Batch, threads: int) -> Estimate:
    """Estimate what is to do with so many threads a picture, from a few pictures of each recipe."""
    groups: dict[str, list[Item]] = {}
    recipes: Same[str] = Same(lambda recipe: recipe.model_dump_json())
    for item in made.waiting:
        groups.setdefault(recipes(item.job.recipe), []).append(item)
    seconds, steps = 0.0, 0.0
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for group in groups.values():
            own_seconds, own_steps = _measure(made, group)
            seconds += own_seconds * len(group)
            steps += own_steps * len(group)
    finally:
        torch.set_num_threads(before)
    return Estimate(sum(map(len, groups.values())), seconds, round(steps), made.bytes_each())


def _measure(made: Batch, group: Sequence[Item]) -> tuple[float, float]:
    """Return the mean seconds and pixel-steps of items of one recipe, by a sample of them."""
    rate, steps = 0.0, []
    for item in group[:: max(1, len(group) // SAMPLED)][:SAMPLED]:
        with contextlib.suppress(ImageError, InputError):
            painting = made.start(item)
            rate = rate or painting.seconds() / painting.pixel_steps
            steps.append(painting.pixel_steps)
    mean = sum(steps) / len(steps) if steps else 0.0
    return rate * mean, mean
