"""Colour: OKLab, greys and chroma, and one picture's colours made to follow another's."""

from impasto.color.chroma import gray, keep_chroma, match_luminance
from impasto.color.match import METHODS, match
from impasto.color.oklab import from_oklab, to_oklab

__all__ = ["METHODS", "from_oklab", "gray", "keep_chroma", "match", "match_luminance", "to_oklab"]
