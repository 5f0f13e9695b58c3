"""What a recipe says of the regions of a painting: which style paints which, and which stay a photograph."""

from torch import Tensor

from impasto.guides import Regions
from impasto.recipe import Recipe


def painted_by(recipe: Recipe, regions: Regions | None, index: int) -> list[int]:
    """Return the numbers of the regions that style number `index` has a part in."""
    if regions is None:
        return []
    numbers = []
    for number, name in enumerate(regions.names):
        alone = recipe.region_styles.get(name)
        maps = regions.styles[index]
        drawn = maps is None or bool(maps[number].any())
        if name not in recipe.keep and (alone == index + 1 or (alone is None and drawn)):
            numbers.append(number)
    return numbers


def kept_map(recipe: Recipe, regions: Regions | None) -> Tensor | None:
    """Return the map (1, 1, H, W) of what stays a photograph, at the mask's size; None where nothing does."""
    if regions is None or not recipe.keep:
        return None
    return regions.content[[regions.names.index(name) for name in recipe.keep]].sum(0)[None, None]
