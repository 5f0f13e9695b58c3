"""The content weight that a strength asks for, found from the pictures themselves by a few small, short paintings.

Weights alone do not say how strong a style will be: with the same ones, one pair of pictures keeps nearly all of the
photograph and another hardly any. So what is fixed is the outcome. How much of the photograph is kept is the cosine
between deep features of the picture and the photograph's, as in StyleEval (Wang et al. 2021); each strength asks for
one value of it, and the weight is looked for that leads there. It is found before the first step and then the same at
all levels, as line searches need.
"""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from impasto import events, images
from impasto.encoders import Encoder
from impasto.errors import DivergedError, UsageError
from impasto.losses import Objective
from impasto.losses.statistics import TINY
from impasto.optim import parallel
from impasto.optim.loop import Run
from impasto.optim.pyramid import Level
from impasto.optim.resources import Resources
from impasto.painting.level_builder import LevelBuilder
from impasto.recipe import Recipe
from impasto.recipe.catalogue import METHODS
from impasto.scene import SMALLEST, Scene
from impasto.scene.areas import area_scales
from impasto.scene.resolve import result_size

SIDE = 128
"""Pixels on the long side of the small paintings: neurons of the deepest layer are few there, and a step costs a
sixteenth of one at 512."""
STEPS = {"lbfgs": 24, "adam": 60}
"""Steps of a small painting, by solver. After 24 of L-BFGS, on twenty pairs, the content loss was 5 % (standard
deviation) from what it was after 40, which is 0.01 of what is kept."""
GAUGED = ("relu4_1", "relu5_1")
"""Layers at which it is measured what is kept of the photograph: those of content fidelity (Wang et al. 2021). Of
weights that end before them, the last layer."""
KEPT = (0.98, 0.80, 0.66)
"""What is kept of the photograph at strengths 0, 0.5 and 1, evenly between. 0.80 is what gatys with Gram matrices and
the default weights keeps on average over twenty pairs (0.79, standard deviation 0.04); with a tenth of the content
weight it is 0.73, so that 0.66 is little more than the style alone leaves."""
CLOSE = 0.03
"""Of what is wanted: from a small painting that keeps as much to within this, a straight line leads to the weight, to
within 0.02, and no other is painted."""
TRIALS = 4
"""The most small paintings: the second is `CLOSE` as a rule."""
KEPT_PER_DECADE = 0.11
"""How much more is kept with ten times the content weight: the mean of twenty pairs from 1 to 10 (0.07 to 0.16), and
what is believed where it is not known yet."""
FIRST_WEIGHT = 0.01
"""The first weight tried for strength 0.5, where content and style terms of no features at all are alike."""
FARTHEST = 5.0
"""Decades that a weight may lie from the first: beyond, the other term is not felt at all."""
LONGEST_MOVE = 2.0
"""Decades from one trial to the next at most."""


def wanted(strength: float) -> float:
    """Return how much of the photograph a `strength` in [0, 1] keeps, as a cosine of features."""
    none, half, all_of_it = KEPT
    if strength < 0.5:
        return none + 2 * strength * (half - none)
    return half + (2 * strength - 1) * (all_of_it - half)


def found_weight(
    scene: Scene, recipe: Recipe, encoder: Encoder, surrogate: Encoder | None, resources: Resources
) -> float:
    """Return the content weight with which a painting of `scene` by `recipe` gets the strength that it asks for.

    The `surrogate` paints the small pictures where there is one, else the `encoder`. All processes of a group return
    the weight of the first.
    """
    with events.muted():
        weight = _Trials(scene, recipe, surrogate or encoder, resources).search(wanted(recipe.wanted_strength or 0.0))
    if (group := parallel.current_group()) is not None:
        sent = torch.tensor(weight, dtype=torch.float64)
        group.copy(sent)
        weight = float(sent)
    # As many digits as the search is good for: the number is shown, and written into the picture.
    return float(f"{weight:.4g}")


def kept(scene: Scene, recipe: Recipe, encoder: Encoder, resources: Resources) -> float:
    """Return how much of the photograph a small painting of `scene` by `recipe` keeps, with the weight it has."""
    with events.muted():
        return _Trials(scene, recipe, encoder, resources).kept(recipe.content_weight)


def next_ratio(tried: Sequence[tuple[float, float]], goal: float) -> float:
    """Return the next logarithm to try, after (logarithm, kept) pairs, so that `goal` is kept.

    Where a straight line leads through the nearest on either side of the goal, or the two nearest where all are on one;
    from one alone with the usual slope. What is kept grows with the weight: slopes that say otherwise are not believed.
    """
    near = sorted(tried, key=lambda trial: abs(trial[1] - goal))
    ratio, kept = near[0]
    beyond = [trial for trial in near[1:] if (trial[1] - goal) * (kept - goal) < 0]
    other = next(iter(beyond or near[1:]), None)
    slope = KEPT_PER_DECADE
    if other is not None and abs(other[0] - ratio) > TINY:
        slope = min(max((other[1] - kept) / (other[0] - ratio), KEPT_PER_DECADE / 4), KEPT_PER_DECADE * 4)
    move = max(-LONGEST_MOVE, min(LONGEST_MOVE, (goal - kept) / slope))
    return max(-FARTHEST, min(FARTHEST, ratio + move))


class _Trials:
    """Small paintings of one scene with one weight after another."""

    def __init__(self, scene: Scene, recipe: Recipe, encoder: Encoder, resources: Resources) -> None:
        # One size, from the photograph, whatever the painting itself begins with: what is looked for is where it ends.
        size = result_size(scene.content, recipe, scene.regions, encoder)
        side = min(SIDE, max(size))
        scale = max(recipe.style_scale, _least_scale(scene, recipe, side))
        small = recipe.model_copy(update={"size": side, "levels": 1, "init": "content", "style_scale": scale})
        height, width = result_size(scene.content, small, scene.regions, encoder)
        self._scene, self._recipe, self._encoder, self._resources = scene, small, encoder, resources
        self._level = Level(0, (height, width), STEPS[recipe.solved_by])
        self._gauged = [layer for layer in GAUGED if layer in encoder.channels] or [list(encoder.channels)[-1]]
        photo = scene.under(small).photo(self._level).to(resources.device)
        self._features = self._deep(photo)
        self._guides = self._visible()

    def search(self, goal: float) -> float:
        """Return the weight whose painting keeps `goal` of the photograph, or comes nearest to it."""
        unit = FIRST_WEIGHT * self._leveled()
        tried: list[tuple[float, float]] = []
        ratio = (goal - wanted(0.5)) / KEPT_PER_DECADE
        while len(tried) < TRIALS:
            tried.append((ratio, self.kept(unit * 10**ratio)))
            ratio = next_ratio(tried, goal)
            if abs(tried[-1][1] - goal) < CLOSE or any(abs(ratio - earlier) < TINY for earlier, _ in tried):
                break
        reached = [kept for _, kept in tried]
        if min(reached) > goal + CLOSE:
            ratio = -FARTHEST  # it is kept by the style alone: nothing more can be done
        elif max(reached) < goal - CLOSE:
            ratio = FARTHEST
        return float(unit * 10**ratio)

    def _leveled(self) -> float:
        """Return the weight with which no features at all cost as much in content as they do in style.

        So it is in the unit of the terms, whatever normalisation, statistic and weight of the style they have.
        """
        objective, image = self._objective(self._builder(1.0))
        nothing = {layer: torch.zeros_like(maps) for layer, maps in self._encoder(image, objective.layers).items()}
        content, style = (float(part(image, nothing)[0]) if part.names else 0.0 for part in objective.split())
        known = math.isfinite(style / content) if content > TINY else False
        return style / content if known and style > TINY else 1 / FIRST_WEIGHT

    def _objective(self, builder: LevelBuilder) -> tuple[Objective, Tensor]:
        """Return the objective of the small level, and the picture that it begins with."""
        image = builder.view(self._level)(builder.first_point(self._level))
        return builder.objective(self._level, image), image

    def kept(self, weight: float) -> float:
        """Return how much is kept of the photograph in a small painting with a content `weight`."""
        builder = self._builder(weight)
        view, point = builder.view(self._level), builder.first_point(self._level)
        objective = builder.objective(self._level, view(point))
        run = Run(
            builder.solver(point, self._level), builder.evaluator(self._level, view, objective), self._level.steps
        )
        try:
            for _ in run:
                pass
        except DivergedError:
            return 0.0
        return self._likeness(self._deep(view(run.best)))

    def _builder(self, weight: float) -> LevelBuilder:
        scene = self._scene.under(self._recipe.model_copy(update={"content_weight": weight}))
        return LevelBuilder(scene, (self._level,), self._encoder, None, self._resources)

    @torch.no_grad()
    def _deep(self, image: Tensor) -> Mapping[str, Tensor]:
        return self._encoder(image, self._gauged)

    def _likeness(self, features: Mapping[str, Tensor]) -> float:
        """Return the mean over layers of the cosine with the photograph's features, where there is style to be seen."""
        cosines = []
        for layer, theirs in self._features.items():
            one, other = (maps[0].double() * self._guides[layer] for maps in (features[layer], theirs))
            lengths = float(one.norm() * other.norm())
            cosines.append(float((one * other).sum()) / lengths if lengths > TINY else 1.0)
        return math.fsum(cosines) / len(cosines)

    def _visible(self) -> dict[str, Tensor]:
        """Return for each layer what of the picture is neither hidden nor kept as photographed, (h, w)."""
        scene, size = self._scene, self._level.size
        visible = scene.visible(size)
        shown = torch.ones(size) if visible is None else visible
        kept = scene.under(self._recipe).view(self._level).kept
        shown = shown if kept is None else shown * (1 - kept[0, 0].to(shown))
        guides = {}
        for layer, maps in self._features.items():
            guide = images.resize(shown[None, None], (maps.shape[2], maps.shape[3]))[0, 0].clamp(0, 1).sqrt()
            guides[layer] = (guide if float(guide.sum()) > TINY else torch.ones_like(guide)).to(maps).double()
        return guides


def _least_scale(scene: Scene, recipe: Recipe, side: int) -> float:
    """Return the style scale below which a painting is too narrow to be seen in small pictures of `side` pixels."""
    if recipe.style_fit == "crop" or not scene.styles:
        return 0.0
    narrowest = min(min(style.size) / max(style.size) for style in scene.styles)
    return (SMALLEST + 1) / (side * narrowest * min(area_scales(scene)))


def check(scene: Scene, recipe: Recipe) -> None:
    """Raise `UsageError` where a strength is asked for that nothing can decide on."""
    if recipe.wanted_strength is None:
        return
    if scene.content is None:
        raise UsageError("strength: there is no photograph here that a style could be stronger than; leave it out")
    method = METHODS[recipe.method]
    if method.content_key in method.settings and not any(recipe.layers_of_content.values()):
        raise UsageError(
            f"strength: {method.content_key} names no layer with a weight; name one, or leave strength out"
        )
