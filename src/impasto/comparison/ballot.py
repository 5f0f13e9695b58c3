"""What a page that asks for choices talks to: what is shown next, the choices, and what follows from them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from impasto.comparison.pairs import Trial, digest_side
from impasto.comparison.preference import RIDGE, Score, score_sides
from impasto.comparison.votes import Choice, Vote, VoteFile


class Ballot(Protocol):
    """A series of choices between two pictures. `impasto.studio.ballot` puts one on a page.

    Trials are numbered from 0; the page asks for the pictures of a trial by its number, and a vote names the number
    it is on, so that two open pages cannot vote on one trial twice.
    """

    title: str
    """What is asked, one line."""

    @property
    def number(self) -> int:
        """Number of the trial that waits for a vote; `total` when there is none."""

    @property
    def total(self) -> int:
        """How many trials there are, as far as is known."""

    def picture(self, number: int, side: str) -> Path | None:
        """Return the file at `side` (left, right, content or style) of a trial; None where there is none."""

    def vote(self, choice: Choice, seconds: float) -> None:
        """Choose in the trial that waits."""

    def undo(self) -> bool:
        """Take the last choice back; whether there was one."""

    def summary(self) -> list[dict[str, Any]]:
        """Return what the votes say so far: rows of the same keys."""


class VoteBallot(ABC):
    """What ballots share whose votes are in a file: each is on the disk before the next is asked for."""

    title = "Which is the better painting?"
    _file: VoteFile

    @property
    def votes(self) -> list[Vote]:
        """The votes that count, in the order in which they were cast."""
        return list(self._file.votes)

    @property
    def number(self) -> int:
        """Number of the trial that waits for a vote."""
        return len(self._file.votes)

    def undo(self) -> bool:
        """Take the last vote back; whether there was one."""
        return self._file.undo() is not None

    @abstractmethod
    def scores(self) -> list[Score]:
        """Return what the votes say of each side, the most preferred first."""

    def called(self, side: str) -> str:
        """Return what a side is called in the summary."""
        return side

    def summary(self) -> list[dict[str, Any]]:
        """Return the scores as rows."""
        return [
            {
                "name": self.called(score.name),
                "score": round(score.score, 3),
                "low": round(score.low, 3),
                "high": round(score.high, 3),
                "wins": score.wins,
                "ties": score.ties,
                "losses": score.losses,
            }
            for score in self.scores()
        ]

    def close(self) -> None:
        """Close the file of votes."""
        self._file.close()


class FolderBallot(VoteBallot):
    """A blind comparison of folders, whose votes go to a file.

    pictures: {picture: {side: path}}. `contents` and `styles`, by picture, are shown between the two. Votes that the
    file holds already count, and their trials are not shown again. Raises what `VoteFile` raises.
    """

    def __init__(
        self,
        pictures: Mapping[str, Mapping[str, Path]],
        trials: Sequence[Trial],
        file: Path,
        *,
        contents: Mapping[str, Path] | None = None,
        styles: Mapping[str, Path] | None = None,
        ridge: float = RIDGE,
    ) -> None:
        self._pictures, self._ridge = pictures, ridge
        self._beside = {"content": contents or {}, "style": styles or {}}
        self.sides = list(next(iter(pictures.values())))
        digests = {side: digest_side({name: paths[side] for name, paths in pictures.items()}) for side in self.sides}
        self._file = VoteFile(file, digests)
        cast = {vote.key for vote in self._file.votes}
        asked = {trial.key: trial for trial in trials}
        # What was voted on comes first, so that it can be taken back in the order in which it was cast.
        before = [Trial(*vote.key) for vote in self._file.votes]
        self._trials = before + [trial for trial in asked.values() if trial.key not in cast]

    @property
    def total(self) -> int:
        """How many trials there are."""
        return len(self._trials)

    def picture(self, number: int, side: str) -> Path | None:
        """Return the file at a side of a trial."""
        if not 0 <= number < self.total:
            return None
        trial = self._trials[number]
        if side in self._beside:
            return self._beside[side].get(trial.picture)
        return self._pictures[trial.picture][{"left": trial.left, "right": trial.right}[side]]

    def vote(self, choice: Choice, seconds: float) -> None:
        """Cast a vote in the trial that waits; it is on the disk when this returns."""
        self._file.add(Vote(*self._trials[self.number].key, choice, round(seconds, 2)))

    def scores(self) -> list[Score]:
        """Return what the votes say of each side, the most preferred first."""
        return score_sides(self.sides, self.votes, self._ridge)

    def steadiness(self) -> tuple[int, int, int]:
        """Return how many pairs were seen both ways, how many of them were judged alike, and votes for the left."""
        seen: dict[tuple[str, frozenset[str]], list[str | None]] = {}
        for vote in self.votes:
            seen.setdefault((vote.picture, frozenset((vote.left, vote.right))), []).append(vote.winner)
        both = [winners for winners in seen.values() if len(winners) == 2]
        left = sum(vote.choice == "left" for vote in self.votes)
        return len(both), sum(one == other for one, other in both), left
