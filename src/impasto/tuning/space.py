"""What is searched: six things in the order in which they matter, and the recipe of each point of that space."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from impasto.errors import UsageError
from impasto.recipe import Recipe, renamed, unknown
from impasto.recipe.applicable import settings_of, with_strength
from impasto.recipe.catalogue import METHODS
from impasto.series.entrants import UNSUITED

Value = str | float
Point = Mapping[str, Value]
"""A value for each thing that is searched of the point's method."""

SCALES = (1.0, 0.5, 0.71, 1.41, 2.0)
"""Sizes of the style's features that are tried first, as factors on the recipe's own: half octaves, an octave to each
side; ratings fall beyond that (Kitov et al. 2024)."""
OWN = "own"
"""The strength, or the weights, that the recipe has."""
WEIGHTS = {"content x2": 2.0, "content x4": 4.0, "content x0.5": 0.5}
"""Multiples of the recipe's own content weight: small changes, by which a pair gains that comes out well already."""
STRENGTHS = (0.35, 0.2, 0.65)
"""Strengths that are tried, the likeliest first: at 0.2 the painting is hardly seen, 0.65 leaves little photograph."""
LONG_TO_FIND = ("strotss",)
"""Methods of which the small paintings that a strength takes last several times as long as a draft."""
ALPHAS = (1.0, 0.8, 0.6)
"""Strengths of what networks paint in one pass; below a half the photograph shows through."""
TILTS = {"even": 0.0, "fine": -1.0, "coarse": 1.0}
"""Profiles of the layers: a layer's weight is multiplied by 2 to the power of this and its block's number."""
COLORS = ("style", "match", "luminance")
"""Whose colours: the style's, the style's matched to the content's, or the content's by painting luminance only."""
STATISTICS = ("gram", "covariance", "mean_std")
"""Statistics of the style term; others take several times as long."""
SEARCHED = ("gatys", "strotss", "reshuffle", "nnst", "mrf", "avatar", "nnst_fast", "wct")
"""Methods that are tried unless others are named, those that the eye preferred first; `adain` and `linear`, which it
chose in 2 of 21 choices, and methods that need more than two pictures are left out."""
OF_ONE_STYLE = "has a network for each of a few styles, none for any other"

ORDER = ("style_scale", "method", "strength", "alpha", "layers", "color", "statistic")
"""Everything that is searched, in the order in which it matters: the size of the style's features first, then the
method, the strength (alpha where networks paint), the profile of the layers, the colours, the statistic."""
_KEYS = {
    "style_scale": ("style_scale",),
    "method": ("method",),
    "strength": ("strength", "content_weight", "style_weight"),
    "alpha": ("strength", "alpha"),
    "layers": ("style_layers", "patch_layers", "neighbor_layers", "hypercolumn_layers", "gain_layers"),
    "color": ("color",),
    "statistic": ("statistics",),
}
"""The recipe's keys that each of them sets; fixing one of these takes it out of the search."""


@dataclass(frozen=True)
class Space:
    """The recipes that are searched: those of `base`, with the things of `ORDER` varied that are not `fixed`."""

    base: Recipe
    methods: tuple[str, ...]
    """The first is where the search begins."""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """Values of recipe keys that every point has, as far as its method knows them."""

    @classmethod
    def of(cls, base: Recipe, methods: Sequence[str] | None = None, fixed: Mapping[str, Any] | None = None) -> "Space":
        """Return the space around a recipe. Raises `UsageError` for methods and keys that cannot be searched."""
        fixed = renamed(dict(fixed or {}))
        for key in fixed:
            if key not in Recipe.model_fields or key == "version":
                raise UsageError(f"--fix: {unknown(str(key), Recipe.model_fields, 'recipe key')}")
        if "method" in fixed:
            if methods:
                raise UsageError("--fix method and --methods exclude each other; give one")
            methods = (str(fixed["method"]),)
        chosen = _methods(base.method, methods)
        for key in fixed:
            if not any(key in settings_of(name) for name in chosen):
                raise UsageError(f"--fix {key}: is a setting of none of {', '.join(chosen)}; leave it out")
        space = cls(base, chosen, fixed)
        for name in chosen:
            # A value that does not fit is told before anything is painted.
            space.recipe(space.default(name))
        return space

    @property
    def start(self) -> Point:
        """Return the point that the search begins with: the recipe as it would be painted without a search."""
        return self.default(self.methods[0])

    def default(self, method: str) -> Point:
        """Return the point of a method with the recipe's own settings."""
        return self.complete({"method": method})

    def complete(self, point: Point) -> Point:
        """Return `point` with everything that its method has, and nothing that it lacks, in the order of `ORDER`."""
        method = str(point["method"])
        values = {name: self.values(name, method) for name in ORDER if name != "method"}
        of_method = {name: point.get(name, several[0]) for name, several in values.items() if several}
        return {
            name: method if name == "method" else of_method[name] for name in ORDER if name in (*of_method, "method")
        }

    def values(self, name: str, method: str) -> tuple[Value, ...]:
        """Return what is tried first of one thing, its default first; empty where a method lacks it or it is fixed."""
        if name == "method":
            return self.methods
        if any(key in self.fixed for key in _KEYS[name]) or not self._has(name, method):
            return ()
        several: dict[str, tuple[Value, ...]] = {
            "style_scale": SCALES,
            "strength": (OWN, *self._strengths(method)),
            "alpha": (self._alpha, *(alpha for alpha in ALPHAS if alpha != self._alpha)),
            "layers": tuple(TILTS),
            "color": (self.base.color, *(color for color in COLORS if color != self.base.color)),
            "statistic": (self._statistic, *(name for name in STATISTICS if name != self._statistic)),
        }
        return several[name]

    def _strengths(self, method: str) -> tuple[Value, ...]:
        """Return what is tried besides the recipe's own strength or weights."""
        own = self.base.wanted_strength
        weights = WEIGHTS if own is None and "content_weight" in METHODS[method].settings else ()
        strengths = () if method in LONG_TO_FIND else STRENGTHS
        return (*weights, *(strength for strength in strengths if strength != own))

    @property
    def _statistic(self) -> str:
        """Return the statistic of the recipe; empty where it has a mixture."""
        (name, weight), *more = self.base.statistics.items()
        return name if weight == 1 and not more else ""

    def span(self, name: str) -> tuple[float, float] | None:
        """Return the lowest and highest value of a number that is searched between the values too; None for a word."""
        spans: dict[str, Sequence[float]] = {"style_scale": SCALES, "alpha": (self._alpha, *ALPHAS)}
        return (min(spans[name]), max(spans[name])) if name in spans else None

    def recipe(self, point: Point) -> Recipe:
        """Return the recipe of a point: the base's settings as far as its method knows them, then the point's."""
        method = str(point["method"])
        known = settings_of(method, refined=self.base.refine > 0)
        fields = Recipe.model_fields
        changed = {
            key: getattr(self.base, key) for key in fields if getattr(self.base, key) != fields[key].get_default()
        }
        own = {key: value for key, value in {**changed, **with_strength(self.fixed)}.items() if key in known}
        recipe = Recipe.parse({**own, "method": method})
        return recipe.replace(**self._settings(point, recipe)) if len(point) > 1 else recipe

    @property
    def _alpha(self) -> float:
        """The strength that the recipe has where networks paint."""
        return self.base.alpha if self.base.wanted_strength is None else self.base.wanted_strength

    def _has(self, name: str, method: str) -> bool:
        known = METHODS[method].settings
        if name == "strength":
            return name in known and METHODS[method].optimizes
        if name == "layers":
            return METHODS[method].optimizes and len(getattr(self.base, METHODS[method].style_key)) > 1
        if name == "statistic":
            # A mixture that the recipe has is its owner's, and no one statistic stands for it.
            return "statistics" in known and bool(self._statistic)
        return name in known or name == "color"

    def _settings(self, point: Point, recipe: Recipe) -> dict[str, Any]:
        """Return the recipe keys that a point sets, against the recipe that it starts from."""
        method = METHODS[recipe.method]
        changes: dict[str, Any] = {}
        if "style_scale" in point:
            changes["style_scale"] = round(min(16.0, recipe.style_scale * float(point["style_scale"])), 3)
        strength = point.get("strength", OWN)
        if strength in WEIGHTS:
            changes["content_weight"] = round(recipe.content_weight * WEIGHTS[str(strength)], 6)
        elif strength != OWN:
            changes["strength"] = strength
        if "alpha" in point:
            changes["alpha"] = round(float(point["alpha"]), 3)
        if point.get("layers", "even") != "even":
            changes[method.style_key] = tilt(getattr(recipe, method.style_key), TILTS[str(point["layers"])])
        if "color" in point:
            changes["color"] = point["color"]
        if point.get("statistic", self._statistic) != self._statistic:
            changes["statistics"] = {str(point["statistic"]): 1.0}
        return changes


def _methods(first: str, named: Sequence[str] | None) -> tuple[str, ...]:
    """Return the methods that are searched: those `named`, or `first` and those that are usually worth it."""
    chosen = tuple(dict.fromkeys(named or (first, *SEARCHED)))
    for name in chosen:
        if name not in METHODS:
            raise UsageError(unknown(name, METHODS, "method"))
        if name in UNSUITED or not METHODS[name].styles:
            why = UNSUITED.get(name, OF_ONE_STYLE)
            raise UsageError(f"{name}: {why}, so it cannot be searched; name others with --methods")
    return chosen


def tilt(weights: Mapping[str, float], slope: float) -> dict[str, float]:
    """Multiply the weights of layers by 2^(slope · block), keeping their sum: negative slopes favour fine layers.

    Layers are named `relu<block>_<n>`; weights have four digits.
    """
    tilted = {layer: weight * 2 ** (slope * int(layer[4])) for layer, weight in weights.items()}
    factor = sum(weights.values()) / sum(tilted.values())
    return {layer: float(f"{factor * weight:.4g}") for layer, weight in tilted.items()}
