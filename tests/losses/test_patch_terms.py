"""The patch term: its value by unfolding, its gradient, and what makes it zero."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import gradcheck

from impasto.losses import Objective, PatchBank, Patches, PatchSource
from impasto.losses.similarity import Similarity


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("similarity", ["ncc", "cosine"])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_the_sum_over_unfolded_patches(similarity: Similarity, stride: int, weighted: bool) -> None:
    # 9 rows and 7 columns: whole strides, so that no patch reaches beyond the map.
    features, other = random(1, 3, 9, 7), random(3, 6, 8, seed=1)
    bank = PatchBank([PatchSource(other)], stride=stride, similarity=similarity)
    weights = random(*bank.grid(9, 7), seed=2).abs() if weighted else None
    found = bank.match(features[0])[0].flatten()
    patches = F.unfold(features, 3, stride=stride)[0].T
    each = (patches - bank.patches(found).flatten(1)).square().sum(1)
    expected = 0.7 * (each if weights is None else each * weights.flatten()).sum()
    torch.testing.assert_close(Patches("relu3_1", bank, 0.7, weights=weights)(features), expected)


@pytest.mark.parametrize("stride", [1, 2])
def test_gradient(stride: int) -> None:
    bank = PatchBank([PatchSource(random(2, 5, 6, seed=1))], stride=stride)
    features = random(1, 2, 6, 6).requires_grad_()
    assert gradcheck(Patches("relu3_1", bank, 0.3), (features,))


@pytest.mark.parametrize("stride", [1, 2])
def test_patches_of_the_painting_itself_cost_nothing(stride: int) -> None:
    features = random(1, 3, 8, 8).requires_grad_()
    loss = Patches("relu3_1", PatchBank([PatchSource(features[0].detach())], stride=stride), 1.0)(features)
    (gradient,) = torch.autograd.grad(loss, features)
    assert loss.item() == pytest.approx(0, abs=1e-10)
    assert float(gradient.abs().max()) < 1e-10


def test_a_part_of_the_painting_costs_nothing() -> None:
    painting = random(3, 9, 9)
    assert float(
        Patches("relu3_1", PatchBank([PatchSource(painting)]), 1.0)(painting[None, :, 2:8, 1:6])
    ) == pytest.approx(0)


def test_patches_of_weight_zero_count_for_nothing() -> None:
    features, bank = random(1, 3, 8, 8).requires_grad_(), PatchBank([PatchSource(random(3, 6, 6, seed=1))])
    loss = Patches("relu3_1", bank, 1.0, weights=torch.zeros(6, 6))(features)
    (gradient,) = torch.autograd.grad(loss, features)
    assert loss.item() == 0
    assert float(gradient.abs().max()) == 0


def test_an_objective_reports_it_as_style() -> None:
    features = random(1, 3, 8, 8)
    term = Patches("relu3_1", PatchBank([PatchSource(random(3, 6, 6, seed=1))]), 0.5)
    objective = Objective(patches=(term,))
    assert objective.layers == ("relu3_1",)
    loss, report = objective(random(1, 3, 32, 32), {"relu3_1": features})
    assert report.terms == {"style relu3_1 patches": pytest.approx(float(term(features)))}
    assert report.group() == {"style": pytest.approx(loss.item())}


def test_matches_are_kept_for_as_long_as_asked() -> None:
    bank = PatchBank([PatchSource(random(4, 8, 8, seed=1))])
    one, other = (random(1, 4, 7, 7, seed=seed) for seed in (2, 3))
    anew, kept = Patches("relu3_1", bank, 1.0), Patches("relu3_1", bank, 1.0, every=3)
    assert float(kept(one)) == float(anew(one))
    # Two more with the matches of the first, which cannot be nearer than the nearest; then anew.
    away = []
    for _ in range(3):
        kept.advance()
        away.append(float(kept(other)) > float(anew(other)))
        assert float(kept(one)) == float(kept(one)), "evaluating changes nothing"
        kept(other)
    assert away == [True, True, False]
    kept.advance()
    assert float(kept(one)) > float(anew(one))


def test_a_term_goes_on_from_its_state() -> None:
    bank = PatchBank([PatchSource(random(4, 8, 8, seed=1))])
    one, other = (random(1, 4, 7, 7, seed=seed) for seed in (2, 3))
    first, second = (Patches("relu3_1", bank, 1.0, every=3) for _ in range(2))
    assert first.state() == {}
    first(one)
    first.advance()
    state = first.state()
    matches = state["matches"]
    assert isinstance(matches, Tensor)
    assert (state["left"], matches.shape) == (2, bank.grid(7, 7))
    second.restore(state)
    for _ in range(4):
        assert float(first(other)) == float(second(other))
        for term in (first, second):
            term.advance()
    second.restore({})
    assert second.state() == {}


@pytest.mark.parametrize(
    "state",
    [
        {"matches": torch.full((5, 5), 36), "left": 1},
        {"matches": torch.full((5, 5), -1), "left": 1},
        {"matches": torch.zeros(5, 5, dtype=torch.long), "left": 3},
    ],
)
def test_a_state_of_another_term_is_refused(state: dict[str, Tensor | int]) -> None:
    term = Patches("relu3_1", PatchBank([PatchSource(random(4, 8, 8, seed=1))]), 1.0, every=3)
    with pytest.raises(ValueError, match="are"):
        term.restore(state)
