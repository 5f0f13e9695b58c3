"""Memory: what is predicted and what there is (row 39)."""

from pathlib import Path

import pytest
import torch

from impasto import Recipe, Stylizer
from impasto.errors import ResourceError
from impasto.optim import memory


def test_predict_grows_with_pixels_and_stops_at_the_deepest_style_layer() -> None:
    tensors = {"conv1_1.weight": torch.empty(8, 3, 3, 3), "conv2_1.weight": torch.empty(16, 8, 3, 3)}
    small, large = (memory.predict((side, side), tensors, "float32", 10) for side in (64, 128))
    assert 3.5 < large / small <= 4
    deeper = tensors | {"conv5_4.weight": torch.empty(16, 16, 3, 3)}
    assert memory.predict((64, 64), deeper, "float32", 10) - small < 2 * 4 * 16 * 16 * 9 + 1
    assert memory.predict((64, 64), tensors, "bfloat16", 10) < small


def test_available_takes_the_smaller_of_machine_and_control_group(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 4000 kB\nMemAvailable: 2000 kB\n")
    assert memory.available(tmp_path) == 2000 * 1024
    group = tmp_path / "sys/fs/cgroup"
    group.mkdir(parents=True)
    (group / "memory.max").write_text("max\n")
    (group / "memory.current").write_text("5\n")
    assert memory.available(tmp_path) == 2000 * 1024
    (group / "memory.max").write_text("1000000\n")
    (group / "memory.current").write_text("400000\n")
    assert memory.available(tmp_path) == 600_000


def test_too_large_a_picture_is_refused_before_painting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 50 << 20)
    picture = torch.rand(3, 64, 64)
    with pytest.raises(ResourceError, match=r"needs about .* --size") as caught:
        Stylizer(picture, picture, Recipe.parse({"size": 2048, "encoder": "petite"}))
    assert caught.value.exit_code == 5
