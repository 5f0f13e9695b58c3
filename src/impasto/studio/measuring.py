"""What the inspector does to measure a finished painting."""

import json
from pathlib import Path
from typing import Any

from impasto import files
from impasto.evaluation import METRICS, evaluate
from impasto.recipe import Recipe
from impasto.studio.figures import arrange
from impasto.studio.order import Order, inputs
from impasto.studio.plain_words import plain


def evaluated(order: dict[str, Any], path: str, out: str) -> dict[str, Any]:
    """Compare the painting at `path` with what it was made of, and keep what was found in `out`."""
    recipe = Recipe.parse(order["recipe"])
    given = inputs(Order.of(order)).read(recipe)
    weights = list(recipe.style_weights) or None
    evaluation = evaluate(path, given.content, given.paintings, style_weights=weights, regions=given.regions)
    measured = {"groups": arrange(evaluation.record(), METRICS), "notes": [plain(note) for note in evaluation.notes]}
    files.write_bytes(Path(out), json.dumps(measured).encode())
    return measured
