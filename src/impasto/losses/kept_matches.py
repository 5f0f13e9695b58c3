"""Matches with a painting that are kept for some evaluations: finding them takes longer than all that they are for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from impasto.losses.patches import PatchBank


@dataclass
class KeptMatches:
    """The numbers of `matches` (Y, X) that are kept for the next `evaluations_left` evaluations."""

    matches: Tensor | None = None
    evaluations_left: int = 0

    def found(self, find: Callable[[], Tensor]) -> Tensor:
        """Return the matches of this evaluation, and `find` them where none are kept."""
        if self.matches is None or not self.evaluations_left:
            self.matches = find()
        return self.matches

    def advance(self, every: int) -> None:
        """Count an evaluation: the next ones use its matches, `every` - 1 of them."""
        self.evaluations_left = (self.evaluations_left or every) - 1

    def state(self) -> dict[str, Tensor | int]:
        """Return the `matches` (Y, X) that the next evaluations use, and how many are `left`; empty where none do."""
        if self.matches is None or not self.evaluations_left:
            return {}
        return {"matches": self.matches.cpu(), "left": self.evaluations_left}

    def restore(self, state: Mapping[str, Tensor | int], every: int, bank: PatchBank) -> None:
        """Go on from a `state`, with matches among the patches of `bank`.

        Raises `ValueError` where it is none of this term.
        """
        matches, left = state.get("matches"), state.get("left", 0)
        if matches is None:
            self.matches, self.evaluations_left = None, 0
            return
        if not isinstance(matches, Tensor) or int(matches.min()) < 0 or int(matches.max()) >= len(bank):
            raise ValueError("are of patches that there are not")
        if not isinstance(left, int) or not 0 <= left < every:
            raise ValueError(f"are left for {left} evaluations, of which there are fewer than {every}")
        self.matches = matches.to(bank.patches(matches[:1, 0]).device)
        self.evaluations_left = left


class MatchedTerm:
    """What terms over one layer share whose matches are `kept` for `every` evaluations: they are in checkpoints.

    Evaluating changes nothing, so the same features have the same loss again; `advance` counts an evaluation.
    """

    layer: str
    bank: PatchBank
    every: int
    kept: KeptMatches

    @property
    def state_name(self) -> str:
        """Return the term's name in a checkpoint."""
        return self.layer

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Return the rows and columns of what is matched on a map of this size."""
        return self.bank.grid(height, width)

    def advance(self) -> None:
        """Count an evaluation: the next ones use its matches, `every` - 1 of them."""
        self.kept.advance(self.every)

    def state(self) -> dict[str, Tensor | int]:
        """Return the matches that are kept, as `KeptMatches.state`."""
        return self.kept.state()

    def restore(self, state: Mapping[str, Tensor | int]) -> None:
        """Go on from a `state`. Raises `ValueError` where it is none of this term."""
        self.kept.restore(state, self.every, self.bank)
