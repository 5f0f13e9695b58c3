"""Questions to a person about the drafts of a search: which of two is better, until one is sure enough.

`DraftBallot` is what the page of `impasto compare` and the terminal both talk to. The answers are in a file of votes,
each on the disk before the next question, so that asking goes on where it was stopped.
"""

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from impasto import files
from impasto.comparison import Score, Vote, VoteFile, count_wins, score_sides
from impasto.comparison.votes import MOST_BYTES, Choice
from impasto.errors import UsageError
from impasto.tuning.choice import choose, pareto
from impasto.tuning.preference import CANDIDATES, MOST, RIDGE, believe, next_pair
from impasto.tuning.study import Trial

NAME = "votes.jsonl"


def candidates(trials: Sequence[Trial], *, like: bool = False, most: int = CANDIDATES) -> list[Trial]:
    """Return the trials that are asked about: those of each taste, the best of each method, and the best of all.

    Those that another one beats in everything come last. Two trials of one picture count as one.
    """
    measured = sorted((trial for trial in trials if trial.file), key=lambda trial: -trial.value)
    on_front = {trial.number for trial in pareto(trials)}
    best = [trial for trial in measured if trial.number in on_front]
    of_methods = {str(trial.point["method"]): trial for trial in reversed(best)}
    chosen = choose(trials, like=like).values()
    ranked = [*chosen, *sorted(of_methods.values(), key=lambda trial: -trial.value), *best, *measured]
    return list({trial.file: trial for trial in ranked if trial.file}.values())[:most]


class DraftBallot:
    """A series of choices between two drafts, each chosen by the answers so far.

    The file of votes says which drafts are asked about: those of a file that is there stay, whatever was painted since.
    Raises `OutputError` for a file that cannot be used, `UsageError` for fewer than two drafts.
    """

    title = "Which is the better painting?"

    def __init__(
        self,
        folder: Path,
        trials: Sequence[Trial],
        *,
        like: bool = False,
        content: Path | None = None,
        style: Path | None = None,
    ) -> None:
        self._beside = {"content": content, "style": style}
        by_name = {_name(trial): trial for trial in trials if trial.file and (folder / trial.file).is_file()}
        asked = [by_name[name] for name in _names_in(folder / NAME) if name in by_name]
        chosen = asked or [trial for trial in candidates(trials, like=like) if _name(trial) in by_name]
        if len(chosen) < 2:
            raise UsageError(
                f"{len(chosen)} drafts could be compared; questions need two: search with a larger --budget"
            )
        self.trials: Mapping[str, Trial] = {_name(trial): trial for trial in chosen}
        self.sides = list(self.trials)
        self._paths = {name: folder / trial.file for name, trial in self.trials.items()}
        self._file = VoteFile(folder / NAME, {name: files.digest(path) for name, path in self._paths.items()})

    @property
    def votes(self) -> list[Vote]:
        """The answers that count, in the order in which they were given."""
        return list(self._file.votes)

    @property
    def number(self) -> int:
        """Number of the question that waits for an answer."""
        return len(self._file.votes)

    @property
    def total(self) -> int:
        """How many questions there are at most; as many as were answered when no more is asked."""
        return self.number if self._pair() is None else MOST

    @property
    def over(self) -> bool:
        """Whether enough is known, or `MOST` questions were answered."""
        return self._pair() is None

    def picture(self, number: int, side: str) -> Path | None:
        """Return the file at a side of a question that was asked, or waits.

        Of the next one, which depends on the answer, those of the one that waits: the page loads them ahead.
        """
        if not 0 <= number <= self.number + 1:
            return None
        if side in self._beside:
            return self._beside[side]
        votes = self._file.votes
        pair = (votes[number].left, votes[number].right) if number < len(votes) else self._pair()
        return None if pair is None else self._paths[pair[0 if side == "left" else 1]]

    def vote(self, choice: Choice, seconds: float) -> None:
        """Answer the question that waits; the answer is on the disk when this returns."""
        pair = self._pair()
        if pair is not None:
            self._file.add(Vote("draft", *pair, choice, round(seconds, 2)))

    def undo(self) -> bool:
        """Take the last answer back."""
        return self._file.undo() is not None

    def scores(self) -> list[Score]:
        """Return what the answers say of each draft, the most preferred first."""
        return score_sides(self.sides, self.votes, RIDGE)

    @property
    def winner(self) -> Trial | None:
        """The draft that is most likely the best; None before the first answer."""
        return self.trials[self.scores()[0].name] if self.votes else None

    @property
    def certainty(self) -> float:
        """Probability that the most preferred draft is the best of those asked about."""
        return float(believe(count_wins(self.sides, self.votes)).best.max())

    def summary(self) -> list[dict[str, Any]]:
        """Return the scores as rows."""
        return [
            {
                "name": f"{score.name}, {self.trials[score.name].point['method']}",
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

    def _pair(self) -> tuple[str, str] | None:
        """Return the left and right side of the question that waits; a pair that was asked before is turned."""
        votes = self._file.votes
        pair = next_pair(count_wins(self.sides, votes))
        if pair is None:
            return None
        one, other = (self.sides[place] for place in pair)
        before = [vote for vote in votes if {vote.left, vote.right} == {one, other}]
        if before:
            return before[-1].right, before[-1].left
        return (one, other) if random.Random(len(votes)).random() < 0.5 else (other, one)


def _name(trial: Trial) -> str:
    return f"{trial.number:04}"


def _names_in(path: Path) -> list[str]:
    """Return the drafts that a file of votes is about; none where there is no such file, which is said elsewhere."""
    try:
        with path.open("rb") as stream:
            head = json.loads(stream.readline(MOST_BYTES))
        return [str(name) for name in head["sides"]]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []
