"""Statistics of features, terms over them, and objectives. Nothing here knows an encoder."""

from impasto.losses.normalisation import NORMALISATIONS, Normalisation
from impasto.losses.objective import LossReport, Objective
from impasto.losses.statistics import Gram, State, Statistic, blend
from impasto.losses.terms import Content, Gamut, Style, TotalVariation

__all__ = [
    "NORMALISATIONS",
    "Content",
    "Gamut",
    "Gram",
    "LossReport",
    "Normalisation",
    "Objective",
    "State",
    "Statistic",
    "Style",
    "TotalVariation",
    "blend",
]
