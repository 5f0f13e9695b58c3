"""How settings are spelled: what an option or a file may say for a value, the keys' old names, and errors that help."""

import difflib
import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, WithJsonSchema

from impasto.errors import RecipeError

MAX_JSON_BYTES = 1 << 20
"""The most bytes that the JSON of a recipe may have: far more than all settings take, and little to parse."""

RENAMED = {
    "normalisation": "normalization",
    "neighbour_layers": "neighbor_layers",
    "global_share": "global_fraction",
    "content_share": "content_fraction",
    "layer_shares": "layer_style_weights",
    "region_share": "region_balance",
}
"""Keys of recipes that were written before 0.1.0, and what they are called now."""

LAYER = r"^relu([12]_[12]|[345]_[1-4])$"
"""The names of layers that a recipe may hold: those of VGG-19 down to relu5_4."""


def read_layer_weights(value: object) -> object:
    """Accept `relu4_2`, `conv4_2`, `relu1_1=0.5,relu2_1=0.5`, a list of layers, or a mapping.

    Raises `ValueError` for a layer that is there twice.
    """
    if isinstance(value, str):
        value = [part for part in value.replace(" ", ",").split(",") if part]
    if isinstance(value, list | tuple):
        pairs = [str(part).partition("=") for part in value]
        value = mapping_of((name, number if number else 1.0) for name, _, number in pairs)
    if isinstance(value, Mapping):
        return mapping_of(("relu" + str(k)[4:] if str(k).startswith("conv") else k, v) for k, v in value.items())
    return value


def mapping_of(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    """Return a mapping. Raises `ValueError` for a name that is there twice: one value would be lost without a word."""
    mapping: dict[Any, Any] = {}
    for name, value in pairs:
        if name in mapping:
            raise ValueError(f"{str(name)[:60]} is there twice; name it once")
        mapping[name] = value
    return mapping


def read_list(value: object) -> object:
    """Accept `a,b` for a list."""
    if isinstance(value, str):
        return tuple(part for part in value.replace(" ", ",").split(",") if part)
    return value


def read_numbers(value: object) -> object:
    """Accept `sky=2,ground=0.5` for a mapping; a bare name means 1. Raises `ValueError` for one that is there twice."""
    if isinstance(value, str):
        pairs = [part.rpartition("=") for part in value.replace(" ", ",").split(",") if part]
        return mapping_of((name or number, number if name else 1) for name, _, number in pairs)
    return value


def read_style_weights(value: object) -> object:
    """Accept `relu1_1=0:1,relu4_1=1:0`: for each layer, a weight of each style."""
    if isinstance(value, str):
        pairs = [part.partition("=") for part in value.replace(" ", ",").split(",") if part]
        value = mapping_of((name, tuple(weights.split(":"))) for name, _, weights in pairs)
    return read_layer_weights(value) if isinstance(value, Mapping) else value


OFF = "off"
"""The word for a strength that is not asked for."""


AUTO = "auto"
"""The word for a number that is found where it is needed."""
MOST_STEPS = 1_000_000
"""The most steps that a recipe may ask for."""
MOST_RATIO = 16.0
"""The most that one level's steps may be over another's."""
MOST_WEIGHT = 1e12
"""The most that a weight may be."""


def read_number_or(word: str, most: float, value: object, *, whole: bool = False) -> object:
    """Return a number from 0 to `most`, or `word`. Raises `ValueError` for anything else."""
    if isinstance(value, str) and value.strip() == word:
        return word
    kind = int if whole else float
    try:
        number = -1.0 if isinstance(value, bool) or not isinstance(value, str | int | float) else kind(value)
    except (ValueError, OverflowError):
        number = -1.0
    if not 0 <= number <= most or (whole and isinstance(value, float) and number != value):
        raise ValueError(f"must be a {'whole ' * whole}number from 0 to {most:.15g}, or {word}")
    return number


def schema_of_number_or(word: str, most: float, *, whole: bool = False) -> dict[str, Any]:
    """Return the JSON schema of what `read_number_or` takes."""
    number = {"type": "integer" if whole else "number", "minimum": 0, "maximum": most}
    return {"anyOf": [number, {"type": "string", "pattern": f"^{word}$"}]}


def read_strength(value: object) -> object:
    """Return a strength as a number from 0 to 1, or `off`. Raises `ValueError` for anything else."""
    return OFF if value is None else read_number_or(OFF, 1, value)


Strength = Annotated[
    float | Literal["off"],
    BeforeValidator(read_strength),
    WithJsonSchema(schema_of_number_or(OFF, 1)),
]
"""What `Recipe.strength` takes."""
Steps = Annotated[
    int | Literal["auto"],
    BeforeValidator(lambda value: read_number_or(AUTO, MOST_STEPS, value, whole=True)),
    WithJsonSchema(schema_of_number_or(AUTO, MOST_STEPS, whole=True)),
]
"""What `Recipe.iterations` and `Recipe.finishing_steps` take."""
AutoWeight = Annotated[
    float | Literal["auto"],
    BeforeValidator(lambda value: read_number_or(AUTO, MOST_WEIGHT, value)),
    WithJsonSchema(schema_of_number_or(AUTO, MOST_WEIGHT)),
]
"""What `Recipe.tv_weight` takes."""
AutoFraction = Annotated[
    float | Literal["auto"],
    BeforeValidator(lambda value: read_number_or(AUTO, 1, value)),
    WithJsonSchema(schema_of_number_or(AUTO, 1)),
]
"""What `Recipe.mean_fraction` takes."""
AutoRatio = Annotated[
    float | Literal["auto"],
    BeforeValidator(lambda value: read_number_or(AUTO, MOST_RATIO, value)),
    WithJsonSchema(schema_of_number_or(AUTO, MOST_RATIO)),
]
"""What `Recipe.step_ratio` takes."""
Weight = Annotated[float, Field(ge=0, le=MOST_WEIGHT, allow_inf_nan=False)]
Layer = Annotated[str, Field(pattern=LAYER)]
LayerWeights = Annotated[dict[Layer, Weight], BeforeValidator(read_layer_weights), Field(max_length=16)]
LayerStyleWeights = Annotated[
    dict[Layer, tuple[Weight, ...]], BeforeValidator(read_style_weights), Field(max_length=16)
]
Region = Annotated[str, Field(pattern=r"^[A-Za-z0-9_#-]{1,40}$")]
RegionWeights = Annotated[dict[Region, Weight], BeforeValidator(read_numbers), Field(max_length=64)]
RegionScales = Annotated[dict[Region, Annotated[float, Field(gt=0, le=16)]], BeforeValidator(read_numbers)]
RegionStyles = Annotated[dict[Region, Annotated[int, Field(ge=1, le=64)]], BeforeValidator(read_numbers)]


def renamed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values` under the names that keys have today.

    Raises `RecipeError` where a key is given under its old name and its new one.
    """
    for old, new in RENAMED.items():
        if old in values and new in values:
            raise RecipeError(f"recipe key '{old}' is called '{new}' now; give one of them")
    return {RENAMED.get(key, key): value for key, value in values.items()}


def spell(value: object) -> str:
    """Write a value of a recipe the way an option takes it, and `Recipe.parse` does."""
    if isinstance(value, Mapping):
        return ",".join(f"{key}={spell(item).replace(',', ':')}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ",".join(map(spell, value))
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def unknown(name: str, known: Mapping[str, object], what: str) -> str:
    """Say in one line that `name` is not among `known`, with the nearest one or all of them."""
    name = name if len(name) <= 60 else name[:60] + "..."
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'?" if near else f"choose from {', '.join(known)}"
    return f"unknown {what} '{name}'; {hint}"


def parse_json(text: str | bytes) -> dict[str, Any]:
    if len(text) > MAX_JSON_BYTES:
        raise RecipeError(f"the recipe has {len(text)} bytes; a recipe has at most {MAX_JSON_BYTES}")
    try:
        values = json.loads(text, object_pairs_hook=mapping_of)
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"the recipe is not proper JSON: {error}") from None
    if not isinstance(values, dict):
        raise RecipeError(f"the recipe must be a JSON object, not {type(values).__name__}")
    return values


def first_mistake(error: ValidationError) -> str:
    """Return the first mistake of a validation in one line."""
    mistake = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(str(part)[:60] for part in mistake["loc"]) or "recipe"
    shown = "" if isinstance(mistake["input"], dict) else f" (given: {str(mistake['input'])[:60]!r})"
    message = mistake["msg"].removeprefix("Value error, ")
    if where == "recipe":
        return message
    return f"recipe key '{where}': {message[:1].lower()}{message[1:]}{shown}"
