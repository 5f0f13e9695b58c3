"""Whether a picture that is there already is the one that would be painted."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from impasto import metadata
from impasto.errors import ImageError, RecipeError
from impasto.recipe import Recipe
from impasto.recipe.applicable import FOUND
from impasto.recipe.spelling import OFF
from impasto.series.grid import State


def compare(path: Path, wanted: Mapping[str, Any]) -> tuple[State, str]:
    """Tell whether the picture that is there is the one `wanted`, by what it says of itself."""
    try:
        document = metadata.read(path)
    except ImageError as error:
        return "differs", f"it {str(error).partition(': ')[2] or error}"
    if document is None:
        return "differs", "it was not painted by impasto"
    if not isinstance(document.get("recipe"), dict):
        return "differs", "it carries no recipe"
    was, now = _complete(document["recipe"]), _complete(wanted["recipe"])
    # A picture says which weight its strength turned out to mean; what is wanted does not know that yet.
    decided = FOUND if now.get("strength", OFF) != OFF else ()
    for key in now:
        if key not in decided and was.get(key) != now[key]:
            return "differs", f"{key} was {_short(was.get(key))} and is {_short(now[key])} now"
    for key, what in (("inputs", "of other pictures"), ("weights", "with other weights")):
        if document.get(key) != wanted[key]:
            return "differs", f"it was painted {what}"
    return ("unfinished", "") if "stopped_after" in document else ("kept", "")


def _complete(recipe: dict[str, Any]) -> dict[str, Any]:
    """Return a recipe with every key: one of an older impasto lacks those that were not known then."""
    try:
        return Recipe.parse(recipe).model_dump(mode="json")
    except RecipeError:
        return recipe


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
