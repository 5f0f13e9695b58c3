"""Factors of the style terms: what each normalisation does with each statistic."""

import pytest
import torch

from impasto.losses import NORMALIZATIONS, STATISTICS, Gram, statistic

features = torch.randn(1, 4, 6, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 1


@pytest.mark.parametrize("name", sorted(NORMALIZATIONS))
def test_gram_keeps_the_factors_of_the_papers(name: str) -> None:
    gram, normal = Gram(), NORMALIZATIONS[name]
    target = gram.finish(gram.measure(features))
    assert normal.of(gram, 64, target) == normal.style(64, float(target.square().sum()))


@pytest.mark.parametrize("kind", sorted(set(STATISTICS) - {"gram"}))
def test_other_statistics(kind: str) -> None:
    found = statistic(kind)
    target = found.finish(found.measure(features))
    for name in ("gatys", "zhao", "johnson"):
        assert NORMALIZATIONS[name].of(found, 64, target) == 1 / 64
    relative = NORMALIZATIONS["resolution_invariant"]
    assert relative.of(found, 64, target) == pytest.approx(found.calibration / found.power(target))
    # N times as many channels, the same picture.
    assert relative.of(found, 512, target) == relative.of(found, 64, target)


@pytest.mark.parametrize("kind", sorted(STATISTICS))
@pytest.mark.parametrize("name", sorted(NORMALIZATIONS))
def test_targets_of_nothing_have_finite_factors(name: str, kind: str) -> None:
    found = statistic(kind)
    target = found.finish(found.measure(torch.zeros_like(features)))
    factor = NORMALIZATIONS[name].of(found, 64, target)
    assert 0 < factor < float("inf")
    assert float(factor * found.distance(found.measure(torch.zeros_like(features)), target)) == pytest.approx(
        0, abs=1e-9
    )
