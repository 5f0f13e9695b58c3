import pytest

from impasto.recipe import Recipe
from impasto.tuning.score import Scores
from impasto.tuning.search import ENOUGH, floor, opening, settled_words, twin
from impasto.tuning.space import ORDER, SCALES, Point, Space
from impasto.tuning.study import Trial
from tests.type_helpers import present


def walk(space, value, most=200):
    """Return the trials of an opening in which a point has the value that `value` says; None is a failure."""
    trials: list[Trial] = []
    while (point := opening(space, trials)) is not None:
        known = value(point)
        scores = None if known is None else Scores(known, known, known)
        trials.append(Trial(len(trials), point, "complete" if scores else "failed", scores, coarse=known))
        assert len(trials) < most
    return trials


def test_the_opening_goes_through_everything_in_the_order_in_which_it_matters():
    space = Space.of(Recipe())
    trials = walk(space, lambda _point: 0.5)
    assert trials[0].point == space.start
    changed = []
    for trial in trials[1:]:
        differing = [name for name in ORDER if trial.point.get(name) != space.start.get(name)]
        changed.append("method" if "method" in differing else differing[0])
        assert len(differing) == 1 or "method" in differing
    order = [name for name in ORDER if name in changed]
    assert changed == sorted(changed, key=order.index)
    assert changed.count("style_scale") == len(SCALES) - 1
    assert changed.count("method") == len(space.methods) - 1


def test_what_was_best_stays_for_all_that_follows():
    def value(point):
        return 0.5 + 0.2 * (point["style_scale"] == 0.71) + 0.2 * (point["method"] == "strotss")

    trials = walk(Space.of(Recipe()), value)
    methods = [trial.point for trial in trials if trial.point["method"] != "gatys"]
    assert all(point["style_scale"] == 0.71 for point in methods)
    after = [trial.point for trial in trials[-4:]]
    assert all(point["method"] == "strotss" for point in after)


def test_nothing_is_painted_twice_and_failures_are_passed_over():
    trials = walk(Space.of(Recipe()), lambda point: None if point["method"] == "nnst" else 0.5)
    points = [tuple(sorted(trial.point.items())) for trial in trials]
    assert len(set(points)) == len(points)
    assert trials[-1].point["method"] == "gatys"


def test_what_is_running_is_not_chosen_again():
    space = Space.of(Recipe())
    first = present(opening(space, []))
    second = present(opening(space, [], [first]))
    assert second != first
    assert opening(space, [], [first, second]) not in (first, second)


def test_a_method_falls_behind_its_own_median():
    def trials(count, method="gatys"):
        return [Trial(n, {"method": method}, "complete", None, coarse=0.1 * n) for n in range(count)]

    assert floor(trials(ENOUGH - 1), "gatys") is None
    assert floor(trials(5), "gatys") == pytest.approx(0.2)
    assert floor(trials(5), "nnst") is None


def test_a_twin_is_the_same_recipe_but_no_failure():
    point: Point = {"style_scale": 1.0, "method": "gatys"}
    failed = Trial(0, point, "failed")
    done = Trial(1, {"method": "gatys", "style_scale": 1.0001}, "complete", Scores(0.5, 0.5, 0.5))
    assert twin([failed], point) is None
    assert twin([failed, done], point) is done
    assert twin([done], {**point, "style_scale": 1.01}) is None


def test_every_second_draw_keeps_the_words_of_the_best():
    space = Space.of(Recipe())
    point = {**space.default("gatys"), "style_scale": 1.3, "color": "match", "strength": 0.35}
    trials = [
        Trial(0, space.start, "complete", Scores(0.4, 0.4, 0.4)),
        Trial(1, point, "complete", Scores(0.6, 0.6, 0.6)),
        Trial(2, space.start, "failed"),
    ]
    kept = settled_words(space, trials[:2])
    assert kept == {"method": "gatys", "layers": "even", "color": "match", "statistic": "covariance"}
    assert settled_words(space, trials) == {}
    assert settled_words(space, []) == {}
