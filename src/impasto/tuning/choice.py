"""Which drafts a search ends in: the Pareto front, and one recipe for each taste."""

import math
from collections.abc import Mapping, Sequence

from impasto.tuning.front import front
from impasto.tuning.study import Trial

TASTES: Mapping[str, tuple[float, float, float]] = {
    "balanced": (1, 1, 1),
    "faithful": (4, 1, 1),
    "bold": (1, 4, 1),
}
"""Weights of content, style and faults in the geometric mean by which a taste chooses. With positive weights no draft
is chosen that another beats in all three."""
LIKE = "like"
"""The name of the draft that is nearest to a reference, where there is one."""
CHEAPEST_S = 0.25
"""Seconds below which costs are one: a fraction of a second is noise of the machine."""


def cost(trial: Trial) -> int:
    """Return what a draft cost, in doublings of `CHEAPEST_S`: seconds that differ by less are the same to anybody."""
    return max(0, math.floor(math.log2(max(trial.seconds, CHEAPEST_S) / CHEAPEST_S)))


def pareto(trials: Sequence[Trial]) -> list[Trial]:
    """Return the trials that no other one beats in content, style, faults and cost, the most faithful first."""
    measured = [(trial, trial.scores) for trial in trials if trial.scores is not None]
    places = front([(scores.content, scores.style, scores.faults, -cost(trial)) for trial, scores in measured])
    return [measured[place][0] for place in sorted(places, key=lambda place: -measured[place][1].content)]


def choose(trials: Sequence[Trial], *, like: bool = False) -> dict[str, Trial]:
    """Return a trial for each taste, the first of equals, and with `like` the one nearest to the reference.

    Where drafts were looked at again, one of these is chosen, by what it was worth then. Empty where none was measured.
    """
    seen = [trial for trial in trials if trial.look is not None and trial.look.scores is not None]
    return best(seen, like=like) if len(seen) > 1 else best(trials, like=like)


def best(trials: Sequence[Trial], *, like: bool = False) -> dict[str, Trial]:
    """Return the best of `trials` by each taste, by the latest that is known of each."""
    measured = [(trial, trial.judged) for trial in trials if trial.judged is not None]
    if not measured:
        return {}
    chosen = {name: max(measured, key=lambda entry: entry[1].mean(weights))[0] for name, weights in TASTES.items()}
    return chosen | ({LIKE: max(measured, key=lambda entry: entry[1].style)[0]} if like else {})
