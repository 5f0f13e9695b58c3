"""What is in each set: names, order, digests, credits and addresses, read from a file of the package for each."""

import difflib
import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources

from impasto.errors import UsageError

NAMES = ("nprgeneral", "nprportrait")
"""The sets, by name."""


@dataclass(frozen=True)
class Entry:
    """One picture of a set."""

    name: str
    """What it is called in tables and file names: letters, digits and `-`."""
    title: str
    file: str = ""
    """Its file's name; empty where only its beginning is known."""
    by: str = ""
    md5: str = ""
    size_bytes: int = 0
    level: int = 0
    """Of difficulty, from 1; 0 where the set has none."""
    number: int = 0
    """In its level, from 1."""


@dataclass(frozen=True)
class DataSet:
    """One set."""

    name: str
    title: str
    citation: str
    credit: str
    variable: str
    """The environment variable that says where its pictures are: a folder or a zip."""
    entries: tuple[Entry, ...]
    """In the set's own order."""
    addresses: tuple[str, ...] = ()
    """Where single pictures are, with `{file}` for the name."""
    archives: tuple[str, ...] = ()
    """Where zips are that have no published digest, with `{level}`."""
    regions: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    """Colours of its masks by the region's name, levels of 255; empty where it has no masks."""


@functools.cache
def lookup(name: str) -> DataSet:
    """Return a set by name. Raises `UsageError` that names the nearest one."""
    if name not in NAMES:
        near = difflib.get_close_matches(name, NAMES, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"choose from {', '.join(NAMES)}"
        raise UsageError(f"unknown data set '{name}'; {hint}")
    text = resources.files("impasto").joinpath("datasets", "data", f"{name}.toml").read_text("utf-8")
    data = tomllib.loads(text)
    levels, portraits = data.pop("levels", 0), data.pop("portraits", 0)
    pictures = [Entry(**picture) for picture in data.pop("pictures", [])]
    for level in range(1, levels + 1):
        for number in range(1, portraits + 1):
            own = f"{level}-{number:02}"
            pictures.append(Entry(f"level{own}", f"level {level}, portrait {number}", level=level, number=number))
    colors = {region: (color[0], color[1], color[2]) for region, color in data.pop("regions", {}).items()}
    addresses, archives = (tuple(data.pop(key, ())) for key in ("addresses", "archives"))
    return DataSet(entries=tuple(pictures), regions=colors, addresses=addresses, archives=archives, **data)
