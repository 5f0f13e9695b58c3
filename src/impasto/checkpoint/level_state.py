"""Where a painting is, and what its level holds beside the solver, for checkpoints: where it began and its terms."""

from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.encoders import Encoder
from impasto.errors import InputError
from impasto.losses import Objective
from impasto.losses.kept_matches import MatchedTerm
from impasto.optim.loop import Run
from impasto.optim.pyramid import Level
from impasto.optim.solver import Solver
from impasto.optim.state import Pieces, State

_WEIGHT = "content_weight"
"""What the weight is called that a strength turned out to mean."""


@dataclass(frozen=True)
class Place:
    """Where a painting is, between two steps."""

    level: Level
    step: int
    elapsed_s: float
    level_s: float
    solver: Solver
    run: Run
    objective: Objective


def state(objective: Objective, init: Tensor | None, content_weight: float | None = None) -> State:
    """Return the picture that a level began with, where that counts, and the state of its terms.

    `content_weight` is the one that was found for the painting, where its recipe asks for a strength.
    """
    tensors: dict[str, Tensor | Pieces] = {} if init is None else {"image": init}
    counts = {}
    for term in objective.stateful:
        for key, value in term.state().items():
            name = f"{key} {term.state_name}"
            if isinstance(value, Tensor):
                tensors[name] = value
            else:
                counts[name] = value
    searched = {} if content_weight is None else {_WEIGHT: content_weight}
    return State(tensors, counts | searched)


def content_weight(state: State) -> float:
    """Return the content weight that was found for a painting. Raises `InputError` for what can be none."""
    weight = state.number(_WEIGHT)
    if not weight >= 0:
        raise InputError(f"its {_WEIGHT} is below zero")
    return weight


def restore(objective: Objective, state: State, step: int, size: tuple[int, int], encoder: Encoder) -> None:
    """Put terms back to their `state` after so many steps at a picture of `size` (height, width).

    Raises `InputError` for what is no state of theirs.
    """
    for term in objective.stateful:
        if isinstance(term, MatchedTerm):
            _restore_matches(term, state, size, encoder)
        else:
            name = f"evaluations {term.state_name}"
            # Older checkpoints do not have the count: then there was one evaluation a step.
            term.restore({"evaluations": state.count(name) if name in state.values else step})


def _restore_matches(term: MatchedTerm, state: State, size: tuple[int, int], encoder: Encoder) -> None:
    name = f"matches {term.state_name}"
    if name not in state.tensors:
        return
    height, width = (side // encoder.stride(term.layer) for side in size)
    kept = state.kept(name, term.grid(height, width), torch.int64)
    left = state.count(f"left {term.state_name}", term.every - 1)
    try:
        term.restore({"matches": kept.whole() if isinstance(kept, Pieces) else kept, "left": left})
    except ValueError as error:
        raise InputError(f"its {name} {error}") from None
