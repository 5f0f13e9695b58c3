"""Where a painting's settings come from: defaults, a recipe from a file or a preset, then the options."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from impasto import metadata
from impasto.cli.app import nearest
from impasto.cli.options import choices, given_settings, parse
from impasto.errors import ImageError, RecipeError, UsageError
from impasto.recipe import PRESET_SUFFIX, Recipe, load_preset, read_preset
from impasto.recipe.catalogue import ENCODERS, METHODS
from impasto.recipe.preset_files import read_small
from impasto.recipe.shipped_networks import shipped
from impasto.recipe.spelling import mapping_of
from impasto.weights import hub


@dataclass(frozen=True)
class Chosen:
    """The settings of one painting, with the files that belong to two of them."""

    recipe: Recipe
    encoder: Path | None = None
    """A file of weights instead of a named encoder."""
    init: str | None = None
    """A picture to start from, or `-`."""
    network: Path | None = None
    """A file, or folder of files, instead of networks that ship with impasto."""
    protect: str | None = None
    """A grey picture, white where the photograph counts more, or `-`."""
    recorded: Mapping[str, Any] = field(default_factory=dict)
    """What the picture that the recipe comes from says besides: data to compare with, never to follow."""


def choose(recipe: str | None, preset: str | None, settings: Mapping[str, str | None]) -> Chosen:
    """Put the settings together: defaults <- recipe or preset <- options.

    Raises `UsageError` for a recipe with a preset and for what does not fit, `InputError` for a recipe that
    cannot be read.
    """
    if recipe is not None and preset is not None:
        raise UsageError("--recipe and --preset exclude each other; give one, and change single settings by options")
    values: dict[str, Any] = {}
    recorded: dict[str, Any] = {}
    if preset is not None:
        # A preset of one's own is named by its file, which no preset's name looks like.
        values = read_preset(preset) if preset.endswith(PRESET_SUFFIX) else load_preset(preset)
    elif recipe is not None:
        values, recorded = read_recipe(recipe)
    spelled = given_settings(settings)
    encoder = encoder_file(spelled)
    init, protect = (_picture_file(key, spelled) for key in ("init", "protect"))
    network = _network_file(spelled, str(spelled.get("method", values.get("method", "gatys"))))
    chosen = parse(values, spelled)
    if chosen.init == "file" and init is None:
        raise UsageError("the recipe starts from a picture, which it cannot carry; name that picture with --init")
    if chosen.protect == "file" and protect is None:
        raise UsageError("the recipe protects what a picture says, which it cannot carry; name that with --protect")
    if encoder is None and chosen.encoder not in ENCODERS:
        # A recipe out of anybody's picture names a network, never a file to open.
        raise UsageError(f"the recipe wants the encoder '{chosen.encoder}'; name its file of weights with --encoder")
    return Chosen(chosen, encoder, init, network, protect, recorded)


def read_recipe(path: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read a recipe from JSON, a preset's file or a picture; return its values and what was recorded besides.

    Raises `InputError` when there is none, `RecipeError` when it is not valid.
    """
    if path.endswith(PRESET_SUFFIX):
        return read_preset(path), {}
    recorded = _read_json(path) if _looks_like_json(path) else metadata.read(path)
    name = ascii(Path(path).name)[1:-1]
    if recorded is None:
        raise ImageError(f"{name}: carries no recipe; give JSON or a picture that impasto painted")
    values = recorded
    # What `impasto show --json` prints and pictures carry has the recipe inside; a bare recipe is one itself.
    if "recipe" in recorded:
        values = recorded["recipe"]
        if not isinstance(values, dict):
            raise RecipeError(f"{name}: its recipe is not a JSON object")
    try:
        # On its own first, so that a mistake in it is not blamed on an option.
        Recipe.parse(values)
    except RecipeError as error:
        raise RecipeError(f"{name}: {error}") from None
    return values, recorded if values is not recorded else {}


def differences(recorded: Mapping[str, Any], inputs: list[tuple[str, str]], weights: Sequence[str]) -> list[str]:
    """Say what differs between the inputs (role and sha256, in order) and weights recorded and those at hand."""
    notes = []
    before = [
        (item.get("role"), item.get("sha256"))
        for item in _items(recorded, "inputs")
        if isinstance(item.get("role"), str) and isinstance(item.get("sha256"), str)
    ]
    roles = ("content", "style", "init", "content mask", "style mask", "content landmarks", "style landmarks")
    for role in roles:
        was = [digest for kind, digest in before if kind == role]
        now = [digest for kind, digest in inputs if kind == role]
        if was and now and was != now:
            notes.append(f"the recipe was used with another {role} (sha256 {_short(was)} then, {_short(now)} now)")
    known = [str(item["sha256"]) for item in _items(recorded, "weights") if item.get("sha256")]
    others = [digest for digest in weights if digest and digest not in known]
    if known and others:
        notes.append(f"the recipe was used with other weights (sha256 {_short(known)} then, {_short(others)} now)")
    return notes


def _short(digests: list[Any]) -> str:
    return ", ".join(ascii(str(digest)[:12])[1:-1] for digest in digests[:4])


def _items(recorded: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    items = recorded.get(key)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def encoder_file(spelled: dict[str, Any]) -> Path | None:
    """Take a file of weights out of the settings."""
    value = spelled.get("encoder")
    if value is None or value in ENCODERS:
        return None
    if hub.is_address(value):
        del spelled["encoder"]
        return hub.fetch(value)
    path = Path(value)
    if not path.exists() and path.name == value and not path.suffix:
        raise UsageError(f"{nearest(value, ENCODERS, 'encoder')} (or name a file of weights)")
    del spelled["encoder"]
    return path


def _picture_file(key: str, spelled: dict[str, Any]) -> str | None:
    """Put `file` in the place of a picture's name, in a setting that can name one."""
    value: str | None = spelled.get(key)
    known = tuple(choice for choice in choices(key) if choice != "file")
    if value is None or value in (*known, "file"):
        return None
    if value != "-" and not Path(value).exists() and Path(value).name == value and not Path(value).suffix:
        raise UsageError(f"{nearest(value, known, key)} (or name a picture)")
    spelled[key] = "file"
    return value


def _network_file(spelled: dict[str, Any], method: str) -> Path | None:
    """Take a file of a network, or a folder of several, out of the settings."""
    value: str | None = spelled.get("network")
    if value is None or method not in METHODS:
        return None
    if not METHODS[method].feed_forward:
        able = ", ".join(name for name, named in METHODS.items() if named.feed_forward)
        raise UsageError(f"--network: {method} paints without one; leave it out, or give --method ({able})")
    known = shipped(method)
    if "network" in METHODS[method].settings and (value == "auto" or value in known):
        return None
    if hub.is_address(value):
        del spelled["network"]
        return hub.fetch(value)
    if not Path(value).exists() and Path(value).name == value and not Path(value).suffix:
        if not known or "network" not in METHODS[method].settings:
            raise UsageError(f"--network {value}: {method} knows none of that name; name a file")
        raise UsageError(f"{nearest(value, tuple(known), f'network of {method}')} (or name a file)")
    del spelled["network"]
    return Path(value)


def _looks_like_json(path: str) -> bool:
    # Regular files only: opening a pipe would wait. Whatever else it is, `metadata.read` says so.
    try:
        if not Path(path).is_file():
            return False
        with Path(path).open("rb") as stream:
            head = stream.read(64)
    except (OSError, ValueError):
        return False
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[") or Path(path).suffix.lower() == ".json"


def _read_json(path: str) -> dict[str, Any]:
    name, text = read_small(path, "recipe")
    try:
        values = json.loads(text.decode("utf-8-sig"), object_pairs_hook=mapping_of)
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"{name}: is not proper JSON ({error})") from None
    if not isinstance(values, dict):
        raise RecipeError(f"{name}: a recipe is a JSON object, not {type(values).__name__}")
    return values
