"""The line of methods: names, settings, presets, and what is refused."""

import pytest

from impasto.errors import RecipeError, UsageError
from impasto.series.entrants import parse
from tests.type_helpers import present


def test_methods_have_names_and_settings():
    found = parse("gatys,slow=gatys:iterations=900:tv=l1,wct:alpha=0.7")
    assert [entrant.label for entrant in found] == ["gatys", "slow", "wct:alpha=0.7"]
    assert (found[1].recipe.iterations, found[1].recipe.tv) == (900, "l1")
    assert (found[2].recipe.method, found[2].recipe.alpha) == ("wct", 0.7)


def test_values_with_commas_are_set_apart_by_semicolons():
    found = parse("gatys:style_layers=relu1_1,relu2_1;wct")
    assert list(found[0].recipe.style_layers) == ["relu1_1", "relu2_1"]
    assert found[1].label == "wct"


def test_common_settings_go_to_the_methods_that_have_them():
    gatys, wct = parse("gatys,wct:size=64", {"size": "128", "iterations": "7"})
    assert (gatys.recipe.size, gatys.recipe.iterations, gatys.note) == (128, 7, "")
    assert (wct.recipe.size, wct.note) == (64, "has no iterations")
    with pytest.raises(UsageError, match="gain_max: is a setting of none of the methods"):
        parse("gatys,wct", {"gain_max": "3"})


def test_a_preset_is_for_all_or_for_one():
    draft, fine = parse("gatys,gatys:preset=fine", preset="draft")
    assert draft.recipe.steps < fine.recipe.steps
    (wct,) = parse("wct", preset="draft")
    assert wct.recipe.method == "wct"


def test_a_method_of_one_style_takes_the_network_of_that_name():
    (johnson,) = parse("johnson")
    assert present(johnson.for_style("swirls")).network == "swirls"
    assert johnson.for_style("nobody") is None
    (fixed,) = parse("johnson:network=woodblock")
    assert present(fixed.for_style("nobody")).network == "woodblock"
    (gatys,) = parse("gatys")
    assert gatys.for_style("nobody") is gatys.recipe


@pytest.mark.parametrize(
    ("line", "error", "said"),
    [
        ("gatsy", UsageError, "did you mean 'gatys'"),
        ("gatys,", UsageError, "none of them empty"),
        ("gatys,gatys", UsageError, "is there twice; give one a name: --methods other=gatys"),
        ("portrait", UsageError, "needs landmarks of each face.*--add portrait=DIR"),
        ("doodle", UsageError, "needs masks of each painting"),
        ("wct:alhpa=1", UsageError, "did you mean 'alpha'"),
        ("wct:alpha", UsageError, "settings are KEY=VALUE"),
        ("wct:alpha=1:alpha=0.5", UsageError, "alpha is there twice"),
        ("one=gatys:size=64 two=gatys:size=128", UsageError, "size is there twice.*set methods apart by commas"),
        ("wct:alpha=7", RecipeError, "--methods wct:alpha=7"),
        ("wct:iterations=7", RecipeError, "iterations belongs to"),
        ("gatys:preset=nothing", UsageError, "nothing"),
    ],
)
def test_refusals(line, error, said):
    with pytest.raises(error, match=said):
        parse(line)
