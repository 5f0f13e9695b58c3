"""Regions from colour-coded masks: one colour, one region, in the content's mask and in the styles'."""

from collections.abc import Sequence

import torch
from torch import Tensor

from impasto.errors import ImageError, UsageError
from impasto.events import notice
from impasto.guides import exact, naming
from impasto.guides.labels import UNCERTAIN, fill, label
from impasto.guides.palette import MAX_COLORS, MIN_FRACTION, Palette, find
from impasto.guides.regions import ABSENT, Regions, check_present
from impasto.images import Picture

_NAMED = {
    "black": [(0, 0, 0), (32, 32, 32)],
    "white": [(255, 255, 255), (232, 232, 232)],
    "grey": [(128, 128, 128), (80, 80, 80), (192, 192, 192)],
    "red": [(255, 0, 0), (255, 56, 40), (216, 16, 32)],
    "darkred": [(144, 0, 0)],
    "green": [(0, 255, 0), (0, 128, 0), (48, 176, 64)],
    "blue": [(0, 0, 255), (0, 64, 255), (48, 96, 176), (64, 128, 224)],
    "navy": [(0, 0, 128)],
    "lightblue": [(128, 192, 255), (160, 208, 240)],
    "yellow": [(255, 255, 0), (255, 224, 32)],
    "cyan": [(0, 255, 255)],
    "magenta": [(255, 0, 255)],
    "orange": [(255, 128, 0), (255, 165, 0)],
    "purple": [(128, 0, 128), (160, 48, 176), (128, 0, 255)],
    "brown": [(139, 69, 19), (165, 45, 46), (96, 48, 16)],
    "pink": [(255, 176, 192), (255, 128, 176)],
    "olive": [(128, 128, 0), (160, 136, 48)],
    "teal": [(0, 128, 128)],
}
"""Words for colours, each with examples of it in sRGB."""
_LIKE = 64.0
"""The distance in sRGB levels of 255 within which a colour is called by a word: further away no word fits it."""
_SAME = 16.0
"""The distance in levels within which a colour is what its word means: JPEG moves it that far."""
_PALE = 24.0
"""The difference of the channels, in levels, from which a colour has a hue; greys have less, whatever their
lightness."""


def from_colors(
    content_mask: Picture,
    style_masks: Sequence[Picture | None],
    count: int = 0,
    names: naming.Names | None = None,
) -> Regions:
    """Read hand-painted masks: pixels of like colour are a region, the same one in all of them.

    The palette is found on all masks together. count: how many regions; 0 takes every colour that fills flat areas
    of some size, a smaller number than there are colours joins those that are alike. Masks of a few exact flat
    colours, as label maps are, have a region for each, however near they are. Transparent parts count as black. What
    a style's mask shows and the content's does not is left out of that style's maps. `names` are of colours; a region
    without one is called by what its colour is like.

    Raises `ImageError` for masks that name no regions or do not match, `UsageError` for a count below 2 or above 48.
    """
    if count != 0 and not 2 <= count <= 2 * MAX_COLORS:
        raise UsageError(f"{count} regions: give 2 to {2 * MAX_COLORS}, or 0 to count the colours of the masks")
    masks = [content_mask, *(mask for mask in style_masks if mask is not None)]
    shown = [_shown(mask) for mask in masks]
    planes = [pixels.mul(255).round_().clamp_(0, 255).to(torch.uint8) for pixels in shown]
    precise = exact.find(shown, count)
    palette = find(planes, count) if precise is None else precise
    if not isinstance(palette, Palette):
        raise ImageError(_miscounted(content_mask.name, len(masks), palette, count))
    if not isinstance(precise, exact.ExactPalette):
        labels = [label(plane, palette.colors) for plane in planes]
    else:
        labels = [exact.label(*both, precise) for both in zip(shown, planes, strict=True)]
    areas = torch.stack([_areas(plane, palette) for plane in labels])
    if int((areas[0] >= ABSENT).sum()) < 2:
        name = color_names([palette.leader(int(areas[0].argmax()))])[0]
        raise ImageError(
            f"{content_mask.name}: is all {name} and names no regions; paint at least two colours, or use no masks"
        )
    kept = [region for region in areas[0].argsort(descending=True, stable=True).tolist() if areas[0, region] >= ABSENT]
    leaders = [palette.leader(region) for region in range(palette.regions)]
    everything = naming.apply(names, leaders, color_names(leaders))
    if float(areas[0, kept].sum()) < 1:
        _give_strays_away(labels[0], planes[0], palette, kept)
    maps = [_one_hot(plane, palette, kept) for plane in labels]
    called = tuple(everything[region] for region in kept)

    listed = ", ".join(f"{everything[region]} {_percent(areas[0, region])}" for region in kept)
    notice(f"{content_mask.name}: {len(kept)} regions: {listed}; {_because(count, palette)}")
    for mask, fractions in zip(masks[1:], areas[1:], strict=True):
        for region in range(palette.regions):
            if region not in kept and fractions[region] >= ABSENT:
                notice(
                    f"{mask.name}: region {everything[region]} ({_percent(fractions[region])}) is not in "
                    f"{content_mask.name}, and that part of the style is not used"
                )
    for one in maps[1:]:
        one[one.mean((1, 2)) < ABSENT] = 0
    rest = iter(maps[1:])
    styles = tuple(None if mask is None else next(rest) for mask in style_masks)
    described = [
        f"{everything[region]} ({color_hex(palette.leader(region))}, {_percent(areas[0, region])} of the content)"
        for region in kept
    ]
    of_styles = ["no mask" if mask is None else mask.name for mask in style_masks]
    check_present(called, described, content_mask.name, styles, of_styles)
    roles = ["content mask"] + ["style mask"] * (len(masks) - 1)
    return Regions(called, maps[0], styles, tuple((role, mask.sha256) for role, mask in zip(roles, masks, strict=True)))


def color_names(colors: Sequence[Tensor]) -> list[str]:
    """Name colours (3,) in 0 ... 255: a plain word where only one of them is like it, else as "#a04020"."""
    words = [word for word, examples in _NAMED.items() for _ in examples]
    table = torch.tensor([example for examples in _NAMED.values() for example in examples], dtype=torch.float64)
    # A colour without saturation is a grey, however near a dark brown may be.
    plain = _saturation(table) == 0
    nearest = [
        (table - color).norm(dim=1).where(plain | (_saturation(color) > _PALE), torch.inf).min(0) for color in colors
    ]
    like = [words[int(index)] if distance <= _LIKE else "" for distance, index in nearest]
    names = []
    for color, word in zip(colors, like, strict=True):
        # Of several colours that a word fits, only the very colour keeps it.
        exact = word and (torch.tensor(_NAMED[word][0]) - color).norm() <= _SAME
        fits = word and (like.count(word) == 1 or exact)
        names.append(word if fits else color_hex(color))
    for index, name in enumerate(names):  # colours less than a level apart
        if name in names[:index]:
            names[index] = f"{name}-{index}"
    return names


def _saturation(colors: Tensor) -> Tensor:
    return colors.amax(-1) - colors.amin(-1)


def color_hex(color: Tensor) -> str:
    """Write a colour (3,) in 0 ... 255 as "#a04020"."""
    return "#" + "".join(f"{round(float(level)):02x}" for level in color.clamp(0, 255))


def _shown(mask: Picture) -> Tensor:
    """Return (3, H, W) in [0, 1], transparent parts black."""
    pixels = mask.pixels
    if mask.alpha is not None and not mask.opaque:
        clear = float((mask.alpha < 0.5).float().mean())
        if clear == 1 or not bool((mask.alpha > 0).any()):
            raise ImageError(f"{mask.name}: is transparent everywhere, so nothing is painted in it; paint the regions")
        notice(f"{mask.name}: {clear:.1%} of it is transparent and counts as unpainted, that is as black")
        pixels = pixels * mask.alpha
    return pixels[0]


def _areas(labels: Tensor, palette: Palette) -> Tensor:
    counts = labels.flatten().bincount(minlength=len(palette.colors)).float()
    return torch.zeros(palette.regions).index_add_(0, palette.region, counts) / labels.numel()


def _give_strays_away(labels: Tensor, plane: Tensor, palette: Palette, kept: list[int]) -> None:
    """Merge the few pixels of regions that are not kept into what is beside them, in place."""
    stray = torch.ones(256, dtype=torch.bool)
    stray[[index for index, region in enumerate(palette.region.tolist()) if region in kept]] = False
    labels[stray[labels.int()]] = UNCERTAIN
    fill(labels, plane, palette.colors)
    labels[labels == UNCERTAIN] = palette.region.tolist().index(kept[0])


def _one_hot(labels: Tensor, palette: Palette, kept: list[int]) -> Tensor:
    maps = torch.zeros(len(kept), *labels.shape)
    for color, region in enumerate(palette.region.tolist()):
        if region in kept:
            maps[kept.index(region)] += labels == color
    return maps


def _because(count: int, palette: Palette) -> str:
    if not count and isinstance(palette, exact.ExactPalette):
        return "chosen because the masks have these exact colours and no others"
    if not count:
        return f"chosen because each of these colours fills flat areas of {MIN_FRACTION:.1%} or more of a mask"
    if len(palette.colors) == count:
        return "as many as asked for"
    return f"as many as asked for, joined from {len(palette.colors)} colours"


def _miscounted(name: str, masks: int, actual: int, count: int) -> str:
    where = "has" if masks == 1 else "with its style masks has"
    if count:
        return f"{name} {where} {actual} distinct colours, fewer than the {count} regions asked for; ask for fewer"
    return (
        f"{name} {where} more than {MAX_COLORS} distinct colours, which is a photograph rather than a mask; paint each "
        "region in one flat colour, or say how many regions there are"
    )


def _percent(part: Tensor) -> str:
    return f"{float(part):.0%}" if part >= 0.0995 else f"{float(part):.1%}"
