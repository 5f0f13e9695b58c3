"""What an evaluation says, whatever the metrics: the pair, the encoders, sizes, bad input."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import impasto
from impasto.encoders import Petite, Vgg
from impasto.errors import ImageError, UsageError
from impasto.evaluation import METRICS, Evaluation, Evaluator
from impasto.guides import Regions
from impasto.images import Picture, save

STYLE, CONTENT = "gram_distance/1", "content_features/1"


@pytest.fixture
def evaluator(tiny_encoder: Vgg) -> Evaluator:
    return Evaluator(tiny_encoder, tiny_encoder)


def test_ids_have_a_version_and_values_are_in_their_range(evaluator: Evaluator, content: Any, style: Any) -> None:
    found = evaluator.evaluate(content, content, style)
    assert list(found.values) == list(METRICS)
    for key, value in found.values.items():
        metric = METRICS[key]
        assert key.startswith(metric.name + "/")
        assert int(key.rpartition("/")[2]) >= 1
        assert value is not None or found.reasons[key]
        if value is not None:
            assert metric.range[0] <= value
            assert metric.range[1] is None or value <= metric.range[1]


def test_the_content_itself_and_the_style_itself_are_perfect(evaluator: Evaluator, content: Any, style: Any) -> None:
    assert evaluator.evaluate(content, content, style).values[CONTENT] == pytest.approx(1)
    assert evaluator.evaluate(style, content, style).values[STYLE] == pytest.approx(0, abs=1e-9)


def test_a_warm_evaluator_says_the_same(evaluator: Evaluator, content: Any, style: Any, other_style: Any) -> None:
    first = evaluator.evaluate(content, content, [style, other_style]).to_json()
    assert evaluator.evaluate(content, content, [style, other_style]).to_json() == first
    assert json.loads(first)["encoders"]["first"]["name"] == "vgg19"


def test_a_painted_png_knows_its_inputs(
    paint: Any, content: Any, style: Any, tmp_path: Path, tiny_encoder: Vgg
) -> None:
    path = tmp_path / "out.png"
    pictures = {name: tmp_path / f"{name}.png" for name in ("photo", "painting", "stranger")}
    for seed, (pixels, file) in enumerate(zip((content, style, content.flip(1)), pictures.values(), strict=True)):
        save(Picture(pixels[None].contiguous(), name=f"{seed}"), file)
    paint(pictures["photo"], pictures["painting"]).save(path)
    evaluator = Evaluator(tiny_encoder, tiny_encoder)
    right = evaluator.evaluate(path, pictures["photo"], pictures["painting"])
    assert not any("was painted of" in note for note in right.notes)
    wrong = evaluator.evaluate(path, pictures["stranger"], pictures["painting"])
    assert [note for note in wrong.notes if "stranger.png" in note and "another content" in note]
    assert evaluator.evaluate(path, pictures["photo"], pictures["stranger"]).values[STYLE] is not None


def test_styles_are_compared_at_layers_that_were_not_optimised(
    paint: Any, content: Any, style: Any, tiny_encoder: Vgg
) -> None:
    result = paint(content, style)
    found = Evaluator(tiny_encoder, tiny_encoder).evaluate(result, content, style)
    layers = found.encoders["second"]["layers"]
    assert isinstance(layers, list)
    assert set(layers).isdisjoint({*result.recipe.layers_of_style, *result.recipe.layers_of_content})
    assert layers == ["relu1_2", "relu2_2", "relu3_4", "relu4_4"]


def test_layers_that_were_all_optimised_are_said_to_be(content: Any, style: Any, paint: Any) -> None:
    petite = Petite.embedded()
    result = paint(content, style, encoder=petite)
    found = Evaluator(petite, petite).evaluate(result, content, style, metrics=["gram_distance"])
    assert any("optimised every layer of petite" in note for note in found.notes)
    assert found.encoders["second"]["layers"] == ["relu1_1", "relu2_1", "relu3_1", "relu4_2"]


def test_another_size_is_resized_with_a_notice(
    evaluator: Evaluator, picture: Any, style: Any, notices: list[str]
) -> None:
    found = evaluator.evaluate(picture(48, 64, 1)[0], picture(96, 100, 1)[0], style)
    assert "100x96 px and is stretched to the result's 64x48" in found.notes[0]
    assert notices == list(found.notes)


def test_the_field_s_loose_names_of_layers_are_known(tiny_encoder: Vgg, content: Any, style: Any) -> None:
    loose, exact = (
        Evaluator(tiny_encoder, tiny_encoder, second_layers=layers).evaluate(content, content, style, metrics=[STYLE])
        for layers in (["conv1_2", "conv4_2"], ["relu1_2", "relu4_2"])
    )
    assert loose.to_json() == exact.to_json()


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_constant_pictures_have_every_value(tiny_encoder: Vgg, level: float) -> None:
    flat = torch.full((3, 64, 80), level)
    found = Evaluator(tiny_encoder, tiny_encoder).evaluate(flat, flat, flat)
    assert all(value is not None or key in found.reasons for key, value in found.values.items())
    perfect = {key: METRICS[key].range for key in (CONTENT, STYLE)}
    assert found.values[CONTENT] == pytest.approx(perfect[CONTENT][1])
    assert found.values[STYLE] == pytest.approx(perfect[STYLE][0])


def test_bad_input_is_refused_in_one_line(evaluator: Evaluator, tiny_encoder: Vgg, content: Any, style: Any) -> None:
    broken = Picture(torch.full((1, 3, 40, 40), float("nan")), name="broken.png")
    with pytest.raises(ImageError, match=r"broken\.png: has NaN"):
        evaluator.evaluate(broken, content, style)
    with pytest.raises(ImageError, match="at least 32 px"):
        evaluator.evaluate(content[:, :20], content, style)
    with pytest.raises(UsageError, match="did you mean 'gram_distance'"):
        evaluator.evaluate(content, content, style, metrics=["gram_distanc"])
    regions = Regions(("a", "b"), torch.stack([torch.ones(8, 8), torch.zeros(8, 8)]), (None,))
    with pytest.raises(UsageError, match="a mask for each style"):
        evaluator.evaluate(content, content, [style, style], regions=regions)
    for layers, said in ((["relu9_1"], "unknown layer 'relu9_1'"), ([], "names none")):
        with pytest.raises(UsageError, match=said):
            Evaluator(tiny_encoder, tiny_encoder, second_layers=layers).evaluate(content, content, style)
    with pytest.raises(UsageError, match="at least one style"):
        evaluator.evaluate(content, content, [])
    with pytest.raises(UsageError, match="style_weights"):
        evaluator.evaluate(content, content, style, style_weights=[1, 2])


def test_constant_pictures_have_values(evaluator: Evaluator) -> None:
    for gray in (0.0, 0.5, 1.0):
        flat = torch.full((3, 40, 48), gray)
        found = evaluator.evaluate(flat, flat, flat, maps=True)
        assert found.values[CONTENT] == pytest.approx(1)
        assert found.values[STYLE] == pytest.approx(0, abs=1e-9)
        assert all(bool(each.isfinite().all()) for each in found.maps.values())


def test_a_texture_has_no_content(evaluator: Evaluator, style: Any) -> None:
    found = evaluator.evaluate(style, None, style)
    assert found.values[CONTENT] is None
    assert found.reasons[CONTENT] == "needs a content picture"


def test_the_facade_measures(content: Any, style: Any, tiny_encoder: Vgg) -> None:
    found = impasto.evaluate(content, content, style, encoder=tiny_encoder, second_encoder=tiny_encoder)
    assert isinstance(found, Evaluation)
    assert found.measured_at == (48, 64)
    small = impasto.evaluate(content, content, style, encoder=tiny_encoder, second_encoder=tiny_encoder, size=48)
    assert small.measured_at == (36, 48)
