"""What a panel remembers: features in one pass, facts once, and no more memory than allowed."""

import torch
from torch import Tensor

from impasto.evaluation.panel import Panel, Shelf


class Counting:
    """An encoder that remembers which layers each pass was asked for."""

    name, sha256, layers = "counting", "0" * 64, ("relu1_1", "relu2_1", "relu3_1")

    def __init__(self) -> None:
        self.passes: list[list[str]] = []

    def __call__(self, image: Tensor, layers: list[str]) -> dict[str, Tensor]:
        self.passes.append(list(layers))
        return dict.fromkeys(layers, image)


def test_expected_layers_are_encoded_in_one_pass() -> None:
    encoder, panel = Counting(), Panel(torch.rand(1, 3, 8, 8))
    panel.expect(encoder, ["relu3_1", "relu1_1"])  # type: ignore[arg-type]
    assert list(panel.features(encoder, ["relu2_1"])) == ["relu2_1"]  # type: ignore[arg-type]
    panel.features(encoder, ["relu1_1", "relu3_1"])  # type: ignore[arg-type]
    assert [sorted(layers) for layers in encoder.passes] == [["relu1_1", "relu2_1", "relu3_1"]]


def test_facts_stay_and_features_go_at_rest() -> None:
    encoder, panel = Counting(), Panel(torch.rand(1, 3, 8, 8))
    panel.features(encoder, ["relu1_1"])  # type: ignore[arg-type]
    assert panel.fact("sum", lambda: 1) == 1
    panel.rest()
    assert panel.fact("sum", lambda: 2) == 1
    panel.features(encoder, ["relu1_1"])  # type: ignore[arg-type]
    assert len(encoder.passes) == 2


def test_a_shelf_drops_what_was_used_longest_ago_and_counts_facts() -> None:
    made: list[str] = []

    def pixels(name: str) -> Tensor:
        made.append(name)
        return torch.zeros(1, 3, 8, 8)

    shelf = Shelf(4 * 3 * 64 * 4)
    for name in "abc":
        shelf.panel(name, lambda name=name: pixels(name))  # type: ignore[misc]
    shelf.panel("a", lambda: pixels("a"))
    shelf.rest()
    assert made == ["a", "b", "c"]
    # Two more pictures' worth of facts, in a tuple in a mapping: b, which was used longest ago, has to go.
    shelf.panel("c", lambda: pixels("c")).fact("table", lambda: {"of": (torch.zeros(2, 3, 8, 8),)})
    shelf.rest()
    shelf.panel("a", lambda: pixels("a"))
    assert made == ["a", "b", "c"]
    shelf.panel("b", lambda: pixels("b"))
    assert made == ["a", "b", "c", "b"]
