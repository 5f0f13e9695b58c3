"""Content kept: hand-made values, laws, and libraries that compute the same."""

import math
from typing import Any

import pytest
import torch

from impasto.evaluation import affinity, contents, luma
from tests.evaluation.evaluation_helpers import case, pixels
from tests.type_helpers import present


def test_content_features_are_a_cosine() -> None:
    # (1, 2) against (2, 1) at one place: 4 / 5; places count by their lengths.
    ours, theirs = torch.tensor([1.0, 2.0]).view(1, 2, 1, 1), torch.tensor([2.0, 1.0]).view(1, 2, 1, 1)
    found = contents.content_features(case(ours, theirs))
    assert found.value == pytest.approx(0.8)
    assert found.map is not None
    assert float(found.map) == pytest.approx(0.2)


def test_content_features_do_not_see_contrast_and_see_places() -> None:
    features = torch.rand(1, 5, 6, 6)
    assert contents.content_features(case(3 * features, features)).value == pytest.approx(1)
    assert present(contents.content_features(case(features.flip(3), features)).value) < 0.95


def test_self_similarity_of_three_places() -> None:
    # Distances of the content's three places: a = b, c orthogonal; columns over their sums: c is all there is to a
    # and b (0, 0, 1), and a and b are half each to c. Of the result's, a and c are the same: columns (0, 1, 0),
    # (.5, 0, .5), (0, 1, 0). Differences: 2, 2 · .5 + ... = (0+1+1), (.5+0+.5), (.5+.5+0).
    one, other = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    theirs = torch.stack([one, one, other], 1).view(1, 2, 1, 3)
    ours = torch.stack([one, other, one], 1).view(1, 2, 1, 3)
    found = contents.self_similarity(case(ours, theirs))
    assert found.value == pytest.approx((2 + 1 + 1) / 3)
    assert found.map is not None
    assert found.map.flatten().tolist() == pytest.approx([2, 1, 1])


def test_self_similarity_does_not_see_what_turns_all_features() -> None:
    features = torch.rand(1, 4, 5, 5, dtype=torch.float64)
    turn, _ = torch.linalg.qr(torch.randn(4, 4, dtype=torch.float64))
    turned = torch.einsum("ij,bjhw->bihw", turn, features) * 7
    assert contents.self_similarity(case(turned, features)).value == pytest.approx(0, abs=1e-9)


def test_divergence_of_two_rows() -> None:
    # softmax(ln 3, 0) = (3/4, 1/4) and softmax(0, 0) = (1/2, 1/2): KL = ln 2 - H(1/4).
    target = torch.tensor([[math.log(3) ** 0.5], [0.0]], dtype=torch.float64)
    other = torch.zeros(2, 1, dtype=torch.float64)
    wanted = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    assert affinity.divergences(target, other).tolist() == pytest.approx([wanted, 0])


def test_divergence_is_the_same_in_bands_and_of_chosen_rows() -> None:
    target, other = torch.randn(50, 4, dtype=torch.float64), torch.randn(50, 4, dtype=torch.float64)
    whole = affinity.divergences(target, other)
    assert bool((whole > 0).all())
    torch.testing.assert_close(affinity.divergences(target, other, scratch=4000), whole)
    rows = torch.tensor([3, 40, 7])
    torch.testing.assert_close(affinity.divergences(target, other, rows), whole[rows])
    torch.testing.assert_close(affinity.divergences(target, target), torch.zeros(50, dtype=torch.float64))


def test_structure_divergence_does_not_see_contrast_or_a_shift_of_all_features() -> None:
    features = torch.rand(1, 4, 6, 6)
    assert contents.structure_divergence(case(2 * features + 5, features)).value == pytest.approx(0, abs=1e-5)
    found = contents.structure_divergence(case(torch.rand(1, 4, 6, 6), features))
    assert found.value is not None
    assert found.value > 0.1
    assert found.map is not None
    assert found.map.shape == (6, 6)


def test_slopes_of_a_step_and_of_a_ramp() -> None:
    step = torch.zeros(1, 1, 6, 6)
    step[..., 3:] = 1
    assert luma.slopes(step)[0, 0, 2].tolist() == [0, 0, 1, 1, 0, 0]
    ramp = torch.arange(6.0).expand(1, 1, 6, 6) / 10
    assert luma.slopes(ramp.mT)[0, 0, 1:-1, 2].tolist() == pytest.approx([0.2] * 4)


def test_edges_of_a_picture_are_its_own_and_do_not_see_hue(picture: Any) -> None:
    photo = picture(48, 64, 1)
    assert contents.edges(pixels(photo, photo)).value == pytest.approx(1)
    worse = [
        present(contents.edges(pixels((photo + k * torch.randn(photo.shape)).clamp(0, 1), photo)).value)
        for k in (0.02, 0.1)
    ]
    assert 1 > worse[0] > worse[1]
    flat = torch.full_like(photo, 0.5)
    assert contents.edges(pixels(flat, flat)).value == pytest.approx(1)


def test_ssim_is_that_of_scikit_image_and_torchmetrics(picture: Any) -> None:
    metrics = pytest.importorskip("skimage.metrics")
    one, other = (luma.lightness(picture(60, 70, seed)) for seed in (1, 2))
    found = luma.ssim_map(one, other)
    wanted = metrics.structural_similarity(
        one[0, 0].double().numpy(),
        other[0, 0].double().numpy(),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1.0,
    )
    assert float(found.mean()) == pytest.approx(wanted, abs=1e-6)
    image = pytest.importorskip("torchmetrics.functional.image")
    planes = one.double(), other.double()
    _, whole = image.structural_similarity_index_measure(*planes, data_range=1.0, return_full_image=True)
    torch.testing.assert_close(found, whole[..., 5:-5, 5:-5], atol=1e-6, rtol=0)  # theirs goes on over the borders
