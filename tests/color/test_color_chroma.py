"""Greys of the same lightness, luminance matching, and a painting with the photograph's chroma."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from impasto.color import from_oklab, gray, keep_chroma, match_luminance, to_oklab
from impasto.color.chroma import transform_luminance, with_chroma
from impasto.color.match import GAIN
from impasto.errors import UsageError

seeds = st.integers(0, 2**31)


def some(seed: int, height: int = 16, width: int = 24, channels: int = 3) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.rand(1, channels, height, width, generator=random, dtype=torch.float64)


def lightness(grays: Tensor) -> Tensor:
    return to_oklab(grays.expand(-1, 3, -1, -1))[:, :1]


def chroma(pixels: Tensor) -> Tensor:
    return to_oklab(pixels)[:, 1:]


def test_grey_has_the_same_lightness() -> None:
    pixels = torch.cat([some(1), some(2)])
    found = gray(pixels)
    assert found.shape == (2, 1, 16, 24)
    torch.testing.assert_close(lightness(found), to_oklab(pixels)[:, :1], rtol=0, atol=1e-12)
    torch.testing.assert_close(lightness(gray(pixels.float())), to_oklab(pixels.float())[:, :1], rtol=0, atol=1e-6)
    torch.testing.assert_close(gray(found.expand(-1, 3, -1, -1)), found, rtol=0, atol=1e-12)


def test_grey_is_what_the_eye_says() -> None:
    # Of the pure colours, green is the lightest and blue the darkest.
    red, green, blue = gray(torch.eye(3).reshape(3, 3, 1, 1)).flatten().tolist()
    assert green > red > blue
    assert red == pytest.approx(1.055 * 0.62796 ** (3 / 2.4) - 0.055, abs=1e-5)


@given(seeds)
def test_luminance_takes_mean_and_deviation(seed: int) -> None:
    source, target = some(seed, channels=1), 0.3 + 0.4 * some(seed + 1, 9, 7, channels=1)
    found = transform_luminance(source, target)
    aim = lightness(target)
    assert float(found.mean()) == pytest.approx(float(aim.mean()), abs=1e-10)
    assert float(found.std(correction=0)) == pytest.approx(float(aim.std(correction=0)), abs=1e-10)
    # In lightness it is a line: order is kept.
    slope = (found - found.mean()) / (lightness(source) - lightness(source).mean())
    assert float(slope.max() - slope.min()) < 1e-6
    matched = match_luminance(source, target)
    inside = (found > 0) & (found < 1)
    torch.testing.assert_close(lightness(matched)[inside], found[inside], rtol=0, atol=1e-9)
    assert float(matched.min()) >= 0
    assert float(matched.max()) <= 1


def test_luminance_of_itself_stays() -> None:
    source = some(1, channels=1)
    torch.testing.assert_close(match_luminance(source, source), source, rtol=0, atol=1e-9)
    torch.testing.assert_close(match_luminance(source.float(), source.float()), source.float(), rtol=0, atol=1e-6)


def test_luminance_of_ones_and_of_regions() -> None:
    source, target = some(1, channels=1), some(2, 20, 10, channels=1) ** 2
    whole = transform_luminance(source, target)
    ones = {"source_maps": torch.ones(1, 16, 24), "target_maps": torch.ones(1, 20, 10)}
    torch.testing.assert_close(transform_luminance(source, target, **ones), whole)
    source_maps, target_maps = torch.zeros(2, 16, 24), torch.zeros(2, 20, 10)
    source_maps[0, :8], source_maps[1, 8:] = 1, 1
    target_maps[0, :15], target_maps[1, 15:] = 1, 1
    found = transform_luminance(source, target, source_maps=source_maps, target_maps=target_maps)
    torch.testing.assert_close(found[:, :, :8], transform_luminance(source[:, :, :8], target[:, :, :15]))
    torch.testing.assert_close(found[:, :, 8:], transform_luminance(source[:, :, 8:], target[:, :, 15:]))


def test_flat_luminance() -> None:
    target = some(2, channels=1)
    mean = float(lightness(target).mean())
    for value in (0.0, 0.5, 1.0):
        flat = torch.full((1, 1, 2, 3), value, dtype=torch.float64)
        for source in (flat, flat[..., :1, :1]):
            found = transform_luminance(source, target)
            torch.testing.assert_close(found, torch.full_like(source, mean), rtol=0, atol=1e-9)
        torch.testing.assert_close(match_luminance(flat, flat), flat)
        onto_flat = match_luminance(target, flat)
        torch.testing.assert_close(onto_flat, torch.full_like(target, value), rtol=0, atol=1e-4)
    # Noise of a grey level on a flat picture is stretched at most GAIN times.
    noisy = 0.5 + torch.randn(1, 1, 32, 32, dtype=torch.float64) / 1000
    found = transform_luminance(noisy, target)
    assert float(found.std()) == pytest.approx(GAIN * float(lightness(noisy).std()))


def test_chroma_is_the_contents_and_lightness_the_paintings() -> None:
    painted, content = some(1), some(2)
    lab = with_chroma(painted, content, 1.0)
    torch.testing.assert_close(lab[:, :1], to_oklab(painted)[:, :1], rtol=0, atol=0)
    torch.testing.assert_close(lab[:, 1:], chroma(content), rtol=0, atol=0)
    found = keep_chroma(painted, content)
    after = to_oklab(found)
    assert float(found.min()) >= 0
    assert float(found.max()) <= 1
    torch.testing.assert_close(after[:, 0], lab[:, 0], rtol=0, atol=1e-9)
    torch.testing.assert_close(
        after[:, 1] * lab[:, 2], after[:, 2] * lab[:, 1], rtol=0, atol=1e-9
    )  # one hue, or its opposite, which no colour has:
    assert bool(((after[:, 1:] * lab[:, 1:]).sum(1) >= -1e-12).all())
    # Where the colour can be shown, nothing was reduced.
    shown = from_oklab(lab)
    inside = ((shown >= 0) & (shown <= 1)).all(1, keepdim=True).expand_as(lab)
    assert bool(inside.any())
    assert not bool(inside.all())
    torch.testing.assert_close(after[inside], lab[inside], rtol=0, atol=1e-9)


def test_greys_and_themselves() -> None:
    painted = some(1)
    torch.testing.assert_close(keep_chroma(painted, painted), painted, rtol=0, atol=1e-9)
    content = gray(some(2)).expand(-1, 3, -1, -1)
    torch.testing.assert_close(keep_chroma(painted, content), gray(painted).expand(-1, 3, -1, -1), rtol=0, atol=1e-9)
    black = torch.zeros_like(painted)
    torch.testing.assert_close(keep_chroma(black, painted), black, rtol=0, atol=1e-9)
    white = torch.ones_like(painted)
    torch.testing.assert_close(keep_chroma(white, painted), white, rtol=0, atol=1e-9)
    one = painted[..., :1, :1].float()
    torch.testing.assert_close(keep_chroma(one, one), one, rtol=0, atol=2e-6)


def test_strength_is_a_way_between_chromas() -> None:
    painted, content = some(1), some(2)
    assert torch.equal(keep_chroma(painted, content, strength=0), painted)
    half = with_chroma(painted, content, 0.5)
    torch.testing.assert_close(half[:, 1:], (chroma(painted) + chroma(content)) / 2)
    torch.testing.assert_close(half[:, :1], to_oklab(painted)[:, :1], rtol=0, atol=0)
    torch.testing.assert_close(keep_chroma(painted, content, strength=0.5), from_oklab(half, fit=True))


@pytest.mark.parametrize(
    ("function", "pictures", "options", "says"),
    [
        (keep_chroma, (some(1), some(2, 8, 24)), {}, r"\(8, 24\).*\(16, 24\)"),
        (keep_chroma, (some(1), some(2)), {"strength": -0.1}, "strength=-0.1"),
        (keep_chroma, (some(1), some(2, channels=1)), {}, "content"),
        (match_luminance, (some(1), some(2, channels=1)), {}, "source"),
        (match_luminance, (some(1, channels=1), some(2)), {}, "target"),
        (match_luminance, (some(1, channels=1),) * 2, {"source_maps": torch.ones(1, 2, 2)}, "source_maps"),
    ],
)
def test_refuses(
    function: Callable[..., Tensor], pictures: tuple[Tensor, Tensor], options: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        function(*pictures, **options)
