"""Which style paints which region: settled here once, for every method."""

from dataclasses import dataclass

from impasto.scene.scene import Scene


@dataclass(frozen=True)
class Area:
    """A region of the picture that is painted, and what paints it."""

    number: int
    """Of the region among the masks; 0 without masks, and one more than the last for what no mask names."""
    name: str
    """Empty for the whole picture, and for what no mask names."""
    weight: float
    """The recipe's `region_weights`."""
    scale: float
    """The recipe's `region_scales`."""
    styles: tuple[int, ...]
    """Numbers of the styles that paint it, in order."""


def areas(scene: Scene) -> tuple[Area, ...]:
    """Return the regions that are painted, in the masks' order: not those that stay a photograph.

    Without masks there is one, the whole picture, which all styles paint.
    """
    recipe, regions = scene.recipe, scene.regions
    every = range(len(scene.styles))
    if regions is None:
        return (Area(0, "", 1.0, 1.0, tuple(every)),)
    painted_by = [scene.painted_by(index) for index in every]
    return tuple(
        Area(
            number,
            name,
            recipe.region_weights.get(name, 1.0),
            recipe.region_scales.get(name, 1.0),
            tuple(index for index in every if number in painted_by[index]),
        )
        for number, name in enumerate(regions.names)
        if name not in recipe.keep
    )


def unnamed_area(scene: Scene) -> Area | None:
    """Return the part of the picture that no mask names, which all styles paint; None where there are no masks."""
    if scene.regions is None:
        return None
    return Area(len(scene.regions.names), "", 1.0, 1.0, tuple(range(len(scene.styles))))


def style_weights(scene: Scene, layer: str = "") -> tuple[float, ...]:
    """Return the weight of each style in the mixture, at a layer or at all."""
    recipe = scene.recipe
    return recipe.layer_style_weights.get(layer) or recipe.style_weights or (1.0,) * len(scene.styles)


def area_scales(scene: Scene) -> tuple[float, ...]:
    """Return the scales at which styles are used, each once, from small to large; the recipe's own, 1, among them."""
    return tuple(sorted({1.0, *scene.recipe.region_scales.values()}))
