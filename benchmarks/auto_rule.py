"""Fit the rule of `impasto paint --auto`, and test it on unseen paintings: `python benchmarks/auto_rule.py`.

`auto_pairs.csv` has the 36 pairs of docs/evaluation.md: three facts of each (`impasto.painting.auto`), and the balanced
score (docs/tune.md) of each method's picture. The rule is a ridge regression for each method. It is tested by leaving
out every pair of one painting, fitting without it, and choosing for it; and by the same with photographs.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

import harness
import numpy as np
import numpy.typing as npt

from impasto.painting.auto import best

DATA = Path(__file__).with_name("auto_pairs.csv")
FACTS = ("style_detail", "photo_flat", "style_distance")
METHODS = ("gatys", "reshuffle")
"""Those that may be chosen. `strotss` is as good as `gatys` on average, and the facts do not tell on which pairs."""
RIDGE = 3.0
"""Added to the squares of each standardised fact, of which there are 36: slopes become a twelfth smaller."""

Numbers = npt.NDArray[np.float64]


def read() -> list[dict[str, str]]:
    """Return the rows of the data."""
    with DATA.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def numbers(rows: Sequence[dict[str, str]], columns: Sequence[str]) -> Numbers:
    """Return columns of the rows as numbers (rows, columns)."""
    return np.array([[float(row[column]) for column in columns] for row in rows])


def fit(rows: Sequence[dict[str, str]]) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Return mean and deviation of each fact, the mean score of each method, and slopes (facts, methods)."""
    facts, scores = numbers(rows, FACTS), numbers(rows, METHODS)
    mean, deviation = facts.mean(0), facts.std(0)
    standard = (facts - mean) / deviation
    average = scores.mean(0)
    slopes = np.linalg.solve(standard.T @ standard + RIDGE * np.eye(len(FACTS)), standard.T @ (scores - average))
    return mean, deviation, average, slopes


def predicted(rule: tuple[Numbers, Numbers, Numbers, Numbers], rows: Sequence[dict[str, str]]) -> Numbers:
    """Return the expected score (rows, methods)."""
    mean, deviation, average, slopes = rule
    standard = ((numbers(rows, FACTS) - mean) / deviation).clip(-2, 2)
    return np.asarray(average + standard @ slopes)


def held_out(rows: Sequence[dict[str, str]], group: str) -> Numbers:
    """Return the expected scores (rows, methods), each by a rule that saw no pair with the same `group`."""
    expected = np.zeros((len(rows), len(METHODS)))
    for name in {row[group] for row in rows}:
        rule = fit([row for row in rows if row[group] != name])
        for number, row in enumerate(rows):
            if row[group] == name:
                expected[number] = predicted(rule, [row])[0]
    return expected


def choices(expected: Numbers) -> npt.NDArray[np.intp]:
    """Return the number of the method that is chosen for each row of expected scores (rows, methods)."""
    return np.array([METHODS.index(best(dict(zip(METHODS, row, strict=True)))) for row in expected])


def main() -> None:
    """Print the rule as it stands in the code, and what it is worth."""
    harness.parser(__doc__).parse_args()
    rows = read()
    mean, deviation, average, slopes = fit(rows)
    print(f"MEANS = ({', '.join(f'{value:.4f}' for value in mean)})")
    print(f"DEVIATIONS = ({', '.join(f'{value:.4f}' for value in deviation)})")
    for number, method in enumerate(METHODS):
        line = ", ".join(f"{value:.4f}" for value in slopes[:, number])
        print(f'"{method}": Line({average[number]:.4f}, ({line})),')
    scores = numbers(rows, METHODS)
    table = harness.Table("left out", "choice", *METHODS, "the better one", "better than gatys", "worse", "r")
    for group in ("painting", "photograph"):
        expected = held_out(rows, group)
        chosen = scores[np.arange(len(rows)), choices(expected)]
        agreement = [np.corrcoef(expected[:, number], scores[:, number])[0, 1] for number in range(len(METHODS))]
        table.row(
            f"each {group}",
            *(f"{value:.3f}" for value in (chosen.mean(), *scores.mean(0), scores.max(1).mean())),
            int((chosen > scores[:, 0]).sum()),
            int((chosen < scores[:, 0]).sum()),
            ", ".join(f"{value:.2f}" for value in agreement),
        )


if __name__ == "__main__":
    main()
