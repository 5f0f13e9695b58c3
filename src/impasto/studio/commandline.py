"""The command line that paints what a job of the studio paints."""

import json
import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from impasto.recipe import Recipe, load_preset, spell
from impasto.recipe.applicable import settings_of

Name = Callable[[str], str]
"""From the id of a picture to what its owner calls it."""


def argv(job: Mapping[str, Any], name: Name) -> list[str]:
    """Return the words of the command; pictures go by the names under which they were uploaded."""
    content, recipe = job["content"], Recipe.parse(job["recipe"])
    styles = [_file(name(style)) for style in job["styles"]]
    mask = job["content_mask"] and _file(name(job["content_mask"]))
    own: str | None = None  # preset of the command's own
    if content is not None:
        words = ["impasto", "video" if job.get("clip") else "paint", _file(name(content))]
    elif mask is not None:
        words, own = ["impasto", "doodle", mask], "doodle"
    else:
        words, own = ["impasto", "texture", *styles], "texture" if recipe.method == "gatys" else None
    if content is not None or mask is not None:
        words += [word for style in styles for word in ("--style", style)]
    if mask is not None:
        words += ["--content-mask", mask] if content is not None else []
        for style_mask in job["style_masks"]:
            words += ["--style-mask", "-" if style_mask is None else _file(name(style_mask))]
    if job.get("init") is not None:
        words += ["--init", _file(name(job["init"]))]
    if job.get("landmarks") is not None:
        words += ["--landmarks", "points_of_the_photograph.json", "--style-landmarks", "points_of_the_painting.json"]
    names = job.get("region_names")
    words += [] if names is None else ["--region-names", json.dumps(names)]
    preset = job["preset"]
    if preset is not None and not set(load_preset(preset)) <= settings_of(recipe.method, refined=recipe.refine > 0):
        preset = None  # the command takes no preset of another method's settings, of which here some were left out
    words += [] if preset is None else ["--preset", preset]
    words += options(recipe, own if preset is None else preset)
    return [*words, "-o", _output(job["title"], "mp4" if job.get("clip") else "png")]


def shell(words: list[str]) -> str:
    """Write a command as it is typed."""
    return shlex.join(words)


def options(recipe: Recipe, preset: str | None) -> list[str]:
    """Return the options that turn a preset, or the defaults, into `recipe`."""
    fields = Recipe.model_fields
    base = {key: field.get_default() for key, field in fields.items()}
    base |= {} if preset is None else {key: getattr(Recipe.parse(load_preset(preset)), key) for key in fields}
    words = []
    for key in fields:
        value = getattr(recipe, key)
        # The picture that "file" stands for is named by itself.
        if key == "version" or value == base[key] or (key == "init" and value == "file"):
            continue
        option = "--" + key.replace("_", "-")
        if isinstance(value, bool):
            words.append(option if value else f"--no-{option[2:]}")
        else:
            words += [option, spell(value)]
    return words


def _file(name: str) -> str:
    return f"./{name}" if name.startswith("-") else name


def _output(title: str, suffix: str) -> str:
    stem = re.sub(r"[^\w]+", "_", title, flags=re.ASCII).strip("_")
    return f"{stem[:60] or 'painting'}.{suffix}"
