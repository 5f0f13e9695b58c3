"""Several processes answer what one does: the same gradient to 1e-10, and the same bits in each of them."""

import json
import subprocess
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from impasto.encoders import Petite
from impasto.errors import ResourceError, UsageError
from impasto.optim import parallel, tile_planner
from impasto.optim.evaluate import WholeImage
from impasto.optim.grid import Grid
from impasto.optim.history import HistoryStorage
from impasto.optim.tile_planner import Plan
from impasto.optim.tiling import Tiled
from impasto.scene.tiles import grid
from tests.forked import Forked
from tests.optim import parallel_worker
from tests.optim.parallel_worker import Case, cases
from tests.optim.test_tiling import painting

COUNT = 3
NAMES = (
    "many tiles", "a process without a tile", "one tile", "no style", "style alone", "repeats", "pixels alone",
)  # fmt: skip


@pytest.fixture(scope="module")
def encoder(tiny_tensors: Callable[..., dict[str, Tensor]]) -> dict[str, Tensor]:
    return {key: value.double() for key, value in tiny_tensors().items()}


@pytest.fixture(scope="module")
def found(
    encoder: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory
) -> list[tuple[dict[str, Tensor], dict[str, Any]]]:
    """Gradients, and all else, of each process."""
    folder = tmp_path_factory.mktemp("processes")
    save_file(encoder, folder / "encoder.safetensors")
    started = [
        Forked(partial(parallel_worker.main, folder, rank, COUNT), stderr=subprocess.PIPE) for rank in range(COUNT)
    ]
    try:
        said = [process.communicate(timeout=200)[1] for process in started]
    finally:
        for process in started:
            process.kill()
    assert [process.returncode for process in started] == [0] * COUNT, said
    return [
        (load_file(folder / f"{rank}.safetensors"), json.loads((folder / f"{rank}.json").read_text()))
        for rank in range(COUNT)
    ]


@pytest.fixture(scope="module")
def several(encoder: dict[str, Tensor]) -> dict[str, Case]:
    return cases(encoder)


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_of_one_process(found: Any, several: dict[str, Case], name: str) -> None:
    assert set(several) == set(NAMES)
    encode, judge, _, size = several[name]
    expected, slope = WholeImage(encode, judge)(painting(size))
    for gradients, said in found:
        total, terms = said["reports"][name]
        assert float((gradients[name] - slope).abs().max() / slope.abs().max()) < 1e-10
        assert total == pytest.approx(expected.total, rel=1e-10)
        assert terms == pytest.approx(expected.terms, rel=1e-10)
        assert list(terms) == list(expected.terms)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_bits_in_all(found: Any, name: str) -> None:
    (first, said), *others = found
    for gradients, others_said in others:
        assert torch.equal(gradients[name], first[name])
        assert others_said["reports"][name] == said["reports"][name]


def test_the_cases_are_what_they_are_called(several: dict[str, Case]) -> None:
    counts = {name: len(cut.tiles) for name, (_, _, cut, _) in several.items()}
    assert counts["one tile"] == 1
    assert 1 < counts["a process without a tile"] < COUNT
    assert 1 < counts["no style"] < COUNT
    assert min(counts[name] for name in ("many tiles", "repeats", "pixels alone")) > COUNT


def test_messages(found: Any) -> None:
    for rank, (_, said) in enumerate(found):
        assert (said["chief"], said["count"]) == (rank == 0, COUNT)
        assert said["sum"] == [
            [[4.5, 6.0], [2], "torch.float32"],
            [[111.0, 111.0], [2, 1], "torch.float64"],
            [[3], [], "torch.int64"],
        ]
        assert said["strided"] == [[0.0, 18.0], [6.0, 24.0], [12.0, 30.0]]
        assert (said["most"], said["least"], said["least of none"], said["least of some"]) == (2, 8, None, 5)
        assert said["firsts"] == [7, 2**40]
        assert said["copied"] == [0.0, 0.0]


def test_memory_that_runs_out_in_one_runs_out_in_all(found: Any) -> None:
    lines = [said["short"] for _, said in found]
    short, other = "DefaultCPUAllocator: can't allocate memory", "memory ran out in another process"
    assert lines == [[other, other], [short, other], [other, short]]
    for _, said in found:
        assert said["another error"] == "IndexError"
        assert said["after"] == COUNT - 1


def test_a_process_that_is_gone_is_named(found: Any) -> None:
    for _, said in found[:-1]:
        assert said["lost"].startswith("another process of this run has ended")
    assert "lost" not in found[-1][1]


def test_alone_nothing_changes(several: dict[str, Case]) -> None:
    encode, judge, cut, _ = several["many tiles"]
    assert type(parallel.tiled_evaluator(encode, judge, cut)) is Tiled
    assert parallel.current_group() is None
    assert (parallel.process_count(), parallel.is_first_process(), parallel.processes_on_this_machine()) == (1, True, 1)
    assert (parallel.maximum(3), parallel.minimum(4), parallel.minimum(None)) == (3, 4, None)
    assert parallel.run_on_all(lambda: 5) == 5
    parallel.leave_processes()


def test_each_process_takes_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "process_count", lambda: 4)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert parallel.device_of_process(torch.device("cpu")).type == "cpu"
    with pytest.raises(ResourceError, match=r"4 processes .* 2 GPUs; use torchrun --nproc-per-node 2"):
        parallel.device_of_process(torch.device("cuda"))
    with pytest.raises(UsageError, match="device 'cuda:1'"):
        parallel.device_of_process(torch.device("cuda", 1))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert parallel.device_of_process(torch.device("cuda")) == torch.device("cuda")


@cache
def petite() -> Petite:
    return Petite.embedded()


def cut(size: tuple[int, int], tile: int | None) -> Grid:
    return grid(size, petite(), ["relu3_1"], tile)


def plan(size: tuple[int, int], tile: int | None = None) -> Plan:
    return Plan(cut(size, tile), tile, HistoryStorage(), 1, 1)


def test_the_share_of_the_busiest() -> None:
    whole, halves = plan((64, 80)).grid, plan((200, 400), 270).grid
    assert tile_planner.pixels_per_process(whole, 1) == tile_planner.pixels_per_process(whole, 5) == 64 * 80
    one, two = (len(tile.rows) * len(tile.columns) for tile in halves.tiles)
    # Alone a process encodes one of them twice, forward; with one each, none is.
    assert tile_planner.pixels_per_process(halves, 1) == pytest.approx(
        (one + two) * (1 + tile_planner.FIRST_PASS_COST / 2)
    )
    assert tile_planner.pixels_per_process(halves, 2) == max(one, two)
    assert tile_planner.pixels_per_process(halves, 1) == pytest.approx(plan((200, 400), 270).work)


@pytest.mark.parametrize("count", [2, 3, 4, 8])
@pytest.mark.parametrize("size", [(600, 800), (512, 512), (333, 2000)])
def test_tiles_are_made_for_all(size: tuple[int, int], count: int) -> None:
    shared = tile_planner.split_among(plan(size), cut, count)
    assert len(shared.grid.tiles) >= count
    # Halos cost something, and less than half of what is won.
    assert tile_planner.pixels_per_process(shared.grid, count) < 1.5 * size[0] * size[1] / count


def test_tiles_that_do_not_pay_are_not_made() -> None:
    small = plan((20, 24))
    assert tile_planner.split_among(small, cut, 2) is small
    many = plan((600, 800), 100)
    assert len(many.grid.tiles) > 8
    assert tile_planner.split_among(many, cut, 2) is many
