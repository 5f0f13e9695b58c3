"""Checkpoints (rows 42 and 43): going on bit for bit from every step, and files that are damaged or hostile."""

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor

from impasto import checkpoint as checkpoints
from impasto import guides
from impasto.checkpoint import Checkpoint, previous, saved, tensorfile
from impasto.checkpoint.tensorfile import TensorFile
from impasto.encoders import Vgg
from impasto.errors import ImpastoError, InputError, OutputError, UsageError, WeightsError
from impasto.images import Picture
from impasto.losses import LossReport
from impasto.optim.history import HistoryStorage
from impasto.optim.loop import SETTLING_STEPS, Run
from impasto.optim.solver import Adam, Lbfgs, Solver
from impasto.optim.state import VALUES_AT_ONCE, Pieces, State
from impasto.painting.stylizer import Stylizer
from impasto.recipe import Recipe
from impasto.weights import CAFFE
from tests.stylize_helpers import Build, pixels


@pytest.fixture
def regions(content: Tensor, style: Tensor):
    halves = [torch.zeros(2, *picture.shape[1:]) for picture in (content, style)]
    for maps in halves:
        maps[0, :, : maps.shape[2] // 2] = 1
        maps[1] = 1 - maps[0]
    return guides.Regions(("left", "right"), halves[0], (halves[1],), (("content mask", "a" * 64),))


@pytest.fixture
def stylizer(tiny_encoder: Vgg, quick: Recipe, content: Tensor, style: Tensor) -> Build:
    """`stylizer(recipe=None, **settings)` begins the quick painting, or one of `recipe`."""

    def make(recipe=None, *, photo=content, styles=style, encoder=tiny_encoder, regions=None, tile="auto", **settings):
        recipe = recipe or quick.replace(**{"step_ratio": 0.5, **settings})
        return Stylizer(photo, styles, recipe, encoder=encoder, regions=regions, tile=tile)

    return make


def finish(painting):
    for _ in painting:
        pass
    result = painting.result()
    assert result.finished
    return result


def losses(result):
    return [{key: value for key, value in line.items() if key != "elapsed_s"} for line in result.history]


@pytest.fixture
def halfway(stylizer: Build, tmp_path: Path):
    """A checkpoint after the fourth of six steps: the last of the first level."""
    path = tmp_path / "painting.checkpoint"
    for progress in (painting := stylizer(history=3)):
        if progress.total_step == 4:
            painting.checkpoint().save(path)
            break
    return path


# Going on.

KINDS: dict[str, dict[str, Any]] = {
    "lbfgs": {"history": 3, "iterations": 8},
    "adam": {"solver": "adam", "schedule": "linear", "learning_rate": 8.0, "iterations": 6},
    "luminance": {"color": "luminance", "history": 2, "iterations": 6},
    "surrogate": {"finishing_steps": 3, "iterations": 8},
    "noise": {"init": "noise", "seed": 7, "iterations": 5},
    "sorted": {"statistics": {"sliced_wasserstein": 1.0}, "iterations": 6, "levels": 2},
    "regions": {"keep": ("left",), "region_weights": {"right": 2.0}, "iterations": 5},
    "regions in grey": {"color": "luminance", "region_scales": {"right": 1.5}, "solver": "adam", "iterations": 5},
    "texture": {"color": "style", "tileable": True, "init": "style", "iterations": 5},
}


@pytest.mark.parametrize("kind", KINDS)
def test_going_on_from_any_step_ends_in_the_same_picture(
    kind, stylizer: Build, regions, tmp_path: Path, notices: list[str]
) -> None:
    options = {"regions": regions} if "regions" in kind else {"photo": None} if kind == "texture" else {}
    painting = stylizer(**options, **KINDS[kind])
    for progress in painting:
        painting.checkpoint().save(tmp_path / f"{progress.total_step}")
    unbroken = painting.result()
    edges = [level.steps for level in painting.levels]
    assert len(edges) > 1
    assert min(edges) > 0
    for step in range(1, sum(edges) + 1):
        loaded = Checkpoint.load(tmp_path / str(step))
        assert loaded.taken == step
        again = stylizer(loaded.recipe, **options)
        again.restore(loaded)
        resumed = finish(again)
        assert torch.equal(pixels(resumed), pixels(unbroken)), f"from step {step} of {edges}"
        assert losses(resumed) == losses(unbroken)
    assert not [line for line in notices if "bits" in line]


def test_a_resumed_painting_can_be_interrupted_again(stylizer: Build, tmp_path: Path) -> None:
    path = tmp_path / "c"
    unbroken = finish(stylizer(iterations=9))
    for step in range(1, 9):
        painting = stylizer(iterations=9)
        if step > 1:
            painting.restore(Checkpoint.load(path))
        progress = next(iter(painting))
        assert (progress.total_step, progress.total_steps) == (step, 9)
        painting.checkpoint().save(path)
    painting.restore(Checkpoint.load(path))
    assert torch.equal(pixels(finish(painting)), pixels(unbroken))


def test_without_a_file_too(stylizer: Build) -> None:
    unbroken, painting, again = finish(stylizer()), stylizer(), stylizer()
    next(iter(painting))
    again.restore(painting.checkpoint())
    assert torch.equal(pixels(finish(again)), pixels(unbroken))


def test_tiles_are_those_of_before(stylizer: Build, tmp_path: Path, notices: list[str]) -> None:
    deep = {"style_layers": {"relu1_1": 1.0, "relu2_1": 1.0}, "content_layers": {"relu2_1": 1.0}, "history": 3}
    painting = stylizer(tile=24, **deep)
    for progress in painting:
        if progress.total_step in (2, 5):
            painting.checkpoint().save(tmp_path / str(progress.total_step))
    assert len(painting.plans[1].grid.tiles) > 1
    for step in (2, 5):
        loaded = Checkpoint.load(tmp_path / str(step))
        again = stylizer(loaded.recipe)
        assert len(again.plans[1].grid.tiles) == 1
        again.restore(loaded)
        assert torch.equal(pixels(finish(again)), pixels(painting.result()))
    assert not [line for line in notices if "bits" in line]
    # The other way, memory may not allow what it did: that is told.
    whole = stylizer(**deep)
    next(iter(whole))
    again = stylizer(tile=24, **deep)
    again.restore(whole.checkpoint())
    assert [line for line in notices if "tiles [None, None], now [24, 24]" in line]
    assert len(finish(again).history) == 6


@pytest.mark.parametrize("tiles", [[1, 1], [0, -3], ["x", {}], [24], "all", [True, None]])
def test_hostile_tiles(tiles, stylizer: Build, halfway) -> None:
    loaded = Checkpoint.load(rewrite(halfway, lambda document: document["engine"].update(tiles=tiles)))
    again = stylizer(loaded.recipe)
    again.restore(loaded)
    assert len(finish(again).history) == 6


def test_what_is_known_of_it_goes_on(stylizer: Build, halfway) -> None:
    loaded = Checkpoint.load(halfway)
    painting = stylizer(loaded.recipe)
    painting.restore(loaded)
    before = painting.result()
    assert not before.finished
    assert len(before.history) == 4
    assert before.picture.size == (48, 64)
    seen = list(painting)
    assert [(p.level, p.step, p.total_step) for p in seen] == [(1, 1, 5), (1, 2, 6)]
    elapsed = [line["elapsed_s"] for line in painting.history]
    assert elapsed == sorted(elapsed)
    assert seen[0].elapsed_s >= loaded.elapsed_s > 0
    assert painting.timings["level 0 (32x24)"] >= loaded.level_s
    assert painting.timings["total"] >= seen[-1].elapsed_s
    # Once more from the beginning, as ever.
    assert [p.total_step for p in painting] == [1, 2, 3, 4, 5, 6]


def test_before_the_first_step_there_is_nothing(stylizer: Build) -> None:
    with pytest.raises(UsageError, match="first"):
        stylizer().checkpoint()


# Refusals.


def test_another_picture_weights_or_recipe(
    stylizer: Build, halfway, content: Tensor, style: Tensor, other_style: Tensor, tiny_tensors, regions
):
    loaded = Checkpoint.load(halfway)
    weights = Vgg(tiny_tensors(), CAFFE, channels={1: 4, 2: 6, 3: 8, 4: 10, 5: 12}, sha256="1" * 64)
    for options, error, words in (
        ({"photo": content.flip(1)}, InputError, "another content"),
        ({"styles": other_style}, InputError, "another style"),
        ({"styles": [style, other_style]}, InputError, "another style"),
        ({"regions": regions}, InputError, "another content mask"),
        ({"encoder": weights}, WeightsError, "other weights"),
    ):
        with pytest.raises(error, match=words) as caught:
            stylizer(loaded.recipe, **options).restore(loaded)
        assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match="another recipe"):
        stylizer(history=3, tv_weight=3.0).restore(loaded)


def test_another_count_of_threads_is_told(stylizer: Build, halfway, notices: list[str]) -> None:
    loaded = Checkpoint.load(halfway)
    torch.set_num_threads(2)
    try:
        stylizer(loaded.recipe).restore(loaded)
    finally:
        torch.set_num_threads(1)
    assert any("threads 1, now 2" in line for line in notices)


# The file.


def test_it_is_safetensors(halfway) -> None:
    tensors = safetensors.torch.load_file(halfway)
    assert tensors["solver.point"].shape == (1, 3, 24, 32)
    assert tensors["history.loss"].dtype == torch.float64
    assert not [path for path in halfway.parent.iterdir() if path != halfway]


@pytest.mark.parametrize("make", [bytes, lambda: b"{}", lambda: b"\x89PNG\r\n\x1a\n" + bytes(99), lambda: b"\xff" * 99])
def test_foreign_files(make, tmp_path: Path) -> None:
    path = tmp_path / "foreign"
    path.write_bytes(make())
    with pytest.raises(InputError, match="foreign: is not a checkpoint"):
        Checkpoint.load(path)


def test_files_that_are_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    safetensors.torch.save_file({"a": torch.zeros(3)}, tmp_path / "weights")
    for name, words in (("", "regular"), ("pipe", "regular"), ("gone", "does not exist"), ("weights", "checkpoint")):
        with pytest.raises(InputError, match=words):
            Checkpoint.load(tmp_path / name)


def test_every_truncation_is_seen(halfway, tmp_path: Path) -> None:
    data = halfway.read_bytes()
    cut = tmp_path / "cut"
    for length in [*range(0, 4000, 97), *range(4000, len(data), len(data) // 50), len(data) - 1]:
        cut.write_bytes(data[:length])
        with pytest.raises(InputError):
            Checkpoint.load(cut)
    cut.write_bytes(data + b"\0")
    with pytest.raises(InputError):
        Checkpoint.load(cut)


def test_any_changed_bit_is_seen(halfway, tmp_path: Path) -> None:
    data = halfway.read_bytes()
    changed = tmp_path / "changed"
    for at in [*range(0, 6000, 53), *range(6000, len(data), len(data) // 60), len(data) - 1]:
        wrong = bytearray(data)
        wrong[at] ^= 1 << (at % 8)
        changed.write_bytes(wrong)
        with pytest.raises(InputError):
            Checkpoint.load(changed)


@pytest.mark.parametrize(
    "header",
    [
        b"[" * 100_000,
        b'{"checksum":1}',
        b'{"__metadata__":[1],"checksum":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}',
        b'{"a":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4000000000000]},'
        b'"checksum":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}',
        b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,-4]},"checksum":{"dtype":"U8","shape":[8],"data_offsets":[-4,4]}}',
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"checksum":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}',
        b'{"a":{"dtype":"O","shape":[1],"data_offsets":[0,4]},"checksum":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}',
        b'{"a":{"dtype":"F32","shape":[' + b"9" * 4000 + b',2],"data_offsets":[0,4]}}',
    ],
)
def test_hostile_headers(header, tmp_path: Path) -> None:
    path = tmp_path / "hostile"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(InputError, match="hostile: is not a checkpoint"):
        TensorFile.open(path)


def rewrite(path: Path, change, *, version="1", drop=(), **tensors) -> Path:
    """Write a checkpoint again, with its document changed and a right checksum."""
    file = TensorFile.open(path)
    document = json.loads(file.metadata["document"])
    change(document)
    kept = {name: tensor for name, tensor in file.tensors.items() if name not in drop}
    hostile = path.with_name("hostile")
    with hostile.open("wb") as stream:
        notes = {**file.metadata, "version": version, "document": json.dumps(document)}
        tensorfile.write(stream, {**kept, **tensors}, notes)
    return hostile


def test_rewriting_alone_changes_nothing(stylizer: Build, halfway) -> None:
    loaded = Checkpoint.load(rewrite(halfway, lambda _document: None))
    painting = stylizer(loaded.recipe)
    painting.restore(loaded)
    assert torch.equal(pixels(finish(painting)), pixels(finish(stylizer(history=3))))


def test_an_unknown_version(halfway) -> None:
    with pytest.raises(UsageError, match="version '99'") as caught:
        Checkpoint.load(rewrite(halfway, lambda _document: None, version="99"))
    assert caught.value.exit_code == 2


POINT = torch.full((1, 3, 24, 32), 0.5)
CHANGES: dict[str, dict[str, Any]] = {
    "no such level": {"level": 3},
    "negative level": {"level": -1},
    "huge level": {"level": 10**30},
    "no step": {"step": 0},
    "step beyond": {"step": 500},
    "size": {"size": [24, 31]},
    "long size": {"size": [24] * 9},
    "unknown key": {"surprise": 1},
    "recipe of nonsense": {"recipe": {"size": "large"}},
    "recipe with a path": {"recipe": {"encoder": "../x"}},
    "elapsed": {"elapsed_s": float("nan")},
    "no solver": {"solver": None},
    "empty solver": {"solver": {}},
    "deep": {"command": json.loads("[" * 500 + "]" * 500)},
    "columns": {"columns": ["nothing"]},
    "caution": {"solver.caution": "x"},
    "many pairs": {"solver.pairs": 10**9},
    "more pairs": {"solver.pairs": 4},
    "pairs not whole": {"solver.pairs": 1.5},
    "narrow pairs": {"solver.narrow": True},
    "infinite total": {"solver.total": float("inf")},
    "terms": {"solver.terms": [1]},
    "lowest": {"run.lowest": None},
    "run beyond": {"run.step": 5},
    "retries": {"run.retries": 99},
}


@pytest.mark.parametrize("case", CHANGES)
def test_hostile_documents(case, stylizer: Build, halfway) -> None:
    def change(document):
        for key, value in CHANGES[case].items():
            *outer, name = key.split(".")
            (document[outer[0]] if outer else document)[name] = value

    refuses(stylizer, halfway, rewrite(halfway, change))


@pytest.mark.parametrize(
    "tensors",
    [
        {"solver.point": POINT.double()},
        {"solver.point": torch.zeros(1, 3, 24, 33)},
        {"solver.point": torch.full_like(POINT, torch.nan)},
        {"solver.gradient": torch.full((POINT.numel(),), torch.inf)},
        {"solver.moved 0": torch.zeros(POINT.numel())},
        {"solver.changed 1": torch.full((POINT.numel(),), torch.nan)},
        {"solver.changed 0": torch.zeros(3)},
        {"run.best": torch.zeros(1, 1, 1, 1)},
        {"history.loss": torch.zeros(5, dtype=torch.float64)},
        {"history.level": torch.full((4,), torch.inf, dtype=torch.float64)},
        {"history.loss": torch.zeros(2, 2)},
    ],
)
def test_hostile_tensors(tensors, stylizer: Build, halfway) -> None:
    refuses(stylizer, halfway, rewrite(halfway, lambda _document: None, **tensors))


def test_missing_tensors(stylizer: Build, halfway) -> None:
    for name in ("solver.point", "solver.moved 0", "history.loss"):
        refuses(stylizer, halfway, rewrite(halfway, lambda _document: None, drop=(name,)))


def refuses(stylizer, path, hostile) -> None:
    good = stylizer(Checkpoint.load(path).recipe)

    def go_on():
        good.restore(Checkpoint.load(hostile))
        next(iter(good))

    with pytest.raises(InputError) as caught:
        go_on()
    assert len(str(caught.value)) < 400


def test_a_file_that_changes_under_our_hands(stylizer: Build, halfway) -> None:
    loaded = Checkpoint.load(halfway)
    data = halfway.read_bytes()
    halfway.unlink()
    halfway.write_bytes(data[:-1] + b"x")
    with pytest.raises(InputError, match="was changed"):
        stylizer(loaded.recipe).restore(loaded)


# The one before.


def test_a_damaged_one_gives_way_to_the_one_before(stylizer: Build, tmp_path: Path, notices: list[str]) -> None:
    path = tmp_path / "c"
    painting = stylizer(iterations=9)
    for progress in painting:
        painting.checkpoint().save(path)
        if progress.total_step == 3:
            break
    assert Checkpoint.load(path).taken == 3
    assert notices == []
    path.write_bytes(path.read_bytes()[:-1000])
    assert Checkpoint.load(path).taken == 2
    assert any("going on from the one before it, c.previous" in line for line in notices)
    path.unlink()
    loaded = Checkpoint.load(path)
    again = stylizer(loaded.recipe)
    again.restore(loaded)
    assert torch.equal(pixels(finish(again)), pixels(finish(stylizer(iterations=9))))
    previous(path).write_bytes(b"")
    with pytest.raises(InputError, match="c: does not exist"):
        Checkpoint.load(path)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_one(call, stylizer: Build, halfway, monkeypatch: pytest.MonkeyPatch) -> None:
    before = halfway.read_bytes()
    painting = stylizer(history=3)
    next(iter(painting))

    def full(*_args):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(OutputError, match="No space left"):
            painting.checkpoint().save(halfway)
    assert halfway.read_bytes() == before
    assert not list(halfway.parent.glob("*.part"))
    painting.checkpoint().save(halfway)
    assert Checkpoint.load(halfway).taken == 1


def test_the_disk_is_not_filled_to_the_brim(stylizer: Build, halfway, monkeypatch: pytest.MonkeyPatch) -> None:
    painting = stylizer(history=3)
    next(iter(painting))
    painting.checkpoint().save(halfway)
    assert previous(halfway).exists()
    usage = shutil.disk_usage(halfway.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=saved.RESERVE_BYTES))
    with pytest.raises(OutputError, match=r"too full.*free \d+ MiB"):
        painting.checkpoint().save(halfway)
    assert Checkpoint.load(halfway).taken == 1
    assert not previous(halfway).exists(), "room was made before giving up"


def test_what_a_killed_one_left_is_replaced_and_removed(stylizer: Build, halfway) -> None:
    victim = halfway.with_name("victim")
    victim.write_text("precious")
    part = halfway.with_name(f"{halfway.name}.part")
    part.symlink_to(victim)
    painting = stylizer(history=3)
    next(iter(painting))
    painting.checkpoint().save(halfway)
    assert victim.read_text() == "precious"
    part.write_text("half")
    checkpoints.remove(halfway)
    assert list(halfway.parent.iterdir()) == [victim]


# Solvers and loops.


def valley(point: torch.Tensor) -> tuple[LossReport, torch.Tensor]:
    leaf = point.detach().requires_grad_()
    x = leaf.flatten()
    loss = (100 * (x[1:] - x[:-1].square()).square() + (1 - x[:-1]).square()).sum()
    (gradient,) = torch.autograd.grad(loss, leaf)
    return LossReport(float(loss.detach()), {"all": float(loss.detach())}), gradient


START = torch.linspace(-0.5, 0.5, 48).reshape(1, 3, 4, 4)
SOLVERS: dict[str, Callable[[], Solver]] = {
    "adam": lambda: Adam(START, lambda step: 0.05 / (1 + step)),
    "lbfgs": lambda: Lbfgs(START, history=4),
    "narrow": lambda: Lbfgs(START, history=4, storage=HistoryStorage(narrow=True)),
    "filed": lambda: Lbfgs(START, history=4, storage=HistoryStorage(file=True)),
    "narrow and filed": lambda: Lbfgs(START, history=4, storage=HistoryStorage(narrow=True, file=True)),
}


def stored(state: State, path: Path) -> State:
    with path.open("wb") as stream:
        tensorfile.write(stream, state.tensors, {"values": json.dumps(dict(state.values))})
    file = TensorFile.open(path)
    return State(file.tensors, json.loads(file.metadata["values"]))


@pytest.mark.parametrize("kind", SOLVERS)
def test_a_solver_goes_on_wherever_its_history_lies(kind, tmp_path: Path) -> None:
    solver = SOLVERS[kind]()
    totals, states = [], []
    for step in range(14):
        totals.append(solver.step(valley).total)
        states.append(stored(solver.state(), tmp_path / f"{step}"))
    for step, state in enumerate(states):
        again = SOLVERS[kind]()
        again.restore(state)
        assert [again.step(valley).total for _ in range(step + 1, 14)] == totals[step + 1 :]
        assert torch.equal(again.point, solver.point)


@pytest.mark.parametrize("kind", ["adam", "lbfgs"])
@pytest.mark.usefixtures("notices")
def test_a_run_remembers_its_trouble(kind, tmp_path: Path) -> None:
    # Nonsense and explosions on the way: counts, the best point and what is usual go on too.
    class Faulty:
        def __init__(self, count=0):
            self.count = count

        def __call__(self, point):
            self.count += 1
            report, gradient = valley(point)
            bad = {5: float("nan"), SETTLING_STEPS + 4: 1e12, SETTLING_STEPS + 9: float("nan")}.get(self.count)
            return (report, gradient) if bad is None else (LossReport(bad, {}), gradient * bad)

    def begin(evaluate):
        solver = SOLVERS[kind]()
        return solver, Run(solver, evaluate, 30)

    evaluate = Faulty()
    solver, run = begin(evaluate)
    totals, states = [], []
    for number, report in enumerate(run):
        totals.append(report.total)
        states.append(
            (
                stored(solver.state(), tmp_path / f"s{number}"),
                stored(run.state(), tmp_path / f"r{number}"),
                evaluate.count,
            )
        )
    assert kind == "lbfgs" or len(totals) == 27
    for number, (of_solver, of_run, count) in enumerate(states):
        again, going = begin(Faulty(count))
        again.restore(of_solver)
        going.restore(of_run)
        assert [report.total for report in going] == totals[number + 1 :]
        assert torch.equal(going.best, run.best)
        assert going.lowest == run.lowest


@pytest.mark.usefixtures("notices")
def test_a_stalled_run_does_not_begin_again(tmp_path: Path) -> None:
    def flat(point):
        return LossReport(1.0, {}), torch.zeros_like(point)

    solver = Lbfgs(START)
    run = Run(solver, flat, 50)
    assert len(list(run)) == 2
    again = Lbfgs(START)
    again.restore(stored(solver.state(), tmp_path / "s"))
    going = Run(again, flat, 50)
    going.restore(stored(run.state(), tmp_path / "r"))
    assert list(going) == []


def test_large_tensors_are_written_and_read_in_pieces(tmp_path: Path) -> None:
    asked = []

    def read(part):
        asked.append(part.stop - part.start)
        return torch.arange(part.start, part.stop, dtype=torch.float32)

    count = 2 * VALUES_AT_ONCE + 3
    state = stored(State({"a": Pieces((count,), torch.float32, read)}, {}), tmp_path / "a")
    assert asked == [VALUES_AT_ONCE, VALUES_AT_ONCE, 3]
    assert torch.equal(state.tensor("a", torch.empty(count)), torch.arange(count, dtype=torch.float32))


def test_the_pictures_of_a_checkpoint_may_be_pictures(stylizer: Build, tmp_path: Path, content: Tensor) -> None:
    # Transparency, and whatever a history of many terms holds.
    photo = Picture(content[None], alpha=torch.rand(1, 1, 48, 64), name="cut-out", sha256="c" * 64)
    painting = stylizer(photo=photo)
    next(iter(painting))
    painting.checkpoint().save(tmp_path / "c")
    loaded = Checkpoint.load(tmp_path / "c")
    assert loaded.inputs[0] == {"role": "content", "sha256": "c" * 64}
    assert list(loaded.history) == list(painting.history)
    with pytest.raises(ImpastoError):
        stylizer(loaded.recipe).restore(loaded)
