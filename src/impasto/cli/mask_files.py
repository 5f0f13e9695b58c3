"""From the mask options of a command to regions: what names which file, and what is left out."""

import os
from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from impasto.errors import InputError, UsageError
from impasto.events import notice

if TYPE_CHECKING:
    from impasto.guides import Regions
    from impasto.images import Picture

_LONGEST = 100_000
"""Characters of a list of names: 256 colours need a few thousand."""
NONE = ("-", "")
"""What stands for a style without a mask."""
MOST_PARTS = 80
"""Between colons in one --region: the masks of 64 styles, and some colons in their names."""


@dataclass(frozen=True)
class _Layer:
    """One --region: its name, its mask in the content, and in each style (None: not there)."""

    name: str
    content: str
    styles: list[str | None]
    """Empty: the region takes all of each style."""


def read(
    content_mask: str | None,
    style_masks: list[str],
    regions: list[str],
    *,
    styles: int,
    count: int,
    load: "Callable[[str], Picture]",
    names: str | None = None,
    known: Container[str] = (),
) -> "Regions | None":
    """Read the masks that the options name; None where there are none.

    regions: NAME=CONTENT[:STYLE...], one style mask for each style, or none at all: the region then takes all of
    each style. styles: how many there are. count: regions in colour masks, 0 for as many as they show. names: what
    `--region-names` says, as `naming.parse` reads it. known: files that `load` finds elsewhere.

    Raises `UsageError` for options that do not fit, and what `load` and `guides` raise.
    """
    layers = [_layer(text, styles, known) for text in regions]
    _check(content_mask, style_masks, layers, styles)
    if names is not None and content_mask is None:
        raise UsageError("--region-names are of the colours of a --content-mask; give that too, or leave them out")
    if layers:
        if count:
            notice(f"the number of regions, {count}, is for colour masks; --region names each one")
        return _from_layers(layers, styles, load)
    if content_mask is None:
        return None
    from impasto import guides

    style_pictures = [None if name in NONE else load(name) for name in style_masks]
    names_by_color = None if names is None else guides.parse_names(names, "--region-names")
    return guides.from_colors(load(content_mask), style_pictures, count, names_by_color)


def region_names(option: str | None) -> str | None:
    """Return the names of regions that an option gives: JSON itself, or what is in the file that it names.

    Raises `InputError` for a file that cannot be read, `UsageError` for what names no regions.
    """
    if option is None:
        return None
    inline = option.lstrip()[:1] in ("{", "[")
    where, text = ("--region-names", option) if inline else (Path(option).name, "")
    if not inline:
        try:
            if Path(option).exists() and not Path(option).is_file():
                # Opening a pipe would wait for somebody who writes to it.
                raise InputError(f"{option}: is not a regular file; name a readable file of region names")
            with Path(option).open("rb") as file:
                content = file.read(_LONGEST + 1)
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise InputError(f"{option}: is no text; name a file of region names, or give JSON") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"{option}: cannot be read ({reason}); name a readable file of region names") from None
    if len(text) > _LONGEST:
        raise UsageError(f"{where}: is longer than {_LONGEST:,} characters; keep the names that the masks need")
    from impasto import guides

    guides.parse_names(text, where)
    return text


def files(
    content_mask: str | None, style_masks: list[str], regions: list[str], *, styles: int = 1, known: Container[str] = ()
) -> list[str]:
    """List the files that the options name, as `read` does. Raises `UsageError` for a malformed region."""
    layers = [_layer(text, styles, known) for text in regions]
    named = [content_mask, *style_masks, *(name for layer in layers for name in (layer.content, *layer.styles))]
    return [name for name in named if name is not None and name not in NONE]


def _check(content_mask: str | None, style_masks: list[str], layers: list[_Layer], styles: int) -> None:
    if layers and (content_mask is not None or style_masks):
        raise UsageError("--region and --content-mask or --style-mask exclude each other; give colour masks or regions")
    if content_mask is None and style_masks:
        raise UsageError("--style-mask without --content-mask: masks work in pairs; paint one for the content too")
    if content_mask is not None and content_mask in NONE:
        raise UsageError("--content-mask: name a file; a mask cannot come from standard input")
    if content_mask is not None and len(style_masks) != styles:
        raise UsageError(
            f"{len(style_masks)} of --style-mask for {styles} of --style: give one for each style, in the styles' "
            "order, with - for a style without a mask"
        )
    names = [layer.name for layer in layers]
    for layer in layers:
        if names.count(layer.name) > 1:
            raise UsageError(f"--region {layer.name} is there twice; give each region its own name")
        if layer.styles and len(layer.styles) != styles:
            raise UsageError(
                f"--region {layer.name}: {len(layer.styles)} style masks for {styles} of --style; give one for each, "
                "with - for a style that does not show the region, or none at all"
            )
        if layer.styles and not any(layer.styles):
            raise UsageError(
                f"--region {layer.name}: is in no style; name a mask in one, or only the content's to take all of each"
            )


def _layer(text: str, styles: int, known: Container[str] = ()) -> _Layer:
    """Take NAME=CONTENT[:STYLE...] apart."""
    name, equals, rest = text.partition("=")
    content, *masks = _files(split(rest), styles, known)
    if not equals or not name or content in NONE:
        raise UsageError(f"--region {text}: must be NAME=CONTENT or NAME=CONTENT:STYLE, as in sky=sky1.png:sky2.png")
    return _Layer(name, content, [None if mask in NONE else mask for mask in masks])


def _files(parts: list[str], styles: int, known: Container[str]) -> list[str]:
    """Join again what a colon in a file's name took apart: the way to join that leaves the fewest parts without a file.

    Where there are several, that with a mask for each style or with none is meant, and of these that with the fewest
    colons in names.
    """
    if not 1 < len(parts) <= MOST_PARTS:
        return parts
    # For each number of names, the parts without a file and the names that the first parts make.
    ways: list[dict[int, tuple[int, list[str]]]] = [{0: (0, [])}]
    for end in range(1, len(parts) + 1):
        ways_to_here: dict[int, tuple[int, list[str]]] = {}
        for begin in reversed(range(end)):
            name = ":".join(parts[begin:end])
            missing = 0 if name in NONE or name in known or _is_file(name) else 1
            if missing and end - begin > 1:
                continue
            for count, (others, names) in ways[begin].items():
                if count + 1 not in ways_to_here or others + missing < ways_to_here[count + 1][0]:
                    ways_to_here[count + 1] = others + missing, [*names, name]
        ways.append(ways_to_here)
    best = min(ways[-1], key=lambda count: (ways[-1][count][0], count not in (1, 1 + styles), -count))
    return ways[-1][best][1]


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except OSError:  # too long a name, for example
        return False


def split(text: str, windows: bool = os.name == "nt") -> list[str]:
    r"""Take file names apart that colons join; a drive's colon, as in `C:\sky.png`, is part of the name.

    windows: whether `C:/sky.png` has a drive too; elsewhere that is a file C and a file in the root.
    """
    parts: list[str] = []
    for part in text.split(":"):
        drive = parts and len(parts[-1]) == 1 and parts[-1].isascii() and parts[-1].isalpha()
        if drive and (part.startswith("\\") or (windows and part.startswith("/"))):
            parts[-1] += f":{part}"
        else:
            parts.append(part)
    return parts


def _from_layers(layers: list[_Layer], styles: int, load: "Callable[[str], Picture]") -> "Regions":
    from impasto import guides

    everywhere = [index for index, layer in enumerate(layers) if not layer.styles]
    # One more style, without a mask: that some regions are in no style mask is then no mistake, but what was said.
    more = styles + (1 if 0 < len(everywhere) < len(layers) else 0)
    pictures = {
        layer.name: (load(layer.content), [None if name is None else load(name) for name in _padded(layer, more)])
        for layer in layers
    }
    regions = guides.from_layers(pictures)
    maps = list(regions.styles[:styles])
    for style in maps:
        if style is not None:
            style[everywhere] = 1
    return replace(regions, styles=tuple(maps))


def _padded(layer: _Layer, styles: int) -> list[str | None]:
    return [*layer.styles, *([None] * (styles - len(layer.styles)))]
