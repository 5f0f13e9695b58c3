"""Where a painting starts, the sizes it goes through, and how it moves from one to the next."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from impasto import images
from impasto.optim import canvas, pyramid
from impasto.optim.pyramid import COARSEST


@given(st.integers(1, 4000), st.integers(1, 4000), st.integers(0, 12), st.integers(0, 5000))
def test_plans_add_up_and_halve(height: int, width: int, levels: int, iterations: int) -> None:
    plan = pyramid.plan((height, width), levels, iterations)
    assert len(plan) == (levels or pyramid.automatic((height, width)))
    assert [level.index for level in plan] == list(range(len(plan)))
    assert plan[-1].size == (height, width)
    assert sum(level.steps for level in plan) == iterations
    assert all(level.steps >= 0 for level in plan)
    for coarse, fine in itertools.pairwise(plan):
        for small, large in zip(coarse.size, fine.size, strict=True):
            assert small >= 1
            assert abs(small - large / 2) <= 1
        # Coarser levels are cheaper, so they never get fewer steps (but for rounding).
        assert coarse.steps >= fine.steps - 1


@given(st.integers(1, 20_000))
def test_automatic_levels_stop_before_the_coarsest_gets_too_small(side: int) -> None:
    count = pyramid.automatic((side, side))
    assert count >= 1
    if count > 1:
        assert side / 2 ** (count - 1) >= COARSEST
    assert side / 2**count < COARSEST


def test_share_of_steps() -> None:
    assert [level.steps for level in pyramid.plan((512, 400), 3, 700)] == [400, 200, 100]
    assert [level.steps for level in pyramid.plan((512, 400), 3, 300, step_ratio=1.0)] == [100, 100, 100]
    assert [level.size for level in pyramid.plan((512, 400), 3, 1)] == [(128, 100), (256, 200), (512, 400)]


def test_finishing_steps_are_a_level_of_their_own() -> None:
    levels = pyramid.plan((512, 400), 2, 75, finishing=15)
    assert [(level.size, level.steps, level.surrogate) for level in levels] == [
        ((256, 200), 40, True),
        ((512, 400), 20, True),
        ((512, 400), 15, False),
    ]
    assert [level.index for level in levels] == [0, 1, 2]
    # With nothing left for a surrogate there is none.
    for finishing in (0, 75, 100):
        assert not any(level.surrogate for level in pyramid.plan((512, 400), 2, 75, finishing=finishing))


CONTENT = torch.rand(1, 3, 40, 56, generator=torch.Generator().manual_seed(5))
STYLE = (torch.rand(1, 3, 30, 44, generator=torch.Generator().manual_seed(6)) - 0.5) * torch.tensor(
    [0.5, 0.3, 0.2]
).reshape(1, 3, 1, 1) + torch.tensor([0.45, 0.55, 0.5]).reshape(1, 3, 1, 1)


def start(kind: str, seed: int = 0, blend: float = 0.6, content: torch.Tensor = CONTENT) -> torch.Tensor:
    return canvas.init_canvas(kind, content, [STYLE], blend=blend, seed=seed)


@pytest.mark.parametrize("kind", ["content", "file", "noise", "blend", "style"])
def test_starts_are_pictures_of_the_contents_size_and_repeat(kind: str) -> None:
    before = CONTENT.clone()
    first = start(kind)
    assert first.shape == CONTENT.shape
    assert first.dtype == CONTENT.dtype
    assert float(first.min()) >= 0
    assert float(first.max()) <= 1
    assert torch.equal(first, start(kind))
    assert torch.equal(CONTENT, before)
    first.zero_()
    assert torch.equal(CONTENT, before), "the start is a copy"


@pytest.mark.parametrize("kind", ["noise", "blend", "style"])
def test_seeds_matter_and_the_global_generator_does_not(kind: str) -> None:
    torch.manual_seed(1)
    first = start(kind, seed=3)
    state = torch.get_rng_state()
    torch.manual_seed(2)
    assert torch.equal(first, start(kind, seed=3))
    assert not torch.equal(first, start(kind, seed=4))
    torch.manual_seed(1)
    start(kind)
    assert torch.equal(torch.get_rng_state(), state)


def test_content_start_is_the_content() -> None:
    assert torch.equal(start("content"), CONTENT)
    assert torch.equal(start("file"), CONTENT)


def test_content_start_has_as_much_noise_as_it_is_given() -> None:
    gray = torch.full((1, 3, 200, 200), 0.5)

    def levels(seed: int = 0) -> torch.Tensor:
        return 255 * (canvas.init_canvas("content", gray, [], blend=0.0, seed=seed, noise=4.0) - gray)

    assert 3.9 < float(levels().abs().max()) <= 4.001
    torch.testing.assert_close(levels().mean((0, 2, 3)), torch.zeros(3), rtol=0, atol=0.1)
    assert torch.equal(levels(), levels())
    assert not torch.equal(levels(), levels(seed=1))
    white = canvas.init_canvas("content", torch.ones(1, 3, 20, 20), [], blend=0.0, seed=0, noise=4.0)
    assert 1 - 4.001 / 255 <= float(white.min()) < float(white.max()) == 1
    lines = gray.clone()
    lines[..., 100:103, :] = 0.0
    drawn = canvas.init_canvas("content", lines, [], blend=0.0, seed=0, noise=4.0)
    assert torch.equal(drawn[..., 96:107, :], lines[..., 96:107, :]), "none where there is something"
    assert float((drawn - lines)[..., :90, :].abs().max()) > 3.9 / 255
    photographed = (gray + 3 / 255 * torch.randn(gray.shape, generator=torch.Generator().manual_seed(1))).clamp(0, 1)
    grainy = canvas.init_canvas("content", photographed, [], blend=0.0, seed=0, noise=4.0)
    assert torch.equal(grainy, photographed), "none where there is grain"
    assert torch.equal(canvas.init_canvas("file", gray, [], blend=0.0, seed=0, noise=4.0), gray)


def test_noise_is_grey_levels_around_the_mean() -> None:
    levels = 255 * start("noise", content=torch.zeros(1, 3, 200, 200))
    centered = levels - torch.tensor([123.68, 116.779, 103.939]).reshape(1, 3, 1, 1)
    assert float(centered.abs().max()) <= 20.001
    assert float(centered.abs().max()) > 19.9
    torch.testing.assert_close(centered.mean((0, 2, 3)), torch.zeros(3), rtol=0, atol=0.3)
    torch.testing.assert_close(centered.std((0, 2, 3)), torch.full((3,), 40 / 12**0.5), rtol=0.02, atol=0)


def test_blend_goes_from_content_to_noise() -> None:
    assert torch.equal(start("blend", blend=0.0), CONTENT)
    torch.testing.assert_close(start("blend", blend=1.0), start("noise"))
    middle = 0.4 * CONTENT + 0.6 * start("noise")
    torch.testing.assert_close(start("blend", blend=0.6), middle)


def moments(pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    colors = pixels.flatten(2)[0].double()
    return colors.mean(1), torch.cov(colors)


def test_style_start_has_the_styles_colours() -> None:
    # Correlated colours, far enough from 0 and 1 that nothing is clamped.
    turn = torch.tensor([[1.0, 0.2, 0.1], [0.6, 0.7, 0.0], [-0.3, 0.2, 0.5]])
    painted = (torch.einsum("ij,bjhw->bihw", turn, STYLE - STYLE.mean((2, 3), keepdim=True)) * 0.5 + 0.5).contiguous()
    large = torch.zeros(1, 3, 300, 300)
    found = canvas.init_canvas("style", large, [painted], blend=0.0, seed=0)
    mean, covariance = moments(painted)
    found_mean, found_covariance = moments(found)
    torch.testing.assert_close(found_mean, mean, rtol=0, atol=2e-3)
    assert float((found_covariance - covariance).norm() / covariance.norm()) < 0.03


def test_style_start_of_two_styles_has_the_colours_of_both() -> None:
    dark, light = torch.full((1, 3, 20, 20), 0.4), torch.full((1, 3, 20, 20), 0.6)
    found = canvas.init_canvas("style", torch.zeros(1, 3, 200, 200), [dark, light], blend=0.0, seed=0)
    mean, covariance = moments(found)
    torch.testing.assert_close(mean, torch.full((3,), 0.5).double(), rtol=0, atol=2e-3)
    torch.testing.assert_close(covariance, torch.full((3, 3), 0.01).double(), rtol=0.05, atol=1e-5)


def test_style_start_of_a_constant_style_is_that_colour() -> None:
    flat = torch.tensor([0.0, 0.5, 1.0]).reshape(1, 3, 1, 1).expand(1, 3, 20, 20)
    found = canvas.init_canvas("style", CONTENT, [flat], blend=0.0, seed=0)
    torch.testing.assert_close(found, flat[..., :1, :1].expand_as(found), rtol=0, atol=1e-5)


@pytest.mark.parametrize("detail", [False, True])
def test_enlarge_gives_the_size_of_the_content(detail: bool) -> None:
    for size in ((56, 40), (57, 41), (33, 80)):
        content = torch.rand(1, 3, *size)
        assert canvas.enlarge(torch.rand(1, 3, 20, 28), content, detail=detail).shape == content.shape


def test_enlarge_without_detail_is_a_plain_enlargement() -> None:
    small = torch.rand(1, 3, 20, 28)
    assert torch.equal(canvas.enlarge(small, CONTENT, detail=False), images.resize(small, (40, 56)))


def test_enlarging_the_small_content_with_detail_gives_the_content_back() -> None:
    small = images.resize(CONTENT, (20, 28))
    torch.testing.assert_close(canvas.enlarge(small, CONTENT, detail=True), CONTENT, rtol=0, atol=1e-6)


def test_enlarge_clamps_what_the_solver_left_outside() -> None:
    outside = torch.full((1, 3, 20, 28), 1.7)
    torch.testing.assert_close(canvas.enlarge(outside, CONTENT, detail=False), torch.ones_like(CONTENT))
