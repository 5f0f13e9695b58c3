"""What to paint a pair of pictures with, from a quick look at them and one small draft: no search.

Three facts of the pictures at 128 px say how well `gatys` and `reshuffle` do on a pair: how detailed the painting is,
how much of the photograph is flat, and how far apart the two are in deep features. The rule is a linear regression of
the balanced score of `impasto tune` on these facts, over the 36 pairs of docs/evaluation.md, painted at 256 px.
`benchmarks/auto_rule.py` has the figures, fits it, and tests it on paintings that it did not see; `benchmarks/auto.py`
paints what is chosen for others. On the hardest pairs `gatys` loses more of the photograph than `reshuffle` does; on
all others its strength is what matters, which evens out how much of the photograph is kept (docs/strength.md).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass

import torch

from impasto import color, encoders, images
from impasto.errors import UsageError
from impasto.evaluation import luma
from impasto.images import Picture
from impasto.landmarks import detect
from impasto.losses import Gram
from impasto.losses.statistics import TINY
from impasto.optim.resources import Resources
from impasto.painting import strength
from impasto.recipe import Recipe
from impasto.recipe.applicable import FOUND, foreign, settings_of
from impasto.recipe.catalogue import METHODS
from impasto.scene.inputs import Inputs
from impasto.scene.resolve import PictureLike, long_side

SIDE = 128
"""Pixels on the long side of what is looked at; the rule was learnt at that size."""
FLAT = 0.02
"""Slope of lightness, from 0 to 1 a pixel, below which a place is flat."""
LAYER = "relu4_1"
"""The layer of petite whose Gram matrices say how far apart two pictures are."""
LARGEST_WHOLE = 1024
"""Pixels on the long side up to which methods are chosen that cannot paint in tiles."""
ADVANTAGE = 0.02
"""Expected score that a method needs above that of `gatys`: below it, choices are as often worse as better."""
HARD = 0.757
"""Expected score below which a pair is called hard. Left out of the fit, four of the 36 pairs are expected below it,
among them the three that came out below 0.7 with either method."""
STRENGTH, STRENGTH_OF_FACES = 0.4, 0.35
"""The most strength of `gatys`: where its default weights keep less of the photograph than this does, the balanced
score is higher with it, and where they keep more it is lower; and what leaves faces whole."""
WORDS = {
    "style_detail": ("a calm painting", "a painting full of edges"),
    "photo_flat": ("a photograph with much in it", "a photograph with large flat areas"),
    "style_distance": ("pictures that are alike", "pictures far apart"),
}
"""How to say that a fact is below its mean, or above it."""


@dataclass(frozen=True)
class Facts:
    """What is seen of a pair of pictures."""

    style_detail: float
    """Mean slope of the painting's lightness, 0 to 1 a pixel."""
    photo_flat: float
    """Fraction of the photograph that is flat."""
    style_distance: float
    """Relative distance of Gram matrices, 0 to 1."""


@dataclass(frozen=True)
class Line:
    """What is expected of one method: a score for mean facts, and what each adds by its standard deviation."""

    mean: float
    slopes: tuple[float, float, float]


MEANS = (0.1095, 0.2170, 0.3541)
DEVIATIONS = (0.0338, 0.1394, 0.1452)
"""Mean and standard deviation of each fact over the 36 pairs."""
EXPECTED: Mapping[str, Line] = {
    "gatys": Line(0.7928, (-0.0507, -0.0465, -0.0274)),
    "reshuffle": Line(0.8169, (-0.0327, -0.0325, -0.0235)),
}
"""The rule: `benchmarks/auto_rule.py` prints it, and a test fits it again. The first is chosen where in doubt."""


@dataclass(frozen=True)
class Choice:
    """What was chosen for a pair, and why."""

    recipe: Recipe
    """Says all that was chosen: painting with it again needs no look at the pictures."""
    reason: str
    """In one line."""
    expected: float
    """Balanced score from 0 to 1 that the method gets on such pairs."""
    hard: bool
    """Whether no method is expected to do well."""


def choose(
    content: PictureLike | None,
    styles: PictureLike | Sequence[PictureLike],
    recipe: Recipe | None = None,
    fixed: Collection[str] = (),
) -> Choice:
    """Return `recipe` with method, style scale and strength chosen for these pictures, and the reason.

    Settings that are `fixed`, by name, stay as they are. Of the methods, only those are chosen that know all settings
    which are not the default. Raises `UsageError` without a photograph or a style, and what `images.load` raises.
    """
    recipe = recipe or Recipe.parse({})
    paintings = [images.load(style) for style in Inputs(styles=styles).paintings]
    if content is None or not paintings:
        raise UsageError("auto looks at a photograph and a painting; give both, or leave it out")
    photo = images.load(content)
    facts = look(photo, paintings)
    face = detect.find(photo.pixels) is not None
    methods = _methods(recipe, fixed, photo, face=face)
    scores = {name: expected(name, facts) for name in methods if name in EXPECTED}
    method = best(scores) if scores else recipe.method
    score = scores[method] if scores else max(expected(name, facts) for name in EXPECTED)
    changes: dict[str, object] = {"method": method}
    scale = _scale(recipe, photo, paintings)
    if "style_scale" not in fixed and "style_scale" in settings_of(method) and scale < 1:
        changes["style_scale"] = scale
    if METHODS[method].optimizes and not {"strength", *FOUND} & {*fixed}:
        aim = STRENGTH_OF_FACES if face else STRENGTH
        goal = strength.wanted(aim)
        if method not in EXPECTED or _kept(photo, paintings, recipe.replace(**changes)) < goal:
            changes["strength"] = aim
    chosen = recipe.replace(**changes)
    return Choice(chosen, _reason(chosen, facts, score, changes, face=face), score, hard=score < HARD)


@torch.no_grad()
def look(photo: Picture, paintings: Sequence[Picture]) -> Facts:
    """Return the facts of a photograph and its paintings, of several the means."""
    encoder, gram = encoders.create("petite"), Gram()
    small = [_small(picture) for picture in (photo, *paintings)]
    slopes = [luma.slopes(color.to_oklab(pixels)[:, :1]) for pixels in small]
    own, *others = (gram.finish(gram.measure(encoder(pixels, [LAYER])[LAYER])) for pixels in small)
    apart = [
        float((own - other).square().sum() / (own.square().sum() + other.square().sum()).clamp_min(TINY))
        for other in others
    ]
    detail = [float(slope.mean()) for slope in slopes[1:]]
    return Facts(sum(detail) / len(detail), float((slopes[0] < FLAT).float().mean()), sum(apart) / len(apart))


def expected(method: str, facts: Facts) -> float:
    """Return the balanced score that a method of `EXPECTED` gets on a pair with these facts, by the rule."""
    line = EXPECTED[method]
    return line.mean + sum(slope * z for slope, z in zip(line.slopes, _standard(facts).values(), strict=True))


def best(scores: Mapping[str, float]) -> str:
    """Return the method with the highest score, the first where no other is above it by `ADVANTAGE`."""
    first, *others = scores
    other = max(others, key=lambda name: scores[name], default=first)
    return other if scores[other] > scores[first] + ADVANTAGE else first


def _standard(facts: Facts) -> dict[str, float]:
    """Return each fact's distance from its mean in standard deviations, two at most: beyond, nothing was learnt."""
    return {
        name: max(-2.0, min(2.0, (value - mean) / deviation))
        for (name, value), mean, deviation in zip(asdict(facts).items(), MEANS, DEVIATIONS, strict=True)
    }


def _small(picture: Picture) -> torch.Tensor:
    pixels = images.fill_hidden(picture).pixels
    size = (pixels.shape[2], pixels.shape[3])
    return images.resize(pixels, images.fit_size(size, SIDE)) if max(size) > SIDE else pixels


def _methods(recipe: Recipe, fixed: Collection[str], photo: Picture, *, face: bool) -> list[str]:
    """Return the methods that may be chosen: where there is a face, `gatys`, whose strength leaves it whole."""
    if "method" in fixed:
        return [recipe.method]
    fields = type(recipe).model_fields
    changed = [
        name for name, field in fields.items() if name != "method" and getattr(recipe, name) != field.get_default()
    ]
    alone = face or long_side(photo, recipe) > LARGEST_WHOLE
    return [name for name in EXPECTED if not foreign(name, changed, refined=False) and (name == "gatys" or not alone)]


def _kept(photo: Picture, paintings: Sequence[Picture], recipe: Recipe) -> float:
    """Return how much of the photograph is kept by a small draft with the weights of `recipe`, seen through petite."""
    # Without masks, which are not here.
    fields = Recipe.model_fields.items()
    unmasked = {name: field.get_default() for name, field in fields if name.startswith("region") or name == "keep"}
    plain = recipe.replace(init="content", protect="nothing", levels=1, **unmasked)
    scene = Inputs(content=photo, styles=paintings).scene(plain)
    return strength.kept(scene, plain, encoders.create("petite"), Resources.choose("cpu"))


def _scale(recipe: Recipe, photo: Picture, paintings: Sequence[Picture]) -> float:
    """Return the style scale at which no painting is enlarged: what is made up between its pixels is no style."""
    longest = min(max(painting.size) for painting in paintings)
    return round(min(1.0, longest / long_side(photo, recipe)), 2)


def _reason(recipe: Recipe, facts: Facts, score: float, changes: Mapping[str, object], *, face: bool) -> str:
    """Say in one line what was chosen, and which fact weighed most."""
    settings = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in changes.items())
    distances = _standard(facts)
    most = max(distances, key=lambda name: abs(distances[name]))
    why = WORDS[most][distances[most] > 0] + (", a face" if face else "")
    offer = face and "protect" in settings_of(recipe.method) and recipe.protect == "nothing"
    hint = "; --protect faces would keep its features" if offer else ""
    return f"auto: {settings}; {why}; score {score:.2f} of 1 expected of {recipe.method}{hint}"
