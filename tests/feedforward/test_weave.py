"""The weave of decoders is taken out, and nothing else."""

import pytest
import torch
from torch import Tensor

from impasto.feedforward import weave
from impasto.feedforward.weave import remove_weave


def checks(height: int, width: int, rows: bool, columns: bool) -> Tensor:
    """Signs that alternate from row to row, column to column, or both: (H, W)."""
    down = torch.tensor([1.0, -1.0]).repeat(height // 2 + 1)[:height] if rows else torch.ones(height)
    across = torch.tensor([1.0, -1.0]).repeat(width // 2 + 1)[:width] if columns else torch.ones(width)
    return torch.outer(down, across)


@pytest.mark.parametrize("wrap", [False, True])
@pytest.mark.parametrize("alternate", [(True, False), (False, True), (True, True)])
def test_a_weave_is_taken_out(alternate: tuple[bool, bool], wrap: bool) -> None:
    pattern = 0.05 * checks(96, 128, *alternate) * torch.tensor([1.0, -0.5, 0.2]).view(3, 1, 1)
    image = 0.5 + pattern[None]
    remove_weave(image, wrap=wrap)
    torch.testing.assert_close(image, torch.full_like(image, 0.5), atol=1e-5, rtol=0)


def test_even_areas_and_slopes_stay() -> None:
    slope = torch.linspace(0.1, 0.9, 120).expand(90, 120) * torch.linspace(1, 0.5, 90)[:, None]
    for plane in (torch.full((90, 120), 0.3), slope):
        image = plane.expand(1, 3, -1, -1).clone()
        remove_weave(image)
        inside = (image - plane)[..., 24:-24, 24:-24].abs()
        # Mirrored at its border a slope has a fold there, which is a form.
        assert float(inside.max()) < 1e-4
        assert float((image - plane).abs().max()) < 2 / 255


def test_an_edge_is_hardly_changed() -> None:
    image = torch.zeros(1, 3, 64, 96)
    image[..., 41:] = 1.0
    before = image.clone()
    image = 0.1 + 0.8 * image
    before = image.clone()
    remove_weave(image)
    assert float((image - before).abs().max()) < 0.8 / 25


def test_strips_make_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    random = torch.Generator().manual_seed(3)
    image = 0.3 + 0.4 * torch.rand(1, 3, 75, 53, generator=random)
    whole, strips = image.clone(), image.clone()
    remove_weave(whole)
    monkeypatch.setattr(weave, "ROWS", 16)
    remove_weave(strips)
    torch.testing.assert_close(strips, whole, atol=1e-6, rtol=0)
    assert not torch.equal(whole, image)


def test_a_picture_that_repeats_is_treated_alike_everywhere() -> None:
    random = torch.Generator().manual_seed(4)
    image = 0.3 + 0.4 * torch.rand(1, 3, 64, 48, generator=random)
    moved = image.roll((8, -12), (2, 3))
    remove_weave(image, wrap=True)
    remove_weave(moved, wrap=True)
    torch.testing.assert_close(moved, image.roll((8, -12), (2, 3)), atol=1e-6, rtol=0)


def test_what_is_too_small_for_a_pattern_is_left() -> None:
    image = torch.rand(1, 3, 7, 40, generator=torch.Generator().manual_seed(5))
    before = image.clone()
    remove_weave(image)
    assert torch.equal(image, before)
