"""Which metrics agree with the eye: votes of `impasto compare` beside the values of `impasto benchmark`.

    python benchmarks/agreement.py report/results.json votes.jsonl

For each metric, and for the balanced score of `impasto tune`: of the votes that are no ties and whose two pictures have
a value, how many chose the picture that the metric calls better, with Wilson's 95 % interval; the same for the votes
where the metric is surest (the half with the larger differences). Then how often each method was chosen, and
Bradley-Terry scores.
"""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import harness

from impasto.comparison import Vote, score_sides
from impasto.tuning.score import score as scores_of

BALANCED = "balanced"
"""What the balanced score is called in the table."""
NORMAL_95 = 1.96
"""Standard deviations within which 95 % of a normal distribution lie, to each side."""


def interval(hits: int, count: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a fraction `hits` of `count`."""
    share, square = hits / count, NORMAL_95**2
    middle = (share + square / (2 * count)) / (1 + square / count)
    reach = NORMAL_95 / (1 + square / count) * math.sqrt(share * (1 - share) / count + square / (4 * count**2))
    return middle - reach, middle + reach


def read_votes(path: Path) -> list[Vote]:
    """Return the votes that count, of a file as `impasto compare` writes it."""
    votes: list[Vote] = []
    for line in path.read_text().splitlines()[1:]:
        entry = json.loads(line)
        if "undo" in entry:
            votes = [vote for vote in votes if list(vote.key) != entry["undo"]]
        else:
            votes.append(Vote(**entry))
    return votes


def balanced(values: Mapping[str, float | None]) -> dict[str, float]:
    """Return the balanced score of a picture by its name; nothing where a metric that it is made of is missing."""
    try:
        return {BALANCED: scores_of(values).mean()}
    except ValueError:
        return {}


def agreements(results: Mapping[str, Any], votes: Iterable[Vote]) -> dict[str, list[tuple[float, bool]]]:
    """Return {metric: [(difference of the two pictures, whether the metric prefers the chosen one), ...]}."""
    values = {
        (picture["method"], f"{picture['content']}_{picture['style']}"): picture["values"] | balanced(picture["values"])
        for picture in results["pictures"]
    }
    metrics = [metric for metric in results["metrics"] if metric["group"] != "cost"]
    metrics.append({"id": BALANCED, "direction": "higher"})
    asked: dict[str, list[tuple[float, bool]]] = {metric["id"]: [] for metric in metrics}
    for vote in votes:
        if vote.winner is None:
            continue
        loser = vote.left if vote.winner == vote.right else vote.right
        chosen, other = (values.get((side, vote.picture), {}) for side in (vote.winner, loser))
        for metric in metrics:
            key = metric["id"]
            if key in chosen and key in other and chosen[key] != other[key]:
                higher = chosen[key] > other[key]
                asked[key].append((abs(chosen[key] - other[key]), higher == (metric["direction"] == "higher")))
    return asked


def main() -> None:
    """Print the tables."""
    options = harness.parser(__doc__)
    options.add_argument("results", type=Path, help="results.json of a benchmark")
    options.add_argument("votes", type=Path, help="the votes of a comparison of its folders")
    given = options.parse_args()
    results, votes = json.loads(given.results.read_text()), read_votes(given.votes)
    print(f"{len(votes)} votes, {sum(vote.winner is None for vote in votes)} of them ties")
    rows = []
    for key, asked in agreements(results, votes).items():
        if asked:
            hits = sum(right for _, right in asked)
            low, high = interval(hits, len(asked))
            surest = sorted(asked, reverse=True)[: (len(asked) + 1) // 2]
            sure = sum(right for _, right in surest) / len(surest)
            share = hits / len(asked)
            rows.append((share, f"`{key}`", len(asked), f"{share:.0%}", f"{low:.0%} to {high:.0%}", f"{sure:.0%}"))
    metrics = harness.Table("metric", "votes", "agrees", "95 %", "where it is surest")
    for _, *cells in sorted(rows, reverse=True):
        metrics.row(*cells)
    sides = sorted({side for vote in votes for side in (vote.left, vote.right)})
    methods = harness.Table("method", "chosen", "ties", "not", "score", "95 %")
    for score in score_sides(sides, votes):
        reach = f"{score.low:+.2f} to {score.high:+.2f}"
        methods.row(score.name, score.wins, score.ties, score.losses, f"{score.score:+.2f}", reach)


if __name__ == "__main__":
    main()
