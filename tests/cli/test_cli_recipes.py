"""Options from the recipe, and the recipe from pictures, presets and JSON."""

import json
from pathlib import Path

import pytest
import typer

from impasto.cli import app as tree
from impasto.cli import options
from impasto.cli.paint import app as paint_app
from impasto.recipe import Recipe, list_presets, spell
from tests.cli.cli_helpers import SMALL, draw
from tests.type_helpers import present


@pytest.fixture(scope="module")
def parameters():
    return {parameter.name: parameter for parameter in typer.main.get_command(paint_app).params}


@pytest.mark.parametrize("key", [key for key in Recipe.model_fields if key != "version"])
def test_every_field_has_its_option(parameters, key):
    field, option = Recipe.model_fields[key], parameters[key]
    assert option.opts == ["--" + key.replace("_", "-")]
    # None means "not given": the recipe's own default is then the only one there is.
    assert option.default is None
    assert present(field.description)[1:] in option.help.replace("\\[", "[")
    default = spell(field.get_default())
    assert f"(default {default})" in option.help or default == ""
    assert Recipe.parse({key: default} if default else {}) == Recipe.parse({})
    for choice in options.choices(key):
        assert choice in option.metavar.split("|")


def test_no_option_takes_a_fields_word_for_something_else(parameters):
    names = [name for parameter in parameters.values() for name in parameter.opts]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("key", options.SETTINGS)
def test_each_option_reaches_its_field(key):
    other = {
        "encoder": "petite",
        "style_weights": "0.25,0.75",
        "content_layers": "relu3_1=0.5",
        "protect_layers": "relu2_1=0.5",
        "style_layers": "relu3_1=0.5",
        "schedule": "linear",
        "iterations": "40",
        "layer_style_weights": "relu1_1=0:1",
        "statistics": "gram,histogram=0.5",
        "network": "waves",
        "patch_layers": "relu3_1=0.5",
        "patch_size": "5",
        "patch_stride": "2",
        "gain_layers": "relu3_1=0.5",
        "gain_max": "2",
        "gain_regions": "face",
        "neighbor_layers": "relu3_1=0.5",
        "hypercolumn_layers": "relu3_1=0.5",
        "strength": "0.5",
        "step_ratio": "0.25",
        "finishing_steps": "7",
        "mean_fraction": "0.25",
        "tv_weight": "2",
        "feather": "0.25",
    }
    default = Recipe.model_fields[key].get_default()
    choices = [choice for choice in options.choices(key) if choice != default]
    if key in other or choices:
        value = other.get(key) or choices[0]
    else:
        value = spell(default // 2 if isinstance(default, int) else default / 2) if default else "1"
    owners = {"alpha": "wct", "passes": "wct", "network": "johnson", "refine": "adain", "detail": "nnst_fast"}
    method = owners.get(key, "gatys")
    prefixes = {"patch_": "mrf", "semantic_": "doodle", "gain": "portrait", "neighbor_": "nnst", "quarter_": "nnst"}
    prefixes |= {"content_fraction": "nnst", "hypercolumn_": "strotss"}
    method = next((own for prefix, own in prefixes.items() if key.startswith(prefix)), method)
    plain = Recipe.parse({"method": method})
    changed = options.parse({"method": method}, {key: value})
    assert getattr(changed, key) != default
    assert {name for name in Recipe.model_fields if getattr(changed, name) != getattr(plain, name)} == {key}


def test_summaries_are_those_of_the_commands():
    import importlib

    for name, (where, summary) in tree.COMMANDS.items():
        module, _, attribute = where.partition(":")
        command = typer.main.get_command(getattr(importlib.import_module(module), attribute))
        assert present(command.help).split("\n")[0] == summary, name


def test_painting_again_from_a_picture_is_bit_identical(run, paint, photo, style):
    first = paint("-o", "first.png", "--init", "blend", "--seed", "11", "--style-scale", "0.7", "--tv", "l1")
    assert first.status == 0
    again = run("paint", photo, "--style", style, "--recipe", "first.png", "-o", "again.png")
    assert again.status == 0
    assert "note" not in again.err
    assert Path("again.png").read_bytes() == Path("first.png").read_bytes()
    other = run("paint", photo, "--style", style, "--recipe", "first.png", "--seed", "12", "-o", "other.png")
    assert other.status == 0
    assert Path("other.png").read_bytes() != Path("first.png").read_bytes()


def test_painting_again_from_what_show_prints(run, paint, photo, style):
    paint("-o", "first.png")
    Path("recipe.json").write_text(run("show", "first.png", "--json").out)
    assert run("paint", photo, "--style", style, "--recipe", "recipe.json", "-o", "again.png").status == 0
    assert Path("again.png").read_bytes() == Path("first.png").read_bytes()


def test_other_inputs_and_weights_are_told(run, paint, photo, style, encoder_bytes):
    from safetensors.torch import load, save

    paint("-o", "first.png")
    other = draw("other.png", 5)
    told = run("paint", other, "--style", style, "--recipe", "first.png", "-o", "again.png")
    assert told.status == 0
    assert told.err.count("another content") == 1
    assert "another style" not in told.err
    tensors = {key: value * 1.01 for key, value in load(encoder_bytes).items()}
    Path("w.safetensors").write_bytes(save(tensors, metadata={"architecture": "petite"}))
    told = run("paint", photo, "--style", style, "--recipe", "first.png", "-o", "b.png", "--encoder", "w.safetensors")
    assert told.status == 0
    assert told.err.count("other weights") == 1


def test_a_start_from_a_file_asks_for_the_file_again(run, paint, photo, style):
    start = draw("start.png", 4)
    paint("-o", "first.png", "--init", start)
    refused = run("paint", photo, "--style", style, "--recipe", "first.png", "-o", "again.png")
    assert (refused.status, "--init" in refused.error) == (2, True)
    again = run("paint", photo, "--style", style, "--recipe", "first.png", "--init", start, "-o", "again.png")
    assert again.status == 0
    assert Path("again.png").read_bytes() == Path("first.png").read_bytes()


def test_options_go_over_a_preset(paint):
    plan = paint("--dry-run", "--json", "--preset", "cs229", "--seed", "3").json["recipe"]
    assert (plan["normalization"], plan["solver"], plan["seed"]) == ("gatys", "adam", 3)
    # SMALL says two iterations, which goes over the preset's.
    assert plan["iterations"] == 2


def test_json_recipe(run, photo, style):
    Path("r.json").write_text("\ufeff" + json.dumps({"size": 40, "seed": 5}), encoding="utf-8")
    outcome = run("paint", photo, "--style", style, "--recipe", "r.json", *SMALL[2:], "--dry-run", "--json")
    assert (outcome.json["recipe"]["size"], outcome.json["recipe"]["seed"]) == (40, 5)


def test_show(run, paint):
    paint("-o", "out.png", "--seed", "21")
    text = run("show", "out.png").out
    assert "  seed: 21\n" in text
    assert "content: sha256 " in text
    found = run("show", "out.png", "--json")
    assert found.raw.count(b"\n") == 1
    assert found.json["recipe"]["seed"] == 21


def test_presets(run):
    text = run("presets").out
    for name, description in list_presets().items():
        assert f"{name} " in text
        assert description in text
    assert run("presets", "--json").json == list_presets()
    assert "learning_rate_end  1\n" in run("presets", "cs229").out


def test_recipe(run):
    assert Recipe.parse(run("recipe").raw) == Recipe.parse({})
    assert Recipe.parse(run("recipe", "--preset", "gatys").raw) == Recipe.from_preset("gatys")
    schema = run("recipe", "--schema").json
    assert set(schema["properties"]) == set(Recipe.model_fields)
