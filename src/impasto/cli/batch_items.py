"""From the words of `impasto batch` to its items: every photograph in every style in every setting, or in pairs."""

import functools
import itertools
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto.cli import mask_files
from impasto.cli.batch_sources import Photograph, Rule, photographs, read_list
from impasto.cli.sources import Chosen, choose
from impasto.cli.style_list import expand
from impasto.cli.vary import split
from impasto.errors import InputError, UsageError
from impasto.events import notice
from impasto.shards import Member

if TYPE_CHECKING:
    from impasto.series.batch import Item

MANY = 100_000
"""Paintings that a pattern or a folder may stand for: as many jobs, not a mixture."""
OF_LIST = ("content", "style", "output", "content_mask", "style_mask", "landmarks", "style_landmarks", "preset")
"""Keys of a list beside those of a recipe."""


@dataclass(frozen=True)
class Wish:
    """One picture, in words."""

    photo: Photograph | None
    styles: tuple[str, ...]
    spelled: Mapping[str, Any] = field(default_factory=dict)
    """Settings of its own."""
    row: Mapping[str, Any] = field(default_factory=dict)
    """What a list says of it beside these."""


@dataclass(frozen=True)
class Words:
    """What stands on the command line."""

    content: Sequence[str]
    style: Sequence[str]
    vary: Sequence[str]
    listed: str | None
    pair: bool
    tree: bool
    name: str | None
    content_mask: str | None
    style_mask: str | None
    region_names: str | None
    landmarks: str | None
    style_landmarks: str | None
    recipe: str | None
    preset: str | None
    settings: Mapping[str, str | None]

    def wishes(self) -> list[Wish]:
        """Return every picture that is asked for. Raises `UsageError` and `InputError` for what is not there."""
        if self.listed is not None:
            if self.content or self.vary or self.pair:
                raise UsageError("--list says what is painted; leave CONTENT, --vary and --pair out, or leave it out")
            return [self._of_row(row) for row in read_list(self.listed)]
        if not self.content:
            raise UsageError("no photographs are named; give files, folders or patterns, or --list FILE")
        photos = photographs(self.content, tree=self.tree)
        masks = _masks([photo.path for photo in photos], "--content-mask", self.content_mask, "content")
        photos = [photo for photo in photos if _place(photo.path) not in masks]
        styles = expand(self.style, largest=MANY)
        masks = _masks(styles, "--style-mask", self.style_mask, "style")
        styles = [style for style in styles if _place(style) not in masks]
        if "-" in styles:
            raise UsageError("--style -: a batch reads its paintings from files; name them")
        varied = split(list(self.vary))
        for key in varied:
            if key in ("content", "style"):
                raise UsageError(f"--vary {key}: a batch has all that are named already; name more of them")
            if self.settings.get(key):
                raise UsageError(f"--{key.replace('_', '-')} and --vary {key} exclude each other; give one")
        axes: list[list[Any]] = [photos, styles or [None], *varied.values()]
        return [
            Wish(photo, () if style is None else (style,), dict(zip(varied, values, strict=True)))
            for photo, style, *values in self._combined(axes, ["photographs", "paintings", *varied])
        ]

    def _combined(self, axes: list[list[Any]], names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        if not self.pair:
            yield from itertools.product(*axes)
            return
        count = max(map(len, axes))
        told = ", ".join(f"{len(axis)} {name}" for axis, name in zip(axes, names, strict=True) if axis != [None])
        if any(len(axis) not in (1, count) for axis in axes):
            raise UsageError(f"--pair: {told} make no pairs; name as many of each, or one for all")
        yield from zip(*(axis * count if len(axis) == 1 else axis for axis in axes), strict=True)

    def _of_row(self, row: Mapping[str, Any]) -> Wish:
        content = row.get("content")
        if content is not None and not isinstance(content, str):
            raise UsageError(f"key 'content' of a job names one photograph, and not {json.dumps(content)[:40]}")
        styles = row.get("style") or expand(self.style)
        settings = {key: value for key, value in row.items() if key not in OF_LIST}
        own = {key: value for key, value in row.items() if key in OF_LIST}
        return Wish(None if content is None else Photograph(content), tuple(styles), settings, own)

    def items(self, reading: Mapping[str, Any]) -> "list[Item]":
        """Return the items, named and checked for missing files. Raises `UsageError` and `InputError`."""
        from impasto.series.batch import Naming

        wishes = self.wishes()
        _check_files(wishes)
        rules = {
            "content_mask": _rule("--content-mask", self.content_mask, "content"),
            "style_mask": _rule("--style-mask", self.style_mask, "style"),
            "landmarks": _rule("--landmarks", self.landmarks, "content"),
            "style_landmarks": _rule("--style-landmarks", self.style_landmarks, "style"),
        }
        varied = [] if self.listed is not None else [*split(list(self.vary))]
        naming = Naming(self.name, varied)
        maker = _Maker(self, rules, reading, mask_files.region_names(self.region_names))
        items = [maker.item(wish, number, naming) for number, wish in enumerate(wishes, 1)]
        for rule in rules.values():
            if rule is not None:
                rule.check()
        return items


class _Maker:
    """Makes items of wishes."""

    def __init__(
        self, words: Words, rules: Mapping[str, Rule | None], reading: Mapping[str, Any], names: str | None
    ) -> None:
        self._words, self._rules, self._reading, self._names = words, rules, reading, names
        self._settled = functools.cache(self._choose)

    def _choose(self, preset: str | None, spelled: str) -> Chosen:
        words = self._words
        return choose(words.recipe, preset, {**words.settings, **json.loads(spelled)})

    def item(self, wish: Wish, number: int, naming: Any) -> "Item":
        from impasto.scene.inputs import Inputs, Masks
        from impasto.series import Job
        from impasto.series.batch import Item

        spelled = {key: value for key, value in wish.spelled.items() if key != "preset"}
        preset = wish.row.get("preset") or wish.spelled.get("preset") or self._words.preset
        chosen = self._settled(preset, json.dumps(spelled, sort_keys=True))
        content = None if wish.photo is None else wish.photo.path
        first = wish.styles[0] if wish.styles else None
        mask = self._file("content_mask", wish, content)
        of_styles = wish.row.get("style_mask") or [self._found("style_mask", style) for style in wish.styles]
        masks = None
        if mask is not None:
            of_each = [Path(name) if isinstance(name, str) else name for name in of_styles]
            masks = Masks(mask, of_each, None, self._names)
        inputs = Inputs(
            Path(content) if isinstance(content, str) else content,
            [Path(style) for style in wish.styles],
            None if chosen.init is None else Path(chosen.init),
            masks,
            self._file("landmarks", wish, content),
            self._file("style_landmarks", wish, first),
            None if chosen.protect is None else Path(chosen.protect),
            **self._reading,
        )
        job = Job(inputs, chosen.recipe, chosen.encoder, chosen.network)
        output = wish.row.get("output")
        below = "" if wish.photo is None else wish.photo.below
        labels = {key: str(value) for key, value in wish.spelled.items()}
        return Item(job, str(output) if output else naming.name(job, number, below, labels))

    def _file(self, key: str, wish: Wish, picture: str | Member | None) -> Path | Member | None:
        named = wish.row.get(key) or self._found(key, picture)
        return Path(named) if isinstance(named, str) else named

    def _found(self, key: str, picture: str | Member | None) -> str | Member | None:
        rule = self._rules[key]
        return None if rule is None or picture is None else rule.find(picture)


def _rule(option: str, pattern: str | None, name: str) -> Rule | None:
    return None if pattern is None else Rule(option, pattern, name)


def _masks(pictures: Sequence[str | Member], option: str, pattern: str | None, field: str) -> set[str]:
    """Return which of the pictures are there because they are masks of others, by a naming rule; say how many."""
    if pattern is None:
        return set()
    rule = Rule(option, pattern, field)
    places = {_place(picture): picture for picture in pictures}
    found = {place: rule.look(picture) for place, picture in places.items()}
    masks = {_place(mask) for place, mask in found.items() if mask is not None and _place(mask) != place} & set(places)
    if masks:
        notice(f"left out pictures that are masks by {option}: {len(masks)}")
    return masks


def _place(picture: str | Member) -> str:
    return str(picture) if isinstance(picture, Member) else os.path.realpath(picture)


def _check_files(wishes: Sequence[Wish]) -> None:
    """Raise `InputError` for photographs and paintings that are not there."""
    named = (name for wish in wishes for name in ((wish.photo.path,) if wish.photo else ()) + wish.styles)
    missing = [name for name in dict.fromkeys(named) if isinstance(name, str) and not Path(name).is_file()]
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise InputError(f"{missing[0]}{more}: is no file that is there; check the name")
