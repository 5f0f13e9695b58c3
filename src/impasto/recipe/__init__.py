"""Every setting of a painting, how it is spelled, and which method knows it; nothing here loads torch."""

from impasto.recipe.settings import (
    MAX_JSON_BYTES,
    STYLE_LAYERS,
    VERSION,
    Recipe,
    StatisticName,
    load_preset,
    presets,
    renamed,
    spell,
    unknown,
)

__all__ = [
    "MAX_JSON_BYTES",
    "STYLE_LAYERS",
    "VERSION",
    "Recipe",
    "StatisticName",
    "load_preset",
    "presets",
    "renamed",
    "spell",
    "unknown",
]
