"""What the inspector does when a person chooses between paintings: asks, counts, and says which is the best."""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from impasto.comparison.votes import Choice
from impasto.errors import UsageError
from impasto.tuning.adaptive import AdaptiveBallot
from impasto.tuning.preference import MOST


def choose(
    paths: Mapping[str, str],
    file: str,
    action: Literal["look", "vote", "undo"] = "look",
    number: int = 0,
    choice: Choice = "tie",
    seconds: float = 0.0,
) -> dict[str, Any]:
    """Do what a person did in a choice between the pictures at `paths`, and return what is asked next.

    Raises `UsageError` for an answer to a question that is not asked any more.
    """
    with contextlib.closing(AdaptiveBallot({name: Path(path) for name, path in paths.items()}, Path(file))) as ballot:
        if action == "vote":
            if number != ballot.number or ballot.over:
                raise UsageError("another page has answered this question; this one goes on with the next")
            ballot.vote(choice, seconds)
        elif action == "undo":
            ballot.undo()
        pair = ballot.pair
        scores = ballot.scores()
        return {
            "number": ballot.number,
            "most": MOST,
            "over": pair is None,
            "left": None if pair is None else pair[0],
            "right": None if pair is None else pair[1],
            "certainty": round(ballot.certainty, 3) if ballot.votes else None,
            "ranking": [
                {"job": score.name, "wins": score.wins, "ties": score.ties, "losses": score.losses} for score in scores
            ],
        }
