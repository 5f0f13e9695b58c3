"""Where a painting is, and what its level holds beside the solver, for checkpoints: its beginning, kept matches."""

from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.encoders import Encoder
from impasto.errors import InputError
from impasto.losses import Objective
from impasto.optim.loop import Run
from impasto.optim.pyramid import Level
from impasto.optim.solver import Solver
from impasto.optim.state import Pieces, State


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


def state(objective: Objective, begun: Tensor | None) -> State:
    """Return the picture that a level began with, where that counts, and the matches that it keeps."""
    tensors: dict[str, Tensor | Pieces] = {} if begun is None else {"image": begun}
    counts = {}
    for term in objective.patches:
        if term.cache.matches is not None and term.cache.evaluations_left:
            tensors[f"matches {term.layer}"] = term.cache.matches.cpu()
            counts[f"left {term.layer}"] = term.cache.evaluations_left
    return State(tensors, counts)


def recall(objective: Objective, state: State, size: tuple[int, int], encoder: Encoder) -> None:
    """Put the matches back that were kept for a picture of `size`. Raises `InputError` for what are none."""
    for term in objective.patches:
        name = f"matches {term.layer}"
        if name not in state.tensors:
            continue
        height, width = (side // encoder.stride(term.layer) for side in size)
        kept = state.kept(name, term.bank.grid(height, width), torch.int64)
        found = kept.whole() if isinstance(kept, Pieces) else kept
        if int(found.min()) < 0 or int(found.max()) >= len(term.bank):
            raise InputError(f"its {name} are of patches that there are not")
        term.cache.matches = found.to(term.bank.patches(found[:1, 0]).device)
        term.cache.evaluations_left = state.count(f"left {term.layer}", term.every - 1)
