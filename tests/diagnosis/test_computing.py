"""torch that is broken, and devices that are there or not."""

import math

import pytest
import torch

from impasto.diagnosis import computing
from impasto.optim import devices


@pytest.fixture(autouse=True)
def probe(monkeypatch):
    monkeypatch.setattr(devices, "faster_precision", lambda _: torch.bfloat16)


@pytest.mark.parametrize("error", [ImportError, OSError])
def test_torch_that_cannot_be_loaded(error):
    def load():
        raise error("libgomp.so.1: cannot open\nshared object file")

    (row,) = computing.findings(load)
    assert (row.name, row.state) == ("torch", "wrong")
    assert "libgomp.so.1: cannot open shared object file" in row.value
    assert "docs/install.md" in row.remedy


def test_torch_as_it_is_here(tmp_path):
    rows = {row.name: row for row in computing.findings(root=tmp_path)}
    assert rows["torch"].facts["version"] == torch.__version__
    assert rows["arithmetic"].state == "fine"
    assert rows["arithmetic"].facts["faster"] == "bfloat16"


def test_a_convolution_that_comes_out_wrong(monkeypatch, tmp_path):
    right = torch.nn.functional.conv2d
    monkeypatch.setattr(torch.nn.functional, "conv2d", lambda *args, **kwargs: right(*args, **kwargs) * math.nan)
    rows = {row.name: row for row in computing.findings(root=tmp_path)}
    assert rows["arithmetic"].state == "wrong"


def test_a_gpu_that_torch_cannot_use(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert [row.state for row in computing._devices(torch, tmp_path)] == ["fine"]
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/nvidia0").touch()
    (row,) = computing._devices(torch, tmp_path)
    assert row.state == "note"
    assert "CUDA build" in row.remedy


def test_gpus_are_named(monkeypatch, tmp_path):
    class Properties:
        name = "Example 9000"
        total_memory = 24 << 30

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: Properties)
    rows = list(computing._devices(torch, tmp_path))
    assert [row.value for row in rows] == ["cuda:0, Example 9000, 24 GiB", "cuda:1, Example 9000, 24 GiB"]
