"""Where to compute, and in which type."""

import time
from collections.abc import Iterator

import pytest
import torch

from impasto.errors import ResourceError
from impasto.optim import devices


def test_devices() -> None:
    assert devices.choose("cpu") == torch.device("cpu")
    assert devices.choose().type == devices.present()[-1]


@pytest.mark.parametrize("name", ["tpu", "cuda:99", "cpu:1", "", "meta", "cuda:x"])
def test_devices_that_are_not_there_are_refused(name: str) -> None:
    with pytest.raises(ResourceError, match=r"choose from auto, cpu|has cuda:0 to cuda:") as caught:
        devices.choose(name)
    assert caught.value.exit_code == 5


def test_auto_prefers_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert devices.choose("auto").type == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert devices.choose("auto").type == "cuda"
    assert devices.choose("cuda:1") == torch.device("cuda:1")
    with pytest.raises(ResourceError, match="cuda:0 to cuda:1"):
        devices.choose("cuda:2")
    # Trainings have not been run on mps.
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert devices.choose("auto", devices.FOR_TRAINING).type == "cpu"
    with pytest.raises(ResourceError, match=r"choose from auto, cpu$"):
        devices.choose("cuda", devices.FOR_TRAINING)


def test_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    for faster, meant in ((torch.bfloat16, torch.bfloat16), (torch.float32, None)):
        monkeypatch.setattr(devices, "faster_precision", lambda _device, faster=faster: faster)
        assert devices.precision("auto", torch.device("cpu")) is meant
    assert devices.precision("bfloat16", torch.device("cpu")) is torch.bfloat16
    assert devices.precision("float32", torch.device("cpu")) is None


@pytest.mark.parametrize("native", [True, False])
def test_a_gpu_that_only_emulates_bfloat16_is_not_faster_at_it(native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or native)
    expected = torch.bfloat16 if native else torch.float32
    assert devices.faster_precision(torch.device("cuda")) is expected
    assert devices.faster_precision(torch.device("mps")) is torch.float32


@pytest.fixture
def unmeasured() -> Iterator[None]:
    """Nothing was measured before, and what is measured with a false clock is forgotten."""
    devices._faster_on_cpu.cache_clear()
    yield
    devices._faster_on_cpu.cache_clear()


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize(
    ("half_takes", "expected", "rounds"),
    [(0.5, torch.bfloat16, 12), (0.9, torch.float32, 36), (30.0, torch.float32, 3)],
)
def test_bfloat16_only_where_it_is_clearly_faster(
    half_takes: float, expected: torch.dtype, rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, convolved = 0.0, 0

    def convolve(x: torch.Tensor, _weight: torch.Tensor, **_options: int) -> torch.Tensor:
        nonlocal now, convolved
        convolved += 1
        now += half_takes if x.dtype == torch.bfloat16 else 1.0
        return x

    monkeypatch.setattr(torch.nn.functional, "conv2d", convolve)
    monkeypatch.setattr(time, "perf_counter", lambda: now)
    for _ in range(2):
        assert devices.faster_precision(torch.device("cpu")) is expected
    # Measured once; and where a processor only emulates it, no longer than three rounds take.
    assert convolved == 2 * rounds
