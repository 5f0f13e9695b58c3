"""`Evaluation`: the values of one result, with what is needed to compare them with others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from impasto import metadata
from impasto._version import __version__
from impasto.evaluation.grades import grade
from impasto.evaluation.registry import METRICS


@dataclass(frozen=True)
class Evaluation:
    """What was measured of one result."""

    values: Mapping[str, float | None]
    """By the metrics' ids; None where there is no value: `reasons` says why."""
    notes: tuple[str, ...] = ()
    """What a reader of the values should know: inputs that are not the painting's, pictures that were resized."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """By the metrics' ids, of those without a value or with a remark."""
    maps: Mapping[str, Tensor] = field(default_factory=dict, repr=False)
    """By the metrics' ids (h, w) >= 0, where they were asked for; 0 is as it should be."""
    regions: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By the metrics' ids, of those that compare each region of a result with its styles: the value of each by name."""
    encoders: Mapping[str, Mapping[str, object]] = field(default_factory=dict, repr=False)
    """`first` and `second`: name, sha256 and layers."""
    inputs: Mapping[str, list[str]] = field(default_factory=dict, repr=False)
    """sha256 of the `result`, its `content` and `style` pictures."""
    size: tuple[int, int] = (0, 0)
    """(height, width) of the result."""
    measured_at: tuple[int, int] = (0, 0)
    """(height, width) that features were taken at."""

    @property
    def grades(self) -> dict[str, str]:
        """Return how good each value is, by the metrics' ids: fine, visible or strong; of those that have bands."""
        grades = {key: grade(METRICS[key], value) for key, value in self.values.items()}
        return {key: name for key, name in grades.items() if name is not None}

    def record(self) -> dict[str, Any]:
        """Return everything but the maps, as JSON can hold it."""
        return {
            "impasto": __version__,
            "encoders": {key: dict(value) for key, value in self.encoders.items()},
            "grades": dict(self.grades),
            "inputs": dict(self.inputs),
            "measured_at": list(self.measured_at),
            "notes": list(self.notes),
            "reasons": dict(self.reasons),
            "regions": {key: dict(value) for key, value in self.regions.items()},
            "size": list(self.size),
            "values": dict(self.values),
        }

    def to_json(self) -> str:
        """Return `record` as one line of JSON, always the same for the same values."""
        return metadata.canonical(self.record())
