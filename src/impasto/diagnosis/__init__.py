"""What this machine and this installation are like, for `impasto doctor` and for reports of faults."""

from impasto.diagnosis.examine import examine as examine
from impasto.diagnosis.finding import Finding as Finding
from impasto.diagnosis.finding import State as State

__all__ = ["Finding", "State", "examine"]
