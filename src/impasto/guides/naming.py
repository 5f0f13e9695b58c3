"""Names of regions by their colours in a mask, as data sets list them."""

import colorsys
import json
import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from impasto.errors import UsageError
from impasto.guides.regions import check_name
from impasto.recipe.spelling import mapping_of

_SAME = 16.0
"""A colour of a mask that is farther than this from a named one is another, in levels of 255."""
_COLORLESS = 0.09
"""Difference of the channels, of 1, below which a colour is called a grey."""
_GRAYS = ((0.1, "black"), (0.36, "dark grey"), (0.66, "grey"), (0.93, "light grey"), (1.0, "white"))
"""Up to which lightness, of 1, a grey is called so."""
_HUES = (
    *((16, "red"), (46, "orange"), (70, "yellow"), (160, "green"), (200, "cyan"), (252, "blue")),
    *((299, "purple"), (335, "magenta"), (361, "red")),
)
"""Below which hue, in degrees, a colour is called so."""
_LINE = re.compile(r"(#[0-9a-fA-F]{6}|\d{1,3}(?:[\s,]+\d{1,3}[\s,]+\d{1,3})?)\s*[:=\s,]\s*(\S.*)")
_LONGEST = 10_000

Names = Mapping[tuple[int, int, int], str]
"""From a colour, in levels of 255, to a name."""


def parse(text: str, where: str) -> Names:
    """Read names of regions: JSON, or lines of a colour and a name.

    A colour is "#rrggbb", three levels "128, 64, 128", or one, of a grey: the number of a label map. JSON is an object
    from colours to names, or a list of names for the levels 0, 1, 2 and so on. Signs that no name can have become "_".

    Raises `UsageError`, which begins with `where`.
    """
    stripped = text.strip().removeprefix("\ufeff")
    named: dict[tuple[int, int, int], str] = {}
    for color, name in _json(stripped, where) if stripped[:1] in ("{", "[") else _lines(stripped, where):
        key, name = _color(color, where), re.sub(r"[^A-Za-z0-9_#-]+", "_", name.strip()).strip("_")
        if not name:
            raise UsageError(f"{where}: {color!r} has no name of letters or digits; give it one")
        if key in named:
            raise UsageError(f"{where}: names the colour {color!r} twice; leave one out")
        named[key] = check_name(name[:40])
    if not named:
        raise UsageError(f"{where}: names no region; give a colour and a name for each, as in #804080 road")
    return named


def apply(names: Names | None, colors: Sequence[Tensor], plain: Sequence[str]) -> list[str]:
    """Return the name of each of the `colors` (3,): the given one, else its `plain` one.

    Each texts name goes to the colour nearest to its own. Raises `UsageError` where two regions would have one name.
    """
    chosen = list(plain)
    if names:
        table = torch.tensor(list(names), dtype=torch.float64)
        away = torch.cdist(table, torch.stack(list(colors)).double())
        texts = list(names.values())
        for number, nearest in enumerate(away.argmin(1).tolist()):
            # The nearest of both sides: of two names for like colours, the better one.
            if away[number, nearest] <= _SAME and int(away[:, nearest].argmin()) == number:
                chosen[nearest] = texts[number]
    for name in chosen:
        if chosen.count(name) > 1:
            raise UsageError(f"region names: '{name}' stands for two colours of the masks; give each its own name")
    return chosen


def in_words(color: tuple[int, int, int]) -> str:
    """Return what people call a colour, in levels of 255: `dark blue`, `light gray`, `orange`."""
    hue, lightness, _ = colorsys.rgb_to_hls(*(level / 255 for level in color))
    chroma = (max(color) - min(color)) / 255
    if chroma < _COLORLESS:
        return next(word for limit, word in _GRAYS if lightness <= limit)
    word = next(word for limit, word in _HUES if 360 * hue < limit)
    if word == "magenta" and lightness < 0.45:
        word = "purple"
    if word in ("orange", "yellow") and lightness < 0.35:
        return "brown" if word == "orange" else "olive"
    if word in ("red", "magenta") and lightness > 0.6:
        return "pink"
    if word == "cyan" and lightness < 0.4:
        return "teal"
    shade = "dark " if lightness < 0.3 else "light " if lightness > 0.75 else ""
    return shade + word


def _json(text: str, where: str) -> list[tuple[str, str]]:
    try:
        value = json.loads(text, object_pairs_hook=mapping_of)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{where}: is no proper JSON ({error}); write an object from colours to names, or a list"
        ) from None
    pairs = list(value.items()) if isinstance(value, dict) else [(str(at), name) for at, name in enumerate(value)]
    if len(pairs) > _LONGEST or not all(isinstance(name, str) for _, name in pairs):
        raise UsageError(f"{where}: each name has to be a text, and there can be {_LONGEST} of them")
    # A list can be longer than there are levels: what is beyond them is in no mask.
    return pairs if isinstance(value, dict) else pairs[:256]


def _lines(text: str, where: str) -> list[tuple[str, str]]:
    entries = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("//"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise UsageError(f"{where}: line {number} is no colour and name, as in #804080 road; write it so")
        entries.append((match[1], match[2]))
    return entries


def _color(text: str, where: str) -> tuple[int, int, int]:
    if re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        red, green, blue = (int(text[at : at + 2], 16) for at in (1, 3, 5))
        return red, green, blue
    levels = [int(part) for part in re.findall(r"\d+", text)] if re.fullmatch(r"[\d\s,()\[\]]{1,40}", text) else []
    if len(levels) not in (1, 3) or max(levels) > 255:
        raise UsageError(f"{where}: {text[:40]!r} is no colour; write #rrggbb, three levels, or the level of a grey")
    red, green, blue = levels * (3 // len(levels))
    return red, green, blue
