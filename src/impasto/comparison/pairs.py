"""Which pairs are shown, and in which order: every pair twice, once with its sides swapped."""

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from impasto import files
from impasto.errors import ImageError, UsageError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".avif", ".gif", ".bmp")
"""Formats that browsers show."""


@dataclass(frozen=True)
class Trial:
    """Two pictures of one name, side by side."""

    picture: str
    left: str
    right: str

    @property
    def key(self) -> tuple[str, str, str]:
        """Picture, left, right: what a vote on it says it was on."""
        return self.picture, self.left, self.right


def label_folders(named: Sequence[str]) -> dict[str, Path]:
    """Return the folders by the names they are compared under, from `DIR` or `name=DIR`.

    A folder without a name is called by its own, or where two of them share it, by as much of its path as tells them
    apart. Raises `UsageError` for fewer than two folders or a name that is there twice, `ImageError` for what is no
    folder.
    """
    if len(named) < 2:
        raise UsageError("a comparison needs two folders at least: impasto compare A/ B/")
    named_folders = []
    for text in named:
        name, equals, rest = text.partition("=")
        # A folder may have an equals sign in its own name.
        named_folders.append(
            (name, Path(rest)) if equals and name and rest and not Path(text).is_dir() else ("", Path(text))
        )
    for _, folder in named_folders:
        if not folder.is_dir():
            raise ImageError(f"{folder}: is no folder; name folders with pictures of the same names")
    folders: dict[str, Path] = {}
    paths = [folder.absolute() for name, folder in named_folders if not name]
    for name, folder in named_folders:
        label = name or _shortest(folder.absolute(), paths)
        if label in folders:
            raise UsageError(
                f"{label}: is there twice; name each folder once, or call them a={folders[label]} b={folder}"
            )
        folders[label] = folder
    return folders


def common_names(folders: Mapping[str, Path]) -> dict[str, dict[str, Path]]:
    """Return the files of every picture that is in all `folders`: {stem: {side: path}}, sorted by stem.

    The format does not matter. Raises `ImageError` where there is none.
    """
    by_side = {side: pictures_in(folder) for side, folder in folders.items()}
    shared = sorted(set.intersection(*map(set, by_side.values())))
    if not shared:
        raise ImageError(
            f"{', '.join(str(folder) for folder in folders.values())}: have no pictures of the same name "
            f"({', '.join(SUFFIXES)})"
        )
    return {stem: {side: by_side[side][stem] for side in folders} for stem in shared}


def pictures_in(folder: Path) -> dict[str, Path]:
    """Return the pictures of a folder that browsers show, by stem. Raises `ImageError` where it cannot be read."""
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    except OSError as error:
        raise ImageError(f"{folder}: cannot be read ({error.strerror or error})") from None
    by_stem: dict[str, Path] = {}
    for path in paths:
        if path.stem in by_stem:
            raise ImageError(f"{folder}: has {by_stem[path.stem].name} and {path.name}; keep one of them")
        by_stem[path.stem] = path
    return by_stem


def match_inputs(folder: Path, names: Sequence[str], part: str) -> dict[str, Path]:
    """Find the photograph or painting in `folder` that each picture of `names` was made of, by its name.

    That is one of the same stem; else the one with the longest stem that the picture's begins with (`part` "content")
    or ends with ("style"), set apart by `_`: `cat_swirls` is of `cat` and `swirls`. Pictures without one are left out.
    Raises `ImageError` where the folder cannot be read.
    """
    inputs = pictures_in(folder)
    inputs_of = {}
    for name in names:
        fits = [
            stem
            for stem in inputs
            if stem == name or (name.startswith(f"{stem}_") if part == "content" else name.endswith(f"_{stem}"))
        ]
        if fits:
            inputs_of[name] = inputs[max(fits, key=len)]
    return inputs_of


def digest_side(paths: Mapping[str, Path]) -> str:
    """Return a digest of a side's pictures, by which a file of votes knows them again."""
    whole = hashlib.sha256()
    for stem, path in sorted(paths.items()):
        whole.update(f"{stem}\0{files.digest(path)}\n".encode(errors="surrogateescape"))
    return whole.hexdigest()


def schedule(pictures: Sequence[str], sides: Sequence[str], *, seed: int = 0, most: int | None = None) -> list[Trial]:
    """Return the trials in the order in which they are shown.

    First every pair of sides of every picture in random order, its sides at random; then all of them again, swapped,
    in another random order. So a habit of choosing one side cancels out, and somebody who stops half way has seen
    everything once. `most` pairs at most are drawn, the same number for each pair of sides as nearly as that goes.
    The same arguments give the same order. Raises `UsageError` for `most` below 1.
    """
    if most is not None and most < 1:
        raise UsageError(f"--pairs {most}: give 1 at least")
    chance = random.Random(f"{seed}:{len(pictures)}:{len(sides)}")
    pairs = list(combinations(sides, 2))
    drawn = []
    for one, other in pairs:
        for picture in chance.sample(list(pictures), len(pictures)):
            drawn.append(Trial(picture, *chance.sample((one, other), 2)))
    if most is not None and most < len(drawn):
        count = len(pictures)
        turn = [drawn[pair * count + index] for index in range(count) for pair in range(len(pairs))]
        drawn = turn[:most]
    first = chance.sample(drawn, len(drawn))
    again = [Trial(trial.picture, trial.right, trial.left) for trial in chance.sample(drawn, len(drawn))]
    return first + again


def _shortest(path: Path, paths: Sequence[Path]) -> str:
    """Return as much of the end of `path` as tells it from the other `paths`."""
    others = [other for other in paths if other != path]
    for length in range(1, len(path.parts) + 1):
        if not any(other.parts[-length:] == path.parts[-length:] for other in others):
            return "/".join(path.parts[-length:])
    return str(path)
