"""The files that a command line names for one painting: which they are, and how they are read."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from impasto import images, landmarks
from impasto.cli import mask_files
from impasto.cli.options import given_settings
from impasto.cli.sources import Chosen
from impasto.errors import UsageError
from impasto.events import notice
from impasto.images import Picture
from impasto.optim.tile_planner import Tiling
from impasto.recipe import load_preset
from impasto.scene.inputs import Inputs


@dataclass(frozen=True)
class Masks:
    """The files that say where, by name."""

    content: str | None = None
    styles: list[str] = field(default_factory=list)
    regions: list[str] = field(default_factory=list)
    """NAME=CONTENT:STYLE."""
    names: str | None = None
    """Of the regions of colour masks, as they were written."""


def chosen_for(files: "InputFiles", settings: Mapping[str, str | None], preset: str | None) -> "InputFiles":
    """Return the same files with method, style scale and strength chosen for them, and say why.

    What the `settings` on the command line and the `preset` say stays.
    """
    from impasto.painting import auto

    fixed = {*given_settings(settings), *(load_preset(preset) if preset else ())}
    inputs, chosen = files.load(), files.chosen
    choice = auto.choose(inputs.content, inputs.styles, chosen.recipe, fixed)
    notice(choice.reason)
    if choice.hard:
        notice("this pair is a hard one: look at a --preset draft first, or take another painting")
    return replace(files, chosen=replace(chosen, recipe=choice.recipe))


@dataclass(frozen=True)
class InputFiles:
    """The files that a painting needs, by name, and how they may be read."""

    content: str | None
    """None: a texture."""
    styles: list[str]
    chosen: Chosen
    masks: Masks = Masks()
    recipe: str | None = None
    max_pixels: int | None = None
    allow_truncated: bool = False
    tile: Tiling = "auto"
    memory: int | None = None
    device: str = "auto"
    landmarks: tuple[str | None, str | None] = (None, None)
    """Of the content and of the first style."""
    places: Mapping[str, str] = field(default_factory=dict)
    """Where files are that are not where their names say: a painting is resumed from another folder."""
    digests: dict[str, str] = field(default_factory=dict, compare=False)
    """sha256 of each file that was read, by name."""

    @property
    def files(self) -> list[str | Path]:
        """Every file that is read, none of which an output may replace by accident."""
        chosen = self.chosen
        named = [self.content, *self.styles, chosen.init, chosen.protect, self.recipe, chosen.encoder, chosen.network]
        masks = (self.masks.content, self.masks.styles, self.masks.regions)
        named += [*self.landmarks, *mask_files.files(*masks, styles=len(self.styles), known=self.places)]
        return [name for name in named if name is not None and name != "-"]

    def load(self) -> Inputs:
        """Read the pictures and masks, before any weights."""
        if [self.content, *self.styles, self.chosen.init, self.chosen.protect].count("-") > 1:
            raise UsageError("only one picture can come from standard input; name a file for the others")
        limit = images.DEFAULT_MAX_PIXELS if self.max_pixels is None else self.max_pixels
        read = partial(images.load, max_pixels=limit, allow_truncated=self.allow_truncated)

        def load(name: str) -> Picture:
            # A path object for a file: only the very word `-` is standard input.
            picture = read(name if name == "-" else Path(self.places.get(name, name)))
            self.digests[name] = picture.sha256
            return picture

        content = None if self.content is None else load(self.content)
        styles = [load(name) for name in self.styles]
        init, protect = (None if name is None else load(name) for name in (self.chosen.init, self.chosen.protect))
        masks = self.masks
        regions = mask_files.read(
            masks.content,
            masks.styles,
            masks.regions,
            styles=len(styles),
            count=self.chosen.recipe.regions,
            load=load,
            names=masks.names,
            known=self.places,
        )
        ours, theirs = (self._landmarks(name) for name in self.landmarks)
        return Inputs(content, styles, init, regions, ours, theirs, protect)

    def _landmarks(self, name: str | None) -> Path | None:
        """Return where the landmarks of this name are."""
        if name is None:
            return None
        path = Path(self.places.get(name, name))
        self.digests[name] = landmarks.digest(path)
        return path
