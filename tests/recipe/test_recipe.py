"""Recipes: defaults, presets, round trips, and row 36 of the faults: whatever a stranger's recipe holds."""

import json
import math
import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from impasto.encoders import LAYERS
from impasto.errors import RecipeError
from impasto.recipe import MAX_JSON_BYTES, Recipe, list_presets, load_preset
from impasto.recipe.catalogue import METHODS

FIELDS = list(Recipe.model_fields)


def refused(values: object) -> str:
    """The message with which these values are refused: one line, of bounded length."""
    with pytest.raises(RecipeError) as caught:
        Recipe.parse(values)  # type: ignore[arg-type]
    message = str(caught.value)
    assert caught.value.exit_code == 2
    assert "\n" not in message
    assert 0 < len(message) < 1200
    return message


@pytest.mark.parametrize("preset", ["draft", "standard", "fine"])
@pytest.mark.parametrize("method", [name for name, method in METHODS.items() if method.optimizes])
def test_qualities_go_with_every_method_that_optimizes(preset: str, method: str) -> None:
    assert Recipe.from_preset(preset, method=method).method == method


def test_defaults_are_valid_and_judge_by_the_papers_layers() -> None:
    recipe = Recipe.parse({})
    assert recipe == Recipe()
    assert list(recipe.content_layers) == ["relu4_2"]
    assert list(recipe.style_layers) == ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]
    assert math.fsum(recipe.style_layers.values()) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"size": "large"}, "size"),
        ({"size": 3.5}, "size"),
        ({"size": 1e308}, "size"),
        ({"size": 10**400}, "size"),
        ({"size": -1}, "size"),
        ({"size": None}, "size"),
        ({"size": []}, "size"),
        ({"iterations": math.nan}, "iterations"),
        ({"iterations": "12; rm"}, "iterations"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**63}, "seed"),
        ({"content_weight": 1e308}, "content_weight"),
        ({"content_weight": math.inf}, "content_weight"),
        ({"content_weight": "nan"}, "content_weight"),
        ({"style_weight": -1}, "style_weight"),
        ({"tv_weight": math.nan}, "tv_weight"),
        ({"tv": "l3"}, "tv"),
        ({"style_scale": math.nan}, "style_scale"),
        ({"style_scale": math.inf}, "style_scale"),
        ({"style_scale": 0}, "style_scale"),
        ({"init_blend": math.nan}, "init_blend"),
        ({"init_blend": 1.5}, "init_blend"),
        ({"learning_rate": math.nan}, "learning_rate"),
        ({"learning_rate_end": 0}, "learning_rate_end"),
        ({"style_weights": [1, math.nan]}, "style_weights"),
        ({"style_weights": [1] * 65}, "style_weights"),
        ({"style_weights": {"a": 1}}, "style_weights"),
        ({"style_layers": {"relu9_1": 1}}, "style_layers"),
        ({"style_layers": {"relu1_1": math.nan}}, "style_layers"),
        ({"style_layers": {"relu1_1": "x" * 10_000}}, "style_layers"),
        ({"style_layers": {"x" * 10_000: 1}}, "style_layers"),
        ({"style_layers": 7}, "style_layers"),
        ({"content_layers": "pool4"}, "content_layers"),
        ({"content_layers": {1: 1}}, "content_layers"),
        ({"content_layers": {"relu4_2": {"a": 1}}}, "content_layers"),
        ({"encoder": "/etc/passwd"}, "encoder"),
        ({"encoder": "../vgg19"}, "encoder"),
        ({"encoder": "https://example.org/vgg19"}, "encoder"),
        ({"encoder": "vgg19\n"}, "encoder"),
        ({"encoder": 19}, "encoder"),
        ({"encoder": "x" * 100_000}, "encoder"),
        ({"precision": "float16"}, "precision"),
        ({"levels": 13}, "levels"),
        ({"history": 0}, "history"),
    ],
)
def test_wrong_values_are_named(values: dict[str, object], key: str) -> None:
    message = refused(values)
    assert f"'{key}" in message


def test_deep_values_for_every_key() -> None:
    # What json.loads lets through may still be too deep for whoever prints it.
    for depth in (10, 200, 900, 985):
        for text in ("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth):
            for key in ("size", "version", "style_layers", "style_weights", "encoder", "tv"):
                refused(f'{{"{key}": {text}}}')


def test_json_too_deep_or_too_long_is_refused_quickly() -> None:
    began = time.monotonic()
    refused("[" * 100_000)
    refused('{"size":' * 50_000)
    assert str(MAX_JSON_BYTES) in refused(" " * (MAX_JSON_BYTES + 1))
    refused(json.dumps({"style_weights": [1] * 300_000}))
    refused(json.dumps({f"key{n}": n for n in range(50_000)}))
    refused(json.dumps({"style_layers": {f"relu{n}": n for n in range(50_000)}}))
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", "null", '"size"', "{'size': 3}", b"\xff\xfe\x00", b"\x00" * 9, "NaN"]
)
def test_what_is_not_a_json_object_is_refused(text: str | bytes) -> None:
    assert "recipe" in refused(text)


@pytest.mark.parametrize(
    ("recipe", "name"),
    [
        ('{"size": 100, "seed": 1, "size": 200}', "size"),
        ('{"style_layers": {"relu1_1": 1, "relu1_1": 2}}', "relu1_1"),
        ({"style_layers": "relu1_1=1,relu2_1=1,relu1_1=2"}, "relu1_1"),
        ({"style_layers": ["relu1_1", "conv1_1"]}, "relu1_1"),
        ({"style_layers": {"relu1_1": 1, "conv1_1": 2}}, "relu1_1"),
        ({"statistics": "gram=1,mean=1,gram=2"}, "gram"),
        ({"layer_style_weights": "relu1_1=0:1,relu1_1=1:0"}, "relu1_1"),
        ({"region_weights": "sky=1,sky"}, "sky"),
    ],
)
def test_a_name_that_is_there_twice_is_refused(recipe: object, name: str) -> None:
    assert f"{name} is there twice; name it once" in refused(recipe)


def test_huge_numbers_in_json() -> None:
    for number in ("1e308", "1e999", "-1e999", "NaN", "Infinity", "9" * 4000, "9" * 100_000):
        refused(f'{{"size": {number}}}')
        refused(f'{{"content_weight": {number}}}')
        refused(f'{{"style_layers": {{"relu1_1": {number}}}}}')


@pytest.mark.parametrize("version", [0, 2, "2", "latest", None, [1], {"a": 1}, "9" * 10_000])
def test_unknown_versions_say_what_is_known(version: object) -> None:
    message = refused({"version": version})
    assert "version" in message
    assert "1" in message


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("itterations", "iterations"),
        ("content-weight", "content_weight"),
        ("styleweight", "style_weight"),
        ("normalizaton", "normalization"),
        ("sed", "seed"),
        ("learningrate", "learning_rate"),
    ],
)
def test_unknown_keys_name_the_nearest(key: str, near: str) -> None:
    assert f"did you mean '{near}'?" in refused({key: 1})


def test_unknown_keys_without_a_near_one_list_them_all() -> None:
    message = refused({"zzz": 1})
    assert all(field in message for field in FIELDS)
    assert len(refused({"z" * 100_000: 1})) < 1200
    refused({"a\nb": 1})
    refused({"": 1})


@given(
    st.sampled_from(FIELDS),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
        max_leaves=10,
    ),
)
@example("size", 16)
def test_any_value_is_taken_or_refused_in_one_line(key: str, value: object) -> None:
    try:
        recipe = Recipe.parse({key: value})
    except RecipeError:
        refused({key: value})
    else:
        assert Recipe.parse(recipe.to_json()) == recipe


@given(st.text(max_size=40) | st.binary(max_size=40))
def test_any_text_is_taken_or_refused(text: str | bytes) -> None:
    try:
        recipe = Recipe.parse(text)
    except RecipeError:
        refused(text)
    else:
        assert recipe == Recipe()


def test_frozen() -> None:
    recipe = Recipe.parse({})
    with pytest.raises(ValidationError, match="frozen"):
        recipe.size = 3  # type: ignore[misc]
    changed = recipe.replace(size=100)
    assert (recipe.size, changed.size) == (512, 100)
    assert changed.replace(size=512) == recipe


def test_recipes_share_nothing_that_can_change() -> None:
    one = Recipe.parse({})
    one.style_layers["relu5_4"] = 9.0
    assert "relu5_4" not in Recipe.parse({}).style_layers
    layers = {"relu1_1": 1.0}
    other = Recipe.parse({"style_layers": layers})
    layers["relu2_1"] = 1.0
    assert list(other.style_layers) == ["relu1_1"]


def test_replace_refuses_like_parse() -> None:
    with pytest.raises(RecipeError, match="did you mean 'size'"):
        Recipe().replace(sise=3)
    with pytest.raises(RecipeError, match="'size'"):
        Recipe().replace(size="big")


weight = st.floats(0, 1e12, allow_nan=False)
layers = st.dictionaries(st.sampled_from(LAYERS), weight, min_size=1, max_size=5)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "size": st.integers(16, 65_536),
            "style_weights": st.lists(weight, max_size=5).filter(lambda w: not w or sum(w) > 0),
            "content_layers": layers,
            "style_layers": layers,
            "content_weight": weight,
            "tv_weight": weight,
            "tv": st.sampled_from(["l1", "l2", "vector", "huber"]),
            "init": st.sampled_from(["content", "noise", "blend", "style", "file"]),
            "learning_rate": st.floats(1e-6, 255),
            "seed": st.integers(0, 2**63 - 1),
            "encoder": st.sampled_from(["auto", "petite", "vgg19", "0" * 64]),
        },
    )
)
def test_json_round_trip(values: dict[str, object]) -> None:
    recipe = Recipe.parse(values)
    text = recipe.to_json()
    assert Recipe.parse(text) == recipe
    assert Recipe.parse(text.encode()) == recipe
    assert Recipe.parse(recipe.model_dump()) == recipe
    assert Recipe.parse(text).to_json() == text
    assert set(json.loads(text)) == set(FIELDS)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("relu4_2", {"relu4_2": 1.0}),
        ("conv4_2", {"relu4_2": 1.0}),
        ("relu1_1=0.5,relu2_1=2", {"relu1_1": 0.5, "relu2_1": 2.0}),
        ("relu1_1=0.5 conv2_1", {"relu1_1": 0.5, "relu2_1": 1.0}),
        (["conv1_1", "relu3_4=3"], {"relu1_1": 1.0, "relu3_4": 3.0}),
        ({"conv5_1": 2}, {"relu5_1": 2.0}),
    ],
)
def test_ways_to_write_layers(written: object, meant: dict[str, float]) -> None:
    assert Recipe.parse({"content_layers": written}).content_layers == meant


@pytest.mark.parametrize("layer", LAYERS)
def test_every_layer_of_the_encoder_is_a_layer_of_the_recipe(layer: str) -> None:
    assert Recipe.parse({"style_layers": layer}).style_layers == {layer: 1.0}


def test_ways_to_write_style_weights() -> None:
    for written in ("1,2.5", "1 2.5", [1, 2.5], ("1", "2.5")):
        assert Recipe.parse({"style_weights": written}).style_weights == (1.0, 2.5)
    assert Recipe.parse({"style_weights": ""}).style_weights == ()


def test_settings_that_mean_nothing_are_refused() -> None:
    assert "both empty" in refused({"content_layers": {}, "style_layers": {}})
    assert "all zero" in refused({"style_weights": [0, 0]})
    assert Recipe.parse({"content_layers": {}}).content_layers == {}


def test_every_preset_parses_and_says_what_it_is() -> None:
    found = list_presets()
    assert list(found) == sorted(found)
    assert {"cs229", "gatys", "johnson", "zhao"} <= set(found)
    for name, description in found.items():
        assert 20 < len(description) < 200
        recipe = Recipe.from_preset(name)
        assert all(getattr(recipe, key) is not None for key in load_preset(name))
        assert Recipe.parse(recipe.to_json()) == recipe


def test_preset_under_overrides_over_defaults() -> None:
    recipe = Recipe.from_preset("cs229", iterations=400)
    assert (recipe.iterations, recipe.learning_rate, recipe.seed) == (400, 10.0, 0)
    assert Recipe.from_preset() == Recipe()


def test_unknown_presets_name_the_nearest() -> None:
    with pytest.raises(RecipeError, match=r"unknown preset 'cs22'; did you mean 'cs229'\?"):
        Recipe.from_preset("cs22")
    with pytest.raises(RecipeError, match="unknown preset"):
        Recipe.from_preset("../presets/cs229")


def test_cs229_is_table_1() -> None:
    recipe = Recipe.from_preset("cs229")
    assert (recipe.content_weight, recipe.style_weight, recipe.tv_weight) == (1e-4, 1.0, 1e-5)
    assert recipe.tv == "l1"
    assert recipe.content_layers == {"relu4_2": 1.0}
    assert recipe.style_layers == dict.fromkeys(("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"), 0.2)
    assert (recipe.solver, recipe.schedule) == ("adam", "linear")
    assert (recipe.learning_rate, recipe.learning_rate_end, recipe.iterations) == (10.0, 1.0, 1000)
    assert (recipe.init, recipe.levels, recipe.pooling) == ("noise", 1, "average")
    assert recipe.style_fit == "crop"
    assert recipe.normalization == "gatys"


def test_other_presets_are_their_programs() -> None:
    # methods.md section 1.
    johnson = Recipe.from_preset("johnson")
    assert (johnson.content_weight, johnson.style_weight, johnson.pooling) == (5.0, 100.0, "max")
    assert set(johnson.style_layers.values()) == {1.0}
    zhao = Recipe.from_preset("zhao")
    assert list(zhao.style_layers.values()) == [0.5, 1.0, 1.5, 3.0, 4.0]
    assert (zhao.content_weight, zhao.learning_rate, zhao.iterations, zhao.init_blend) == (1e-3, 2.0, 300, 0.6)
    gatys = Recipe.from_preset("gatys")
    assert (gatys.solver, gatys.init, gatys.content_weight) == ("lbfgs", "noise", 1e-4)


def test_schema_describes_every_field() -> None:
    schema = Recipe.model_json_schema()
    json.dumps(schema)
    assert set(schema["properties"]) == set(FIELDS)
    for name, entry in schema["properties"].items():
        description = entry.get("description", "")
        assert len(description) > 5, name
        assert "default" in entry, name
        assert "\n" not in description
    assert schema["additionalProperties"] is False


def test_defaults_hold_no_path_and_no_secret_state() -> None:
    assert not re.search(r"[/\\]", Recipe().to_json())


def test_the_presets_of_strotss_and_nnst_are_the_papers_layers_and_steps() -> None:
    # methods.md section 11: taps of torchvision's VGG-16, by their names.
    strotss, nnst = (Recipe.from_preset(name) for name in ("strotss", "nnst"))
    taps = ["relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_2", "relu3_3", "relu4_3", "relu5_3"]
    assert list(strotss.hypercolumn_layers) == taps
    assert (strotss.encoder, strotss.levels, strotss.iterations, strotss.learning_rate) == ("vgg16", 4, 1000, 0.51)
    assert list(nnst.neighbor_layers) == [*taps[:7], "relu4_1", "relu4_2", "relu4_3"]
    assert (nnst.encoder, nnst.content_fraction, nnst.quarter_turns, nnst.finishing_steps) == ("vgg16", 0.75, 3, 200)


def test_steps_are_as_many_as_a_method_needs_unless_named() -> None:
    assert (Recipe().iterations, Recipe().steps, Recipe(iterations=0).steps) == ("auto", 60, 0)
    assert Recipe.parse({"iterations": " 7"}).steps == 7
    assert Recipe(init="noise").steps == Recipe(method="strotss").steps == 200, "neither is as far from the start"


@pytest.mark.parametrize("steps", ["many", "", -1, 1.5, True, None, 1_000_001, math.inf, math.nan, "9" * 5000])
def test_steps_that_are_no_number_of_steps_are_refused(steps: object) -> None:
    with pytest.raises(RecipeError, match=r"iterations.*must be a whole number from 0 to 1000000, or auto"):
        Recipe.parse({"iterations": steps})
