"""Questions to a person about the drafts of a search: which of two is better, until one is sure enough.

`DraftBallot` is what the page of `impasto compare` and the terminal both talk to.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from pathlib import Path

from impasto.comparison.votes import MOST_BYTES
from impasto.errors import UsageError
from impasto.tuning import gaussian
from impasto.tuning.adaptive import AdaptiveBallot
from impasto.tuning.choice import choose, pareto
from impasto.tuning.preference import CANDIDATES, RELATED
from impasto.tuning.study import Trial

NAME = "votes.jsonl"
WORDS = ("method", "strength", "layers", "color", "statistic")
"""What drafts differ in by words."""


def candidates(trials: Sequence[Trial], *, like: bool = False, most: int | None = None) -> list[Trial]:
    """Return the trials that are asked about: those of each taste, the best of each method, and the best of all.

    As many as can be told apart by so few questions, unless `most` says how many: more where BoTorch is installed.
    Those that another one beats in everything come last. Two trials of one picture count as one.
    """
    if most is None:
        most = RELATED if gaussian.available() else CANDIDATES
    measured = sorted((trial for trial in trials if trial.file), key=lambda trial: -trial.value)
    on_front = {trial.number for trial in pareto(trials)}
    best = [trial for trial in measured if trial.number in on_front]
    of_methods = {str(trial.point["method"]): trial for trial in reversed(best)}
    chosen = choose(trials, like=like).values()
    ranked = [*chosen, *sorted(of_methods.values(), key=lambda trial: -trial.value), *best, *measured]
    return list({trial.file: trial for trial in ranked if trial.file}.values())[:most]


class DraftBallot(AdaptiveBallot):
    """A series of choices between two drafts.

    The file of votes says which drafts are asked about: those of a file that is there stay, whatever was painted since.
    Raises `OutputError` for a file that cannot be used, `UsageError` for fewer than two drafts.
    """

    def __init__(
        self,
        folder: Path,
        trials: Sequence[Trial],
        *,
        like: bool = False,
        content: Path | None = None,
        style: Path | None = None,
    ) -> None:
        by_name = {_name(trial): trial for trial in trials if trial.file and (folder / trial.file).is_file()}
        asked = [by_name[name] for name in _names_in(folder / NAME) if name in by_name]
        chosen = asked or [trial for trial in candidates(trials, like=like) if _name(trial) in by_name]
        if len(chosen) < 2:
            raise UsageError(
                f"{len(chosen)} drafts could be compared; questions need two: search with a larger --budget"
            )
        self.trials: Mapping[str, Trial] = {_name(trial): trial for trial in chosen}
        paths = {name: folder / trial.file for name, trial in self.trials.items()}
        beside = {"content": content, "style": style}
        super().__init__(paths, folder / NAME, beside, described(chosen))

    @property
    def winner(self) -> Trial | None:
        """The draft that is most likely the best; None before the first answer."""
        return self.trials[self.scores()[0].name] if self.votes else None

    def called(self, side: str) -> str:
        """Return the number of a draft, and its method."""
        return f"{side}, {self.trials[side].point['method']}"


def described(trials: Sequence[Trial]) -> list[list[float]]:
    """Return numbers for each draft that are alike for drafts that are: how it was made, and what metrics say of it."""
    words = {name: sorted({str(trial.point.get(name, "")) for trial in trials}) for name in WORDS}

    def numbers(trial: Trial) -> list[float]:
        point, scores = trial.point, trial.scores
        made = [math.log2(float(point.get("style_scale", 1.0))), float(point.get("alpha", 1.0))]
        said = [float(str(point.get(name, "")) == word) for name, several in words.items() for word in several]
        return [*made, *said, *((0.0, 0.0, 0.0) if scores is None else astuple(scores))]

    return [numbers(trial) for trial in trials]


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
