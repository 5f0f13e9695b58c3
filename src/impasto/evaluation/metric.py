"""What a metric is: a number with a name, a version, a direction and a range, and the function that computes it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from torch import Tensor

if TYPE_CHECKING:
    from impasto.evaluation.case import Case, Sight
    from impasto.evaluation.reductions import Reduction

Group = Literal["content", "style", "faults"]
Direction = Literal["higher", "lower"]
Roles = tuple[Literal["result", "content", "style"], ...]
Need = Literal["content", "style", "masks", "landmarks", "tile"]

NEEDS: dict[Need, str] = {
    "content": "a content picture",
    "style": "a style",
    "masks": "masks",
    "landmarks": "landmarks of the content",
    "tile": "the side of the tiles (--tile)",
}
"""What a metric can ask for beside the result, in words."""


@dataclass(frozen=True)
class Measured:
    """What a metric found: a value, or None with the reason; where asked for, a map over the result."""

    value: float | None
    map: Tensor | None = None
    """(h, w) >= 0, any size: how much each place adds to what is wrong; 0 is as it should be."""
    note: str = ""
    """Why there is no value, or what should be known of it."""
    regions: Mapping[str, float] = field(default_factory=dict)
    """The value of each region by its name, where masks are given and regions are compared."""


@dataclass(frozen=True)
class Read:
    """What a metric reads of features, announced so that one pass of an encoder serves all metrics."""

    of: Roles
    layers: Callable[["Sight"], Sequence[str]]
    reduction: "Reduction"


@dataclass(frozen=True)
class Metric:
    """A number that says one thing of a result. Its `id` ends in a version, which changes with the definition."""

    id: str
    group: Group
    direction: Direction
    """Whether a `higher` or a `lower` value is better."""
    range: tuple[float, float | None]
    """The lowest and the highest value; None: without bound."""
    summary: str
    compute: Callable[["Case"], Measured]
    needs: tuple[Need, ...] = ()
    spatial: bool = False
    """Whether it has a map."""
    encoder: Literal["first", "second"] | None = None
    """Whose features it compares: of named layers, or of layers that the painting did not optimise; None: pixels."""
    reads: tuple[Read, ...] = ()

    @property
    def name(self) -> str:
        """Return the id without its version."""
        return self.id.rpartition("/")[0]

    def better(self, one: float, other: float) -> bool:
        """Return whether the value `one` is better than `other`."""
        return one > other if self.direction == "higher" else one < other
