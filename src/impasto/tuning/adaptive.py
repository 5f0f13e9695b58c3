"""Questions about a few pictures: which of two is better, each pair chosen by the answers so far, until one is sure.

The answers are in a file of votes, each on the disk before the next question, so that asking goes on where it was
stopped.
"""

import random
from collections.abc import Mapping
from pathlib import Path

from impasto import files
from impasto.comparison import Score, Vote, VoteBallot, VoteFile, count_wins, ranked
from impasto.comparison.votes import Choice
from impasto.tuning.preference import MOST, Belief, Features, believe, next_pair


class AdaptiveBallot(VoteBallot):
    """A series of choices between two of several pictures, at most `MOST` of them.

    paths: the file of each picture, by its name. What is at `beside` is shown too. `features`: how each was made, as
    for `believe`. Raises `OutputError` for a file of votes that cannot be used.
    """

    picture_of_votes = "draft"
    """What votes say that they are about: one thing, painted in several ways."""

    def __init__(
        self,
        paths: Mapping[str, Path],
        file: Path,
        beside: Mapping[str, Path | None] | None = None,
        features: Features = None,
    ) -> None:
        self.sides, self._features = list(paths), features
        self._paths, self._beside = dict(paths), dict(beside or {})
        self._file = VoteFile(file, {name: files.digest(path) for name, path in paths.items()})

    @property
    def total(self) -> int:
        """How many questions there are at most; as many as were answered when no more is asked."""
        return self.number if self.pair is None else MOST

    @property
    def over(self) -> bool:
        """Whether enough is known, or `MOST` questions were answered."""
        return self.pair is None

    @property
    def pair(self) -> tuple[str, str] | None:
        """The left and right side of the question that waits; a pair that was asked before is turned."""
        votes = self._file.votes
        pair = next_pair(count_wins(self.sides, votes), self._features)
        if pair is None:
            return None
        one, other = (self.sides[place] for place in pair)
        before = [vote for vote in votes if {vote.left, vote.right} == {one, other}]
        if before:
            return before[-1].right, before[-1].left
        return (one, other) if random.Random(len(votes)).random() < 0.5 else (other, one)

    def picture(self, number: int, side: str) -> Path | None:
        """Return the file at a side of a question that was asked, or waits.

        Of the next one, which depends on the answer, those of the one that waits: the page loads them ahead.
        """
        if not 0 <= number <= self.number + 1:
            return None
        if side in self._beside:
            return self._beside[side]
        votes = self._file.votes
        pair = (votes[number].left, votes[number].right) if number < len(votes) else self.pair
        return None if pair is None else self._paths[pair[0 if side == "left" else 1]]

    def vote(self, choice: Choice, seconds: float) -> None:
        """Answer the question that waits; the answer is on the disk when this returns."""
        pair = self.pair
        if pair is not None:
            self._file.add(Vote(self.picture_of_votes, *pair, choice, round(seconds, 2)))

    def scores(self) -> list[Score]:
        """Return what the answers say of each picture, the most preferred first."""
        belief = self._belief()
        return ranked(self.sides, self.votes, belief.scores, belief.variances)

    def _belief(self) -> Belief:
        return believe(count_wins(self.sides, self.votes), self._features)

    @property
    def certainty(self) -> float:
        """Probability that the most preferred picture is the best of those asked about."""
        return float(self._belief().best.max())
