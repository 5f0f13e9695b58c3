import tomllib

import pytest

from impasto.errors import InputError, RecipeError
from impasto.recipe import Recipe, list_presets, load_preset, read_preset, write_preset

RECIPES = [
    Recipe(),
    Recipe(method="strotss", style_scale=0.71, color="match", content_weight=1e-3),
    Recipe(style_layers={"relu1_1": 0.25, "relu3_1": 0.75}, statistics={"gram": 1, "histogram": 0.1}, tileable=True),
    Recipe(style_weights=(1, 2.5), region_weights={"sky": 2, "#ff0000": 1}, layer_style_weights={"relu1_1": (0, 1)}),
]


@pytest.mark.parametrize("recipe", RECIPES)
def test_what_is_written_is_read(tmp_path, recipe):
    path = tmp_path / "own.toml"
    path.write_text(write_preset("for a test", recipe), "utf-8")
    assert Recipe.parse(read_preset(path)) == recipe


@pytest.mark.parametrize("name", list_presets())
def test_shipped_presets_are_written_as_they_are_read(tmp_path, name):
    path = tmp_path / f"{name}.toml"
    path.write_text(write_preset("again", Recipe.from_preset(name)), "utf-8")
    assert Recipe.parse(read_preset(path)) == Recipe.parse(load_preset(name))


@pytest.mark.parametrize(
    "words", ['of "a\\b".jpg', "two\nlines", "colour \x7f \u00e9 \u65e5", "undecodable \udcff", ""]
)
def test_any_description_is_proper_toml(words):
    assert isinstance(tomllib.loads(write_preset(words, Recipe()))["description"], str)


def test_what_is_no_preset_is_refused(tmp_path):
    path = tmp_path / "own.toml"
    with pytest.raises(InputError, match=r"own\.toml: cannot be read"):
        read_preset(path)
    for text, message in (
        ("[recipe", "is not proper TOML"),
        ("size = 3", r"has no \[recipe\]"),
        ("[recipe]\nsiz = 3", "did you mean 'size'"),
        ("[recipe]\nsize = 'large'", "size"),
        ("x = " + "[" * 5000, "TOML"),
        ("#" * (1 << 20) + "\n", "at most"),
    ):
        path.write_text(text)
        with pytest.raises(RecipeError, match=message):
            read_preset(path)
