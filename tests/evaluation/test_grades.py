"""What values mean in words."""

import pytest

from impasto.evaluation import METRICS
from impasto.evaluation.grades import BANDS, grade, word

NAMED = {metric.name: metric for metric in METRICS.values()}


@pytest.mark.parametrize("name", BANDS)
def test_bands_run_from_good_to_bad_within_the_range(name: str) -> None:
    metric, (fine, visible) = NAMED[name], BANDS[name]
    assert metric.better(fine, visible)
    lowest, highest = metric.range
    assert all(lowest <= value and (highest is None or value <= highest) for value in (fine, visible))
    assert [grade(metric, value) for value in (fine, visible)] == ["fine", "visible"]
    beyond = visible - (fine - visible) * 0.01
    assert grade(metric, beyond) == "strong"
    assert grade(metric, (fine + visible) / 2) == "visible"


def test_words_say_which_fault_and_what_of_content_and_style() -> None:
    assert word(NAMED["weave"], 2.0) == "visible weave"
    assert word(NAMED["residual_noise"], 9.0) == "strong residual noise"
    assert word(NAMED["weave"], 0.0) == "fine"
    assert word(NAMED["edges"], 1.0) == "kept"
    assert word(NAMED["gram_distance"], 1.0) == "missed"
    assert word(NAMED["weave"], None) == ""
    assert word(NAMED["face_shift"], 1.0) == ""
