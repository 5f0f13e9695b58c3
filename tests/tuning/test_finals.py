"""The second look: which drafts have one, what it changes, and that it is done once."""

import pytest

from impasto.tuning.choice import choose
from impasto.tuning.draft import Outcome
from impasto.tuning.finals import FINALISTS, alike, final_recipe, finalists
from impasto.tuning.score import Scores
from impasto.tuning.space import Point
from impasto.tuning.study import Look, Trial
from tests.tuning.search_helpers import FakeDrafter, landscape, run, search
from tests.type_helpers import present


def trial(number, value, scale=1.0, method="gatys", look=None):
    scores = None if value is None else Scores(value, value, value)
    seen = None if look is None else Look(Scores(look, look, look))
    point = {"method": method, "style_scale": scale}
    return Trial(number, point, "complete" if scores else "failed", scores, look=seen)


def numbers(trials):
    return [trial.number for trial in trials]


def test_the_first_draft_is_looked_at_again_however_bad_it_was():
    trials = [trial(n, 0.2 + 0.05 * n, scale=1.3**n) for n in range(10)]
    chosen = finalists(trials)
    assert len(chosen) == FINALISTS
    assert numbers(chosen) == [0, 6, 7, 8, 9]


def test_of_drafts_that_are_alike_the_better_one_is_taken():
    trials = [trial(0, 0.5), trial(1, 0.6, 2.0), trial(2, 0.7, 2.1), trial(3, 0.65, 2.0, "mrf"), trial(4, None, 0.5)]
    assert numbers(finalists(trials)) == [0, 2, 3]


def test_one_draft_alone_has_no_second_look():
    assert finalists([]) == []
    assert finalists([trial(0, 0.5), trial(1, 0.5), trial(2, None)]) == []


def test_the_best_by_each_taste_are_looked_at():
    trials = [trial(n, 0.6 - 0.01 * n, scale=1.3**n) for n in range(10)]
    faithful = Trial(10, {"method": "wct", "alpha": 0.6}, "complete", Scores(0.99, 0.3, 0.9))
    bold = Trial(11, {"method": "mrf", "style_scale": 1.0}, "complete", Scores(0.3, 0.99, 0.9))
    assert numbers(finalists([*trials, faithful, bold])) == [0, 1, 2, 10, 11]


@pytest.mark.parametrize("first", [0.1, 0.9])
def test_what_counts_is_the_second_look(first):
    lucky = [
        trial(0, first, look=0.6),
        trial(1, 0.95, 2.0, look=0.5),
        trial(2, 0.8, 0.5, look=0.7),
        trial(3, 0.99, 4.0),
    ]
    assert choose(lucky)["balanced"].number == 2
    # Until there are two to compare, drafts count.
    assert choose([lucky[0], trial(1, 0.95, 2.0), lucky[3]])["balanced"].number == 3


def test_which_drafts_are_looked_at_does_not_change_with_what_is_seen():
    trials = [trial(n, 0.2 + 0.05 * n, scale=1.3**n) for n in range(10)]
    before = numbers(finalists(trials))
    seen = [trial(n, 0.2 + 0.05 * n, 1.3**n, look=0.05 if n in before else None) for n in range(10)]
    assert numbers(finalists(seen)) == before


def test_words_and_numbers_that_are_alike():
    point: Point = {"method": "gatys", "style_scale": 1.0, "strength": "own"}
    assert alike(point, {**point, "style_scale": 1.05})
    assert not alike(point, {**point, "style_scale": 1.2})
    assert not alike(point, {**point, "strength": 0.2})
    assert not alike({**point, "strength": 0.5}, {**point, "strength": 0.2})
    assert not alike(point, {"method": "gatys", "style_scale": 1.0})


def test_a_second_look_is_larger_and_longer_but_not_larger_than_the_painting(tmp_path):
    tuning = search(tmp_path, budget=2, size=100, fix={"size": 160})
    recipe = tuning.recipe(Trial(0, tuning.space.start, "complete"))
    assert final_recipe(recipe, 64).size == 128
    assert final_recipe(recipe, 64).iterations == recipe.steps == 60
    assert final_recipe(recipe.replace(iterations=400), 64).iterations == 100
    assert tuning.larger == final_recipe(recipe, 100).size == 160
    tuning.close()


def looked(tuning):
    """Search, and look again; return the orders of the second look, as painted."""
    try:
        assert tuning.run()
    finally:
        tuning.close()
    drafter = tuning._drafter
    assert isinstance(drafter, FakeDrafter)
    return [order for order in drafter.orders if "looks" in order.path.parts]


def test_the_second_look_overrules_a_lucky_draft(tmp_path):
    def outcome(order):
        done = landscape(order)
        lucky = order.recipe.method == "strotss"
        scores = present(done.scores)
        # Small, strotss looks best; large, it is the worst.
        style = 0.05 if lucky and "looks" in order.path.parts else scores.style
        return Outcome("complete", Scores(scores.content, style, scores.faults), seconds=2.0)

    tuning = search(tmp_path, FakeDrafter(outcome), budget=12)
    orders = looked(tuning)
    assert orders[0].point == tuning.space.start
    assert {order.recipe.size for order in orders} == {128}
    assert tuning.chosen["balanced"].point["method"] != "strotss"
    assert max(tuning.trials, key=lambda trial: trial.value).point["method"] == "strotss"
    tuning.finish()
    head, *rows = (tmp_path / "drafts.csv").read_text().splitlines()
    assert "again_balanced" in head.split(",")
    assert len(rows) == 12


def test_the_second_look_is_done_once_and_goes_on_where_it_was_stopped(tmp_path):
    whole = search(tmp_path / "whole", budget=8)
    painted = len(looked(whole))
    assert painted > 2
    drafter = FakeDrafter()

    def dies(order):
        if "looks" in order.path.parts and drafter.calls == 10:
            raise KeyboardInterrupt
        return landscape(order)

    drafter.outcome = dies
    with pytest.raises(KeyboardInterrupt):
        looked(search(tmp_path / "killed", drafter, budget=8))
    resumed = search(tmp_path / "killed", budget=8)
    # One look was settled before the kill.
    assert len(looked(resumed)) == painted - 1
    assert [trial.look for trial in resumed.trials] == [trial.look for trial in whole.trials]
    again = FakeDrafter()
    assert looked(search(tmp_path / "killed", again, budget=8)) == []
    assert again.calls == 0


def test_a_look_that_failed_is_recorded_and_is_no_candidate(tmp_path):
    def outcome(order):
        if "looks" in order.path.parts and order.recipe.method == "strotss":
            return Outcome("failed", note="out of memory", seconds=1.0)
        return landscape(order)

    tuning = search(tmp_path, FakeDrafter(outcome), budget=12)
    looked(tuning)
    failed = [trial for trial in tuning.trials if trial.look is not None and trial.look.scores is None]
    assert failed
    assert all(present(trial.look).note == "out of memory" for trial in failed)
    assert tuning.chosen["balanced"].point["method"] != "strotss"
    assert tuning.unseen == []


def test_what_stops_a_search_stops_its_second_look(tmp_path):
    tuning = search(tmp_path, budget=4)
    try:
        assert not tuning.run(on_draft=lambda trial: trial.look is not None)
        assert sum(trial.look is not None for trial in tuning.trials) == 1
        assert tuning.over
        assert tuning.unseen
        stopped = FakeDrafter(lambda _order: Outcome("stopped"))
        tuning._drafter = stopped  # type: ignore[assignment]
        assert not tuning.run()
        assert stopped.calls == 1
    finally:
        tuning.close()
    assert run(search(tmp_path, budget=4)).trials == tuning.trials
