"""The levels of a painting by optimisation, from coarse to fine, and the solver that takes the steps of one."""

from torch import Tensor

from impasto.errors import ImageError
from impasto.events import notice
from impasto.optim import pyramid
from impasto.optim.history import HistoryStorage
from impasto.optim.pyramid import Level
from impasto.optim.solver import Adam, Lbfgs, Solver, learning_rate
from impasto.recipe import Recipe
from impasto.recipe.catalogue import METHODS
from impasto.scene import SMALLEST, Scene
from impasto.scene.areas import area_scales
from impasto.scene.resolve import init_shape_differs, long_side


def plan_levels(
    scene: Scene, recipe: Recipe, size: tuple[int, int], *, multiple: int, surrogate: bool
) -> tuple[Level, ...]:
    """Return the levels of a picture of `size` (height, width), whose sides are multiples of `multiple`.

    `surrogate`: whether petite takes steps before the last ones. Raises `ImageError` where the picture or a style would
    be too narrow at the first level.
    """
    method = METHODS[recipe.method]
    levels = pyramid.plan(
        size,
        recipe.levels,
        recipe.steps,
        recipe.ratio,
        multiple=multiple,
        finishing=recipe.finishing if surrogate or method.finishes else 0,
        coarsest=pyramid.coarsest(method, photo=scene.content is not None),
        surrogate=surrogate,
    )
    first = levels[0]
    if min(first.size) < SMALLEST:
        height, width = first.size
        raise ImageError(
            f"{scene.called}: would be painted at {width}x{height} px; the short side needs at least {SMALLEST} px at "
            "every level: use a larger --size, fewer --levels, or a less narrow picture"
        )
    for style in scene.styles:
        for scale in area_scales(scene):
            scene.style_size(style, first, scale)
    return pyramid.with_margin(levels, scene.margin)


def tell_size(scene: Scene, recipe: Recipe, size: tuple[int, int], multiple: int) -> None:
    """Say so where the result has another size than was asked for, or another shape than what it begins with."""
    height, width = size
    if max(size) != long_side(scene.content, recipe, scene.regions):
        notice(f"a picture that repeats has sides in steps of {multiple}: {width}x{height} px")
    init = scene.init
    if init is not None and init_shape_differs(init.size, size, multiple):
        notice(
            f"{init.name}: is {init.size[1]}x{init.size[0]} px, of another shape than the result "
            f"({width}x{height} px), and is stretched to it"
        )


def solver_of(recipe: Recipe, point: Tensor, level: Level, storage: HistoryStorage, patience: int) -> Solver:
    """Return the recipe's solver of a level, which begins at `point`; `storage` and `patience` are those of L-BFGS."""
    if recipe.solved_by == "lbfgs":
        return Lbfgs(point, history=recipe.history, storage=storage, patience=patience)
    # Rates are in levels of 255 in recipes, as colours are in the field's code.
    schedule, first, last = recipe.schedule, recipe.learning_rate / 255, recipe.learning_rate_end / 255
    if METHODS[recipe.method].rate_falls:
        schedule, last = "linear", first / 10
    return Adam(point, learning_rate(schedule, first, last, level.steps))
