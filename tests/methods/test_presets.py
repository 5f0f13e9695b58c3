"""Presets that follow a paper's method paint, with an encoder of their layers."""

import pytest
from torch import Tensor

from impasto import stylize
from impasto.encoders import Vgg
from impasto.recipe import Recipe
from tests.stylize_helpers import finite


@pytest.mark.parametrize("name", ["strotss", "nnst"])
def test_it_paints(tiny_encoder: Vgg, content: Tensor, style: Tensor, name: str) -> None:
    quick = {"size": 64, "iterations": 6, "levels": 2, "precision": "float32"}
    recipe = Recipe.from_preset(name, **quick, finishing_steps=2 if name == "nnst" else 0)
    result = stylize(content, style, recipe, encoder=tiny_encoder)
    assert finite(result)
    assert result.finished
    assert result.recipe.margin == 0
