"""What a painted picture says of itself: which inputs it was made of, and which layers its painting optimised."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impasto import metadata
from impasto.errors import ImageError, RecipeError
from impasto.recipe import Recipe
from impasto.recipe.catalogue import METHODS
from impasto.result import Result


@dataclass(frozen=True)
class Record:
    """How a result was made, where it is known."""

    inputs: Mapping[str, tuple[str, ...]]
    """sha256 of each input, by role, in order."""
    recipe: Recipe | None = None
    encoder: tuple[str, str] | None = None
    """Name and sha256 of what was optimised with; None: nothing was, or it is not known."""

    @property
    def optimized(self) -> tuple[str, ...]:
        """Return the layers whose features were optimised."""
        recipe = self.recipe
        if recipe is None or (METHODS[recipe.method].feed_forward and not recipe.refine):
            return ()
        return tuple({**recipe.layers_of_style, **recipe.layers_of_content})

    def check(self, role: str, digests: Sequence[str], names: Sequence[str]) -> str | None:
        """Say what is wrong where the pictures at hand are not those of this role; None: they are, or nothing is known.

        Styles may be given in another order.
        """
        was = self.inputs.get(role)
        if not was or not digests or sorted(was) == sorted(digests):
            return None
        strangers = [name for digest, name in zip(digests, names, strict=True) if digest not in was]
        if not strangers:
            return f"the result was painted of {len(was)} of {role}, and {len(digests)} are given; give all of them"
        return (
            f"{', '.join(strangers)}: the result was painted of another {role} "
            f"(sha256 {', '.join(digest[:12] for digest in was)} then); their values say little"
        )


def record_of(source: Any) -> Record | None:
    """Return what a result says of itself: a `Result`, a file, or a file's bytes; None where it says nothing.

    Damaged metadata say nothing either: the picture can still be measured.
    """
    if isinstance(source, Result):
        return _record(list(source.inputs), list(source.weights), source.recipe)
    if isinstance(source, bytes) or (isinstance(source, str | Path) and str(source) != "-"):
        try:
            fields = metadata.read(source)
        except ImageError:
            return None
        if fields is not None:
            return _record(fields.get("inputs"), fields.get("weights"), _recipe(fields.get("recipe")))
    return None


def _recipe(values: Any) -> Recipe | None:
    try:
        return Recipe.parse(values) if isinstance(values, dict) else None
    except RecipeError:
        return None


def _record(inputs: Any, weights: Any, recipe: Recipe | None) -> Record:
    roles: dict[str, tuple[str, ...]] = {}
    for item in _dicts(inputs):
        role, digest = item.get("role"), item.get("sha256")
        if isinstance(role, str) and isinstance(digest, str):
            roles[role] = (*roles.get(role, ()), digest)
    encoder = None
    if recipe is not None and (not METHODS[recipe.method].feed_forward or recipe.refine):
        for item in _dicts(weights):
            if item.get("name") == recipe.encoder and isinstance(item.get("sha256"), str):
                encoder = recipe.encoder, str(item["sha256"])
    return Record(roles, recipe, encoder)


def _dicts(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
