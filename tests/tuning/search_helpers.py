"""A search whose drafts cost nothing: scores follow from the recipe alone, by a landscape with one best place."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from impasto.images import Picture
from impasto.recipe import Recipe
from impasto.tuning.draft import Order, Outcome
from impasto.tuning.score import Scores
from impasto.tuning.tuning import Tuning

BEST = {"strotss": 0.3, "gatys": 0.2, "nnst": 0.1}
"""What a method adds to the score of the style."""


def landscape(order: Order) -> Outcome:
    """Return an outcome that is the same for the same recipe: features of two thirds, by strotss, are best."""
    recipe = order.recipe
    style = 0.4 + BEST.get(recipe.method, 0.0) - 0.2 * abs(math.log2(recipe.style_scale / 0.66))
    content = 0.5 + 0.1 * (recipe.wanted_strength is not None)
    return Outcome("complete", Scores(content, max(0.05, style), 0.8), seconds=2.0)


class FakeDrafter:
    """Stands for `Drafter`; `paint` is what a test says."""

    calls: int
    outcome: Callable[[Order], Outcome]

    def __init__(self, outcome: Callable[[Order], Outcome] = landscape) -> None:
        self.calls, self.outcome = 0, outcome
        self.orders: list[Order] = []
        self.setting = {"metrics": ["of a test/1"]}

    def paint(self, order: Order, watch: object = None) -> Outcome:  # noqa: ARG002
        self.calls += 1
        self.orders.append(order)
        return self.outcome(order)

    def work(self, payload: Order, tell: object) -> Outcome:
        return self.paint(payload, tell)


def picture(seed: int, size: int = 64) -> Picture:
    pixels = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(seed))
    return Picture(pixels, name=f"picture{seed}.png", sha256=f"{seed:064x}")


def search(folder: Path, drafter: FakeDrafter | None = None, **options: Any) -> Tuning:
    """Return a search of two small pictures with a fake drafter."""
    tuning = Tuning(picture(1), picture(2), folder, **{"size": 64, "recipe": Recipe(precision="float32"), **options})
    tuning._drafter = drafter or FakeDrafter()  # type: ignore[assignment]
    return tuning


def run(tuning: Tuning) -> Tuning:
    """Search until the budget is spent, and let go of the folder."""
    try:
        while not tuning.over and tuning.advance() is not None:
            pass
    finally:
        tuning.close()
    return tuning
