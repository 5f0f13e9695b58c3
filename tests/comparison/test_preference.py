"""Bradley-Terry: values by hand, laws, and scikit-learn's logistic regression as an oracle."""

import math

import numpy as np
import pytest

from impasto.comparison import Vote, bradley_terry, count_wins, score_sides
from impasto.errors import UsageError


def test_thirty_of_forty_are_the_log_of_three():
    # Without a ridge σ(d) = 3/4, so d = ln 3; its variance is 1 / (40 · 3/4 · 1/4) = 2/15, a centred score's a quarter.
    scores, covariance = bradley_terry([[0, 30], [10, 0]], ridge=1e-9)
    assert scores == pytest.approx([math.log(3) / 2, -math.log(3) / 2], abs=1e-6)
    assert covariance == pytest.approx(np.array([[1, -1], [-1, 1]]) / 30, abs=1e-6)


def test_the_ridge_solves_its_own_equation_where_one_side_always_wins():
    # Stationary: 10 (1 − σ(2u)) = ridge · u.
    for ridge in (0.1, 1.0):
        scores, _ = bradley_terry([[0, 10], [0, 0]], ridge)
        assert 10 * (1 - 1 / (1 + math.exp(-2 * scores[0]))) == pytest.approx(ridge * scores[0], rel=1e-8)


def test_three_sides_in_a_chain_are_a_ladder():
    # a beats b as b beats c: the outer scores are one step away from the middle, and the steps are alike.
    scores, _ = bradley_terry([[0, 3, 0], [1, 0, 3], [0, 1, 0]], ridge=1e-9)
    assert scores == pytest.approx([math.log(3), 0, -math.log(3)], abs=1e-6)


def test_without_choices_all_are_alike_and_the_ridge_alone_bounds_them():
    scores, covariance = bradley_terry(np.zeros((3, 3)), ridge=0.5)
    assert (scores == 0).all()
    assert covariance == pytest.approx((np.eye(3) - 1 / 3) / 0.5)


@pytest.fixture
def table():
    wins = np.random.default_rng(3).integers(0, 12, (5, 5)).astype(float)
    np.fill_diagonal(wins, 0)
    return wins


def test_names_in_another_order_change_nothing(table):
    order = [3, 0, 4, 1, 2]
    scores, covariance = bradley_terry(table)
    other, changed = bradley_terry(table[np.ix_(order, order)])
    assert other == pytest.approx(scores[order])
    assert changed == pytest.approx(covariance[np.ix_(order, order)])


def test_losing_instead_of_winning_turns_the_scores_round(table):
    assert bradley_terry(table.T)[0] == pytest.approx(-bradley_terry(table)[0])


def test_four_times_the_choices_halve_the_interval(table):
    few, many = (bradley_terry(count * table, 1e-9)[1] for count in (1, 4))
    assert np.sqrt(np.diag(many)) == pytest.approx(np.sqrt(np.diag(few)) / 2, rel=1e-5)


def test_scores_sum_to_zero_and_the_diagonal_counts_nothing(table):
    scores, covariance = bradley_terry(table)
    assert scores.sum() == pytest.approx(0, abs=1e-9)
    assert covariance.sum(1) == pytest.approx(np.zeros(5), abs=1e-9)
    assert bradley_terry(table + 7 * np.eye(5))[0] == pytest.approx(scores)


def test_thousands_of_choices_against_one_converge():
    scores, _ = bradley_terry(np.triu(np.full((3, 3), 1e6), 1))
    assert np.isfinite(scores).all()
    assert scores[0] > scores[1] > scores[2]


def test_scores_and_spread_are_those_of_a_logistic_regression(table):
    linear = pytest.importorskip("sklearn.linear_model", reason="needs scikit-learn")
    rows, kinds, weights = [], [], []
    for one in range(5):
        for other in range(5):
            if table[one, other]:
                row = np.zeros(5)
                row[one], row[other] = 1, -1
                rows += [row, -row]
                kinds += [1, 0]
                weights += [table[one, other] / 2] * 2
    ridge = 0.3
    oracle = linear.LogisticRegression(C=1 / ridge, fit_intercept=False, tol=1e-12, max_iter=10_000)
    oracle.fit(np.array(rows), kinds, sample_weight=weights)
    assert bradley_terry(table, ridge)[0] == pytest.approx(oracle.coef_[0], abs=1e-4)


def test_the_interval_holds_the_truth_about_nineteen_times_in_twenty():
    chance, truth = np.random.default_rng(0), np.array([0.8, 0.0, -0.8])
    inside = 0
    for _ in range(300):
        wins = np.zeros((3, 3))
        for one, other in ((0, 1), (0, 2), (1, 2)):
            won = chance.binomial(40, 1 / (1 + math.exp(truth[other] - truth[one])))
            wins[one, other], wins[other, one] = won, 40 - won
        scores, covariance = bradley_terry(wins)
        inside += (abs(scores - truth) <= 1.96 * np.sqrt(np.diag(covariance))).sum()
    assert 0.92 < inside / 900 < 0.98


@pytest.mark.parametrize(
    ("wins", "ridge"),
    [([[0, 1]], 0.1), ([[0, -1], [0, 0]], 0.1), ([[0, math.nan], [0, 0]], 0.1), ([[0, 1], [0, 0]], 0)],
)
def test_what_is_no_table_is_refused(wins, ridge):
    with pytest.raises(UsageError):
        bradley_terry(wins, ridge)


def test_votes_are_counted_for_the_side_that_was_shown_there():
    votes = [
        Vote("x", "a", "b", "left"),
        Vote("x", "b", "a", "left"),
        Vote("y", "a", "b", "tie"),
        Vote("y", "a", "gone", "left"),
    ]
    assert count_wins(["a", "b"], votes).tolist() == [[0, 1.5], [1.5, 0]]
    won = score_sides(["a", "b"], [*votes, Vote("z", "b", "a", "right")])
    assert [(each.name, each.wins, each.losses, each.ties) for each in won] == [("a", 3, 1, 1), ("b", 1, 2, 1)]
    assert won[0].score > 0 > won[1].score
    assert won[0].low < won[0].score < won[0].high
    assert won[0].probability == pytest.approx(1 - won[1].probability)
