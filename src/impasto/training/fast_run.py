"""Training a per-style network from end to end: what `impasto train fast` does with what it is given."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from pathlib import Path
from typing import Any

from impasto import images
from impasto.errors import UsageError
from impasto.events import notice
from impasto.nets import johnson, texture_net
from impasto.nets.johnson import PAPER, Johnson, scaled
from impasto.nets.texture_net import TextureNet, TexturePlan
from impasto.recipe import Recipe
from impasto.training import held_out, quick
from impasto.training.fast_task import FastTask, same_style
from impasto.training.initialize import begin
from impasto.training.outputs import check_folder
from impasto.training.progress import frozen_petite, schedule, with_progress
from impasto.training.training import Training, has_checkpoint

METHODS = ("johnson", "texture_net")
HELD_OUT_MOST = 6
"""Pictures that are measured at most; more only make the evaluation slower."""


@dataclass(frozen=True)
class FastTraining(Training):
    """A per-style network, and the styles it learns; no `data` where the network is fed with noise alone."""

    styles: Sequence[Path]
    """Paintings; several are mixed in equal parts."""
    _: KW_ONLY
    method: str = "johnson"
    mode: str = "photos"
    width: float = 1.0
    """Times the channels of the default plan; 0 for the plan of the paper."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of the recipe's objective: weights, layers, statistics, normalisation."""
    init: Path | None = None
    """Another network of the same plan, of any style, that is the start."""
    batch: int = 2
    crop: int = 256
    style_size: int = 384
    quick: bool = False
    """Begin with the shipped network that is nearest to the style, and stop when nothing is gained any more."""


def learn(
    work: FastTraining, folder: Path, *, steps: int, rate: float = 2e-3, save_every: int = 250, sheet_every: int = 500
) -> Generator[dict[str, float], None, None]:
    """Train in `folder`, resuming where an earlier run stopped; yield one record a step, with `eta_s`.

    Beside what `train` writes, `samples/` gets a sheet of pictures every `sheet_every` steps. Raises `UsageError`,
    `InputError`, `WeightsError` and `ResourceError` before the first step, `DivergedError` from training.
    """
    plan = schedule(steps, rate, save_every)
    check_folder(folder)
    resumed = has_checkpoint(folder)
    # A checkpoint knows more than any start.
    task = prepare(replace(work, init=None) if resumed else work, steps=steps)
    same_style(folder, task.styles)
    if not work.quick:
        yield from with_progress(task, plan, folder, sheet_every)
        return
    quick.hold_out(task)
    if not resumed and work.init is None:
        notice(f"begins with the network of '{quick.begin_nearest(task, work.method)}'")
    records = with_progress(task, plan, folder, sheet_every, quick.SHEET_SECONDS)
    yield from quick.until_flat(records, quick.of_avatar(task))


def prepare(work: FastTraining, *, steps: int = 0) -> FastTask:
    """Build the task: network, petite, styles, stream of crops and held-out pictures, on their device."""
    where, precision = work.place()
    recipe = Recipe.parse({"tv": "vector", **work.settings}).decided()
    if not work.styles:
        raise UsageError("a style is needed: --style painting.jpg")
    if work.quick and (work.mode != "photos" or work.width != 1):
        raise UsageError(
            "--quick: begins with networks of photographs and of the usual width; leave --mode and --width out"
        )
    styles = [images.load(path) for path in work.styles]
    encoder = frozen_petite(precision)
    net: Johnson | TextureNet
    if work.method == "johnson":
        net = Johnson(scaled(work.width) if work.width else PAPER, seed=work.seed, precision=precision)
    elif work.method == "texture_net":
        plan = TexturePlan(round(work.width * TexturePlan.width)) if work.width else TexturePlan()
        net = TextureNet(plan, seed=work.seed, precision=precision)
    else:
        raise UsageError(f"unknown method '{work.method[:60]}'; choose from {', '.join(METHODS)}")
    if work.init is not None:
        kind = johnson.KIND if work.method == "johnson" else texture_net.KIND
        begin(net, work.init, kind, f"a network of {work.method} with this --width")
    stream = None
    if work.data and work.mode != "noise":
        stream = work.stream(work.data)
    notes = work.notes(
        steps,
        mode=work.mode,
        pictures=0 if stream is None else len(stream),
        style_size=work.style_size,
        encoder=encoder.sha256,
        objective=recipe.model_dump(mode="json", include=set(OBJECTIVE)),
    )
    return FastTask(
        net,
        encoder,
        recipe,
        styles,
        stream,
        mode=work.mode,
        batch=work.batch,
        crop=work.crop,
        style_size=work.style_size,
        held_out=held_out.pictures(work.held_out)[:HELD_OUT_MOST],
        seed=work.seed,
        notes=notes,
        device=where,
    )


OBJECTIVE = (
    "content_layers",
    "content_weight",
    "gamut_weight",
    "normalization",
    "statistics",
    "style_layers",
    "style_weight",
    "tv",
    "tv_weight",
)
"""The settings of a recipe that a network is trained with."""
