"""Laplacian pyramids: what is taken apart comes together again, and steps on coarse parts move areas."""

import pytest
import torch

from impasto.optim.canvas import View
from impasto.optim.laplacian import Packing, compose, decompose


@pytest.mark.parametrize("size", [(64, 64), (37, 53), (5, 90), (1, 7), (33, 2)])
@pytest.mark.parametrize("levels", [0, 1, 5, 8])
def test_there_and_back(size: tuple[int, int], levels: int) -> None:
    image = torch.rand(1, 3, *size, dtype=torch.float64)
    parts = decompose(image, levels)
    assert len(parts) <= levels + 1
    torch.testing.assert_close(compose(parts), image, atol=1e-12, rtol=0)
    packing = Packing(size, levels)
    line = packing.pack(image)
    assert line.shape[:3] == (1, 3, 1)
    torch.testing.assert_close(packing.unpack(line), image, atol=1e-12, rtol=0)


def test_an_even_picture_has_no_differences() -> None:
    *differences, last = decompose(torch.full((1, 3, 48, 31), 0.25))
    assert max(float(part.abs().max()) for part in differences) < 1e-6
    assert last.allclose(torch.tensor(0.25))


def test_composing_is_linear() -> None:
    packing = Packing((21, 34))
    one, other = torch.rand(2, *packing.pack(torch.rand(1, 3, 21, 34)).shape, dtype=torch.float64)
    torch.testing.assert_close(
        packing.unpack(2 * one - 3 * other), 2 * packing.unpack(one) - 3 * packing.unpack(other), atol=1e-12, rtol=0
    )
    packing.unpack(one.requires_grad_()).sum().backward()
    assert one.grad is not None


def test_a_step_on_the_smallest_part_moves_all_pixels() -> None:
    packing = Packing((64, 64))
    line = packing.pack(torch.zeros(1, 1, 64, 64))
    line[..., -1] = 1
    assert (packing.unpack(line) > 0).float().mean() > 0.2
    line = packing.pack(torch.zeros(1, 1, 64, 64))
    line[..., 0] = 1
    assert (packing.unpack(line) > 0).sum() == 1


def test_a_view_shows_what_is_packed() -> None:
    view = View(gray=True, packing=Packing((20, 30)))
    pixels = torch.rand(1, 1, 20, 30)
    canvas = view.canvas(pixels)
    assert not view.plain
    torch.testing.assert_close(view.pixels(canvas), pixels)
    torch.testing.assert_close(view(canvas), pixels.expand(-1, 3, -1, -1))
