"""Whether a recipe fits the pictures and the regions that are to be painted."""

from collections.abc import Sequence

from torch import Tensor

from impasto import guides
from impasto.errors import UsageError
from impasto.guides import Regions
from impasto.images import Picture
from impasto.recipe import Recipe, unknown
from impasto.recipe.catalogue import METHODS
from impasto.scene.regions import painted_by

NAMING = ("region_weights", "region_content_weights", "region_scales", "region_styles", "gain_regions", "keep")
"""Recipe keys whose values name regions."""


def check_inputs(recipe: Recipe, content: Picture | None, styles: Sequence[Picture], regions: Regions | None) -> None:
    """Raise `UsageError` where the recipe does not fit the pictures; say where a mask has another size."""
    count = len(styles)
    if not styles and METHODS[recipe.method].styles:
        raise UsageError("no style given; name at least one painting with --style")
    if recipe.style_weights and len(recipe.style_weights) != count:
        raise UsageError(f"style_weights has {len(recipe.style_weights)} numbers for {count} styles; give each one")
    for layer, weights in recipe.layer_style_weights.items():
        if len(weights) != count:
            raise UsageError(
                f"layer_style_weights of {layer} has {len(weights)} numbers for {count} styles; give each one"
            )
    if content is None and recipe.color != "style":
        what = "texture" if regions is None else "doodle"
        raise UsageError(f"color '{recipe.color}' takes colours from a content, and a {what} has none")
    _check_regions(recipe, content, styles, regions)
    if content is None and regions is not None:
        _check_doodle(recipe, styles, regions)


def _check_doodle(recipe: Recipe, styles: Sequence[Picture], regions: Regions) -> None:
    if recipe.keep:
        raise UsageError("keep: a doodle has no photograph that could stay; leave keep out")
    if recipe.aspect != 1:
        raise UsageError("aspect: a doodle has the shape of its mask; leave aspect out")
    silent = all(maps is None for maps in regions.styles) and not recipe.region_styles
    if styles and silent:
        raise UsageError(
            "no style has a mask that says what the doodle's colours stand for; give each a style mask in the same "
            "colours, or name a style for each region in region_styles"
        )


def _check_regions(recipe: Recipe, content: Picture | None, styles: Sequence[Picture], regions: Regions | None) -> None:
    named = {key: list(getattr(recipe, key)) for key in NAMING}
    if regions is None:
        for key, names in named.items():
            if names:
                raise UsageError(f"{key} names the region '{names[0]}', but there are no masks; give the masks too")
        return
    if content is not None:
        _tell_size("content mask", regions.content, content)
    for style, maps in zip(styles, regions.styles, strict=True):
        if maps is not None:
            _tell_size("style mask", maps, style)
    known = dict.fromkeys(regions.names)
    for key, names in named.items():
        for name in names:
            if name not in known:
                raise UsageError(f"{key}: {unknown(name, known, 'region')}")
    _check_painted(recipe, styles, regions)


def _check_painted(recipe: Recipe, styles: Sequence[Picture], regions: Regions) -> None:
    """Raise `UsageError` where all regions are kept, or one that is not is painted by no style."""
    if set(recipe.keep) >= set(regions.names):
        raise UsageError("keep names every region; leave at least one to paint")
    for name, number in recipe.region_styles.items():
        if number > len(styles):
            raise UsageError(f"region_styles: '{name}' wants style {number} of {len(styles)}")
    for number, name in enumerate(regions.names):
        painted = not styles or any(number in painted_by(recipe, regions, index) for index in range(len(styles)))
        if name not in recipe.keep and not painted:
            raise UsageError(f"region '{name}' is painted by no style; name one in region_styles, or keep it")


def _tell_size(role: str, maps: Tensor, picture: Picture) -> None:
    """Say where a mask has another size than its picture."""
    guides.check_shape(role, (maps.shape[1], maps.shape[2]), picture.size)
