"""The methods of painting: what each is, costs and needs, and which settings of a recipe it knows.

Data alone: `impasto methods` lists them and recipes are checked without torch.
"""

from collections.abc import Mapping
from typing import Literal

from impasto.recipe.method import Method

ENCODERS = ("auto", "petite", "vgg16", "vgg19")
"""Names of encoders; `auto` is the first of the others that does well and is on the machine."""

MethodName = Literal[
    "gatys",
    "portrait",
    "mrf",
    "doodle",
    "nnst",
    "strotss",
    "reshuffle",
    "nnst_fast",
    "wct",
    "adain",
    "linear",
    "johnson",
    "texture_net",
]

SHARED = (
    "version",
    "method",
    "size",
    "color",
    "color_transform",
    "color_strength",
    "regions",
    "feather",
    "keep",
    "precision",
    "seed",
)
"""Settings that all methods know."""
_OF_PAINTINGS = ("style_scale", "style_fit", "style_weights", "region_styles", "encoder")
_OPTIMIZED = (
    "content_weight",
    "finishing_steps",
    "gamut_weight",
    "history",
    "init",
    "init_blend",
    "iterations",
    "learning_rate",
    "learning_rate_end",
    "levels",
    "margin",
    "padding",
    "pooling",
    "schedule",
    "solver",
    "strength",
    "style_weight",
    "tv",
    "tv_weight",
)
"""Settings of all methods that optimise the picture."""
_STATISTICS = (
    "global_fraction",
    "guide_growth",
    "guides",
    "layer_style_weights",
    "normalization",
    "region_content_weights",
    "region_scales",
    "region_balance",
    "region_weights",
    "statistics",
    "style_layers",
)
"""Settings of all methods whose style term is made of statistics."""
_PROTECTED = ("protect", "protect_weight")
"""Settings of methods whose content term is of features at places."""
_GAINS = ("gain_layers", "gain_max", "gain_min", "gain_regions", "gain_strength", "gain_window", "gains")
_COPIES = ("patch_rotations", "patch_scales")
_ONE_BANK = ("style_scale", "style_fit", "region_styles", "region_scales", "encoder")
"""Settings of methods that put all paintings into one bank of patches, so that these have no weights."""
_WCT_TRAINING = "impasto train decoder --method wct --layer relu1_1 (and so on to relu5_1)"
_PATCHES = (
    *_ONE_BANK,
    *_OPTIMIZED,
    *_PROTECTED,
    "aspect",
    "content_layers",
    "patch_capacity",
    "patch_every",
    "patch_layers",
    "patch_reuse",
    *_COPIES,
    "patch_size",
    "patch_stride",
    "region_content_weights",
    "region_weights",
)
"""Settings of all methods that match patches."""
_FIXED = ("content_weight", "solver", "history")
"""Settings that nnst has no content term for, or no other solver."""
REFINED = ("iterations", "levels", "init", "init_blend")
"""Settings of gatys that `refine` takes the place of."""


METHODS: Mapping[str, Method] = {
    method.name: method
    for method in (
        Method(
            "gatys",
            "optimises the picture itself: the slowest, the best, with every control",
            "Gatys et al. 2016",
            "half a minute to minutes",
            "a painting",
            (
                *_OF_PAINTINGS,
                *_OPTIMIZED,
                *_PROTECTED,
                *_STATISTICS,
                "aspect",
                "content_layers",
                "tileable",
            ),
            textures=True,
            optimizes=True,
            implementation="impasto.methods.gatys:Gatys",
        ),
        Method(
            "portrait",
            "gatys for heads: the light and colour of the painting's face on the photograph's, features in place",
            "Selim et al. 2016",
            "half a minute to minutes",
            "a painting of a head, landmarks",
            (*_OF_PAINTINGS, *_OPTIMIZED, *_PROTECTED, *_STATISTICS, *_GAINS),
            optimizes=True,
            content_key="gain_layers",
            landmarks=True,
            implementation="impasto.methods.portrait:Portrait",
        ),
        Method(
            "mrf",
            "optimises the picture, each patch towards its nearest neighbour in the painting: whole brush strokes",
            "Li & Wand 2016",
            "three quarters of a minute",
            "a painting",
            _PATCHES,
            textures=True,
            optimizes=True,
            style_key="patch_layers",
            coarsest_texture=80,
            keyframe=10,
            implementation="impasto.methods.patches:Mrf",
        ),
        Method(
            "doodle",
            "mrf with a map of what is where: paints a doodle in flat colours, or a photograph with masks",
            "Champandard 2016",
            "half a minute",
            "a painting with its mask",
            ("semantic_weight", *_PATCHES),
            textures=True,
            optimizes=True,
            style_key="patch_layers",
            coarsest_texture=80,
            implementation="impasto.methods.patches:Doodle",
        ),
        Method(
            "nnst",
            "optimises the picture, each place towards its like in the painting: crisp strokes, the form kept",
            "Kolkin et al. 2022",
            "a minute",
            "a painting",
            (
                *_ONE_BANK,
                "region_weights",
                *(name for name in _OPTIMIZED if name not in _FIXED),
                "content_fraction",
                "neighbor_layers",
                "quarter_turns",
            ),
            style_key="neighbor_layers",
            holds=True,
            optimizes=True,
            laplacian=True,
            solver="adam",
            finishes=True,
            detail=False,
            coarsest=64,
            keyframe=10,
            implementation="impasto.methods.nnst:Nnst",
        ),
        Method(
            "strotss",
            "optimises the picture: strokes and colours from the painting, what differs from what as in the photograph",
            "Kolkin et al. 2019",
            "a minute",
            "a painting",
            (
                *_OF_PAINTINGS,
                "content_weight",
                "finishing_steps",
                "gamut_weight",
                "hypercolumn_layers",
                "iterations",
                "learning_rate",
                "levels",
                "margin",
                "padding",
                "pooling",
                "region_content_weights",
                "region_scales",
                "region_weights",
                "strength",
                "tv",
                "tv_weight",
            ),
            style_key="hypercolumn_layers",
            optimizes=True,
            laplacian=True,
            init="details",
            rate_falls=True,
            coarsest=64,
            step_ratio=1.0,
            solver="adam",
            keyframe=10,
            implementation="impasto.methods.strotss:Strotss",
        ),
        Method(
            "reshuffle",
            "rearranges the painting's own patches after the photograph's forms, each about as often as the others",
            "Gu et al. 2018",
            "six to nine seconds",
            "a painting",
            ("alpha", "strength", "refine", "patch_capacity", "patch_reuse", "patch_size", *_COPIES, *_ONE_BANK),
            training=_WCT_TRAINING,
            networks="wct",
            implementation="impasto.feedforward.reshuffle:Reshuffle",
        ),
        Method(
            "nnst_fast",
            "every point takes its nearest neighbour in the painting: true to the photograph's forms and light",
            "Kolkin et al. 2022",
            "two seconds",
            "a painting",
            ("alpha", "strength", "refine", "patch_capacity", *_COPIES, *_ONE_BANK),
            training=_WCT_TRAINING,
            networks="wct",
            implementation="impasto.feedforward.nnst_fast:NnstFast",
        ),
        Method(
            "wct",
            "gives features the covariance of any painting's, from coarse to fine: colours and strokes, loose in form",
            "Li et al. 2017",
            "half a second",
            "a painting",
            ("alpha", "strength", "aspect", "layer_style_weights", "passes", "refine", "tileable", *_OF_PAINTINGS),
            textures=True,
            multiple=16,
            training=_WCT_TRAINING,
            implementation="impasto.feedforward.any_style:AnyStyle",
        ),
        Method(
            "adain",
            "gives features the mean and spread of any painting's: calm, true to the form",
            "Huang & Belongie 2017",
            "a fifth of a second",
            "a painting",
            ("alpha", "strength", "refine", "tileable", *_OF_PAINTINGS),
            multiple=16,
            training="impasto train decoder --method adain --layer relu4_1",
            implementation="impasto.feedforward.any_style:AnyStyle",
        ),
        Method(
            "linear",
            "a learnt linear map of features for any painting: steady from frame to frame",
            "Li et al. 2018",
            "a fifth of a second",
            "a painting",
            ("alpha", "strength", "refine", *_OF_PAINTINGS),
            training="impasto train linear",
            implementation="impasto.feedforward.any_style:AnyStyle",
        ),
        Method(
            "johnson",
            "one network for one style: the quickest",
            "Johnson et al. 2016",
            "a tenth of a second",
            "a network",
            ("network", "refine"),
            styles=False,
            training="impasto train fast --method johnson --style painting.jpg",
            implementation="impasto.feedforward.per_style:PerStyle",
        ),
        Method(
            "texture_net",
            "one small network for one style, of photographs or of noise: textures that repeat",
            "Ulyanov et al. 2016, 2017",
            "a quarter of a second",
            "a network",
            ("aspect", "network", "refine", "tileable"),
            styles=False,
            textures=True,
            multiple=32,
            training="impasto train fast --method texture_net --style painting.jpg",
            implementation="impasto.feedforward.per_style:PerStyle",
        ),
    )
}
"""All methods by name; the first is the default."""
