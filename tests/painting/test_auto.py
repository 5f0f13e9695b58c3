"""What is chosen by a look at the pictures: the rule as it was fitted, what stays, and what can be chosen at all."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from impasto.errors import UsageError
from impasto.images import Picture
from impasto.painting import auto
from impasto.painting.auto import Facts
from impasto.recipe import Recipe
from tests.script_helpers import load_script

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


# The rule.


def test_the_rule_is_the_one_that_the_data_give(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    rule = load_script(BENCHMARKS / "auto_rule.py")
    mean, deviation, average, slopes = rule.fit(rule.read())
    assert pytest.approx(mean, abs=1e-4) == auto.MEANS
    assert pytest.approx(deviation, abs=1e-4) == auto.DEVIATIONS
    assert tuple(auto.EXPECTED) == rule.METHODS
    for number, line in enumerate(auto.EXPECTED.values()):
        assert line.mean == pytest.approx(average[number], abs=1e-4)
        assert line.slopes == pytest.approx(slopes[:, number], abs=1e-4)


@pytest.mark.parametrize("group", ["painting", "photograph"])
def test_choices_for_pairs_that_it_did_not_see_are_better_than_always_the_same(
    group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    rule = load_script(BENCHMARKS / "auto_rule.py")
    rows = rule.read()
    scores, expected = rule.numbers(rows, rule.METHODS), rule.held_out(rows, group)
    chosen = scores[range(len(rows)), rule.choices(expected)]
    assert chosen.mean() > scores[:, 0].mean()
    assert (chosen > scores[:, 0]).sum() >= 2 * (chosen < scores[:, 0]).sum()


def test_another_method_has_to_be_clearly_better() -> None:
    near = 0.7 + auto.ADVANTAGE / 2
    assert auto.best({"gatys": 0.7, "reshuffle": near}) == "gatys"
    assert auto.best({"gatys": 0.7, "reshuffle": 0.7 + 2 * auto.ADVANTAGE}) == "reshuffle"
    assert auto.best({"reshuffle": 0.5}) == "reshuffle"


def test_where_there_is_a_face_gatys_is_taken_with_a_strength_that_leaves_it(
    content: Tensor, style: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auto, "expected", lambda method, _: {"gatys": 0.4, "reshuffle": 0.8}[method])
    chosen = auto.choose(content, style, Recipe.parse({"size": 80})).recipe
    assert (chosen.method, chosen.alpha, chosen.strength) == ("reshuffle", 1.0, "off")
    monkeypatch.setattr("impasto.landmarks.detect.find", lambda _: (0, 0, 9, 9))
    monkeypatch.setattr(auto, "_kept", lambda *_: 0.8)
    chosen = auto.choose(content, style, Recipe.parse({"size": 80})).recipe
    assert (chosen.method, chosen.wanted_strength) == ("gatys", auto.STRENGTH_OF_FACES)


def test_facts_at_their_means_are_worth_the_mean() -> None:
    facts = Facts(*auto.MEANS)
    for name, line in auto.EXPECTED.items():
        assert auto.expected(name, facts) == pytest.approx(line.mean)
    more = Facts(auto.MEANS[0] + auto.DEVIATIONS[0], *auto.MEANS[1:])
    line = auto.EXPECTED["gatys"]
    assert auto.expected("gatys", more) == pytest.approx(line.mean + line.slopes[0])
    # Beyond two standard deviations nothing was learnt.
    far, farther = (Facts(*auto.MEANS[:2], auto.MEANS[2] + many * auto.DEVIATIONS[2]) for many in (2, 9))
    assert auto.expected("reshuffle", far) == auto.expected("reshuffle", farther)


def test_facts_of_pictures_by_hand() -> None:
    gray, ramp = torch.full((1, 3, 32, 32), 0.5), torch.linspace(0, 1, 32).expand(1, 3, 32, 32)
    alike = auto.look(Picture(gray), [Picture(gray)])
    assert (alike.style_detail, alike.photo_flat, alike.style_distance) == pytest.approx((0.0, 1.0, 0.0), abs=1e-6)
    other = auto.look(Picture(gray), [Picture(ramp)])
    assert other.style_detail > 0.02
    assert 0 < other.style_distance <= 1
    # Of several paintings, the mean.
    both = auto.look(Picture(gray), [Picture(gray), Picture(ramp)])
    assert both.style_detail == pytest.approx(other.style_detail / 2)
    assert both.style_distance == pytest.approx(other.style_distance / 2)


# What is chosen.


def test_the_recipe_says_what_was_chosen(content: Tensor, style: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auto, "_kept", lambda *_: 0.7)
    choice = auto.choose(content, style, Recipe.parse({"size": 80}))
    assert choice.recipe.method in auto.EXPECTED
    assert choice.recipe.wanted_strength == auto.STRENGTH
    assert choice.recipe.style_scale == pytest.approx(0.7)  # the painting has 56 px, and is not enlarged
    assert choice.hard == (choice.expected < auto.HARD)
    for word in (choice.recipe.method, "strength 0.4", "style scale 0.7"):
        assert word in choice.reason
    assert len(choice.reason.splitlines()) == 1
    assert Recipe.parse(choice.recipe.to_json()) == choice.recipe


def test_a_strength_never_takes_more_of_the_photograph_than_the_default(
    content: Tensor, style: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kept, strength in ((0.5, auto.STRENGTH), (0.9, None)):
        monkeypatch.setattr(auto, "_kept", lambda *_, kept=kept: kept)
        assert auto.choose(content, style, Recipe.parse({"size": 80})).recipe.wanted_strength == strength


def test_a_draft_with_more_weight_keeps_more(content: Tensor, style: Tensor) -> None:
    photo, paintings = Picture(content[None]), [Picture(style[None])]
    low, high = (auto._kept(photo, paintings, Recipe.parse({"size": 64, "content_weight": w})) for w in (0.01, 100.0))
    assert 0 < low < high - 0.05
    assert high <= 1


def test_what_is_fixed_stays(content: Tensor, style: Tensor) -> None:
    recipe = Recipe.parse({"size": 80, "method": "nnst", "strength": 0.9, "style_scale": 2.0})
    choice = auto.choose(content, style, recipe, fixed=["method", "strength", "style_scale"])
    assert choice.recipe == recipe
    weighed = Recipe.parse({"size": 80, "method": "gatys", "content_weight": 3.0})
    chosen = auto.choose(content, style, weighed, fixed=["method", "content_weight"]).recipe
    assert (chosen.content_weight, chosen.strength) == (3.0, "off")
    network = Recipe.parse({"size": 64, "method": "johnson"})
    assert auto.choose(content, style, network, fixed=["method"]).recipe == network


@pytest.mark.parametrize("settings", [{"statistics": {"mean_std": 1.0}}, {"tileable": True}, {"size": 2048}])
def test_only_what_knows_the_settings_is_chosen(settings: dict[str, object], content: Tensor, style: Tensor) -> None:
    assert auto.choose(content, style, Recipe.parse(settings)).recipe.method == "gatys"


@pytest.mark.parametrize(
    "settings",
    [{"region_scales": {"sky": 0.5}}, {"region_weights": {"sky": 2}}, {"keep": ["sky"]}, {"init": "file"}],
)
def test_settings_of_masks_and_beginnings_are_no_hindrance(
    settings: dict[str, object], content: Tensor, style: Tensor
) -> None:
    recipe = Recipe.parse({"size": 64, **settings})
    chosen = auto.choose(content, style, recipe, fixed=[*settings]).recipe
    assert all(getattr(chosen, name) == getattr(recipe, name) for name in settings)


def test_there_must_be_something_to_look_at(content: Tensor, style: Tensor) -> None:
    with pytest.raises(UsageError, match="auto looks at a photograph and a painting"):
        auto.choose(None, style)
    with pytest.raises(UsageError, match="auto looks at a photograph and a painting"):
        auto.choose(content, [])


def test_protection_of_a_face_is_offered_where_the_method_knows_it() -> None:
    facts = Facts(0.0, 0.0, 0.0)
    for method, face, offered in (("gatys", True, True), ("gatys", False, False), ("strotss", True, False)):
        reason = auto._reason(Recipe.parse({"method": method}), facts, 0.8, {"method": method}, face=face)
        assert ("--protect faces" in reason) is offered
    protecting = Recipe.parse({"protect": "faces"})
    assert "--protect faces" not in auto._reason(protecting, facts, 0.8, {"method": "gatys"}, face=True)
