"""Memory: what is predicted, what there is, and what is done about it (row 39)."""

import mmap
from pathlib import Path
from typing import Any

import pytest
import torch

from impasto import Recipe, Stylizer, encoders
from impasto.errors import NotTileableError, ResourceError, UsageError
from impasto.optim import memory, tile_planner
from impasto.optim.history import HistoryStorage
from impasto.optim.memory import Work
from impasto.optim.pyramid import Level
from impasto.optim.tile_planner import NARROW_FROM_PIXELS, Plan
from impasto.scene.tiles import grid

PETITE = encoders.Petite.embedded()
LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
WORK = Work(neurons=100, precision="float32", pairs=12, target_bytes=8)


def plan(side: int, tiling: Any, free: int | None, work: Work = WORK, **others: Any) -> Plan | int:
    found = tile_planner.plan(
        [Level(0, (side, side), 100)],
        work,
        lambda size, tile: grid(size, PETITE, LAYERS, tile),
        tiling,
        free,
        **others,
    )
    return found if isinstance(found, int) else found[0]


def planned(*args: Any, **others: Any) -> Plan:
    found = plan(*args, **others)
    assert isinstance(found, Plan)
    return found


def test_prediction_grows_with_what_there_is() -> None:
    def bytes_(
        storage: HistoryStorage = HistoryStorage(), work: Work = WORK, steps: int = 50, encoded: int = 10_000
    ) -> int:
        return memory.bytes_of_evaluation(work, 10_000, encoded, storage, tiled=encoded < 10_000, steps=steps)

    plane = 10_000 * 4 * 3
    assert bytes_() - bytes_(HistoryStorage(narrow=True)) == 12 * plane
    assert bytes_() - bytes_(HistoryStorage(file=True)) == 25 * plane  # 24 vectors and the old gradient
    assert bytes_() - bytes_(steps=2) == 20 * plane
    wide, narrow = (100 * memory.NEURON_BYTES[kind] + memory.ENCODED_BYTES[kind] for kind in ("float32", "bfloat16"))
    assert bytes_() - bytes_(encoded=5_000) == 10_000 * wide - round(5_000 * wide * 1.2)
    assert bytes_(work=Work(100, "bfloat16", target_bytes=8)) == bytes_() - 10_000 * (wide - narrow) < bytes_()
    assert bytes_(work=Work(200, "float32", target_bytes=8)) - bytes_() == 10_000 * 100 * memory.NEURON_BYTES["float32"]
    assert bytes_(work=Work(100, "float32", target_bytes=8, averaged=True)) == bytes_() + plane
    assert bytes_(work=Work(100, "float32", target_bytes=8, areas=3)) > bytes_()


def test_all_in_one_piece_where_it_fits_or_nothing_is_known() -> None:
    for free in (None, 1 << 40):
        found = planned(512, "auto", free)
        assert (found.tile, found.storage, len(found.grid.tiles)) == (None, HistoryStorage(), 1)


def test_the_largest_tiles_that_fit_and_a_file_at_last() -> None:
    tiles = []
    for free, filed in ((4 << 30, False), (3 << 30, False), (1400 << 20, True), (500 << 20, True)):
        found = planned(2000, "auto", free)
        assert found.bytes <= free < found.whole_bytes
        assert found.storage.file is filed
        assert found.tile is not None
        tiles.append(found.tile)
    assert tiles == sorted(tiles, reverse=True)
    least = plan(2000, "auto", 100 << 20)
    assert isinstance(least, int)
    assert 100 << 20 < least < 1 << 30


def test_a_tile_that_is_asked_for_is_taken_or_refused() -> None:
    found = planned(1000, 400, None)
    assert found.tile == 400
    assert max(tile.rows.stop - tile.rows.start for tile in found.grid.tiles) <= 400
    assert isinstance(plan(1000, 900, 300 << 20), int)
    with pytest.raises(UsageError, match="--tile"):
        plan(1000, 20, None)


def test_off_is_in_one_piece_or_not_at_all() -> None:
    assert planned(1000, "off", 1 << 40).tile is None
    assert plan(1000, "off", 500 << 20) == planned(1000, "off", None).bytes


def test_what_is_kept_narrow_depends_on_the_size_alone() -> None:
    small, large = int(NARROW_FROM_PIXELS**0.5) - 1, int(NARROW_FROM_PIXELS**0.5) + 1
    for free in (None, 3 << 30):
        assert not planned(small, "auto", free).storage.narrow
        assert planned(large, "auto", free).storage.narrow


def test_the_history_of_a_device_goes_to_the_machine() -> None:
    assert planned(2000, "auto", 1200 << 20, away=True).storage == HistoryStorage(True, device=torch.device("cpu"))


def test_adam_has_no_history_to_file() -> None:
    adam = Work(neurons=100, precision="float32", solver="adam", target_bytes=8)
    assert not planned(2000, "auto", 900 << 20, work=adam).storage.file


def test_a_statistic_that_sorts_is_refused_only_where_tiles_are_needed() -> None:
    assert planned(1000, "auto", None, unfit="histogram").tile is None
    for tiling, free in (("auto", 1 << 30), (400, None)):
        with pytest.raises(NotTileableError, match=r"'histogram'.*--statistics gram") as told:
            plan(1000, tiling, free, unfit="histogram")
        # Too little memory is no mistake in what was asked for; tiles are.
        assert told.value.exit_code == (5 if tiling == "auto" else 2)


def test_a_method_that_needs_the_whole_picture_is_refused_by_its_name() -> None:
    with pytest.raises(NotTileableError, match=r"the method 'mrf'.*--method gatys"):
        plan(1000, 400, None, unfit="mrf")


def test_a_side_that_would_fit_does() -> None:
    free = 500 << 20
    side = tile_planner.largest_side_of(
        (4000, 3000), WORK, lambda size, tile: grid(size, PETITE, LAYERS, tile), "auto", free
    )
    assert 200 < side < 4000
    assert isinstance(plan(side * 5 // 6, "auto", free), Plan)  # of as many pixels, square
    assert (
        tile_planner.largest_side_of((4000, 3000), WORK, lambda size, tile: grid(size, PETITE, LAYERS, tile), "auto", 1)
        == 0
    )


def test_tiles_cost_what_they_encode() -> None:
    whole, tiled = planned(1000, "off", None), planned(1000, 400, None)
    assert whole.work == 1000**2
    assert tiled.grid.overhead < tiled.work / whole.work < (1 + tile_planner.FIRST_PASS_COST) * tiled.grid.overhead


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
    # Copies of files go when memory is needed.
    (group / "memory.stat").write_text("anon 300000\ninactive_file 50000\n")
    assert memory.available(tmp_path) == 650_000


@pytest.mark.parametrize(
    ("line", "folder", "limit", "used"),
    [
        ("0::/user/app", "user/app", "memory.max", "memory.current"),
        ("0::/user/app", "user", "memory.max", "memory.current"),
        ("9:memory:/user/app", "memory/user/app", "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ],
)
def test_available_looks_at_the_groups_around_the_process(
    tmp_path: Path, line: str, folder: str, limit: str, used: str
) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text("MemAvailable: 2000 kB\n")
    (tmp_path / "proc/self/cgroup").write_text(f"1:name=systemd:/elsewhere\n{line}\n")
    group = tmp_path / "sys/fs/cgroup" / folder
    group.mkdir(parents=True)
    (group / limit).write_text("90000\n")
    (group / used).write_text("20000\n")
    assert memory.available(tmp_path) == 70_000


def test_resident_is_what_this_process_has() -> None:
    before = memory.resident()
    assert before > 10 << 20
    # Straight from the system: an allocator may have room left from what was freed before.
    with mmap.mmap(-1, 32 << 20) as block:
        block.write(bytes(32 << 20))
        assert memory.resident() - before > 16 << 20


def test_too_large_a_picture_is_refused_before_painting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 200 << 20)
    picture = torch.rand(3, 64, 64)
    with pytest.raises(ResourceError, match=r"needs about .* --size \d+ would fit") as caught:
        Stylizer(picture, picture, Recipe.parse({"size": 2048, "encoder": "petite"}))
    assert caught.value.exit_code == 5


@pytest.mark.parametrize("size", [(40, 60), (120, 90)])
def test_layers_of_every_block_have_a_grid(size: tuple[int, int]) -> None:
    found = grid(size, PETITE, encoders.LAYERS, None)
    assert len(found.tiles) == 1
    assert found.encoded == size
