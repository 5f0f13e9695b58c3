"""Many paintings at once, to look at side by side: parameter sweeps."""

from impasto.series.engine import Series
from impasto.series.grid import FILES, KEYS, Axis, Cell, Job, lay_out
from impasto.series.records import PARTS
from impasto.series.sweeps import Sweep, sweep

__all__ = ["FILES", "KEYS", "PARTS", "Axis", "Cell", "Job", "Series", "Sweep", "lay_out", "sweep"]
