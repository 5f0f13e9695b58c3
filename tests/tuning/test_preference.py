import itertools

import numpy as np
import pytest

from impasto.tuning.preference import AGAIN, MOST, SURE, believe, next_pair


def questions(judge, count):
    """Ask until it is over; `judge(a, b)` says whether a is better. Return the table of choices."""
    wins = np.zeros((count, count))
    while (pair := next_pair(wins)) is not None:
        one, other = pair
        assert one < other
        winner, loser = (one, other) if judge(one, other) else (other, one)
        wins[winner, loser] += 1
    return wins


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[::5])
def test_a_steady_judge_gets_the_best_one_and_is_asked_at_most_so_often(order):
    wins = questions(lambda one, other: order[one] > order[other], 4)
    belief = believe(wins)
    assert order[int(belief.scores.argmax())] == 3
    assert wins.sum() <= MOST
    assert (wins + wins.T).max() <= AGAIN


def test_asking_ends_when_one_is_sure_enough():
    wins = questions(lambda one, _other: one == 0, 3)
    assert believe(wins).sure
    assert wins.sum() < MOST
    assert believe(wins).best.max() >= SURE


def test_nothing_known_by_hand():
    belief = believe(np.zeros((2, 2)))
    assert belief.scores == pytest.approx([0, 0])
    # The ridge alone: each score varies by 1/ridge, their difference by twice that.
    assert belief.spread[0, 1] == pytest.approx(2 / 0.25)
    assert belief.best == pytest.approx([0.5, 0.5], abs=0.03)
    assert not belief.sure


def test_beliefs_are_probabilities_and_the_same_for_the_same_choices():
    wins = np.array([[0, 2, 1], [0, 0, 1], [0.5, 0, 0]])
    one, other = believe(wins), believe(wins)
    assert one.best.sum() == pytest.approx(1)
    assert one.best.argmax() == one.scores.argmax() == 0
    assert (one.best == other.best).all()


def test_questions_that_are_chosen_find_more_than_questions_at_random():
    """Judges err, as Bradley and Terry's do: how far what is found falls short of the best, on average."""
    chance = np.random.default_rng(0)
    short = {"chosen": 0.0, "random": 0.0}
    for _ in range(30):
        worth = chance.normal(0, 1.5, 6)

        def judge(one, other, worth=worth):
            return chance.random() < 1 / (1 + np.exp(worth[other] - worth[one]))

        wins = questions(judge, 6)
        short["chosen"] += worth.max() - worth[believe(wins).scores.argmax()]
        drawn = np.zeros((6, 6))
        for _ in range(int(wins.sum())):
            one, other = chance.choice(6, 2, replace=False)
            winner, loser = (one, other) if judge(one, other) else (other, one)
            drawn[winner, loser] += 1
        short["random"] += worth.max() - worth[believe(drawn).scores.argmax()]
    assert short["chosen"] < short["random"]
