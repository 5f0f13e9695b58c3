"""Regions from soft masks: one grey picture a region, its level is how much of a pixel belongs to it."""

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from impasto.errors import ImageError, UsageError
from impasto.events import notice
from impasto.guides.regions import Regions, check_name, check_present, fit
from impasto.images import Picture

REST = "rest"
"""What the masks leave of a picture."""

_WORTH = 1e-3
"""The fraction of a picture that a region takes at least: less is rounding of 8 bits."""


def from_layers(layers: Mapping[str, tuple[Picture, Sequence[Picture | None]]]) -> Regions:
    """Read one soft mask a region and picture: {name: (content mask, [style mask or None, per style])}.

    A mask's value is the Rec. 601 luma of its stored levels times alpha: the level is the weight, so that 50 % grey
    is half (a lightness such as OKLab's would make it 0.6). None: this style does not show the region; a style with
    None for all regions has no mask. Where maps sum to more than 1 they are divided by the sum; what they leave is
    the region "rest", if that is more than 0.1 % of the content.

    Raises `ImageError` for an all-black mask and for a region that no style shows, `UsageError` for a bad name or
    style masks that differ in number.
    """
    if not layers:
        raise UsageError("no regions: give at least one mask")
    names = [check_name(name) for name in layers]
    counts = {len(styles) for _, styles in layers.values()}
    if len(counts) > 1:
        raise UsageError(f"regions {', '.join(names)}: give each a mask, or none, for every style; they differ")
    content_files = [content for content, _ in layers.values()]
    content = _partition(_stack(names, content_files))
    left = (1 - content.sum(0)).clamp(0, 1)
    rest = bool(left.mean() > _WORTH)
    if rest:
        content = _with_rest(names, content, left)
        all_names = names if REST in names else [*names, REST]
    else:
        content, all_names = _filled(content), names
    styles = []
    for index in range(counts.pop()):
        files = [masks[index] for _, masks in layers.values()]
        styles.append(_style(names, files, rest))
    described = [f"'{name}'" for name in all_names]
    shown = [_files(masks[index] for _, masks in layers.values()) for index in range(len(styles))]
    check_present(all_names, described, content_files[0].name, styles, shown)
    digests = [("content mask", mask.sha256) for mask in content_files]
    digests += [("style mask", mask.sha256) for _, masks in layers.values() for mask in masks if mask is not None]
    return Regions(tuple(all_names), content, tuple(styles), tuple(digests))


def _style(names: list[str], files: list[Picture | None], rest: bool) -> Tensor | None:
    file_of = {name: file for name, file in zip(names, files, strict=True) if file is not None}
    if not file_of:
        return None
    stack = iter(_stack(list(file_of), list(file_of.values())))
    drawn = {name: next(stack) for name in file_of}
    nothing = torch.zeros_like(next(iter(drawn.values())))
    maps = _partition(torch.stack([drawn.get(name, nothing) for name in names]))
    if not rest:
        return maps
    maps = _with_rest(names, maps, (1 - maps.sum(0)).clamp(0, 1))
    index = names.index(REST) if REST in names else -1
    if maps[index].mean() <= _WORTH:
        notice(f"{_files(files)}: leaves nothing of its style for the region 'rest', which takes all of it instead")
        maps[index] = 1
    return maps


def _stack(names: Sequence[str], files: Sequence[Picture]) -> Tensor:
    """Return (R, H, W), all as large as the largest."""
    size = max((file.size for file in files), key=lambda size: size[0] * size[1])
    maps = []
    for name, file in zip(names, files, strict=True):
        value = _luma(file)
        if not bool(value.max() >= 0.5 / 255):
            raise ImageError(f"{file.name}: is all black, so region '{name}' is empty; paint it light, or leave it out")
        if file.size != size:
            notice(f"{file.name}: is {file.size[1]} x {file.size[0]} and is resized to {size[1]} x {size[0]}")
        maps.append(fit(value[None], size)[0])
    return torch.stack(maps)


def _luma(file: Picture) -> Tensor:
    pixels = file.pixels[0].clamp(0, 1)
    value = torch.einsum("chw,c->hw", pixels, pixels.new_tensor([0.299, 0.587, 0.114]))
    return value if file.alpha is None else value * file.alpha[0, 0]


def _partition(maps: Tensor) -> Tensor:
    return maps / maps.sum(0).clamp_min(1)


def _with_rest(names: list[str], maps: Tensor, left: Tensor) -> Tensor:
    if REST not in names:
        return torch.cat([maps, left[None]])
    maps[names.index(REST)] += left
    return maps


def _filled(maps: Tensor) -> Tensor:
    """Share out what is too little to be a region."""
    total = maps.sum(0)
    return torch.where(total > 1e-6, maps / total.clamp_min(1e-6), 1 / len(maps))


def _files(files: Iterable[Picture | None]) -> str:
    return ", ".join(file.name for file in files if file is not None) or "no mask"
