import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impasto.evaluation import METRICS
from impasto.evaluation.grades import BANDS
from impasto.tuning.score import CONTENT, FAULTS, LIKE, STYLE, Scores, asked, points, score

NAMES = sorted({*CONTENT, *STYLE, *FAULTS, *LIKE})
OF = {metric.name: metric for metric in METRICS.values()}
FINE = {OF[name].id: BANDS[name][0] for name in NAMES}
"""Every metric where it is just fine."""


@pytest.mark.parametrize("name", NAMES)
def test_points_are_three_quarters_where_a_value_is_just_fine_and_a_quarter_where_it_is_just_visible(name):
    fine, visible = BANDS[name]
    assert points(name, fine) == pytest.approx(0.75)
    assert points(name, visible) == pytest.approx(0.25)
    assert points(name, (fine + visible) / 2) == pytest.approx(0.5)


@given(st.sampled_from(NAMES), st.floats(0, 1), st.floats(0, 1))
def test_a_better_value_has_more_points(name, one, other):
    metric = OF[name]
    if abs(one - other) < 1e-6:
        return
    better, worse = (one, other) if metric.better(one, other) else (other, one)
    assert 0 < points(name, worse) < points(name, better) < 1


def test_infinitely_bad_values_still_have_points_between_0_and_1():
    assert 0 < points("weave", 1e9) < points("weave", -1e9) < 1


@given(st.sampled_from(NAMES), st.floats(-0.2, 0.2))
def test_the_balanced_score_rises_with_each_metric(name, change):
    before, metric = score(FINE).mean(), OF[name]
    after = score({**FINE, metric.id: FINE[metric.id] + change}).mean()
    if name not in (*CONTENT, *STYLE, *FAULTS) or abs(change) < 1e-6:
        return
    assert (after > before) == metric.better(FINE[metric.id] + change, FINE[metric.id])


def test_scores_by_hand():
    # Every metric is just fine: 3/4 everywhere, and their geometric mean is 3/4 with any weights.
    assert vars(score(FINE)) == {name: pytest.approx(0.75) for name in ("content", "style", "faults")}
    assert score(FINE).mean((4, 1, 1)) == pytest.approx(0.75)
    assert Scores(0.5, 0.25, 1.0).mean() == pytest.approx(0.5)  # (1/8)^(1/3)
    assert Scores(0.5, 0.25, 1.0).mean((2, 1, 0)) == pytest.approx((0.5 * 0.5 * 0.25) ** (1 / 3))


def test_a_missing_or_infinite_value_is_named():
    for wrong in (None, math.nan, math.inf):
        with pytest.raises(ValueError, match="weave has no value"):
            score({**FINE, OF["weave"].id: wrong})
    with pytest.raises(ValueError, match="edges has no value"):
        score({key: value for key, value in FINE.items() if not key.startswith("edges")})


def test_with_a_reference_the_style_is_its_statistics():
    assert set(asked(like=True)) - set(asked()) == {OF[name].id for name in ("gram_distance", "sliced_wasserstein")}
    near = {**FINE, OF["gram_distance"].id: 0.0}
    assert score(near, like=True).style > score(FINE, like=True).style
    assert score(near) == score(FINE)
