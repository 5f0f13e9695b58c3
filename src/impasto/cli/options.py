"""Options made from `Recipe`: the words, meanings, defaults and choices are stated there and nowhere else."""

import functools
import inspect
import re
import types
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer

from impasto.errors import RecipeError
from impasto.recipe import Recipe, StatisticName, renamed, spell, unknown
from impasto.recipe.applicable import with_strength

METAVARS = {
    "size": "PIXELS|content|N%",
    "strength": "0..1|off",
    "iterations": "STEPS|auto",
    "step_ratio": "RATIO|auto",
    "finishing_steps": "STEPS|auto",
    "mean_fraction": "0..1|auto",
    "tv_weight": "WEIGHT|auto",
}
"""What stands for the value of an option in the help, where the type of its key does not say it."""

SETTINGS = tuple(name for name in Recipe.model_fields if name != "version")
"""Every recipe key that is a setting; `version` says how to read the others."""


def option_name(key: str) -> str:
    """Return the option of a recipe key."""
    return "--" + key.replace("_", "-")


def with_settings(function: Callable[..., None]) -> Callable[..., None]:
    """Replace the `**settings` of a command by one option for each recipe key, None where it is not given."""

    @functools.wraps(function)
    def command(*args: Any, **kwargs: Any) -> None:
        function(*args, **kwargs)

    signature = inspect.signature(function)
    own = [parameter for parameter in signature.parameters.values() if parameter.kind is not parameter.VAR_KEYWORD]
    # Typer reads a command's options from its signature, and takes the one that is set here.
    command.__signature__ = signature.replace(parameters=[*own, *map(setting, SETTINGS)])  # type: ignore[attr-defined]
    return command


def given_settings(settings: Mapping[str, str | None]) -> dict[str, Any]:
    """Return the settings that stand on the command line."""
    return {key: value for key, value in settings.items() if value is not None}


def parse(values: Mapping[str, Any], spelled: Mapping[str, Any]) -> Recipe:
    """Build the recipe from `values` with those `spelled` as options over them.

    Raises `RecipeError` that names the option where one is to blame.
    """
    try:
        return Recipe.parse({**renamed(values), **with_strength(spelled)})
    except RecipeError as error:
        message = str(error)
        at = re.match(r"recipe key '(\w+)(?:\.([^']*))?'", message)
        if at is None or at[1] not in spelled:
            raise
        option, part = option_name(at[1]), at[2]
        if part and part.endswith(".[key]"):
            raise RecipeError(f"{option}: {_unknown_key(at[1], part[:-6])}") from None
        raise RecipeError(f"{option}{f' {part}' if part else ''}{message[at.end() :]}") from None


def _unknown_key(key: str, part: str) -> str:
    if "layer" in key:
        return f"unknown layer '{part}'; layers are relu1_1 to relu5_4"
    if key == "statistics":
        return unknown(part, dict.fromkeys(get_args(StatisticName)), "statistic")
    return f"'{part}' is no name of a region (letters, digits, _ and -, or a colour such as #ff0000)"


def choices(key: str) -> tuple[str, ...]:
    """Return the words that a recipe key can be; empty where it is not a choice."""
    annotation = Recipe.model_fields[key].annotation
    return tuple(map(str, get_args(annotation))) if get_origin(annotation) is Literal else ()


def setting(key: str) -> inspect.Parameter:
    """Make the option of a recipe key."""
    field = Recipe.model_fields[key]
    meaning, default = field.description or "", spell(field.get_default())
    flag = field.annotation is bool
    name = option_name(key)
    option = typer.Option(
        f"{name}/--no-{name[2:]}" if flag else name,
        help=_literally(meaning[:1].upper() + meaning[1:] + (f" (default {default})." if default else ".")),
        metavar=None if flag else "|".join(choices(key)) or METAVARS.get(key) or _kind(field.annotation),
        rich_help_panel="Recipe",
    )
    annotation: Any = Annotated[bool | None, option] if flag else Annotated[str | None, option]
    return inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _kind(annotation: Any) -> str:
    origin = get_origin(annotation) or annotation
    if origin in (Union, types.UnionType):
        origin = get_args(annotation)[0]
    kinds = {int: "INTEGER", float: "NUMBER", str: "NAME", tuple: "LIST", dict: "KEY=VALUE,..."}
    return kinds.get(origin, "VALUE")


def _literally(text: str) -> str:
    """Keep Rich from taking what stands in brackets for markup."""
    return text.replace("[", r"\[")
