"""Thin-plate splines: exact at points, affine where they can be, no folds."""

import pytest
import torch

from impasto.errors import UsageError
from impasto.landmarks import spline

FACE = torch.tensor(
    [[30, 40], [45, 38], [60, 39], [75, 42], [52, 60], [40, 75], [65, 75], [52, 95], [28, 60], [78, 60]],
    dtype=torch.float64,
)
SIZE = (140, 110)


def everywhere() -> torch.Tensor:
    y, x = torch.arange(SIZE[0], dtype=torch.float64), torch.arange(SIZE[1], dtype=torch.float64)
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), -1) + 0.5


def test_equal_landmarks_move_nothing() -> None:
    at = everywhere()
    assert torch.allclose(spline.anchored(FACE, FACE, SIZE)(at), at, atol=1e-8)


def test_it_is_exact_at_landmarks() -> None:
    moved = FACE + torch.randn_like(FACE) * 3
    assert torch.allclose(spline.anchored(FACE, moved, SIZE)(FACE), moved, atol=1e-8)
    assert torch.allclose(spline.ThinPlate(FACE, moved)(FACE), moved, atol=1e-8)


def test_affine_maps_are_reproduced() -> None:
    matrix, shift = torch.tensor([[1.2, 0.3], [-0.4, 0.8]], dtype=torch.float64), torch.tensor([5.0, -7.0])
    at = everywhere()
    assert torch.allclose(spline.ThinPlate(FACE, FACE @ matrix + shift)(at), at @ matrix + shift, atol=1e-7)


def test_similarities_are_reproduced_with_anchors() -> None:
    matrix = torch.tensor([[1.1, 0.5], [-0.5, 1.1]], dtype=torch.float64)
    wanted = FACE @ matrix + torch.tensor([3.0, 4.0])
    found = spline.similarity(FACE, wanted)
    assert torch.allclose(found[1:], matrix)
    assert torch.allclose(found[0], torch.tensor([3.0, 4.0], dtype=torch.float64))
    at = everywhere()
    assert torch.allclose(spline.anchored(FACE, wanted, SIZE)(at), found[0] + at @ matrix, atol=1e-7)


def test_moderate_moves_do_not_fold() -> None:
    for seed in range(5):
        moved = 1.5 * FACE + 2 * torch.randn(FACE.shape, generator=torch.Generator().manual_seed(seed)).double()
        found = spline.anchored(FACE, moved, SIZE)(everywhere())
        across, down = found.diff(dim=1)[:-1], found.diff(dim=0)[:, :-1]
        area = across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0]
        assert float(area.min()) > 0.2
        # The background follows the similarity: 1.5² pixels a pixel.
        assert float(area[-5:].mean()) == pytest.approx(2.25, rel=0.25)


def test_sampling_where_pixels_are_gives_them(picture) -> None:
    planes = picture(*SIZE)
    assert torch.allclose(spline.sample(planes, everywhere()), planes, atol=1e-5)
    beyond = everywhere()
    beyond[..., 0] = -beyond[..., 0]
    assert torch.allclose(spline.sample(planes, beyond), planes, atol=1e-5)


@pytest.mark.parametrize("points", [[[0, 0], [1, 1], [2, 2]], [[0, 0], [1, 5], [1, 5], [3, 2]], [[0, 0], [1, 3]]])
def test_points_that_say_nothing_are_refused(points: list[list[float]]) -> None:
    fixed = torch.tensor(points)
    with pytest.raises(UsageError, match="apart"):
        spline.ThinPlate(fixed, fixed)
