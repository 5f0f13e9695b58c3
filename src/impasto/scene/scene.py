"""The pictures of one painting at the size of a level: photograph, styles, their regions, and their colours."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from impasto import guides, images
from impasto.errors import ImageError
from impasto.guides import Regions
from impasto.images import Picture
from impasto.landmarks import Pair
from impasto.losses import Anchor
from impasto.optim import canvas
from impasto.optim.canvas import View
from impasto.optim.laplacian import Packing
from impasto.optim.pyramid import Level
from impasto.recipe import Recipe
from impasto.recipe.catalogue import METHODS
from impasto.scene import colors
from impasto.scene.checks import check_inputs
from impasto.scene.hidden import tell_if_hidden, without_hidden_colors
from impasto.scene.protected import protection
from impasto.scene.regions import kept_map, painted_by

SMALLEST = 16
"""Pixels on the short side of any level: the deepest style layer then has one neuron."""


@dataclass(frozen=True)
class Painted:
    """A style at the size of a level."""

    pixels: Tensor
    """(1, 3, h, w)."""
    alpha: Tensor | None = None
    """(h, w), where part of it is transparent."""
    maps: Tensor | None = None
    """(R, h, w), where it has a mask."""


class Scene:
    """What a recipe makes of the pictures, before any encoder.

    `content` is None for a texture, and for a doodle, which has `regions` alone. `init` is the picture to begin
    with, where that is a file, `landmarks` are of a portrait, `protect` is the grey picture of what is protected.

    Raises `UsageError` where the recipe does not fit the pictures, `ImageError` for a style that is too narrow.
    """

    def __init__(
        self,
        recipe: Recipe,
        content: Picture | None,
        styles: Sequence[Picture],
        regions: Regions | None = None,
        init: Picture | None = None,
        landmarks: Pair | None = None,
        protect: Picture | None = None,
    ) -> None:
        self.recipe = recipe
        self.content: Picture | None = None
        if content is not None:
            self.show(content)
        self.init = None if init is None else images.fill_hidden(init)
        if init is not None and init is not content:
            tell_if_hidden(init)
        self.styles = [without_hidden_colors(style) for style in styles]
        self._styles_neutral = all(colors.is_neutral(style) for style in self.styles)
        self.regions, self.landmarks = regions, landmarks
        self.anchor: Anchor | None = None
        """What a frame of moving pictures is held to, by methods that optimise."""
        self._protect = protect
        check_inputs(recipe, self.content, self.styles, regions)
        self._protection = protection(recipe, self.content, protect)

    def under(self, recipe: Recipe) -> "Scene":
        """Return the same pictures under another recipe, one that asks nothing of them that this one does not."""
        scene = copy.copy(self)
        scene.recipe = recipe
        return scene

    def show(self, content: Picture) -> None:
        """Take `content` as the photograph, whatever colours it hides."""
        tell_if_hidden(content)
        self.content = images.fill_hidden(content)
        self._photo_neutral = colors.is_neutral(self.content)

    def inputs(self) -> list[dict[str, Any]]:
        """Return role and sha256 of each picture, mask and set of landmarks, and `truncated` where so; no path."""
        named = [] if self.content is None else [("content", self.content)]
        named += [("style", style) for style in self.styles]
        if self.init is not None:
            named.append(("init", self.init))
        if self._protect is not None:
            named.append(("protect", self._protect))
        records: list[dict[str, Any]] = []
        for role, picture in named:
            truncated = {"truncated": True} if picture.truncated else {}
            records.append({"role": role, "sha256": picture.sha256} | truncated)
        if self.regions is not None:
            records += [{"role": role, "sha256": digest} for role, digest in self.regions.digests]
        if self.landmarks is not None:
            records += [{"role": role, "sha256": digest} for role, digest in self.landmarks.digests]
        return records

    @property
    def called(self) -> str:
        """How to speak of what is painted."""
        if self.content is not None:
            return self.content.name
        return "texture" if self.regions is None else "doodle"

    def photo(self, level: Level) -> Tensor:
        """Return the content (1, 3, H, W) as it is judged: grey where luminance alone is painted.

        A texture has none: then mid grey.
        """
        if self.content is None:
            return torch.full((1, 3, *level.size), 0.5)
        pixels = images.extend(images.resize_picture(self.content, level.picture).pixels, level.margin)
        return colors.grayed(pixels, neutral=self.neutral) if self.gray else pixels

    def subject(self, level: Level) -> Tensor:
        """Return the photograph (1, 3, H, W) as it is painted: `photo`, with the paintings' colours where asked for."""
        photo, recipe = self.photo(level), self.recipe
        if self.content is None or self.gray or not recipe.recolors_photo:
            return photo
        swatches = []
        for index, weight in enumerate(recipe.style_weights or (1.0,) * len(self.styles)):
            if weight:
                painted, paints = self.style(index, level), None if self.regions is None else self.painted_by(index)
                swatches.append(colors.Swatch(painted.pixels, painted.alpha, painted.maps, paints, weight))
        return colors.in_colors_of(recipe, photo, self.maps(level), self.visible_at(level), swatches)

    @property
    def margin(self) -> int:
        """Pixels around the picture that are painted with it at most.

        None where the picture goes on at its other side, and where points of a face are places in it.
        """
        return 0 if self.recipe.tileable or self.landmarks is not None else self.recipe.margin

    @property
    def gray(self) -> bool:
        """Whether the canvas has one channel: luminance alone is painted, or there is no colour in what is given."""
        return self.recipe.color == "luminance" or self.neutral

    @property
    def neutral(self) -> bool:
        """Whether photograph and styles are grey, so that the result is to be grey too.

        Features of a network are not: matching them leaves colours that nobody painted.
        """
        return bool(self.styles) and (self.content is None or self._photo_neutral) and self._styles_neutral

    def visible(self, size: tuple[int, int]) -> Tensor | None:
        """Return how visible each pixel of the content is (H, W) at `size`; None where nothing of it is hidden."""
        alpha = None if self.content is None else images.visible(self.content)
        return None if alpha is None else images.resize(alpha, size)[0, 0]

    def visible_at(self, level: Level) -> Tensor | None:
        """Return how visible each pixel of a level is (H, W), its margin as what it mirrors; None as `visible`."""
        alpha = self.visible(level.picture)
        return None if alpha is None else images.extend(alpha[None, None], level.margin)[0, 0]

    def protected(self, level: Level) -> Tensor | None:
        """Return how far each pixel of a level is protected (H, W) in [0, 1]; None where nothing is."""
        if self._protection is None:
            return None
        return images.extend(images.resize(self._protection, level.picture), level.margin)[0, 0].clamp(0, 1)

    def maps(self, level: Level) -> Tensor | None:
        """Return the regions of the content (R, H, W)."""
        if self.regions is None:
            return None
        return images.extend(guides.fit(self.regions.content, level.picture)[None], level.margin)[0]

    def style(self, index: int, level: Level, scale: float = 1.0) -> Painted:
        """Return style number `index` for a level; `scale` is a region's factor on the recipe's."""
        size = self.style_size(self.styles[index], level, scale)
        return self.painted(index, size, level, crop=self.recipe.style_fit == "crop")

    def painted(self, index: int, size: tuple[int, int], level: Level, *, crop: bool = False) -> Painted:
        """Return style number `index` at `size` (height, width), with the colours that it has at a level."""
        style = self.styles[index]
        planes = [style.pixels] if style.alpha is None else [style.pixels, style.alpha]
        maps = None if self.regions is None else self.regions.styles[index]
        if crop:
            planes = [images.crop_to_aspect(plane, size) for plane in planes]
            maps = maps if maps is None else images.crop_to_aspect(maps[None], size)[0]
        pixels, *alpha = (images.resize(plane, size) for plane in planes)
        maps = maps if maps is None else guides.fit(maps, size)
        shown = alpha[0][0, 0] if alpha else None
        return Painted(self._recolored(index, pixels, maps, shown, level), shown, maps)

    def style_size(self, style: Picture, level: Level, scale: float = 1.0) -> tuple[int, int]:
        """Return the (height, width) of a style at a level. Raises `ImageError` when it gets too narrow."""
        if self.recipe.style_fit == "crop":
            size = images.fit_size(level.picture, max(1, round(scale * max(level.picture))))
        else:
            longer = max(SMALLEST, round(self.recipe.style_scale * scale * max(level.picture)))
            size = images.fit_size(style.size, longer)
        if min(size) < SMALLEST:
            raise ImageError(
                f"{style.name}: would be used at {size[1]}x{size[0]} px; the short side needs at least {SMALLEST} px: "
                "use a larger --style-scale or a less narrow picture"
            )
        return size

    def init_canvas(self, level: Level) -> Tensor:
        """Return what the recipe's `init` begins with, (1, 3, H, W) or, of luminance alone, (1, 1, H, W)."""
        init = self.init
        if init is None:
            pixels = self.subject(level)
        else:
            pixels = images.extend(images.resize_picture(init, level.picture).pixels, level.margin)
        if self.gray:
            pixels = colors.grayed(pixels, neutral=self.neutral)
        kind = METHODS[self.recipe.method].init or self.recipe.init
        # What somebody chose to begin with, or a network painted, is a start as it is.
        noise = self.recipe.init_noise if init is None else 0.0
        begin = partial(
            canvas.init_canvas, kind, pixels, blend=self.recipe.init_blend, seed=self.recipe.seed, noise=noise
        )
        if kind == "style":
            point = self._in_colors_of_styles(begin, level)
        else:
            needed = range(len(self.styles)) if kind == "details" else ()
            point = begin([self.style(index, level).pixels for index in needed])
        return point.mean(1, keepdim=True) if self.gray else point

    def _in_colors_of_styles(self, begin: Callable[[list[Tensor]], Tensor], level: Level) -> Tensor:
        """Return a first canvas with the colours of the styles: in each region those of what paints it."""
        styles, maps = [self.style(index, level) for index in range(len(self.styles))], self.maps(level)
        if maps is None:
            return begin([style.pixels for style in styles])
        total = torch.zeros(1, 3, *level.size)
        for number, here in enumerate(maps):
            shown = [_shown(style, number) for index, style in enumerate(styles) if number in self.painted_by(index)]
            # What is kept has no style, and shows nothing of its first canvas.
            total += here * begin(shown or [style.pixels for style in styles])
        return total

    def enlarge(self, point: Tensor, before: Level, level: Level) -> Tensor:
        """Take what was painted at the level `before`, (1, C, h, w), to the next level."""
        # With all of its margin, so that nothing is shifted; as many pixels as the next one has show less of that.
        whole = level.in_margin(round(before.margin * level.picture[0] / before.picture[0]))
        detail = self.content is not None and self.recipe.init in ("content", "blend")
        detail &= METHODS[self.recipe.method].detail
        photo = self.subject(whole)[:, : point.shape[1]]
        grown = canvas.enlarge(point, photo, detail=detail, wrap=self.recipe.tileable)
        beyond = whole.margin - level.margin
        return replace(whole, margin=beyond).cropped(grown) if beyond > 0 else images.extend(grown, -beyond)

    def view(self, level: Level) -> View:
        """Return the way from the canvas to the picture that is judged."""
        kept = kept_map(self.recipe, self.regions)
        if kept is not None:
            kept = images.extend(images.resize(kept, level.picture), level.margin)
        packing = Packing(level.size) if METHODS[self.recipe.method].laplacian else None
        return View(self.gray, kept, None if kept is None else self.photo(level), packing)

    def finish(self, image: Tensor, size: tuple[int, int]) -> Tensor:
        """Return `image` (1, 3, h, w) as the result of `size`: in range, with the colours and regions that are kept."""
        recipe, content = self.recipe, self.content
        pixels = canvas.resize(image.detach().float().clamp(0, 1), size, wrap=recipe.tileable)
        if self.neutral:
            # Neither colours nor a match of them can be asked of what has none.
            pixels = colors.grayed(pixels, neutral=True)
        if content is None:
            return pixels
        kept = kept_map(self.recipe, self.regions)
        if kept is None and (self.neutral or recipe.color not in ("content", "luminance")):
            return pixels
        photo = images.resize_picture(content, size).pixels
        if self.neutral:
            photo = colors.grayed(photo, neutral=True)
        elif recipe.color in ("content", "luminance"):
            pixels = colors.with_chroma(recipe, pixels, photo, self.styles, self.visible(size))
        return pixels if kept is None else torch.lerp(pixels, photo, images.resize(kept, size))

    def _recolored(self, index: int, pixels: Tensor, maps: Tensor | None, alpha: Tensor | None, level: Level) -> Tensor:
        """Return the pixels of style number `index` with the colours that it has at a level."""
        if self.content is None or self.recipe.color in ("style", "content"):
            return pixels
        target = self.maps(level)
        if maps is None and target is not None:
            # A style without a mask is matched to the part of the photograph that it paints.
            target = target[self.painted_by(index)].sum(0, keepdim=True)
            maps = pixels.new_ones(1, *pixels.shape[2:])
        shown = self.visible_at(level)
        return colors.recolor_style(self.recipe, pixels, self.photo(level), maps, target, alpha, shown)

    def painted_by(self, index: int) -> list[int]:
        """Return the numbers of the regions that style number `index` has a part in."""
        return painted_by(self.recipe, self.regions, index)


def _shown(style: Painted, region: int) -> Tensor:
    """Return the pixels (1, 3, 1, n) of a region of a style, of all of it where it has no mask."""
    pixels = style.pixels.flatten(2)
    if style.maps is not None:
        inside = style.maps[region].flatten()
        # A thin line need not fill any pixel of a small picture. One pixel alone has no spread of colours.
        inside = inside > inside.max() / 2
        pixels = pixels[..., inside] if int(inside.sum()) > 1 else pixels
    return pixels[:, :, None]
