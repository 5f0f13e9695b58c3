"""Statistics of features, terms over them, and objectives. Nothing here knows an encoder."""

from impasto.losses.distributions import Histogram, Samples, SlicedWasserstein
from impasto.losses.hypercolumns import HypercolumnSampler, PositionSampler
from impasto.losses.moments import Covariance, MeanStd
from impasto.losses.neighbors import FixedMatches, NearestNeighbors
from impasto.losses.normalization import NORMALIZATIONS, Normalization
from impasto.losses.objective import GlobalTerm, LossReport, Objective
from impasto.losses.patches import PatchBank, PatchSource
from impasto.losses.registry import STATISTICS, statistic
from impasto.losses.statistics import Gram, State, Statistic, blend
from impasto.losses.terms import Anchor, Content, Gamut, Patches, Style, TotalVariation
from impasto.losses.transport import RegionSamples, SelfSimilarity, Transport

__all__ = [
    "NORMALIZATIONS",
    "STATISTICS",
    "Anchor",
    "Content",
    "Covariance",
    "FixedMatches",
    "Gamut",
    "GlobalTerm",
    "Gram",
    "Histogram",
    "HypercolumnSampler",
    "LossReport",
    "MeanStd",
    "NearestNeighbors",
    "Normalization",
    "Objective",
    "PatchBank",
    "PatchSource",
    "Patches",
    "PositionSampler",
    "RegionSamples",
    "Samples",
    "SelfSimilarity",
    "SlicedWasserstein",
    "State",
    "Statistic",
    "Style",
    "TotalVariation",
    "Transport",
    "blend",
    "statistic",
]
