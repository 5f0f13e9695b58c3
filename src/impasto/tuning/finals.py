"""The second look: the best drafts are painted again, larger and longer, and what they are worth then is what counts.

Of forty drafts the one with the highest score is partly the luckiest one, and small pictures differ from large ones.
A few of them, seen again at twice the size, tell which recipe is better and which was lucky.
"""

from collections.abc import Sequence
from dataclasses import replace

from impasto.recipe import Recipe
from impasto.tuning.choice import best
from impasto.tuning.draft import draft_recipe
from impasto.tuning.space import Point
from impasto.tuning.study import Trial

FINALISTS = 5
"""Drafts that are looked at again at most."""
LARGER = 2
"""Times the size of a draft."""
STEPS = 100
"""Steps of a picture that is optimised."""
NEAR = 0.1
"""Numbers of two points that differ by less, as a fraction, are the same to the eye."""
FOLDER = "looks"
"""Where the pictures go."""


def finalists(trials: Sequence[Trial], *, like: bool = False) -> list[Trial]:
    """Return the drafts that are worth a second look: the first one, the best by each taste, and the best of the rest.

    Of drafts that are alike the better one is taken. Empty where fewer than two were measured.
    """
    # As drafts: what was seen of some of them later changes nothing of which ones these are.
    measured = [replace(trial, look=None) for trial in trials if trial.scores is not None]
    if not measured:
        return []
    ranked = sorted(measured, key=lambda trial: -trial.value)
    chosen: list[Trial] = []
    # The recipe that is painted without a search: what is chosen instead has to be better than it.
    for trial in [measured[0], *best(measured, like=like).values(), *ranked]:
        if len(chosen) < FINALISTS and not any(alike(trial.point, other.point) for other in chosen):
            chosen.append(trial)
    numbers = [trial.number for trial in chosen]
    return [trial for trial in trials if trial.number in numbers] if len(chosen) > 1 else []


def alike(one: Point, other: Point) -> bool:
    """Return whether two points have the same words, and numbers that hardly differ."""
    return one.keys() == other.keys() and all(
        abs(value - float(other[name])) <= NEAR * value
        if isinstance(value, float) and isinstance(other[name], float)
        else value == other[name]
        for name, value in one.items()
    )


def final_recipe(recipe: Recipe, size: int) -> Recipe:
    """Return the recipe of a second look at a draft of `size` px, whose recipe at full size is `recipe`."""
    return draft_recipe(recipe, LARGER * size, STEPS)
