"""What a batch paints: one item for each picture, and what the folder remembers of it."""

import functools
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from impasto import images, metadata
from impasto.encoders import Encoder
from impasto.errors import UsageError
from impasto.guides import Regions
from impasto.images import Picture
from impasto.recipe import Recipe, unknown
from impasto.recipe.catalogue import METHODS
from impasto.scene.inputs import Inputs, Masks
from impasto.scene.resolve import PictureLike
from impasto.series.grid import Job
from impasto.shards import Member

Value = TypeVar("Value")
FILES = ("content", "styles", "init_image", "content_mask", "style_masks", "content_landmarks", "style_landmarks")
"""Keys of a job that name pictures and other files."""
KEYS = (*FILES, "region_masks", "region_names", "encoder", "network", "preset", "recipe", "output")
"""Keys of a job beside those of a recipe."""


@dataclass(frozen=True, eq=False)
class Item:
    """One picture of a batch."""

    job: Job = field(repr=False)
    output: str
    """Where it is saved, within the folder of the batch."""

    @property
    def title(self) -> str:
        """The item in words."""
        return self.output


def job_of(given: Mapping[str, Any] | Job, **reading: Any) -> tuple[Job, str | None]:
    """Return what a mapping with the keywords of `stylize` asks for, and its `output`.

    `reading` are the limits within which pictures are read. Raises `UsageError` for an unknown key.
    """
    if isinstance(given, Job):
        return given, None
    known = dict.fromkeys([*KEYS, *(key for key in Recipe.model_fields if key != "version")])
    for key in given:
        if key not in known:
            raise UsageError(unknown(key, known, "key of a job"))
    files = {key: given.get(key) for key in KEYS}
    settings = {key: value for key, value in given.items() if key not in KEYS}
    if files["recipe"] is not None and files["preset"] is not None:
        raise UsageError("give a recipe or a preset, not both; recipe.replace() changes single settings")
    base: Recipe | None = files["recipe"]
    recipe = Recipe.from_preset(files["preset"], **settings) if base is None else base.replace(**settings)
    masks = Masks.given(files["content_mask"], files["style_masks"], files["region_masks"], files["region_names"])
    styles = () if files["styles"] is None else files["styles"]
    ours, theirs = files["content_landmarks"], files["style_landmarks"]
    inputs = Inputs(files["content"], styles, files["init_image"], masks, ours, theirs, **reading)
    return Job(inputs, recipe, files["encoder"], files["network"]), files["output"]


class Same(Generic[Value]):
    """What a function makes of objects, once for each object: of a million items, most have one recipe.

    An object that is no longer there leaves its number to others; so each is kept.
    """

    def __init__(self, make: Callable[[Any], Value]) -> None:
        self._make = make
        self._made: dict[int, tuple[Any, Value]] = {}

    def __call__(self, source: Any) -> Value:
        if id(source) not in self._made:
            self._made[id(source)] = source, self._make(source)
        return self._made[id(source)][1]


def described_all(items: Sequence[Item]) -> list[dict[str, Any]]:
    """Return what `described` does of each item; those of one recipe share what is said of that."""
    recipes = Same(lambda recipe: recipe.model_dump(mode="json"))
    return [described(item, recipes) for item in items]


def described(item: Item, dump: Callable[[Recipe], Any]) -> dict[str, Any]:
    """Return everything that an item's picture depends on, as JSON can hold it; names of files as they are.

    `dump` returns a recipe so.
    """
    job = item.job
    inputs = job.inputs
    kept: dict[str, Any] = {
        "output": item.output,
        "content": _named(inputs.content),
        "styles": [_named(style) for style in inputs.paintings],
        "init": _named(inputs.init),
        "masks": _masks(inputs.masks),
        "landmarks": [_named(inputs.content_landmarks), _named(inputs.style_landmarks)],
        "recipe": dump(job.recipe),
        "encoder": _network(job.encoder),
        "network": _network(job.network),
        "max_pixels": inputs.max_pixels,
        "allow_truncated": inputs.allow_truncated,
    }
    return {key: value for key, value in kept.items() if value not in (None, [None, None])}


def restored_all(entries: Sequence[Mapping[str, Any]]) -> list[Item]:
    """Return the items that `described_all` described. Raises `UsageError` as `restored`."""
    recipes: Same[Recipe] = Same(Recipe.parse)
    return [restored(entry, recipes) for entry in entries]


def restored(entry: Mapping[str, Any], parse: Callable[[Any], Recipe]) -> Item:
    """Return the item that `described` described; `parse` returns its recipe.

    Raises `UsageError` where it was of pictures in memory.
    """
    masks = entry.get("masks")
    named = None
    if isinstance(masks, dict):
        layers = masks.get("layers")
        named = Masks(
            _path(masks.get("content")),
            [_path(style) for style in masks["styles"]] if masks.get("styles") is not None else None,
            None if layers is None else {key: (_path(own), [*map(_path, of)]) for key, (own, of) in layers.items()},
            masks.get("names"),
        )
    elif masks is not None:
        raise _gone()
    ours, theirs = entry.get("landmarks", [None, None])
    inputs = Inputs(
        _path(entry.get("content")),
        [_path(style) for style in entry["styles"]],
        _path(entry.get("init")),
        named,
        _path(ours),
        _path(theirs),
        max_pixels=entry["max_pixels"],
        allow_truncated=entry["allow_truncated"],
    )
    recipe = parse(entry["recipe"])
    return Item(Job(inputs, recipe, _encoder(entry.get("encoder")), _encoder(entry.get("network"))), entry["output"])


def fingerprint(entries: Sequence[Mapping[str, Any]]) -> str:
    """Return the sha256 of what a batch paints."""
    whole = hashlib.sha256()
    recipes = Same(lambda recipe: hashlib.sha256(metadata.canonical(recipe).encode()).hexdigest())
    for entry in entries:
        whole.update(metadata.canonical({**entry, "recipe": recipes(entry["recipe"])}).encode())
    return whole.hexdigest()


def check_landmarks(items: Sequence[Item]) -> None:
    """Raise `UsageError` where there are landmarks, and no item is painted by a method that has them."""
    if any(item.job.inputs.has_landmarks for item in items) and not any(
        METHODS[item.job.recipe.method].landmarks for item in items
    ):
        raise UsageError("landmarks belong to method portrait, by which nothing is painted; leave them out")


def _named(source: PictureLike | None) -> Any:
    if source is None:
        return None
    if isinstance(source, str | Path) and source != "-":
        return {"file": _absolute(os.fspath(source), os.getcwd())}  # noqa: PTH109 (a million times)
    if isinstance(source, Member):
        kept: dict[str, Any] = {"archive": _absolute(source.archive, os.getcwd()), "name": source.name}  # noqa: PTH109
        kept |= {"place": source.place, "length": source.length}
        kept |= {"column": source.column} if source.column else {}
        return {**kept, "beside": [*map(list, source.beside)]}
    if isinstance(source, list | tuple) or hasattr(source, "points"):  # landmarks
        return {"points": str(source)}
    picture = source if isinstance(source, Picture) else images.load(source)
    return {"sha256": picture.sha256}


@functools.lru_cache(maxsize=4096)
def _absolute(name: str, folder: str) -> str:
    """Return a name from the root; paintings and shards come again and again."""
    return str(Path(folder, name))


def _masks(masks: Regions | Masks | None) -> Any:
    if masks is None:
        return None
    if isinstance(masks, Regions):
        return [list(pair) for pair in masks.digests]
    styles = masks.styles
    listed = None if styles is None else list(styles) if isinstance(styles, list | tuple) else [styles]
    layers = masks.layers or {}
    return {
        "content": _named(masks.content),
        "styles": None if listed is None else [_named(style) for style in listed],
        "layers": {key: [_named(own), [*map(_named, of)]] for key, (own, of) in layers.items()} or None,
        "names": masks.names,
    }


def _network(which: str | Path | Encoder | None) -> Any:
    if isinstance(which, Path):
        return {"file": str(which.absolute())}
    if which is None or isinstance(which, str):
        return which
    return {"sha256": which.sha256}


def _encoder(entry: Any) -> str | Path | None:
    return entry if entry is None or isinstance(entry, str) else Path(entry["file"])


def _path(entry: Any) -> Path | Member | None:
    if entry is None:
        return None
    if "archive" in entry:
        return Member(**{**entry, "beside": tuple(map(tuple, entry["beside"]))})
    if "file" not in entry:
        raise _gone()
    return Path(entry["file"])


def _gone() -> UsageError:
    return UsageError("the batch is of pictures that were in memory, which no folder holds; give its jobs once more")
