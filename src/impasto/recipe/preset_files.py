"""Presets of one's own: TOML files of a description and a `[recipe]`, as those of `impasto/presets` are."""

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from impasto.errors import InputError, RecipeError
from impasto.recipe.recipe import Recipe
from impasto.recipe.spelling import MAX_JSON_BYTES

PRESET_SUFFIX = ".toml"
"""What the names of such files end in."""
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def read_small(path: str | Path, what: str) -> tuple[str, bytes]:
    """Return the name of a file, for messages, and all its bytes; `what` it is.

    Raises `InputError` where it cannot be read, `RecipeError` where it is larger than any recipe.
    """
    name = ascii(Path(path).name)[1:-1]
    try:
        with Path(path).open("rb") as stream:
            data = stream.read(MAX_JSON_BYTES + 1)
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror or error})") from None
    if len(data) > MAX_JSON_BYTES:
        raise RecipeError(f"{name}: a {what} has at most {MAX_JSON_BYTES} bytes")
    return name, data


def read_preset(path: str | Path) -> dict[str, Any]:
    """Return the recipe keys that a preset's file sets.

    Raises `InputError` where it cannot be read, `RecipeError` where it is no preset or one that does not fit together.
    """
    name, data = read_small(path, "preset")
    try:
        document = tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"{name}: is not proper TOML ({error})") from None
    values = document.get("recipe")
    if not isinstance(values, dict):
        raise RecipeError(f"{name}: has no [recipe]; give a preset's file, or JSON, or a picture that impasto painted")
    try:
        Recipe.parse(values)
    except RecipeError as error:
        raise RecipeError(f"{name}: {error}") from None
    return values


def write_preset(description: str, recipe: Recipe) -> str:
    """Return a preset's file: the keys in which `recipe` differs from the defaults."""
    fields = Recipe.model_fields
    values = {key: value for key, value in recipe.model_dump(mode="json").items() if key != "version"}
    changed = {key: value for key, value in values.items() if getattr(recipe, key) != fields[key].get_default()}
    lines = [f"description = {_toml(' '.join(description.split()))}", "", "[recipe]"]
    return "\n".join([*lines, *(f"{key} = {_toml(value)}" for key, value in changed.items()), ""])


def _toml(value: Any) -> str:
    """Write a value of JSON as TOML: strings, numbers and lists are spelled alike, mappings are not."""
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(str(key))} = {_toml(item)}" for key, item in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    # TOML has neither surrogates nor DEL in its strings.
    return json.dumps(value).replace("\x7f", "\\u007f") if not isinstance(value, str) else _string(value)


def _string(text: str) -> str:
    return json.dumps(text.encode(errors="backslashreplace").decode(), ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _string(key)
