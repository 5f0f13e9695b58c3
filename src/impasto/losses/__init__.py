"""Statistics of features, terms over them, and objectives. Nothing here knows an encoder."""

from impasto.losses.distributions import Histogram, Samples, SlicedWasserstein
from impasto.losses.hypercolumns import Hypercolumns, Positions
from impasto.losses.moments import Covariance, MeanStd
from impasto.losses.neighbors import Nearest, Replaced
from impasto.losses.normalization import NORMALIZATIONS, Normalization
from impasto.losses.objective import GlobalTerm, LossReport, Objective
from impasto.losses.patches import Bank, Source
from impasto.losses.registry import STATISTICS, statistic
from impasto.losses.statistics import Gram, State, Statistic, blend
from impasto.losses.terms import Content, Gamut, Patches, Style, TotalVariation
from impasto.losses.transport import RegionSamples, SelfSimilarity, Transport

__all__ = [
    "NORMALIZATIONS",
    "STATISTICS",
    "Bank",
    "Content",
    "Covariance",
    "Gamut",
    "GlobalTerm",
    "Gram",
    "Histogram",
    "Hypercolumns",
    "LossReport",
    "MeanStd",
    "Nearest",
    "Normalization",
    "Objective",
    "Patches",
    "Positions",
    "RegionSamples",
    "Replaced",
    "Samples",
    "SelfSimilarity",
    "SlicedWasserstein",
    "Source",
    "State",
    "Statistic",
    "Style",
    "TotalVariation",
    "Transport",
    "blend",
    "statistic",
]
