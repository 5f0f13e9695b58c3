"""Every setting of a painting, how it is spelled, and which method knows it; nothing here loads torch."""

from impasto.recipe.preset_files import PRESET_SUFFIX, read_preset, write_preset
from impasto.recipe.presets import list_presets, load_preset
from impasto.recipe.recipe import VERSION, Recipe
from impasto.recipe.settings import STYLE_LAYERS, StatisticName
from impasto.recipe.spelling import MAX_JSON_BYTES, renamed, spell, unknown

__all__ = [
    "MAX_JSON_BYTES",
    "PRESET_SUFFIX",
    "STYLE_LAYERS",
    "VERSION",
    "Recipe",
    "StatisticName",
    "list_presets",
    "load_preset",
    "read_preset",
    "renamed",
    "spell",
    "unknown",
    "write_preset",
]
