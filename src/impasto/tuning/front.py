"""The Pareto front: what no other candidate beats in everything."""

from collections.abc import Sequence


def dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    """Return whether `one` is nowhere worse than `other` and somewhere better; more is better."""
    return all(a >= b for a, b in zip(one, other, strict=True)) and any(a > b for a, b in zip(one, other, strict=True))


def front(candidates: Sequence[Sequence[float]]) -> list[int]:
    """Return the places of the candidates that no other one dominates, in their order."""
    return [
        place
        for place, candidate in enumerate(candidates)
        if not any(dominates(other, candidate) for other in candidates)
    ]
