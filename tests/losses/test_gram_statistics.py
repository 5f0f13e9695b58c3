"""Gram matrices: hand-computed values and the laws that make mixing, guides and tiles one idea."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from impasto.losses import Gram, State, blend

gram = Gram()


def features(channels: int, height: int, width: int, seed: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(1, channels, height, width, generator=random, dtype=dtype)


sides = st.integers(1, 7)
seeds = st.integers(0, 2**31)


def finished(f: torch.Tensor, guide: torch.Tensor | None = None) -> torch.Tensor:
    return gram.finish(gram.measure(f, guide))


def test_hand_computed() -> None:
    f = torch.tensor([[1.0, 0.0], [0.0, 2.0]]).reshape(1, 2, 1, 2)
    state = gram.measure(f)
    assert state.sums.tolist() == [[1.0, 0.0], [0.0, 4.0]]
    assert float(state.total) == 2.0
    assert gram.finish(state).tolist() == [[0.5, 0.0], [0.0, 2.0]]


def test_hand_computed_off_the_diagonal() -> None:
    # Positions (1, 2) and (3, -1): sums 1+9, 2-3, 4+1 over two positions.
    f = torch.tensor([[1.0, 3.0], [2.0, -1.0]]).reshape(1, 2, 2, 1)
    assert finished(f).tolist() == [[5.0, -0.5], [-0.5, 2.5]]


@given(st.integers(1, 5), sides, sides, seeds)
def test_is_the_second_moment_of_einsum(channels: int, height: int, width: int, seed: int) -> None:
    f = features(channels, height, width, seed)
    expected = torch.einsum("bchw,bdhw->cd", f, f) / (height * width)
    torch.testing.assert_close(finished(f), expected)


@given(st.integers(1, 5), sides, sides, seeds)
def test_does_not_see_where_things_are(channels: int, height: int, width: int, seed: int) -> None:
    f = features(channels, height, width, seed)
    order = torch.randperm(height * width, generator=torch.Generator().manual_seed(seed))
    shuffled = f.flatten(2)[..., order].reshape(f.shape)
    torch.testing.assert_close(finished(shuffled), finished(f))


@given(st.integers(1, 4), sides, sides, seeds, st.integers(1, 3), st.integers(1, 3))
def test_does_not_see_tiling(channels: int, height: int, width: int, seed: int, down: int, right: int) -> None:
    f = features(channels, height, width, seed)
    torch.testing.assert_close(finished(f.repeat(1, 1, down, right)), finished(f))


@given(st.integers(1, 4), st.integers(2, 7), sides, seeds, st.data())
def test_states_of_pieces_add_to_the_whole(channels: int, height: int, width: int, seed: int, data: st.DataObject):
    f = features(channels, height, width, seed)
    cut = data.draw(st.integers(1, height - 1))
    guide = torch.rand(height, width, generator=torch.Generator().manual_seed(seed), dtype=f.dtype)
    for weight in (None, guide):
        top = gram.measure(f[:, :, :cut], None if weight is None else weight[:cut])
        bottom = gram.measure(f[:, :, cut:], None if weight is None else weight[cut:])
        whole = gram.measure(f, weight)
        torch.testing.assert_close((top + bottom).sums, whole.sums)
        torch.testing.assert_close((top + bottom).total, whole.total)
        torch.testing.assert_close(gram.finish(top + bottom), gram.finish(whole))


def test_mean_of_two_pictures_is_weighted_by_their_positions() -> None:
    small, large = features(3, 2, 2, 1), features(3, 4, 5, 2)
    both = gram.finish(gram.measure(small) + gram.measure(large))
    torch.testing.assert_close(both, (4 * finished(small) + 20 * finished(large)) / 24)


@given(st.integers(1, 4), sides, sides, seeds, st.floats(0.01, 100))
def test_guides_of_one_weight_are_no_guide(channels: int, height: int, width: int, seed: int, weight: float) -> None:
    f = features(channels, height, width, seed)
    guide = torch.full((height, width), weight, dtype=f.dtype)
    torch.testing.assert_close(finished(f, guide), finished(f))


def test_binary_guide_is_the_gram_of_what_it_covers() -> None:
    f = features(3, 6, 4, 0)
    guide = torch.zeros(6, 4)
    guide[1:4, 2:] = 1
    torch.testing.assert_close(finished(f, guide), finished(f[:, :, 1:4, 2:]))


def test_guide_is_a_row_first_map_of_the_positions() -> None:
    # One position counts twice: the same as having it twice.
    f = features(2, 2, 3, 4)
    guide = torch.ones(2, 3)
    guide[0, 2] = 2
    flat = f.flatten(2)
    doubled = torch.cat([flat, flat[..., 2:3]], dim=-1)[..., None]
    torch.testing.assert_close(finished(f, guide), finished(doubled))


@given(sides, sides, seeds)
def test_guided_gram_of_ones_is_one(height: int, width: int, seed: int) -> None:
    # methods.md section 13: N = 1, F = 1, any T.
    guide = torch.rand(height, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 1e-3
    one = torch.ones(1, 1, height, width, dtype=torch.float64)
    torch.testing.assert_close(finished(one, guide.square()), one[0, 0, :1, :1])


def test_nothing_measured_is_zero_not_nan() -> None:
    for dtype in (torch.float32, torch.float64):
        assert finished(features(3, 4, 4, 0, dtype), torch.zeros(4, 4)).tolist() == [[0.0] * 3] * 3


@given(st.integers(1, 4), sides, sides, seeds, st.floats(0.1, 10))
def test_scales_with_the_square(channels: int, height: int, width: int, seed: int, scale: float) -> None:
    f = features(channels, height, width, seed)
    torch.testing.assert_close(finished(scale * f), scale**2 * finished(f))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_features_do_not_overflow(dtype: torch.dtype) -> None:
    # 300² = 90,000 is over float16's 65,504, and 40,000 of them over what its sums could hold.
    f = torch.full((1, 2, 200, 200), 300.0, dtype=dtype)
    state = gram.measure(f)
    assert state.sums.dtype == torch.float32
    torch.testing.assert_close(gram.finish(state), torch.full((2, 2), 90_000.0), rtol=1e-2, atol=0)
    guided = finished(f, torch.ones(200, 200, dtype=dtype))
    torch.testing.assert_close(guided, torch.full((2, 2), 90_000.0), rtol=1e-2, atol=0)


def test_many_positions_are_counted_exactly() -> None:
    # bfloat16 cannot hold 4097, float16 not 70,000: the count must not be in the features' type.
    f = torch.ones(1, 1, 257, 273, dtype=torch.bfloat16)
    assert float(gram.measure(f).total) == 257 * 273
    assert float(gram.measure(f, torch.ones(257, 273, dtype=torch.bfloat16)).total) == 257 * 273


@given(st.lists(st.floats(0, 10), min_size=1, max_size=4).filter(lambda w: sum(w) > 1e-3), seeds)
def test_blend_is_the_weighted_mean(weights: list[float], seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    targets = [torch.randn(3, 3, generator=random, dtype=torch.float64) for _ in weights]
    expected = sum(w * t for w, t in zip(weights, targets, strict=True)) / sum(weights)
    torch.testing.assert_close(blend(targets, weights), expected)
    torch.testing.assert_close(blend(targets, [5 * w for w in weights]), expected)


def test_blend_of_one_is_that_one() -> None:
    target = torch.rand(3, 3)
    assert torch.equal(blend([target], [0.3]), target)


def test_blend_wants_a_weight_for_each() -> None:
    with pytest.raises(ValueError, match="argument"):
        blend([torch.ones(1, 1)], [1.0, 2.0])


def test_state_is_immutable() -> None:
    state = State(torch.ones(1, 1), torch.ones(()))
    with pytest.raises(AttributeError):
        state.sums = torch.zeros(1, 1)  # type: ignore[misc]
