from hypothesis import given
from hypothesis import strategies as st

from impasto.tuning.choice import TASTES, choose, cost, pareto
from impasto.tuning.front import dominates, front
from impasto.tuning.score import Scores
from impasto.tuning.study import Trial
from tests.type_helpers import present

LISTS = st.lists(st.tuples(*[st.integers(0, 4)] * 3), min_size=1, max_size=12)
SCORES = st.lists(st.tuples(*[st.floats(0.05, 0.95)] * 3), min_size=1, max_size=12)


def trial(number, scores, seconds=1.0):
    return Trial(number, {"method": "gatys"}, "complete", Scores(*scores), seconds=seconds)


def test_dominating_by_hand():
    assert dominates((2, 1), (1, 1))
    assert not dominates((1, 1), (1, 1))
    assert not dominates((2, 0), (1, 1))


@given(LISTS)
def test_a_candidate_is_on_the_front_just_where_none_beats_it(candidates):
    places = front(candidates)
    for place, candidate in enumerate(candidates):
        beaten = any(
            all(a >= b for a, b in zip(other, candidate, strict=True)) and other != candidate for other in candidates
        )
        assert (place in places) == (not beaten)


@given(LISTS)
def test_whatever_is_left_out_is_beaten_by_something_on_the_front(candidates):
    places = front(candidates)
    assert places
    for place, candidate in enumerate(candidates):
        assert place in places or any(dominates(candidates[on], candidate) for on in places)


@given(SCORES)
def test_every_taste_chooses_from_the_front(scores):
    trials = [trial(number, parts) for number, parts in enumerate(scores)]
    on_front = {other.number for other in pareto(trials)}
    chosen = choose(trials)
    assert set(chosen) == set(TASTES)
    # Rounding can make equals of what differs in the last digits.
    for name, picked in chosen.items():
        value = present(picked.scores).mean(TASTES[name])
        assert any(abs(present(trials[on].scores).mean(TASTES[name]) - value) < 1e-9 for on in on_front)


@given(SCORES)
def test_the_faithful_one_keeps_most_and_the_bold_one_has_most_style(scores):
    chosen = choose([trial(number, parts) for number, parts in enumerate(scores)])
    balanced, faithful, bold = (present(chosen[name].scores) for name in ("balanced", "faithful", "bold"))
    assert faithful.content >= balanced.content - 1e-9
    assert bold.style >= balanced.style - 1e-9


def test_the_cheaper_of_two_equals_is_on_the_front():
    dear, cheap = trial(0, (0.5, 0.5, 0.5), 8.0), trial(1, (0.5, 0.5, 0.5), 1.0)
    assert [other.number for other in pareto([dear, cheap])] == [1]
    assert [cost(other) for other in (cheap, dear)] == [2, 5]  # doublings of a quarter of a second


def test_drafts_that_were_not_measured_are_never_chosen():
    failed = Trial(0, {"method": "gatys"}, "failed", note="weave has no value")
    assert choose([failed]) == {}
    assert pareto([failed]) == []
    assert choose([failed, trial(1, (0.5, 0.5, 0.5))])["balanced"].number == 1
