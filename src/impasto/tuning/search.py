"""What is painted next: first one thing after another in the order in which they matter, then what a model promises."""

import statistics
from collections.abc import Sequence

from impasto.tuning.space import ORDER, Point, Space
from impasto.tuning.study import Trial

ENOUGH = 4
"""Coarse levels of a method that must be known before another one can fall behind them: their median means little of
fewer."""


def opening(space: Space, trials: Sequence[Trial], running: Sequence[Point] = ()) -> Point | None:
    """Return the next point of the opening; None when it is over.

    The recipe as it is comes first. Then each thing of `ORDER` in turn takes each of its values, with the best found so
    far of all before it. What is chosen depends on the trials alone, however often the search was interrupted.
    `running`: points that are being painted, which are not chosen again.
    """
    by_point = {_key(trial.point): trial for trial in reversed(trials)}
    taken = {*by_point, *map(_key, running)}
    current = space.start
    if _key(current) not in taken:
        return current
    for name in ORDER:
        candidates = [current]
        for value in space.values(name, str(current["method"])):
            candidate = space.complete({**current, name: value})
            if _key(candidate) not in taken:
                return candidate
            candidates.append(candidate)
        # The first of equals: what was there before stays.
        known = [candidate for candidate in candidates if _key(candidate) in by_point]
        current = max(known, key=lambda candidate: by_point[_key(candidate)].value, default=current)
    return None


def settled_words(space: Space, trials: Sequence[Trial]) -> Point:
    """Return what every second draw after the opening keeps of the best trial: the words; what it draws are numbers.

    The other draws keep nothing, lest a better method be missed. The strength is drawn in both.
    """
    best = max(trials, key=lambda trial: trial.value, default=None)
    if best is None or len(trials) % 2:
        return {}
    return {name: value for name, value in best.point.items() if space.span(name) is None and name != "strength"}


def floor(trials: Sequence[Trial], method: str) -> float | None:
    """Return the score that a draft of a method needs after its coarse level: the median of those before it.

    None where fewer than `ENOUGH` are known. Methods begin at different sizes, so each is compared with itself.
    """
    before = [trial.coarse for trial in trials if trial.point["method"] == method and trial.coarse is not None]
    return statistics.median(before) if len(before) >= ENOUGH else None


def twin(trials: Sequence[Trial], point: Point) -> Trial | None:
    """Return the trial that was painted at the same point, to be used instead of painting it again; None: none was."""
    return next((trial for trial in trials if _key(trial.point) == _key(point) and trial.state != "failed"), None)


def _key(point: Point) -> tuple[tuple[str, str | float], ...]:
    """Return a point as it can be compared: numbers with the three digits that recipes have of them."""
    return tuple(
        (name, round(value, 3) if isinstance(value, float) else value) for name, value in sorted(point.items())
    )
