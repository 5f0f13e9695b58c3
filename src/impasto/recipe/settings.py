"""Every setting of a painting, once: its name, unit, range, default and meaning.

The command line's options, the docs' table and the studio's controls are generated from it; nothing else states a
default.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from impasto.recipe.catalogue import ENCODERS, MethodName
from impasto.recipe.sizes import Size
from impasto.recipe.spelling import (
    AutoFraction,
    AutoRatio,
    AutoWeight,
    LayerStyleWeights,
    LayerWeights,
    Region,
    RegionScales,
    RegionStyles,
    RegionWeights,
    Steps,
    Strength,
    Weight,
    read_list,
    read_numbers,
)

StatisticName = Literal["gram", "mean_std", "covariance", "histogram", "sliced_wasserstein"]
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
"""The layers of the style term in Gatys et al. 2016: the first of each block."""


class Settings(BaseModel):
    """All settings of one painting: each field is a key, an option, and a row of the docs. `Recipe` checks them."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, validate_default=True)

    version: Literal[1] = Field(1, description="version of this format")

    method: MethodName = Field("gatys", description="how it is painted (docs/methods.md, impasto methods)")

    # What is painted.
    size: Size = Field(
        512, description="long side of the result: pixels, content for that of the content, or 200% for twice that"
    )
    style_scale: float = Field(
        1.0, gt=0, le=16, description="size of the style's features: its long side over the result's"
    )
    style_fit: Literal["scale", "crop"] = Field(
        "scale", description="keep the style's shape, or crop it to the content's shape and size"
    )
    style_weights: Annotated[tuple[Weight, ...], BeforeValidator(read_list), Field(max_length=64)] = Field(
        (), description="weight of each style, in their order (equal when empty)"
    )

    layer_style_weights: LayerStyleWeights = Field(
        {}, description="weight of each style at single layers, before style_weights: relu1_1=0:1,relu4_1=1:0"
    )
    color: Literal["style", "content", "luminance", "match"] = Field(
        "style",
        description="whose colours: the style's; the content's, put back at the end, or by painting luminance only; "
        "or the style's, matched to the content's before painting",
    )
    photo_colors: Literal["auto", "own", "style"] = Field(
        "auto",
        description="colours of the photograph that is painted, where color is style: its own, or the paintings', for "
        "methods that take few colours from them; auto: style for mrf, else own",
    )
    color_transform: Literal["sym", "chol", "pca", "histogram"] = Field(
        "sym", description="how colours are matched: optimal transport, Cholesky, Image Analogies, or full histograms"
    )
    color_strength: float = Field(1.0, ge=0, le=1, description="how far colours are changed, 0 is not at all")
    tileable: bool = Field(False, description="make the result repeat without seams")
    aspect: float = Field(1.0, ge=0.05, le=20, description="width over height of a texture, which has no content")

    # Where: regions of masks.
    regions: int = Field(0, ge=0, le=64, description="regions in colour masks; 0: as many as the masks show")
    feather: float = Field(
        0.0, ge=0, le=0.5, description="how wide regions go over into one another, of the long side; 0: hard edges"
    )
    guides: Literal["simple", "mean", "all", "inside", "border"] = Field(
        "mean",
        description="how regions reach the layers: by pooling only; as the mean over what a neuron sees; neurons that "
        "see any of the region, or nothing else; or the mean, with borders painted like the style's own borders",
    )
    guide_growth: int = Field(0, ge=-16, le=16, description="neurons that guides grow by; negative: shrink")
    region_balance: Literal["area", "equal"] = Field(
        "area", description="how much a region counts: by area, or all equally"
    )
    region_weights: RegionWeights = Field({}, description="weight of the style term in single regions")
    region_content_weights: RegionWeights = Field({}, description="weight of the content term in single regions")
    region_scales: RegionScales = Field({}, description="factor on style_scale in single regions")
    region_styles: RegionStyles = Field({}, description="number of the style that alone paints a region")
    keep: Annotated[tuple[Region, ...], BeforeValidator(read_list), Field(max_length=64)] = Field(
        (), description="regions that stay as photographed"
    )
    global_fraction: float = Field(
        0.0, ge=0, le=1, description="fraction of the style term that is of the whole picture, whatever its regions"
    )

    # What it is compared by.
    encoder: str = Field(
        "auto",
        pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$",
        description=f"{', '.join(ENCODERS[:-1])} or {ENCODERS[-1]}; the command line also takes a file of weights",
    )
    pooling: Literal["average", "max"] = Field("average", description="pooling of vgg16 and vgg19")
    padding: Literal["reflect", "replicate", "zero"] = Field("reflect", description="padding of the convolutions")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="type of the convolutions; auto: bfloat16 where this machine is faster at it"
    )
    content_layers: LayerWeights = Field({"relu4_2": 1.0}, description="layers of the content term, with weights")
    protect: Literal["nothing", "faces", "file"] = Field(
        "nothing",
        description="where the photograph counts more: in the faces that are found in it, or where a grey picture is "
        "white, which the command line takes",
    )
    protect_weight: float = Field(
        4.0, ge=1, le=1000, allow_inf_nan=False, description="what the content term is multiplied by there"
    )
    protect_layers: LayerWeights = Field(
        {"relu3_1": 1.0},
        description="layers at which it counts more there, with weights; none: those of the content term",
    )
    style_layers: LayerWeights = Field(
        dict(zip(STYLE_LAYERS, (0.28, 0.5, 0.17, 0.04, 0.01), strict=True)),
        description="layers of the style term, with weights",
    )
    statistics: Annotated[dict[StatisticName, Weight], BeforeValidator(read_numbers)] = Field(
        {"covariance": 1.0}, description="statistics of the style term, with weights"
    )
    normalization: Literal["resolution_invariant", "gatys", "zhao", "johnson"] = Field(
        "resolution_invariant", description="what the terms are divided by (docs/objective.md)"
    )
    strength: Strength = Field(
        "off",
        description="how strong the style is, alike for all pairs of pictures: from 0, hardly to be seen, to 1, hardly "
        "any of the photograph left; content_weight is found for it, and alpha is it; off: these stand as they are",
    )
    content_weight: Weight = Field(1.0, description="weight of the content term (α of the paper)")
    style_weight: Weight = Field(100.0, description="weight of the style term (β of the paper)")
    tv_weight: AutoWeight = Field(
        "auto", description="weight of the total variation (γ of the paper); auto: 0.4 of huber, else 1.5"
    )
    tv: Literal["auto", "l1", "l2", "vector", "huber"] = Field(
        "auto",
        description="total variation: of absolute or squared differences, or of the lengths of the colours' gradients, "
        "of which huber squares small ones, so that shades stay shades; auto: huber for gatys, else vector",
    )
    gamut_weight: Weight = Field(300.0, description="weight of the penalty on colours outside what can be shown")

    # The style term of methods that match patches.
    patch_layers: LayerWeights = Field(
        {"relu3_1": 0.5, "relu4_1": 0.5}, description="layers of the patches that are matched, with weights"
    )
    patch_size: int = Field(3, ge=1, le=15, description="side of a patch, neurons of its layer")
    patch_stride: int = Field(1, ge=1, le=15, description="neurons from a patch to the next; more is quicker")
    patch_rotations: int = Field(
        0, ge=0, le=12, description="turns of the painting to each side whose patches are used too, 7.5 degrees apart"
    )
    patch_scales: int = Field(
        0, ge=0, le=6, description="larger and smaller copies of the painting whose patches are used too, 5% apart"
    )
    patch_reuse: float = Field(
        0.0, ge=0, le=2, description="taken off a patch's similarity for each use, so that others are used; 0 is free"
    )
    patch_capacity: int = Field(
        0,
        ge=0,
        le=1000,
        description="how often a patch may be used, times its fair share: 1 is as evenly as can be, more is freer; 0: "
        "1 in reshuffle, 2 in mrf, 4 in nnst_fast, and free in doodle or with patch_reuse",
    )
    patch_every: int = Field(
        10, ge=1, le=1000, description="steps that the matches of patches are kept for; 1 is slowest: anew in each"
    )

    semantic_weight: float = Field(
        10.0,
        ge=0,
        le=1000,
        description="how much masks count beside similarity where doodle matches patches; 0: not at all, 1000: first",
    )

    # The content term of portraits.
    gain_layers: LayerWeights = Field(
        {"relu2_1": 0.3, "relu3_1": 0.4, "relu4_1": 0.3},
        description="layers of a portrait's content term, with weights",
    )
    gains: Literal["ratio", "energy"] = Field(
        "ratio",
        description="how a portrait gets the light of the painting's face: by the ratio of features, or of their local "
        "energies",
    )
    gain_strength: float = Field(1.0, ge=0, le=1, description="how far light goes to that of the painting's face")
    gain_min: float = Field(
        0.0, ge=0, le=1, description="least that a feature is multiplied by; 0: 0.7 for ratio, 0.9 for energy"
    )
    gain_max: float = Field(
        0.0, ge=0, le=100, description="most that a feature is multiplied by; 0: 5 for ratio, 2.8 for energy"
    )
    gain_window: float = Field(
        2.0, ge=0.5, le=32, description="standard deviation of the window of local energies, neurons"
    )
    gain_regions: Annotated[tuple[Region, ...], BeforeValidator(read_list), Field(max_length=64)] = Field(
        (), description="regions that get the light of the painting's face; empty: all"
    )

    # The style term of nnst.
    neighbor_layers: LayerWeights = Field(
        dict.fromkeys(("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2"), 1.0),
        description="layers in which nnst compares the picture with the painting, with weights",
    )
    content_fraction: float = Field(
        0.75,
        ge=0,
        le=1,
        description="fraction of the photograph, beside the painting so far, in what nnst matches with the painting: "
        "more keeps the form",
    )
    quarter_turns: int = Field(
        3, ge=0, le=3, description="quarter turns of the painting whose parts nnst uses too: strokes in all directions"
    )

    # All terms of strotss.
    hypercolumn_layers: LayerWeights = Field(
        dict.fromkeys((*STYLE_LAYERS[:4], "relu4_2", STYLE_LAYERS[4]), 1.0),
        description="layers that strotss compares pictures at, together, with factors on their features",
    )

    # How a network paints, where that is the method.
    alpha: float = Field(1.0, ge=0, le=1, description="strength of the style in what a network decodes, 0 is none")
    detail: float = Field(
        0.5,
        ge=0,
        le=1,
        description="how much comes back of the photograph's finest light and dark, which reshuffle and nnst_fast blur",
    )
    passes: int = Field(
        0, ge=0, le=32, description="how often wct goes through its layers; 0: once, for textures three times"
    )
    network: str = Field(
        "auto",
        pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$",
        description="what johnson or texture_net paints with: the style's name; auto: the only one there is; the "
        "command line also takes a file",
    )
    refine: int = Field(
        0, ge=0, le=1_000_000, description="steps of gatys, with its settings, from what a network painted"
    )

    # How it is found.
    init: Literal["content", "noise", "blend", "style", "file"] = Field(
        "content",
        description="start: content, noise, both blended, noise with the style's statistics, or a file",
    )
    init_blend: float = Field(0.6, ge=0, le=1, description="fraction of noise in a blended start")
    init_noise: float = Field(
        4.0,
        ge=0,
        le=128,
        description="noise in a start from the content where it is even, up to so many of 255 levels: forms then "
        "begin everywhere at once, and not at the border",
    )
    levels: int = Field(0, ge=0, le=12, description="sizes of the pyramid, each half the next; 0: by the size")
    margin: int = Field(
        16,
        ge=0,
        le=512,
        description="pixels around the picture that are painted and cut off, so that its border is painted like "
        "the rest; at most an eighth of the short side",
    )
    iterations: Steps = Field(
        "auto",
        description="solver steps over all levels together; auto: 60 for gatys from the photograph, else 200",
    )
    step_ratio: AutoRatio = Field(
        "auto",
        description="steps of a level over those of the next smaller one, which costs a quarter as much a step; auto: "
        "1 for gatys from the photograph, else 0.5; 0: all at the smallest",
    )
    finishing_steps: Steps = Field(
        "auto",
        description="of the iterations, those that vgg19 takes at the last size after petite took all others, and in "
        "which nnst matches anew at every step; 0: vgg19 takes all, and nnst matches once a level; auto: 20 for gatys "
        "from the photograph, else 40",
    )
    mean_fraction: AutoFraction = Field(
        "auto",
        description="fraction of a level's steps, the last ones, whose mean is the picture; 0: the last step's; auto: "
        "0.5 for gatys and nnst from the photograph, else 0",
    )
    solver: Literal["lbfgs", "adam"] = Field("lbfgs", description="how steps are taken")
    history: int = Field(12, ge=1, le=200, description="pairs that L-BFGS remembers")
    learning_rate: float = Field(
        2.0, gt=0, le=255, allow_inf_nan=False, description="Adam's step at the start, grey levels of 255"
    )
    learning_rate_end: float = Field(
        2.0, gt=0, le=255, allow_inf_nan=False, description="Adam's step at the end, grey levels of 255"
    )
    schedule: Literal["constant", "linear"] = Field("constant", description="Adam's way from start to end")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of everything random")
