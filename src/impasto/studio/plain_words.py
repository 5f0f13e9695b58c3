"""Messages in the words of the page: what the engine says is said to whoever types commands, too."""

import re

from impasto.recipe import Recipe
from impasto.studio.form import TITLES

_REMEDIES = (
    (r"; for VGG-19: impasto weights fetch vgg19", ""),
    (r": give landmarks of both \(docs/portraits\.md\)", "; place points on both"),
    (r": give landmarks of both, or pip install \S+", "; place points on both"),
    (r", --precision bfloat16, --tile auto, or --memory if there is more", " or --precision bfloat16"),
    (r"--tile auto, --precision bfloat16, or --memory if there is more", "--precision bfloat16"),
    (r", or use --memory if there is more", ""),
    (r",? or (more --memory|--tile off)", ""),
    (r"; leave --tile out, or use another method", "; use another method"),
    (r"; --max-pixels raises it", "; save it smaller"),
    (r"--max-pixels (raises the limit|allows it)", "save it smaller"),
    (r"--fps says another", "it plays at that"),
    (r"a --size that gives even sides", "a Size that gives even sides"),
    (r"; pass --force to replace those of the same names", "; remove them"),
    (r"name a \.mkv, another --codec, or --no-audio", "save it with other sound"),
    (r" \(--tile\)", ""),
    (r", too much so for --allow-truncated", ""),
    (r"; --allow-truncated uses what can be read", "; get another copy"),
    (r"; name at least one painting with --style", "; choose a painting"),
    (r"; name it with --style", "; choose one"),
    (r"; leave --style out", "; remove the paintings"),
    (r"; name one with --network: ", "; choose one of "),
    (r",? (or|and) name (a file|its weights) with --network", ""),
    (r"; name one with --network", ""),
    (r"name the file of then with --encoder, or paint again", "paint again"),
)
"""Remedies that the page has no field for, with what there is instead."""
_OPTION = re.compile(r"(?<![\w-])--([a-z][a-z0-9-]*)(?: (?P<method>[a-z][a-z_]*)\b)?")


def plain(message: str) -> str:
    """Return a message without options of the command line: settings go by what the page calls them."""
    for pattern, instead in _REMEDIES:
        message = re.sub(pattern, instead, message)
    return _OPTION.sub(_named, message)


def _named(option: re.Match[str]) -> str:
    key, value = option[1].replace("-", "_"), option["method"]
    after = f" {value}" if value else ""
    if key == "method" and value in TITLES:
        return f"the method {TITLES[value]}"
    if key in Recipe.model_fields:
        return label(key) + after
    return key.replace("_", " ") + after


def label(key: str) -> str:
    """Return what the page calls a setting, as `words` of its format.js does."""
    text = key.replace("_", " ").replace("color", "colour")
    return text[:1].upper() + text[1:]
