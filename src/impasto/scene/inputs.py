"""What one painting is made of, as it is given and as it is read: pictures, masks, landmarks."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from impasto import guides, images, landmarks
from impasto.errors import UsageError
from impasto.events import notice
from impasto.guides import Regions
from impasto.images import Picture
from impasto.landmarks import Pair, detect
from impasto.recipe import Recipe
from impasto.recipe.catalogue import METHODS
from impasto.scene.resolve import PictureLike
from impasto.scene.scene import Scene

RegionNames = str | Mapping[str, str] | Sequence[str]
"""Names by the colours of a mask: {"#804080": "road"}, a list for the levels 0, 1, 2, ..., or either as text."""


@dataclass(frozen=True, eq=False)
class Masks:
    """Masks as they are given: in colours, or in grey by name.

    Sources are what `images.load` takes.
    """

    content: PictureLike | None = None
    """Colours on the photograph."""
    styles: Sequence[PictureLike | None] | PictureLike | None = None
    """The same colours on each style; None for one that is used as a whole."""
    layers: Mapping[str, tuple[PictureLike, Sequence[PictureLike | None]]] | None = None
    """Grey masks by the region's name: of the content, and of each style."""
    names: RegionNames | None = None
    """How the regions of colour masks are called."""

    @classmethod
    def given(
        cls,
        content_mask: PictureLike | None,
        style_masks: Sequence[PictureLike | None] | PictureLike | None,
        region_masks: Mapping[str, tuple[PictureLike, Sequence[PictureLike | None]]] | None,
        region_names: RegionNames | None,
    ) -> "Masks | None":
        """Return the masks of a call that can have any; None where it has none."""
        masks = (content_mask, style_masks, region_masks, region_names)
        return None if all(mask is None for mask in masks) else cls(*masks)

    @property
    def sources(self) -> tuple[PictureLike, ...]:
        """Every mask."""
        layers = [mask for content, styles in (self.layers or {}).values() for mask in (content, *styles)]
        return tuple(mask for mask in (self.content, *_listed(self.styles), *layers) if mask is not None)

    def read(self, styles: int, count: int, load: Callable[[PictureLike], Picture] = images.load) -> Regions | None:
        """Return the regions; None where no mask is given.

        `styles` is how many there are, `count` how many regions colour masks show, 0 for as many as they have colours.
        Raises `UsageError` for masks that do not go together, and what `load` and `guides` raise.
        """

        def loaded(mask: PictureLike | None) -> Picture | None:
            return None if mask is None else load(mask)

        if self.names is not None and self.content is None:
            raise UsageError("region_names are of the colours of a content_mask; give that too, or leave them out")
        if self.layers:
            if self.content is not None or self.styles is not None:
                raise UsageError("colour masks and region_masks exclude each other; give one kind")
            layers = {
                name: (load(mask), [loaded(style) for style in of_styles] or [None] * styles)
                for name, (mask, of_styles) in self.layers.items()
            }
            return guides.from_layers(layers)
        if self.content is None:
            if self.styles is not None:
                raise UsageError("style_masks belong to a content_mask; give both")
            return None
        masks = _listed(self.styles)
        masks += [None] * (styles - len(masks))
        return guides.from_colors(load(self.content), [loaded(mask) for mask in masks], count, self._parsed_names())

    def _parsed_names(self) -> guides.Names | None:
        if self.names is None:
            return None
        text = self.names if isinstance(self.names, str) else json.dumps(self.names)
        return guides.parse_names(text, "region_names")


@dataclass(frozen=True, eq=False)
class Inputs:
    """What one painting is made of, beside its recipe. Sources are what `images.load` takes.

    Travels as one thing from the caller to the method, which reads it.
    """

    content: PictureLike | None = None
    """The photograph; None paints a texture, or with masks a doodle."""
    styles: PictureLike | Sequence[PictureLike] = ()
    """One painting or several."""
    init: PictureLike | None = None
    """The picture to begin with, for `init` 'file'."""
    masks: Regions | Masks | None = None
    """Where regions are: masks, or what `guides` made of them."""
    content_landmarks: PictureLike | None = None
    """Points of the photograph's face: a file, or lists of [x, y]."""
    style_landmarks: PictureLike | None = None
    """The same points of the first style's face."""
    protect: PictureLike | None = None
    """A grey picture, white where the photograph counts more, for `protect` 'file'."""
    max_pixels: int = images.DEFAULT_MAX_PIXELS
    """Larger pictures are refused before they are decoded."""
    allow_truncated: bool = False
    """Whether damaged pictures are used as far as they can be read."""
    find_faces: bool = True
    """Whether faces are looked for where a method aligns them and no landmarks are given."""

    @property
    def paintings(self) -> list[PictureLike]:
        """The styles, a single one as a list too."""
        return _listed(self.styles)

    @property
    def sources(self) -> tuple[PictureLike, ...]:
        """Every picture: photograph, styles and the one to begin with."""
        return tuple(source for source in (self.content, *self.paintings, self.init) if source is not None)

    @property
    def files(self) -> tuple[PictureLike, ...]:
        """Everything that is read: pictures, masks and landmarks."""
        masks = self.masks.sources if isinstance(self.masks, Masks) else ()
        others = (self.content_landmarks, self.style_landmarks, self.protect)
        return (*self.sources, *masks, *(source for source in others if source is not None))

    @property
    def regions(self) -> Regions | None:
        """The regions, where the masks were read or there are none. Raises `TypeError` before that."""
        if isinstance(self.masks, Masks):
            raise TypeError("the masks were not read yet; use `read`")
        return self.masks

    @property
    def has_landmarks(self) -> bool:
        """Whether points of a face are given."""
        return self.content_landmarks is not None or self.style_landmarks is not None

    def without_landmarks(self) -> "Inputs":
        """Return the same inputs for a method that aligns no faces."""
        return replace(self, content_landmarks=None, style_landmarks=None)

    def load(self, source: PictureLike) -> Picture:
        """Read a picture within the limits of these inputs. Raises what `images.load` does."""
        return images.load(source, max_pixels=self.max_pixels, allow_truncated=self.allow_truncated)

    def read(self, recipe: Recipe, load: Callable[[PictureLike], Picture] | None = None) -> "Inputs":
        """Return the same inputs with all pictures and masks in memory; `load` reads one, by default `self.load`."""
        load = load or self.load
        styles = self.paintings
        regions = self.masks
        content = None if self.content is None else load(self.content)
        paintings = [load(style) for style in styles]
        if isinstance(regions, Masks):
            regions = regions.read(len(styles), recipe.regions, load)
        init, protect = (None if source is None else load(source) for source in (self.init, self.protect))
        return replace(self, content=content, styles=paintings, init=init, masks=regions, protect=protect)

    def scene(self, recipe: Recipe) -> Scene:
        """Read everything and check it against the recipe. Raises what `Scene` and `landmarks_of` do."""
        read = self.read(recipe)
        pair = None
        if self.find_faces or self.has_landmarks:
            pair = landmarks_of(recipe, read.content, read.paintings, self.content_landmarks, self.style_landmarks)
        regions = None if read.regions is None else guides.feather(read.regions, recipe.feather)
        return Scene(recipe, read.content, read.paintings, regions, read.init, pair, read.protect)


def _listed(sources: Sequence[PictureLike] | PictureLike | None) -> list[PictureLike]:
    """Return several sources, or one, as a list; None as an empty one."""
    if sources is None:
        return []
    return list(sources) if isinstance(sources, list | tuple) else [sources]


def landmarks_of(
    recipe: Recipe, photo: Picture | None, styles: list[Picture], content: PictureLike | None, style: PictureLike | None
) -> Pair | None:
    """Read the landmarks that a painting was given, or find them; None where whole pictures are aligned.

    Raises `UsageError` and `InputError` for those that are no use.
    """
    if not METHODS[recipe.method].landmarks:
        if content is not None or style is not None:
            raise UsageError(f"landmarks belong to method portrait, not to {recipe.method}; leave them out")
        return None
    if photo is None or not styles:
        return None  # both are refused elsewhere
    if (content is None) != (style is None):
        raise UsageError("landmarks of the photograph and of the painting belong together; give both or neither")
    if content is not None:
        return landmarks.pair(
            landmarks.load(content, photo.size, "content landmarks"),
            landmarks.load(style, styles[0].size, "style landmarks"),
        )
    pictures = (photo, styles[0])
    ours, theirs = (detect.find(images.fill_hidden(picture).pixels) for picture in pictures)
    if ours is not None and theirs is not None:
        return landmarks.pair(ours, theirs)
    if detect.available():
        blind = " and ".join(
            picture.name for picture, face in zip(pictures, (ours, theirs), strict=True) if face is None
        )
        notice(
            f"no face is seen in {blind}; the whole pictures are aligned: give landmarks of both (docs/portraits.md)"
        )
    else:
        notice(f"the whole pictures are aligned, not their faces: give landmarks of both, or {detect.INSTALL}")
    return None
