"""How L-BFGS keeps its pairs: narrow, in a file or in pieces, it takes the same way."""

import math
import tempfile
from typing import Any

import pytest
import torch
from torch import Tensor

from impasto.errors import ResourceError
from impasto.losses import LossReport
from impasto.optim import history
from impasto.optim.evaluate import Evaluator
from impasto.optim.history import HistoryStorage, InMemory, OnDisk, Pairs
from impasto.optim.solver import Lbfgs

SHAPE = (1, 3, 8, 10)
COUNT = 240


def bowl(condition: float = 100.0, dtype: torch.dtype = torch.float32) -> tuple[Evaluator, Tensor]:
    """½ dᵀ A d around a known minimum."""
    random = torch.Generator().manual_seed(0)
    turn, _ = torch.linalg.qr(torch.randn(COUNT, COUNT, generator=random, dtype=torch.float64))
    values = torch.logspace(0, math.log10(condition), COUNT, dtype=torch.float64)
    matrix = (turn * values @ turn.T).to(dtype)
    minimum = torch.rand(COUNT, generator=random, dtype=torch.float64).to(dtype)

    def evaluate(point: Tensor) -> tuple[LossReport, Tensor]:
        away = point.flatten() - minimum
        slope = matrix @ away
        return LossReport(float(0.5 * away @ slope), {}), slope.reshape(point.shape)

    return evaluate, minimum.reshape(SHAPE)


def path(storage: HistoryStorage | None, steps: int = 30, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    evaluate, _ = bowl(dtype=dtype)
    solver = Lbfgs(torch.zeros(SHAPE, dtype=dtype), history=6, storage=storage)
    points = []
    for _ in range(steps):
        solver.step(evaluate)
        points.append(solver.point)
    return points


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces that do not divide the vectors; aligned as the real ones are, on which sums depend in their last bits."""
    monkeypatch.setattr(history, "VALUES_AT_ONCE", 64)


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.usefixtures("small_chunks")
def test_a_file_is_as_good_as_memory_bit_for_bit(narrow: bool) -> None:
    in_memory, in_file = path(HistoryStorage(narrow)), path(HistoryStorage(narrow, file=True))
    assert all(torch.equal(one, other) for one, other in zip(in_memory, in_file, strict=True))


def test_pieces_change_no_more_than_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = path(None, dtype=torch.float64)
    monkeypatch.setattr(history, "VALUES_AT_ONCE", 64)
    for one, other in zip(whole, path(None, dtype=torch.float64), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-9)


def test_narrow_pairs_point_the_same_way() -> None:
    evaluate, _ = bowl()
    solver = Lbfgs(torch.zeros(SHAPE), history=6)
    for _ in range(12):
        solver.step(evaluate)
    wide, narrow = (Pairs(6, solver.point, HistoryStorage(narrow)) for narrow in (False, True))
    for pairs in (wide, narrow):
        pairs.restore(solver._pairs.export())
    gradient = evaluate(solver.point)[1]
    found = []
    for pairs in (wide, narrow):
        direction = gradient.neg()
        pairs.apply(direction)
        found.append(direction.flatten())
        assert float(direction.flatten() @ gradient.flatten()) < 0  # downhill
    assert float(torch.cosine_similarity(found[0], found[1], dim=0)) > 0.999
    assert 0.98 < float(found[0].norm() / found[1].norm()) < 1.02


def test_narrow_pairs_arrive_as_soon() -> None:
    evaluate, _ = bowl()
    start = evaluate(torch.zeros(SHAPE))[0].total
    wide, narrow = (evaluate(path(storage, 40)[-1])[0].total / start for storage in (None, HistoryStorage(narrow=True)))
    assert narrow < 1e-4
    assert narrow < 4 * wide


@pytest.mark.parametrize(
    "storage", [HistoryStorage(), HistoryStorage(narrow=True), HistoryStorage(file=True), HistoryStorage(True, True)]
)
@pytest.mark.usefixtures("small_chunks")
def test_pairs_of_negative_curvature_leave_the_others_alone(storage: HistoryStorage) -> None:
    random = torch.Generator().manual_seed(1)
    point = torch.zeros(SHAPE)
    pairs = Pairs(2, point, storage)

    def remember(sign: float) -> None:
        moved = torch.randn(SHAPE, generator=random)
        gradient = pairs.park(torch.zeros(SHAPE))
        pairs.remember(point, moved, gradient, sign * moved)

    for _ in range(3):
        remember(2.0)
    before = pairs.export()
    remember(-1.0)
    after = pairs.export()
    assert len(pairs) == len(after) == 2
    for one, other in zip(before, after, strict=True):
        assert all(
            torch.equal(torch.as_tensor(a), torch.as_tensor(b))
            for a, b in zip(map(whole, one), map(whole, other), strict=True)
        )
    pairs.clear()
    assert len(pairs) == 0
    remember(2.0)
    assert len(pairs) == 1


def whole(vector: Any) -> Tensor:
    """A pair's vector, however it is exported."""
    return vector if isinstance(vector, Tensor) else vector[slice(0, COUNT)]


def test_a_parked_gradient_comes_back_as_it_was() -> None:
    tensor = torch.randn(SHAPE)
    for storage, kind in ((HistoryStorage(), InMemory), (HistoryStorage(narrow=True, file=True), OnDisk)):
        pairs = Pairs(3, tensor, storage)
        parked = pairs.park(tensor)
        assert isinstance(parked, kind)
        assert torch.equal(pairs.fetch(parked, tensor), tensor)


def test_the_file_has_no_name_and_is_as_large_as_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr(history, "scratch_folder", lambda: str(tmp_path))
    evaluate, _ = bowl()
    solver = Lbfgs(torch.zeros(SHAPE), history=3, storage=HistoryStorage(narrow=True, file=True))
    for _ in range(8):
        solver.step(evaluate)
    assert list(tmp_path.iterdir()) == []
    file = solver._pairs._file
    assert file is not None
    assert file.seek(0, 2) == COUNT * (4 + 3 * 2 * 2)


def test_a_full_disk_is_one_line() -> None:
    class Full:
        def seek(self, offset: int) -> None: ...

        def write(self, _data: memoryview) -> int:
            raise OSError(28, "No space left on device")

        def readinto(self, _data: memoryview) -> int:
            return 0

    vector = OnDisk(Full(), 0, torch.float32)  # type: ignore[arg-type]  # as much of a file as is asked for
    with pytest.raises(ResourceError, match="No space left") as caught:
        vector.write(slice(0, 4), torch.ones(4))
    assert caught.value.exit_code == 5
    with pytest.raises(ResourceError, match="cut short"):
        vector.read(slice(0, 4))


def test_scratch_avoids_a_tmp_that_may_be_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    assert history.scratch_folder() == str(tmp_path)
    assert history.scratch_bytes() > 0
    monkeypatch.setattr(tempfile, "gettempdir", lambda: "/tmp")
    assert history.scratch_folder() in ("/tmp", "/var/tmp")
