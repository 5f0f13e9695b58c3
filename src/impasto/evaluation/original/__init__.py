"""The field's own metrics, with the weights that they are defined by: LPIPS, ArtFID, CFSD and StyleID's protocol.

Their names are kept for these weights: a value of another network is another metric.
"""

from impasto.evaluation.original.protocols import (
    PairReport,
    Protocol,
    SetReport,
    measure_pair,
    measure_set,
    protocol_of,
)
from impasto.evaluation.original.store import FILES, Store

__all__ = ["FILES", "PairReport", "Protocol", "SetReport", "Store", "measure_pair", "measure_set", "protocol_of"]
