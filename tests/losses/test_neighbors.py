"""Hypercolumns and the terms of nnst: hand-computed values, gradients, and what costs nothing."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck

from impasto.losses import FixedMatches, NearestNeighbors, Objective, PatchBank, PatchSource
from impasto.losses.kept_matches import KeptMatches
from impasto.losses.neighbors import hypercolumns, subsampled

NO_PICTURE = torch.empty(0)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def maps() -> dict[str, Tensor]:
    """A fine layer, one on the grid, a coarse one, of a picture of 24x16 pixels."""
    return {
        "relu1_1": random(1, 2, 24, 16),
        "relu3_1": random(1, 3, 6, 4, seed=1),
        "relu4_1": random(1, 2, 3, 2, seed=2),
    }


FACTORS = {"relu1_1": 0.5, "relu3_1": 0.25, "relu4_1": 1.0}


def test_hypercolumns_average_what_is_finer_and_interpolate_what_is_coarser() -> None:
    fine = torch.arange(16.0).view(1, 1, 4, 4)
    coarse = torch.tensor([[2.0, 6.0]]).view(1, 1, 1, 2)
    columns = hypercolumns({"relu1_1": fine, "relu4_1": coarse}, {"relu1_1": 0.5, "relu4_1": 2.0}, (2, 4))
    # Between two neurons a quarter and three quarters of the way, and beyond the first and the last no further.
    assert columns[0, 1].tolist() == [[4, 6, 10, 12]] * 2
    columns = hypercolumns({"relu1_1": fine}, {"relu1_1": 0.5}, (2, 2))
    assert columns[0, 0].tolist() == [[1.25, 2.25], [5.25, 6.25]]


def test_hypercolumns_of_sides_that_end_between_two_neurons() -> None:
    features = {"relu1_1": random(1, 2, 27, 19), "relu2_1": random(1, 2, 13, 9), "relu4_1": random(1, 2, 3, 2)}
    assert hypercolumns(features, dict.fromkeys(features, 1.0), (6, 4)).shape == (1, 6, 6, 4)


def test_distances_are_the_same_for_an_isometric_image_of_the_features() -> None:
    lift = torch.linalg.qr(random(5, 3, seed=3))[0]
    features = {"relu3_1": random(1, 3, 6, 4)}
    lifted = {"relu3_1": torch.einsum("nc,bchw->bnhw", lift, features["relu3_1"])}
    target, center = random(1, 3, 6, 4, seed=4), random(3, seed=5)
    small = FixedMatches({"relu3_1": 0.2}, target, center, 1.0)
    wide = FixedMatches({"relu3_1": 0.2}, torch.einsum("nc,bchw->bnhw", lift, target), lift @ center, 1.0)
    torch.testing.assert_close(small(NO_PICTURE, features), wide(NO_PICTURE, lifted))


def test_the_value_of_a_right_angle_an_opposite_and_a_match() -> None:
    target = torch.tensor([[1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]]).view(1, 2, 2, 2)
    own = torch.tensor([[0.0, -3.0, 2.0, 3.0], [5.0, 0.0, 0.0, 4.0]]).view(1, 2, 2, 2)
    term = FixedMatches({"relu3_1": 1.0}, target, torch.tensor([0.5, -1.0]), 10.0)
    # 1, 2, 0 and 1 - 3/5.
    features = {"relu3_1": own + torch.tensor([0.5, -1.0]).view(1, 2, 1, 1)}
    assert float(term(NO_PICTURE, features)) == pytest.approx(10 * 3.4 / 4)
    weights = torch.tensor([[0.0, 0.0], [1.0, 2.0]])
    weighed = FixedMatches({"relu3_1": 1.0}, target, torch.tensor([0.5, -1.0]), 10.0, weights)
    assert float(weighed(NO_PICTURE, features)) == pytest.approx(10 * 2 * 0.4 / 4)


def replaced(seed: int = 7) -> FixedMatches:
    return FixedMatches(FACTORS, random(1, 7, 6, 4, seed=seed), random(7, seed=8), 0.7)


def nearest(step: int = 1) -> NearestNeighbors:
    return NearestNeighbors(
        "relu3_1", PatchBank([PatchSource(random(3, 5, 6, seed=3))], size=1, similarity="cosine"), random(3), 0.3, step
    )


def test_gradient_of_fixed_targets() -> None:
    features = {layer: each.requires_grad_() for layer, each in maps().items()}
    term = replaced()
    assert gradcheck(lambda *each: term(NO_PICTURE, dict(zip(features, each, strict=True))), tuple(features.values()))


@pytest.mark.parametrize("step", [1, 2])
def test_gradient_of_what_is_matched_anew(step: int) -> None:
    term = nearest(step)
    assert gradcheck(lambda each: term(NO_PICTURE, {"relu3_1": each}), (random(1, 3, 6, 5, seed=9).requires_grad_(),))


def test_at_the_target_there_is_nothing_to_gain_however_long_it_is() -> None:
    features, center = maps(), random(7, seed=8)
    own = hypercolumns(features, FACTORS, (6, 4)) - center.view(1, -1, 1, 1)
    for length in (1.0, 3.0):
        term = FixedMatches(FACTORS, own * length, center, 1.0)
        leaves = [each.detach().requires_grad_() for each in features.values()]
        loss = term(NO_PICTURE, dict(zip(features, leaves, strict=True)))
        assert loss.item() == pytest.approx(0, abs=1e-12)
        assert max(float(each.abs().max()) for each in torch.autograd.grad(loss, leaves)) < 1e-10


def test_gradients_lie_as_the_features_do() -> None:
    leaves = {
        layer: each.contiguous(memory_format=torch.channels_last).requires_grad_() for layer, each in maps().items()
    }
    gradients = torch.autograd.grad(replaced()(NO_PICTURE, leaves), tuple(leaves.values()))
    for leaf, gradient in zip(leaves.values(), gradients, strict=True):
        assert gradient.is_contiguous(memory_format=torch.channels_last)
        assert gradient.stride()[1:] == leaf.stride()[1:]


def test_the_length_of_a_picture_without_the_centre_does_not_count() -> None:
    term, features = nearest(), random(1, 3, 6, 5, seed=9)
    center = term.center.view(1, -1, 1, 1)
    longer = center + 5 * (features - center)
    torch.testing.assert_close(term(NO_PICTURE, {"relu3_1": longer}), term(NO_PICTURE, {"relu3_1": features}))
    bare = FixedMatches(FACTORS, random(1, 7, 6, 4, seed=7), torch.zeros(7, dtype=torch.float64), 0.7)
    tripled = {layer: 3 * each for layer, each in maps().items()}
    torch.testing.assert_close(bare(NO_PICTURE, tripled), bare(NO_PICTURE, maps()))


def test_it_is_the_mean_over_the_likest() -> None:
    term, features = nearest(), random(1, 3, 6, 5, seed=9)
    own = torch.nn.functional.normalize((features[0] - term.center.view(-1, 1, 1)).flatten(1), dim=0)
    theirs = torch.nn.functional.normalize(random(3, 5, 6, seed=3).flatten(1), dim=0)
    expected = 0.3 * (1 - (own.T @ theirs).max(1).values).mean()
    torch.testing.assert_close(term(NO_PICTURE, {"relu3_1": features}), expected)


def test_labels_restrict_and_weights_of_zero_leave_out() -> None:
    painting = random(3, 5, 6, seed=3)
    allowed = torch.stack([torch.arange(6) < 3, torch.arange(6) >= 3])[:, None].expand(2, 5, 6)
    bank = PatchBank([PatchSource(painting, allowed=allowed)], size=1, similarity="cosine")
    center = torch.zeros(3, dtype=torch.float64)
    for label, half in enumerate((painting[..., :3], painting[..., 3:])):
        bound = NearestNeighbors("relu3_1", bank, center, 1.0, labels=torch.full((5, 3), label))
        assert float(bound(NO_PICTURE, {"relu3_1": half[None]})) == pytest.approx(0, abs=1e-12)
        other = NearestNeighbors("relu3_1", bank, center, 1.0, labels=torch.full((5, 3), 1 - label))
        assert float(other(NO_PICTURE, {"relu3_1": half[None]})) > 0.01
    nothing = NearestNeighbors("relu3_1", bank, center, 1.0, weights=torch.zeros(5, 6, dtype=torch.float64))
    assert float(nothing(NO_PICTURE, {"relu3_1": random(1, 3, 5, 6)})) == 0


def test_thinned_maps_keep_the_middle() -> None:
    assert subsampled(torch.arange(7)[None], 3).tolist() == [[1, 4]]
    assert subsampled(torch.arange(7)[None], 1).tolist() == [list(range(7))]
    assert subsampled(torch.arange(1)[None], 4).tolist() == [[0]]


def test_an_objective_reports_them_as_style() -> None:
    objective = Objective(global_terms=(replaced(), nearest()))
    assert objective.layers == ("relu1_1", "relu3_1", "relu4_1")
    loss, report = objective(torch.empty(1, 3, 24, 16, dtype=torch.float64), maps())
    assert set(report.terms) == {"style hypercolumns", "style relu3_1 neighbours"}
    assert report.group() == {"style": pytest.approx(loss.item())}


def test_matches_are_kept_for_some_evaluations_and_go_into_a_checkpoint() -> None:
    term = replace(nearest(), every=3, kept=KeptMatches())
    first, other = {"relu3_1": random(1, 3, 6, 4)}, {"relu3_1": random(1, 3, 6, 4, seed=9)}
    anew = nearest()

    assert float(term(NO_PICTURE, first)) == float(anew(NO_PICTURE, first))
    assert term.state() == {}
    term.advance()
    # Another picture has the matches of the first, which are no better for it than its own.
    bound = float(term(NO_PICTURE, other))
    assert bound > float(anew(NO_PICTURE, other))
    assert bound == float(term(NO_PICTURE, other)), "evaluating changes nothing"

    resumed = replace(nearest(), every=3, kept=KeptMatches())
    resumed.restore(term.state())
    assert float(resumed(NO_PICTURE, other)) == bound
    for each in (term, resumed):
        each.advance()
        assert float(each(NO_PICTURE, other)) == bound
        each.advance()
        assert float(each(NO_PICTURE, other)) == float(anew(NO_PICTURE, other))
    with pytest.raises(ValueError, match="patches that there are not"):
        resumed.restore({"matches": torch.tensor([[30]]), "left": 1})
    with pytest.raises(ValueError, match="fewer than 3"):
        resumed.restore({"matches": torch.tensor([[3]]), "left": 3})
