"""The methods that a benchmark compares, from a line such as `gatys,nnst,wct:alpha=0.7`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from impasto.errors import RecipeError, UsageError
from impasto.recipe import Recipe, load_preset, unknown
from impasto.recipe.applicable import foreign
from impasto.recipe.catalogue import METHODS
from impasto.recipe.shipped_networks import shipped

UNSUITED = {
    "portrait": "needs landmarks of each face",
    "doodle": "needs masks of each painting",
}
"""Methods that cannot paint any photograph in any style, and why."""


@dataclass(frozen=True)
class Entrant:
    """One method with its settings, under a name of its own."""

    label: str
    recipe: Recipe
    note: str = ""
    """What should be known: settings that it does not have."""

    def for_style(self, style: str) -> Recipe | None:
        """Return the recipe for a style by its name; None where the method has no network for that style."""
        method = METHODS[self.recipe.method]
        if method.styles or self.recipe.network != "auto":
            return self.recipe
        return self.recipe.replace(network=style) if style in shipped(self.recipe.method) else None


def parse(line: str, common: Mapping[str, Any] | None = None, preset: str | None = None) -> list[Entrant]:
    """Read methods set apart by commas, or by semicolons where values have commas; each `NAME=METHOD:KEY=VALUE:...`.

    NAME is what it is called in the report, without it what is written. `preset=NAME` among the values starts from a
    preset, as `preset` does for all. `common` are settings for every method that has them; what a method does not have
    of them, or of a preset, is left out for it. Raises `UsageError` for unknown methods, names that are there twice and
    methods that need more than two pictures, `RecipeError` for values that do not fit.
    """
    items = [item.strip() for item in line.split(";" if ";" in line else ",")]
    if not all(items):
        raise UsageError(f"--methods {line}: name methods, none of them empty: --methods gatys,wct")
    entrants = [_parse_one(item, common or {}, preset) for item in items]
    labels = [entrant.label for entrant in entrants]
    for label in labels:
        if labels.count(label) > 1:
            raise UsageError(f"--methods: '{label}' is there twice; give one a name: --methods other={label}")
    for key in common or {}:
        if not any(_knows(entrant.recipe.method, key, refined=bool(entrant.recipe.refine)) for entrant in entrants):
            raise UsageError(f"{key}: is a setting of none of the methods; leave it out")
    return entrants


def _parse_one(item: str, common: Mapping[str, Any], preset: str | None) -> Entrant:
    head, *parts = item.split(":")
    label, named, method = head.rpartition("=")
    if not named:
        label = item
    if method not in METHODS:
        raise UsageError(unknown(method, dict.fromkeys(METHODS), "method"))
    if method in UNSUITED:
        raise UsageError(
            f"{method}: {UNSUITED[method]}, so it is no method for a benchmark; paint with it elsewhere, and join the "
            f"pictures by --add {method}=DIR"
        )
    own: dict[str, str] = {}
    for part in parts:
        key, equals, value = part.partition("=")
        key = key.strip().replace("-", "_")
        if not equals or not value or (key != "preset" and key not in Recipe.model_fields):
            raise UsageError(
                f"--methods {item}: {unknown(key, dict.fromkeys((*Recipe.model_fields, 'preset')), 'setting')}"
                if equals and value
                else f"--methods {item}: settings are KEY=VALUE, set apart by colons"
            )
        if key in own:
            raise UsageError(f"--methods {item}: {key} is there twice; give it once, and set methods apart by commas")
        own[key] = value
    start = load_preset(own.pop("preset", preset or "standard")) if own.get("preset") or preset else {}
    refined = str(own.get("refine", common.get("refine", "0"))).strip() != "0"
    settings = {
        key: value
        for key, value in {**start, **common}.items()
        if key not in ("method", "version") and _knows(method, key, refined=refined)
    }
    left = [key for key in common if key not in settings]
    try:
        recipe = Recipe.parse({"method": method, **settings, **own})
    except RecipeError as error:
        raise RecipeError(f"--methods {item}: {error}") from None
    return Entrant(label, recipe, f"has no {', '.join(left)}" if left else "")


def _knows(method: str, key: str, *, refined: bool) -> bool:
    """Return whether a setting means something to a method."""
    return not foreign(method, [key], refined=refined)
