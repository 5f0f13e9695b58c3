"""Presets: recipes by name, one TOML file each in `impasto/presets`."""

import tomllib
from importlib import resources
from typing import Any

from impasto.errors import RecipeError
from impasto.recipe.spelling import unknown


def list_presets() -> dict[str, str]:
    """Return the names of the presets with their one-line descriptions, sorted."""
    folder = resources.files("impasto.presets")
    names = sorted(item.name[:-5] for item in folder.iterdir() if item.name.endswith(".toml"))
    return {name: str(_read_preset(name)["description"]) for name in names}


def load_preset(name: str) -> dict[str, Any]:
    """Return the recipe keys that the preset `name` sets.

    Raises `RecipeError` for an unknown name.
    """
    if name not in (known := list_presets()):
        raise RecipeError(unknown(name, known, "preset"))
    return dict(_read_preset(name)["recipe"])


def _read_preset(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files("impasto.presets").joinpath(f"{name}.toml").read_text("utf-8"))
