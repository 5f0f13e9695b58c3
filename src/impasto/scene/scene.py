"""The pictures of one painting at the size of a level: photograph, styles, their regions, and their colours."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from impasto import color, guides, images
from impasto.errors import ImageError, UsageError
from impasto.events import notice
from impasto.guides import Regions
from impasto.images import Picture
from impasto.landmarks import Pair
from impasto.optim import canvas
from impasto.optim.canvas import View
from impasto.optim.laplacian import Packing
from impasto.optim.pyramid import Level
from impasto.recipe import Recipe, unknown
from impasto.recipe.catalogue import METHODS

NAMING = ("region_weights", "region_content_weights", "region_scales", "region_styles", "gain_regions", "keep")
"""Recipe keys whose values name regions."""
NEUTRAL = 1.5 / 255
"""Most that the channels of a grey picture may differ by, of 1: a level of 255, and what resampling adds to it. Files
written through other colour spaces, as JPEG's, are that far from equal channels."""
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

    `content` is None for a texture, and for a doodle, which has `regions` alone. `start` is the picture of a start from
    a file, `landmarks` are of a portrait.

    Raises `UsageError` where the recipe does not fit the pictures, `ImageError` for a style that is too narrow.
    """

    def __init__(
        self,
        recipe: Recipe,
        content: Picture | None,
        styles: Sequence[Picture],
        regions: Regions | None = None,
        start: Picture | None = None,
        landmarks: Pair | None = None,
    ) -> None:
        self.recipe = recipe
        self.content: Picture | None = None
        if content is not None:
            self.show(content)
        self.start_from = None if start is None else images.fill_hidden(start)
        if start is not None and start is not content:
            _check_seen(start)
        self.styles = [_cut_out(style) for style in styles]
        self._styles_neutral = all(_neutral(style) for style in self.styles)
        self.regions, self.landmarks = regions, landmarks
        self._check()

    def show(self, content: Picture) -> None:
        """Take `content` as the photograph, whatever colours it hides."""
        _check_seen(content)
        self.content = images.fill_hidden(content)
        self._photo_neutral = _neutral(self.content)

    def inputs(self) -> list[dict[str, Any]]:
        """Return role and sha256 of each picture, mask and set of landmarks, and `truncated` where so; no path."""
        named = [] if self.content is None else [("content", self.content)]
        named += [("style", style) for style in self.styles]
        if self.start_from is not None:
            named.append(("init", self.start_from))
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
        pixels = images.resize_picture(self.content, level.size).pixels
        return self._grayed(pixels) if self.gray else pixels

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

    def _grayed(self, pixels: Tensor) -> Tensor:
        """Return a picture with three equal channels, of its luminance; of a grey one, of their mean."""
        found = pixels.mean(1, keepdim=True) if self.neutral else color.gray(pixels)
        return found.expand(-1, 3, -1, -1)

    def visible(self, size: tuple[int, int]) -> Tensor | None:
        """Return how visible each pixel of the content is (H, W) at `size`; None where nothing of it is hidden."""
        alpha = None if self.content is None else images.visible(self.content)
        return None if alpha is None else images.resize(alpha, size)[0, 0]

    def maps(self, level: Level) -> Tensor | None:
        """Return the regions of the content (R, H, W)."""
        return None if self.regions is None else guides.fit(self.regions.content, level.size)

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
            size = images.fit_size(level.size, max(1, round(scale * max(level.size))))
        else:
            longer = max(SMALLEST, round(self.recipe.style_scale * scale * max(level.size)))
            size = images.fit_size(style.size, longer)
        if min(size) < SMALLEST:
            raise ImageError(
                f"{style.name}: would be used at {size[1]}x{size[0]} px; the short side needs at least {SMALLEST} px: "
                "use a larger --style-scale or a less narrow picture"
            )
        return size

    def start(self, level: Level) -> Tensor:
        """Return the first canvas, (1, 3, H, W) or, of luminance alone, (1, 1, H, W)."""
        start_from = self.start_from
        pixels = self.photo(level) if start_from is None else images.resize_picture(start_from, level.size).pixels
        if self.gray:
            pixels = self._grayed(pixels)
        kind = METHODS[self.recipe.method].start or self.recipe.init
        start = partial(canvas.start, kind, pixels, blend=self.recipe.init_blend, seed=self.recipe.seed)
        if kind == "style":
            point = self._colored(start, level)
        else:
            needed = range(len(self.styles)) if kind == "details" else ()
            point = start([self.style(index, level).pixels for index in needed])
        return point.mean(1, keepdim=True) if self.gray else point

    def _colored(self, start: Callable[[list[Tensor]], Tensor], level: Level) -> Tensor:
        """Return a start with the colours of the styles: in each region those of what paints it."""
        styles, maps = [self.style(index, level) for index in range(len(self.styles))], self.maps(level)
        if maps is None:
            return start([style.pixels for style in styles])
        total = torch.zeros(1, 3, *level.size)
        for number, here in enumerate(maps):
            shown = [_shown(style, number) for index, style in enumerate(styles) if number in self.painted_by(index)]
            # What is kept has no style, and shows nothing of its start.
            total += here * start(shown or [style.pixels for style in styles])
        return total

    def enlarge(self, point: Tensor, level: Level) -> Tensor:
        """Take a canvas to the next level."""
        detail = self.content is not None and self.recipe.init in ("content", "blend")
        detail &= METHODS[self.recipe.method].detail
        photo = self.photo(level)[:, : point.shape[1]]
        return canvas.enlarge(point, photo, detail=detail, wrap=self.recipe.tileable)

    def view(self, level: Level) -> View:
        """Return the way from the canvas to the picture that is judged."""
        kept = self._kept()
        if kept is not None:
            kept = images.resize(kept, level.size)
        packing = Packing(level.size) if METHODS[self.recipe.method].laplacian else None
        return View(self.gray, kept, None if kept is None else self.photo(level), packing)

    def finish(self, image: Tensor, size: tuple[int, int]) -> Tensor:
        """Return `image` (1, 3, h, w) as the result of `size`: in range, with the colours and regions that are kept."""
        recipe, content = self.recipe, self.content
        pixels = canvas.resize(image.detach().float().clamp(0, 1), size, wrap=recipe.tileable)
        if self.neutral:
            # Neither colours nor a match of them can be asked of what has none.
            pixels = self._grayed(pixels)
        if content is None:
            return pixels
        kept = self._kept()
        if kept is None and (self.neutral or recipe.color not in ("content", "luminance")):
            return pixels
        photo = images.resize_picture(content, size).pixels
        if self.neutral:
            photo = self._grayed(photo)
        elif recipe.color == "content":
            pixels = color.keep_chroma(pixels, photo, strength=recipe.color_strength)
        elif recipe.color == "luminance":
            pixels = color.keep_chroma(pixels, self._chroma(photo), strength=1.0)
        return pixels if kept is None else torch.lerp(pixels, photo, images.resize(kept, size))

    def _chroma(self, photo: Tensor) -> Tensor:
        """Return the picture whose chroma a painting of luminance gets: the photo's own, or nearer to the style's."""
        away = 1 - self.recipe.color_strength
        if not away:
            return photo
        style = self.styles[0]
        small = images.resize(style.pixels, images.fit_size(style.size, min(512, max(style.size))))
        shown = self.visible((photo.shape[2], photo.shape[3]))
        alpha = None if style.alpha is None else images.resize(style.alpha, (small.shape[2], small.shape[3]))[0, 0]
        ours = theirs = None
        if shown is not None or alpha is not None:
            ours, theirs = _of_visible(None, shown, photo), _of_visible(None, alpha, small)
        return color.match(
            photo, small, self.recipe.color_transform, strength=away, source_maps=ours, target_maps=theirs
        )

    def _recolored(self, index: int, pixels: Tensor, maps: Tensor | None, alpha: Tensor | None, level: Level) -> Tensor:
        recipe = self.recipe
        if self.content is None or recipe.color in ("style", "content"):
            return pixels
        photo, target = self.photo(level), self.maps(level)
        if maps is None and target is not None:
            # A style without a mask is matched to the part of the photograph that it paints.
            target = target[self.painted_by(index)].sum(0, keepdim=True)
            maps = pixels.new_ones(1, *pixels.shape[2:])
        shown = self.visible(level.size)
        if alpha is not None or shown is not None:
            maps, target = _of_visible(maps, alpha, pixels), _of_visible(target, shown, photo)
        if recipe.color == "luminance":
            gray = color.match_luminance(color.gray(pixels), photo[:, :1], source_maps=maps, target_maps=target)
            recolored = gray.expand(-1, 3, -1, -1)
        else:
            recolored = color.match(
                pixels,
                photo,
                recipe.color_transform,
                strength=recipe.color_strength,
                source_maps=maps,
                target_maps=target,
            )
        # What is hidden has no weight, and would stay as it was.
        return recolored if alpha is None else torch.where(alpha > 0, recolored, _mean(recolored, alpha))

    def painted_by(self, index: int) -> list[int]:
        """Return the numbers of the regions that style number `index` has a part in."""
        if self.regions is None:
            return []
        numbers = []
        for number, name in enumerate(self.regions.names):
            alone = self.recipe.region_styles.get(name)
            maps = self.regions.styles[index]
            drawn = maps is None or bool(maps[number].any())
            if name not in self.recipe.keep and (alone == index + 1 or (alone is None and drawn)):
                numbers.append(number)
        return numbers

    def _kept(self) -> Tensor | None:
        """Return the (1, 1, H, W) map of what stays a photograph, at the mask's size."""
        if self.regions is None or not self.recipe.keep:
            return None
        return self.regions.content[[self.regions.names.index(name) for name in self.recipe.keep]].sum(0)[None, None]

    def _check(self) -> None:
        recipe, count = self.recipe, len(self.styles)
        if not self.styles and METHODS[recipe.method].styles:
            raise UsageError("no style given; name at least one painting with --style")
        if recipe.style_weights and len(recipe.style_weights) != count:
            raise UsageError(f"style_weights has {len(recipe.style_weights)} numbers for {count} styles; give each one")
        for layer, shares in recipe.layer_style_weights.items():
            if len(shares) != count:
                raise UsageError(
                    f"layer_style_weights of {layer} has {len(shares)} numbers for {count} styles; give each one"
                )
        if self.content is None and recipe.color != "style":
            raise UsageError(f"color '{recipe.color}' takes colours from a content, and a {self.called} has none")
        self._check_regions()
        if self.content is None and self.regions is not None:
            self._check_doodle(self.regions)

    def _check_doodle(self, regions: Regions) -> None:
        recipe = self.recipe
        if recipe.keep:
            raise UsageError("keep: a doodle has no photograph that could stay; leave keep out")
        if recipe.aspect != 1:
            raise UsageError("aspect: a doodle has the shape of its mask; leave aspect out")
        silent = all(maps is None for maps in regions.styles) and not recipe.region_styles
        if self.styles and silent:
            raise UsageError(
                "no style has a mask that says what the doodle's colours stand for; give each a style mask in the same "
                "colours, or name a style for each region in region_styles"
            )

    def _check_regions(self) -> None:
        regions = self.regions
        named = {key: list(getattr(self.recipe, key)) for key in NAMING}
        if regions is None:
            for key, names in named.items():
                if names:
                    raise UsageError(f"{key} names the region '{names[0]}', but there are no masks; give the masks too")
            return
        if self.content is not None:
            _fits("content mask", regions.content, self.content)
        for style, maps in zip(self.styles, regions.styles, strict=True):
            if maps is not None:
                _fits("style mask", maps, style)
        known = dict.fromkeys(regions.names)
        for key, names in named.items():
            for name in names:
                if name not in known:
                    raise UsageError(f"{key}: {unknown(name, known, 'region')}")
        self._check_painted(regions)

    def _check_painted(self, regions: Regions) -> None:
        """Raise `UsageError` where all regions are kept, or one that is not is painted by no style."""
        recipe = self.recipe
        if set(recipe.keep) >= set(regions.names):
            raise UsageError("keep names every region; leave at least one to paint")
        for name, number in recipe.region_styles.items():
            if number > len(self.styles):
                raise UsageError(f"region_styles: '{name}' wants style {number} of {len(self.styles)}")
        for number, name in enumerate(regions.names):
            painted = not self.styles or any(number in self.painted_by(i) for i in range(len(self.styles)))
            if name not in recipe.keep and not painted:
                raise UsageError(f"region '{name}' is painted by no style; name one in region_styles, or keep it")


def _fits(role: str, maps: Tensor, picture: Picture) -> None:
    """Say where a mask has another size than its picture."""
    guides.check_shape(role, (maps.shape[1], maps.shape[2]), picture.size)


def _shown(style: Painted, region: int) -> Tensor:
    """Return the pixels (1, 3, 1, n) of a region of a style, of all of it where it has no mask."""
    pixels = style.pixels.flatten(2)
    if style.maps is not None:
        inside = style.maps[region].flatten()
        # A thin line need not fill any pixel of a small picture. One pixel alone has no spread of colours.
        inside = inside > inside.max() / 2
        pixels = pixels[..., inside] if int(inside.sum()) > 1 else pixels
    return pixels[:, :, None]


def _cut_out(style: Picture) -> Picture:
    """Drop an alpha that hides nothing, and replace hidden colours by the mean of the visible ones.

    Resampling and receptive fields would otherwise carry colours nobody can see into the statistics.
    """
    alpha = None if style.opaque else style.alpha
    if not _check_seen(style):
        alpha = None
    if alpha is None:
        return replace(style, alpha=None)
    mean = _mean(style.pixels, alpha)
    return replace(style, pixels=torch.lerp(mean.expand_as(style.pixels), style.pixels, alpha), alpha=alpha)


def _check_seen(picture: Picture) -> bool:
    """Say so where nothing of a picture can be seen; return whether anything can."""
    seen = picture.opaque or images.visible(picture) is not None
    if not seen:
        notice(f"{picture.name}: is fully transparent; its hidden colours are used")
    return seen


def _neutral(picture: Picture) -> bool:
    """Whether a picture is grey: no pixel's channels are farther apart than rounding leaves them."""
    highest, lowest = picture.pixels.amax(1), picture.pixels.amin(1)
    return bool((highest - lowest).max() <= NEUTRAL)


def _mean(pixels: Tensor, alpha: Tensor) -> Tensor:
    """Return the mean colour (1, 3, 1, 1) of what is visible."""
    return (pixels * alpha).sum((2, 3), keepdim=True) / alpha.sum()


def _of_visible(maps: Tensor | None, alpha: Tensor | None, pixels: Tensor) -> Tensor:
    """Return the maps (R, H, W) of `pixels`, or one of all of them, where they are visible."""
    maps = pixels.new_ones(1, *pixels.shape[2:]) if maps is None else maps
    return maps if alpha is None else maps * alpha
