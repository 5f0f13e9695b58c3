"""Training a network for any style from end to end: what `impasto train any` does with what it is given."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any

from impasto.errors import UsageError
from impasto.nets.avatar import LAYERS, Avatar, AvatarPlan
from impasto.recipe import STYLE_LAYERS, Recipe
from impasto.training import held_out
from impasto.training.avatar_task import AvatarTask
from impasto.training.fast_run import OBJECTIVE
from impasto.training.outputs import check_folder
from impasto.training.progress import frozen_petite, schedule, with_progress
from impasto.training.training import Training

FIRST_BATCHES = 8
"""Batches of styles on which the size of features is measured: 32 paintings with the usual four a batch."""
OBJECTIVE_OF_ANY: Mapping[str, Any] = {
    "statistics": {"gram": 1.0},
    "style_layers": dict(zip(STYLE_LAYERS, (0.1, 0.3, 0.3, 0.2, 0.1), strict=True)),
    "style_weight": 30.0,
}
"""How such a network is judged where that differs from a painting. Gram matrices, whose normalised distance is bounded
whatever the pair; coarse layers count more, because the fine ones are nearly matched before the network begins; and a
smaller weight of the style, since no network comes as near to it as an optimisation, and what is left would otherwise
drown the content."""
HOLD = 0.7
"""Fraction of the steps at the full rate: a training of many hours is often prolonged, or ended early on a copy."""


@dataclass(frozen=True)
class AvatarTraining(Training):
    """A network for any style, and what it is learnt from."""

    paintings: Sequence[Path]
    """Folders or tar files of paintings."""
    _: KW_ONLY
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of the recipe's objective: weights, layers, total variation."""
    held_out_styles: Path | None = None
    """A folder of paintings for the pictures that are held out."""


def learn(
    work: AvatarTraining, folder: Path, *, steps: int, rate: float = 1e-3, save_every: int = 250, sheet_every: int = 500
) -> Generator[dict[str, float], None, None]:
    """Train in `folder`, resuming where an earlier run stopped; yield one record a step, with `eta_s`.

    Beside what `train` writes, `samples/` gets a sheet of pictures every `sheet_every` steps. Raises `UsageError`,
    `InputError`, `WeightsError` and `ResourceError` before the first step, `DivergedError` from training.
    """
    plan = schedule(steps, rate, save_every, HOLD)
    check_folder(folder)
    task = prepare(work, steps=steps)
    # Before a checkpoint is read, so that a run that is resumed scales features as it did from its first step.
    task.begin(FIRST_BATCHES)
    yield from with_progress(task, plan, folder, sheet_every)


def prepare(work: AvatarTraining, *, steps: int = 0) -> AvatarTask:
    """Build the task: network, petite, streams and held-out pictures, on their device."""
    where, precision = work.place()
    if not work.paintings:
        raise UsageError("pictures to take styles from are needed: --paintings")
    recipe = Recipe.parse({**OBJECTIVE_OF_ANY, **work.settings}).decided()
    if set(recipe.statistics) != {"gram"}:
        raise UsageError("a network for any style is trained with the statistic gram; leave --statistics out")
    encoder = frozen_petite(precision)
    channels = tuple(encoder.tensors[f"conv{layer[4:]}.weight"].shape[0] for layer in LAYERS)
    net = Avatar(AvatarPlan(channels=channels), seed=work.seed, precision=precision)
    content, style = work.stream(work.data), work.stream(work.paintings, 1)
    objective = recipe.model_dump(mode="json", include=set(OBJECTIVE))
    notes = work.notes(steps, pictures=len(content), paintings=len(style), objective=objective)
    return AvatarTask(
        encoder,
        net,
        recipe,
        content,
        style,
        seed=work.seed,
        held_out=held_out.pictures(work.held_out),
        held_out_styles=held_out.pictures(work.held_out_styles),
        notes=notes,
        device=where,
    )
