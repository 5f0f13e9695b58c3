"""The table of methods: every setting of a recipe is somebody's, and nobody else's by accident."""

from pathlib import Path
from typing import get_args

import pytest

from impasto.errors import RecipeError
from impasto.recipe import Recipe, shipped_networks
from impasto.recipe.applicable import foreign
from impasto.recipe.catalogue import METHODS, SHARED, MethodName
from impasto.recipe.shipped_networks import shipped

OTHER = {
    "alpha": 0.5, "passes": 2, "network": "waves", "refine": 3, "iterations": 7, "levels": 2, "init": "noise",
    "style_layers": "relu1_1", "tileable": True, "style_weights": (1, 2), "aspect": 2.0, "encoder": "petite",
    "layer_style_weights": {"relu1_1": (1, 0)}, "tv_weight": 0.5, "region_styles": {"sky": 1}, "keep": ("sky",),
}  # fmt: skip


def test_every_setting_is_somebodys_and_there() -> None:
    owned = {*SHARED}.union(*(method.settings for method in METHODS.values()))
    assert owned == set(Recipe.model_fields)
    for method in METHODS.values():
        assert len(set(method.settings)) == len(method.settings)
        assert not set(method.settings) & set(SHARED)


def test_the_table_and_the_type_name_the_same() -> None:
    assert tuple(METHODS) == get_args(MethodName)
    assert all(name == method.name for name, method in METHODS.items())
    assert Recipe.parse({}).method == "gatys" == next(iter(METHODS))


@pytest.mark.parametrize("method", METHODS)
def test_a_setting_of_another_method_is_named_with_its_owners(method: str) -> None:
    for key, value in OTHER.items():
        values = {"method": method, key: value}
        if key in SHARED or key in METHODS[method].settings:
            assert Recipe.parse(values).method == method
            continue
        with pytest.raises(RecipeError) as caught:
            Recipe.parse(values)
        message = str(caught.value)
        owners = [name for name, each in METHODS.items() if key in each.settings]
        assert message.startswith(f"{key} belongs to {owners[0]}")
        assert all(owner in message for owner in owners)
        assert f"not to {method}" in message
        if METHODS[method].feed_forward:
            assert all(known in message for known in METHODS[method].settings)


@pytest.mark.parametrize("method", [name for name, each in METHODS.items() if each.feed_forward])
def test_refining_lets_the_settings_of_gatys_in(method: str) -> None:
    for key in set(METHODS["gatys"].settings) - {"iterations", "levels", "init", "init_blend", "init_noise"}:
        assert foreign(method, [key], refined=True) == ""
    for key in ("iterations", "levels", "init", "init_blend", "init_noise"):
        assert foreign(method, [key], refined=True).startswith(f"{key}: is what refine decides")
        assert "gatys's settings with refine" in foreign(method, [key], refined=False)


def test_a_value_that_is_the_default_is_nobodys() -> None:
    assert Recipe.parse({"method": "adain", "iterations": "auto", "tv_weight": "auto"}).method == "adain"


def test_recipes_of_before_still_load() -> None:
    old = Recipe.parse({"size": 300}).model_dump(mode="json")
    for key in ("method", "alpha", "passes", "network", "refine"):
        del old[key]
    assert Recipe.parse(old) == Recipe.parse({"size": 300})


@pytest.mark.parametrize("method", METHODS)
def test_recipes_recorded_by_former_defaults_repeat(method: str) -> None:
    recorded = {**Recipe.parse({"method": method}).model_dump(mode="json"), "iterations": 200}
    if "iterations" in METHODS[method].settings:
        assert Recipe.parse(recorded).steps == 200
    else:
        assert Recipe.parse(recorded) == Recipe.parse({"method": method})
        with pytest.raises(RecipeError, match="iterations belongs to"):
            Recipe.parse(recorded | {"iterations": 201})


def test_unknown_methods_name_the_nearest_or_all() -> None:
    with pytest.raises(RecipeError, match="unknown method 'adian'; did you mean 'adain'"):
        Recipe.parse({"method": "adian"})
    with pytest.raises(RecipeError, match=f"unknown method 'x'; choose from {', '.join(METHODS)}"):
        Recipe.parse({"method": "x"})
    with pytest.raises(RecipeError, match="recipe key 'method'"):
        Recipe.parse({"method": ["adain"]})


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a b", "https://example.org/x", "x" * 65, ""])
def test_a_recipe_never_names_a_file_of_a_network(name: str) -> None:
    with pytest.raises(RecipeError, match="network"):
        Recipe.parse({"method": "johnson", "network": name})


def test_networks_ship_under_their_methods_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("johnson-waves", "johnson-a.b", "texture_net-x", "adain-relu4_1"):
        (tmp_path / f"{name}.safetensors").touch()
    (tmp_path / "johnson-notes.txt").touch()
    monkeypatch.setattr(shipped_networks, "FOLDER", tmp_path)
    assert list(shipped("johnson")) == ["a.b", "waves"]
    assert list(shipped("texture_net")) == ["x"]
    assert shipped("wct") == {}
    monkeypatch.setattr(shipped_networks, "FOLDER", tmp_path / "nowhere")
    assert shipped("johnson") == {}


def test_the_total_variation_is_what_the_method_needs_unless_it_is_named() -> None:
    assert Recipe().variation == ("huber", 0.4)
    assert Recipe.parse({"method": "nnst"}).variation == ("vector", 1.5)
    assert Recipe.parse({"tv": "l1"}).variation == ("l1", 1.5)
    assert Recipe.parse({"tv_weight": "3"}).variation == ("huber", 3)
    assert Recipe.parse({"tv_weight": 0}).variation == ("huber", 0)
    decided = Recipe().decided()
    assert (decided.tv, decided.tv_weight, decided.iterations) == ("huber", 0.4, 60)
    assert decided.decided() == decided


@pytest.mark.parametrize("value", [-1, "much", True, "nan", 1e13, None])
def test_a_weight_that_is_neither_a_number_nor_automatic(value: object) -> None:
    with pytest.raises(RecipeError, match="'tv_weight': must be a number from 0 to 1000000000000, or auto"):
        Recipe.parse({"tv_weight": value})


def test_a_recorded_recipe_of_another_method_may_name_the_total_variation_of_before() -> None:
    recorded = Recipe.parse({"method": "adain"}).model_dump(mode="json")
    recorded |= {"tv": "vector", "tv_weight": 1.5, "iterations": 200}
    assert Recipe.parse(recorded).method == "adain"
    assert Recipe.parse(Recipe().model_dump(mode="json") | {"tv": "vector", "tv_weight": 1.5}).variation == (
        "vector",
        1.5,
    )


def test_the_picture_is_a_mean_of_steps_where_the_method_needs_it_unless_it_is_named() -> None:
    assert (Recipe().mean_fraction, Recipe().averaged) == ("auto", 0.5)
    assert Recipe(init="noise").averaged == Recipe(init="file").averaged == Recipe(method="strotss").averaged == 0
    assert Recipe(method="nnst").averaged == 0.5
    assert Recipe.parse({"mean_fraction": "0"}).averaged == 0
    assert Recipe.parse({"init": "noise", "mean_fraction": 1}).averaged == 1
    assert Recipe.parse({"method": "strotss", "mean_fraction": 0.25}).decided().mean_fraction == 0.25
    assert (Recipe().decided().mean_fraction, Recipe(method="mrf").decided().mean_fraction) == (0.5, 0)
    assert [name for name, method in METHODS.items() if method.mean_from_photo] == ["gatys", "nnst"]


def test_steps_of_levels_and_last_steps_are_what_the_method_needs_unless_they_are_named() -> None:
    photo, noise, nnst = Recipe(), Recipe(init="noise"), Recipe(method="nnst")
    assert (photo.step_ratio, photo.finishing_steps) == ("auto", "auto")
    assert [(each.ratio, each.finishing) for each in (photo, noise, nnst)] == [(1, 20), (0.5, 40), (0.5, 40)]
    assert Recipe(method="strotss").ratio == 1
    named = Recipe.parse({"step_ratio": "0.25", "finishing_steps": "0"})
    assert (named.ratio, named.finishing) == (0.25, 0)
    decided = photo.decided()
    assert (decided.step_ratio, decided.finishing_steps) == (1, 20)


@pytest.mark.parametrize("method", METHODS)
def test_recipes_recorded_before_levels_shared_steps_evenly_repeat(method: str) -> None:
    recorded = Recipe.parse({"method": method}).decided().model_dump(mode="json") | {"finishing_steps": 40}
    before = METHODS[method].step_ratio
    del recorded["step_ratio"]
    again = Recipe.parse(recorded)
    assert (again.ratio, again.finishing) == (before, 40)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("step_ratio", -1, "a number from 0 to 16, or auto"),
        ("step_ratio", "even", "a number from 0 to 16, or auto"),
        ("finishing_steps", 1.5, "a whole number from 0 to 1000000, or auto"),
        ("finishing_steps", "all", "a whole number from 0 to 1000000, or auto"),
    ],
)
def test_steps_that_are_neither_a_number_nor_automatic(key: str, value: object, message: str) -> None:
    with pytest.raises(RecipeError, match=f"'{key}': must be {message}"):
        Recipe.parse({key: value})


@pytest.mark.parametrize("method", METHODS)
def test_what_is_automatic_is_decided_for_every_method(method: str) -> None:
    decided = Recipe.parse({"method": method}).decided()
    assert decided.decided() == decided
    wanted = "auto" if METHODS[method].feed_forward else METHODS[method].mean_from_photo
    assert decided.mean_fraction == wanted


@pytest.mark.parametrize("value", [-0.1, 1.1, "half", True, "nan", None])
def test_a_fraction_that_is_neither_a_number_nor_automatic(value: object) -> None:
    with pytest.raises(RecipeError, match="'mean_fraction': must be a number from 0 to 1, or auto"):
        Recipe.parse({"mean_fraction": value})


@pytest.mark.parametrize("method", METHODS)
def test_recipes_recorded_before_there_was_a_mean_have_none(method: str) -> None:
    recorded = Recipe.parse({"method": method}).model_dump(mode="json")
    del recorded["mean_fraction"]
    assert Recipe.parse(recorded).averaged == 0
