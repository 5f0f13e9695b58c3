"""Many paintings at once, to look at side by side: parameter sweeps."""

from impasto.series.engine import Sweep, sweep
from impasto.series.grid import FILES, KEYS, Axis, Cell, Job, lay_out
from impasto.series.records import PARTS

__all__ = ["FILES", "KEYS", "PARTS", "Axis", "Cell", "Job", "Sweep", "lay_out", "sweep"]
