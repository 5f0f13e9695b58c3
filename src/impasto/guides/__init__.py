"""Regions: from masks to maps that sum to one, and from maps to weights on a layer's neurons."""

from impasto.guides.colors import from_colors
from impasto.guides.feather import feather
from impasto.guides.layers import from_layers
from impasto.guides.naming import Names
from impasto.guides.naming import parse as parse_names
from impasto.guides.overlay import overlay, to_colors
from impasto.guides.propagate import MODES, Mode, boundary, grow, propagate
from impasto.guides.regions import Regions, area_fractions, check_name, check_shape, fit

__all__ = [
    "MODES",
    "Mode",
    "Names",
    "Regions",
    "area_fractions",
    "boundary",
    "check_name",
    "check_shape",
    "feather",
    "fit",
    "from_colors",
    "from_layers",
    "grow",
    "overlay",
    "parse_names",
    "propagate",
    "to_colors",
]
