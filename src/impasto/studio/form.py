"""What the page is made of: the settings by group, presets and methods, all from where they are stated."""

from dataclasses import dataclass
from typing import Any

from impasto.recipe import Recipe, list_presets, load_preset
from impasto.recipe.applicable import settings_of
from impasto.recipe.catalogue import ENCODERS, METHODS
from impasto.recipe.method import Method
from impasto.recipe.shipped_networks import shipped

LIKE = {
    "gatys": "brush strokes and colours of the whole painting; the richest, with every control",
    "portrait": "for a face after a painted face: its light and colour, with eyes and mouth in place",
    "mrf": "whole patches of brush work, laid where they fit",
    "doodle": "what is where in flat colours, painted as the painting paints it; or a photograph with masks",
    "nnst": "crisp strokes, and the form is kept",
    "strotss": "strokes that flow freely, light and dark as in the photograph",
    "reshuffle": "pieces of the painting, arranged after the photograph",
    "nnst_fast": "strokes of the painting, true to the photograph's forms and light",
    "wct": "strong colours and strokes, loose in form",
    "adain": "soft, and true to the form",
    "linear": "the gentlest, and steady from picture to picture",
    "avatar": "bold strokes and colours of any painting, within a second",
    "johnson": "one painting's style, in a blink",
    "texture_net": "one painting's texture, with or without a photograph",
}
"""What the methods paint like, for people who look at pictures."""
QUALITIES = ("draft", "standard", "fine")
TITLES = {
    "gatys": "Classic",
    "portrait": "Portrait",
    "mrf": "Brush patches",
    "doodle": "Doodle",
    "nnst": "Crisp strokes",
    "strotss": "Free strokes",
    "reshuffle": "Mosaic of the painting",
    "nnst_fast": "Quick strokes",
    "wct": "Quick colours",
    "adain": "Quick and calm",
    "linear": "Quick and steady",
    "avatar": "Quick and bold",
    "johnson": "Learnt style",
    "texture_net": "Learnt texture",
}
"""What the page calls the methods, whose own names are those of papers."""


@dataclass(frozen=True)
class Group:
    """Settings that belong together on the page."""

    name: str
    title: str
    fields: tuple[str, ...]


GROUPS = (
    Group("basics", "Basics", ("method", "size", "iterations", "seed")),
    Group(
        "balance",
        "Photograph and painting",
        ("strength", "content_weight", "style_weight", "alpha", "detail", "passes", "refine", "network"),
    ),
    Group("scale", "Scale and strokes", ("style_scale", "style_fit", "aspect", "tileable")),
    Group("color", "Colour", ("color", "photo_colors", "color_transform", "color_strength")),
    Group("mixing", "Mixing styles", ("style_weights", "layer_style_weights")),
    Group(
        "regions",
        "Regions",
        (
            "regions",
            "feather",
            "keep",
            "guides",
            "guide_growth",
            "region_balance",
            "region_weights",
            "region_content_weights",
            "protect",
            "protect_weight",
            "protect_layers",
            "region_scales",
            "region_styles",
            "global_fraction",
        ),
    ),
    Group(
        "patches",
        "Patches",
        (
            "patch_layers",
            "patch_size",
            "patch_stride",
            "patch_rotations",
            "patch_scales",
            "patch_reuse",
            "semantic_weight",
            "patch_capacity",
            "patch_every",
        ),
    ),
    Group(
        "portrait",
        "Portraits",
        ("gain_layers", "gains", "gain_strength", "gain_min", "gain_max", "gain_window", "gain_regions"),
    ),
    Group("neighbors", "Nearest neighbours", ("content_fraction", "quarter_turns", "neighbor_layers")),
    Group("init", "Initial picture", ("init", "init_blend", "init_noise", "levels", "margin")),
    Group("smoothness", "Smoothness", ("tv_weight", "tv", "gamut_weight")),
    Group(
        "objective",
        "Encoder and objective",
        (
            "encoder",
            "style_layers",
            "content_layers",
            "hypercolumn_layers",
            "statistics",
            "normalization",
            "pooling",
            "padding",
        ),
    ),
    Group(
        "solver",
        "Optimisation",
        (
            "solver",
            "history",
            "learning_rate",
            "learning_rate_end",
            "schedule",
            "mean_fraction",
            "step_ratio",
            "finishing_steps",
            "precision",
        ),
    ),
)
"""Every setting of a recipe is in one of them; `version` is none."""


HINTS = {
    "strength": "how much of the painting, alike for all pictures: to the left the photograph stays nearly as it is, "
    "to the right hardly any of it is left; untouched, it is as it comes with the quality",
    "size": "long side of the picture in pixels; content for the photograph's own, 200% for twice that",
    "color": "whose colours: the painting's; the photograph's, put back at the end, or by painting light and dark "
    "alone; or the painting's, matched to the photograph's before painting",
    "network": "the painting whose style is painted",
    "protect": "where the photograph counts more: in the faces that are found in it",
    "encoder": "the network whose features are compared; auto is the best that is on the machine",
}
"""What the page says of a setting where the recipe's own line is for those who type commands."""


def describe() -> dict[str, Any]:
    """Return everything that the form is generated from."""
    return {
        "schema": Recipe.model_json_schema(),
        "groups": [{"id": group.name, "title": group.title, "fields": list(group.fields)} for group in GROUPS],
        "presets": [
            {"name": name, "description": line, "recipe": load_preset(name)} for name, line in list_presets().items()
        ],
        "hints": HINTS,
        "qualities": list(QUALITIES),
        "encoders": list(ENCODERS),
        "methods": [_method(method) for method in METHODS.values()],
    }


def _method(method: Method) -> dict[str, Any]:
    networks = list(shipped(method.name))
    return {
        "name": method.name,
        "title": TITLES[method.name],
        "like": LIKE[method.name],
        "feed_forward": method.feed_forward,
        "line": method.line,
        "source": method.source,
        "cost": method.cost,
        "needs": method.needs,
        "available": not method.feed_forward or bool(networks),
        "settings": sorted(settings_of(method.name) - {"version"}),
        "refined_settings": sorted(settings_of(method.name, refined=True) - {"version"}),
        "networks": networks,
        "styles": method.styles,
        "landmarks": method.landmarks,
        "textures": method.textures,
    }
