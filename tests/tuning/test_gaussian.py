"""Preferences as a Gaussian process over settings: what it knows that Bradley and Terry's model does not."""

import itertools
import math

import numpy as np
import pytest

from impasto.tuning import gaussian
from impasto.tuning.preference import MOST, believe, next_pair

pytest.importorskip("botorch", reason="needs BoTorch")


def test_one_choice_by_hand():
    # Of two candidates with nothing in common the scores are opposite, and tanh(u / 2) follows from the prior alone:
    # u = (v / 2) (1 - σ(2u)), v the variance of their difference.
    wins = np.array([[0.0, 1.0], [0.0, 0.0]])
    mean, covariance = gaussian.posterior(wins, [[0.0], [1.0]])
    points = gaussian._points([[0.0], [1.0]])
    alike = math.exp(-float((points[0] - points[1]).square().sum()) / 2 / gaussian.LENGTH**2)
    variance = 2 * gaussian.SPREAD**2 * (1 - alike)
    assert mean[0] == pytest.approx(-mean[1])
    assert mean[0] == pytest.approx(variance / 2 * (1 - 1 / (1 + np.exp(-2 * mean[0]))), abs=1e-4)
    assert 0 < covariance[0, 0] < gaussian.SPREAD**2


def test_an_answer_tells_of_what_is_like_what_was_shown():
    wins = np.zeros((4, 4))
    wins[0, 2] = 1
    mean, _ = gaussian.posterior(wins, [[0.0], [0.0], [1.0], [1.0]])
    assert mean[0] > mean[1] > 0 > mean[3] > mean[2]
    # Bradley and Terry's model knows nothing of the two that were not shown.
    assert believe(wins).scores[1] == believe(wins).scores[3] == 0


@pytest.mark.parametrize("wins", [[[0, 2, 1], [0, 0, 1], [0.5, 0, 0]], [[0, 1, 0.5], [1, 0, 0], [0.5, 0, 0]]])
def test_the_same_choices_give_the_same_belief(wins):
    features = [[0.0, 1.0], [0.5, 1.0], [2.0, 0.0]]
    beliefs = [believe(np.array(wins, dtype=float), features) for _ in range(3)]
    for one, other in itertools.pairwise(beliefs):
        assert (one.scores == other.scores).all()
        assert (one.best == other.best).all()
        assert one.best.sum() == pytest.approx(1)
        assert (one.spread == other.spread).all()


def test_features_that_are_all_the_same_and_ties_tell_nothing():
    wins = np.array([[0, 0.5], [0.5, 0]])
    assert believe(wins, [[1.0], [1.0]]).scores == pytest.approx([0, 0])
    wins[0, 1] += 1
    mean, _ = gaussian.posterior(wins, [[1.0], [1.0]])
    assert mean[0] > 0 > mean[1]


@pytest.mark.slow
def test_settings_find_a_better_draft_than_choices_alone():
    """Judges err, as Bradley and Terry's do, and like settings are worth alike: how far what is found falls short."""
    chance = np.random.default_rng(1)
    short = {"settings": 0.0, "choices": 0.0}
    for run in range(100):
        method = chance.integers(0, 3, 10)
        features = np.c_[np.eye(3)[method], chance.normal(0, 0.5, 10)]
        worth = chance.normal(0, 1.2, 3)[method] + chance.normal(0, 1) * features[:, 3] + chance.normal(0, 0.4, 10)
        for name, known in (("settings", features.tolist()), ("choices", None)):
            answers = np.random.default_rng(run)
            wins = np.zeros((10, 10))
            while (pair := next_pair(wins, known)) is not None:
                one, other = pair
                right = answers.random() < 1 / (1 + np.exp(worth[other] - worth[one]))
                wins[(one, other) if right else (other, one)] += 1
            assert wins.sum() <= MOST
            short[name] += worth.max() - worth[believe(wins, known).scores.argmax()]
    assert short["settings"] < 0.8 * short["choices"], short
