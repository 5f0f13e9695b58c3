"""What a panel remembers: features in one pass, facts once, and no more memory than allowed."""

import pytest
import torch
from torch import Tensor

from impasto.encoders import Petite
from impasto.evaluation import reductions
from impasto.evaluation.panel import Panel, Shelf
from impasto.evaluation.reductions import ENERGY, GRAM, MAPS, Reduction, encode, spaced, thinned
from impasto.losses.neighbors import subsampled


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
    for layer, reduction in (("relu3_1", MAPS), ("relu1_1", MAPS), ("relu1_1", GRAM)):
        panel.expect(encoder, layer, reduction)  # type: ignore[arg-type]
    for layer, reduction in (("relu2_1", MAPS), ("relu1_1", GRAM), ("relu1_1", MAPS), ("relu3_1", MAPS)):
        panel.read(encoder, layer, reduction)  # type: ignore[arg-type]
    assert [sorted(layers) for layers in encoder.passes] == [["relu1_1", "relu2_1", "relu3_1"]]


def test_facts_and_sums_stay_and_maps_go() -> None:
    encoder, panel = Counting(), Panel(torch.rand(1, 3, 8, 8))
    for reduction in (MAPS, GRAM):
        panel.read(encoder, "relu1_1", reduction)  # type: ignore[arg-type]
    assert panel.fact("sum", lambda: 1) == 1
    panel.release()
    assert panel.fact("sum", lambda: 2) == 1
    panel.read(encoder, "relu1_1", GRAM)  # type: ignore[arg-type]
    assert len(encoder.passes) == 2
    panel.read(encoder, "relu1_1", MAPS)  # type: ignore[arg-type]
    assert len(encoder.passes) == 3


@pytest.mark.parametrize("size", [(150, 230), (203, 97)])
def test_tiles_leave_the_maps_of_the_whole_picture(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = Petite.embedded()
    pixels = torch.rand(1, 3, *size)
    layers = ("relu1_1", "relu3_1", "relu4_1")
    kinds = (MAPS, GRAM, ENERGY, thinned(300), spaced(100))
    wanted = [(layer, reduction) for layer in layers for reduction in kinds]
    whole = encode(pixels, encoder, wanted)
    monkeypatch.setattr(reductions, "WHOLE_SIDE", 120)
    monkeypatch.setattr(reductions, "ENCODE_BYTES", 0)
    tiled = encode(pixels, encoder, wanted)
    for (layer, reduction), one, other in zip(wanted, whole, tiled, strict=True):
        if reduction is GRAM:
            one, other = one.mean(), other.mean()
        torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-5, msg=f"{layer} {reduction.name}")


@pytest.mark.parametrize(("reduction", "most"), [(thinned(300), 300), (spaced(100), 100)])
def test_thinned_maps_are_the_field_s_own_grid(reduction: Reduction, most: int) -> None:
    encoder, pixels = Petite.embedded(), torch.rand(1, 3, 64, 96)
    (features,) = encode(pixels, encoder, [("relu1_1", MAPS)])
    (grid,) = encode(pixels, encoder, [("relu1_1", reduction)])
    step = {300: 5, 100: 8}[most]
    assert torch.equal(grid, subsampled(features, step))


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
