"""The task that teaches linear transformations: what it changes and what not, that it resumes, and its file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from impasto.encoders import Petite
from impasto.errors import InputError, UsageError, WeightsError
from impasto.nets import store
from impasto.nets.decoder import WIDTHS, Decoder
from impasto.nets.linear import Linear, LinearPlan, fingerprint
from impasto.training import held_out
from impasto.training.data import PictureStream
from impasto.training.linear_run import LinearTraining, learn, prepare
from impasto.training.linear_task import LinearTask, Weights
from impasto.training.loop import Schedule, train

MakeTask = Callable[..., LinearTask]
FOUR = Schedule(steps=4, save_every=2, rate=1e-3)


@pytest.fixture(scope="module")
def petite() -> Petite:
    return Petite.embedded()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, picture: Callable[..., Tensor]) -> Path:
    folder = tmp_path_factory.mktemp("transforming")
    for index in range(3):
        pixels = picture(48, 56, seed=index)[0].permute(1, 2, 0)
        Image.fromarray((255 * pixels).byte().numpy()).save(folder / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def decoder_file(tmp_path_factory: pytest.TempPathFactory, petite: Petite) -> Path:
    torch.manual_seed(5)
    decoder = Decoder("relu2_1")
    with torch.no_grad():
        # As faint as it begins, what is painted would hardly depend on the features.
        decoder.get_submodule("conv1_1").get_parameter("weight").mul_(5)
    path = tmp_path_factory.mktemp("decoder") / "decoder.safetensors"
    card = store.Card("wct", "decoder", decoder.plan, layer="relu2_1", encoder=petite.sha256)
    store.save(path, decoder.state_dict(), card)
    return path


@pytest.fixture
def make_task(petite: Petite, decoder_file: Path, folder: Path, picture: Callable[..., Tensor]) -> MakeTask:
    """A fresh task each time it is called, as a new process would make it."""

    def make(**options: Any) -> LinearTask:
        decoder = Decoder.from_parts(*store.load(decoder_file), "decoder")
        torch.manual_seed(1)
        net = Linear("relu2_1", LinearPlan(WIDTHS["relu2_1"], 8, (8, 8), 8, fingerprint(decoder)))
        content, style = (PictureStream([folder], crop=32, batch=2, seed=seed, rough=False) for seed in (0, 1))
        options.setdefault("held_out", [picture(48, 40, seed=20), picture(33, 50, seed=21)])
        options.setdefault("held_out_styles", [picture(40, 40, seed=22)])
        return LinearTask(petite, decoder, net, content, style, **options)

    return make


def weights(task: LinearTask) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in task.parameters.items()}


def test_start_is_the_strongest_directions(make_task: MakeTask, petite: Petite) -> None:
    task = make_task()
    task.begin(2)
    found = []
    for step in (-2, -1):
        for stream in (task.content, task.style):
            features = petite.raw(stream(step), ["relu2_1"])["relu2_1"].flatten(2)
            found.append((features - features.mean(2, keepdim=True)).permute(1, 0, 2).flatten(1))
    centered = torch.cat(found, 1).double()
    basis = task.net.compress.weight.detach()[:, :, 0, 0].T.double()
    assert torch.allclose(basis.T @ basis, torch.eye(8, dtype=torch.float64), atol=1e-5)
    kept = float((basis.T @ centered).square().sum())
    # Eckart and Young: no eight directions hold more than the singular values do.
    assert kept == pytest.approx(float(torch.linalg.svdvals(centered)[:8].square().sum()), rel=1e-6)
    assert torch.equal(task.net.unzip.weight[:, :, 0, 0], task.net.compress.weight[:, :, 0, 0].T)


def test_a_picture_in_its_own_style_costs_no_style_where_the_decoder_gives_it_back(
    make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = make_task()
    crops = task.content(0)
    monkeypatch.setattr(task.decoder, "forward", lambda features, _size=None: crops + 0 * features.sum())
    task.style = lambda _step: crops
    _, record = task.loss(0)
    assert set(record) == {"content", "style"}
    assert max(record.values()) < 1e-9


def test_style_error_by_hand(make_task: MakeTask, petite: Petite, monkeypatch: pytest.MonkeyPatch) -> None:
    task = make_task(weights=Weights(style=3.0))
    content, style = task.content(0), task.style(0)
    monkeypatch.setattr(task.decoder, "forward", lambda features, _size=None: content + 0 * features.sum())
    loss, record = task.loss(0)
    errors = []
    for layer in ("relu1_1", "relu2_1"):
        own, wanted = (petite.raw(image, [layer])[layer].double() for image in (content, style))
        for index in range(2):
            a, b = (f[index].flatten(1) for f in (own, wanted))
            errors.append(((a.mean(1) - b.mean(1)) ** 2).sum() / (b.mean(1) ** 2).sum())
            ga, gb = (f @ f.T / f.shape[1] for f in (a, b))
            errors.append(((ga - gb) ** 2).sum() / (gb**2).sum())
    assert record["style"] == pytest.approx(float(torch.stack(errors).mean()), rel=1e-4)
    assert float(loss.detach()) == pytest.approx(3 * record["style"] + record["content"], rel=1e-5)


def test_a_few_steps_lower_the_loss_and_change_the_transformation_alone(make_task: MakeTask, tmp_path: Path) -> None:
    task = make_task()
    task.begin(2)
    # One pair again and again, so that the falling of the loss is no matter of luck.
    content, style = task.content(0), task.style(0)
    task.content, task.style = (lambda _step: content), (lambda _step: style)
    before, untouched = weights(task), fingerprint(task.decoder)
    records = list(train(task, Schedule(steps=25, rate=3e-3, save_every=25), tmp_path))
    assert records[-1]["loss"] < 0.75 * records[0]["loss"]
    assert all(not torch.equal(value, before[name]) for name, value in task.parameters.items())
    assert fingerprint(task.decoder) == untouched == task.net.plan.decoder


def test_resumed_training_equals_unbroken(make_task: MakeTask, tmp_path: Path) -> None:
    unbroken = make_task()
    list(train(unbroken, FOUR, tmp_path / "whole"))
    stopped = train(make_task(), FOUR, tmp_path / "parts")
    for _ in range(3):
        next(stopped)
    stopped.close()
    again = make_task()
    records = list(train(again, FOUR, tmp_path / "parts"))
    assert [record["step"] for record in records] == [3, 4]
    for name, value in weights(unbroken).items():
        assert torch.equal(value, again.parameters[name]), name


def test_file_paints_as_the_task_does(make_task: MakeTask, petite: Petite, tmp_path: Path) -> None:
    task = make_task(notes={"steps": 4})
    list(train(task, FOUR, tmp_path))
    tensors, card = store.load(tmp_path / "weights.safetensors")
    assert (card.method, card.kind, card.layer, card.encoder) == ("linear", "transform", "relu2_1", petite.sha256)
    assert card.training["steps"] == 4
    assert card.training["held_out_style"] > 0
    net = Linear.from_card(tensors, card, "net")
    net.expect_decoder(task.decoder, "net")
    content, style = task.held_out[1], task.held_out_styles[0]
    features, of_style = (petite.raw(image, ["relu2_1"])["relu2_1"] for image in (task._whole(content), style))
    factors = net.measure("content", features), net.measure("style", of_style)
    painted = task.decoder(net.transform(*factors)(features), (33, 50)).clamp(0, 1)
    assert task.painted(content, style).shape == content.shape
    assert torch.allclose(task.painted(content, style), painted, atol=0.01)


@pytest.mark.parametrize("held_out", [True, False])
def test_sheet_shows_content_style_and_painted(make_task: MakeTask, tmp_path: Path, held_out: bool) -> None:
    task = make_task() if held_out else make_task(held_out=[])
    task.sheet(tmp_path / "sheet.png", "step 1")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 3 * 32


def test_layers_above_the_decoders_are_not_judged(petite: Petite, make_task: MakeTask) -> None:
    assert make_task().style_layers == ("relu1_1", "relu2_1")
    stream = make_task().content
    deep = LinearTask(petite, Decoder("relu5_1"), Linear("relu5_1"), stream, stream)
    assert deep.style_layers == ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
    assert deep.layers == {*deep.style_layers, "relu5_1"}


def test_tasks_that_cannot_be(petite: Petite, make_task: MakeTask) -> None:
    stream = make_task().content
    with pytest.raises(UsageError, match=r"relu3_1 cannot use a decoder from relu2_1"):
        LinearTask(petite, Decoder("relu2_1"), Linear("relu3_1"), stream, stream)
    for value in (-1.0, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="--style-weight"):
            Weights(style=value)


# From end to end.


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_out, "SIDE", 48)


def work(folder: Path, decoder: Path, **options: Any) -> LinearTraining:
    options.setdefault("paintings", [folder])
    return LinearTraining([folder], decoder=decoder, batch=1, crop=32, precision="float32", device="cpu", **options)


def test_learns_shows_and_goes_on(folder: Path, decoder_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    task = work(folder, decoder_file, held_out=folder, held_out_styles=folder, weights=Weights(2.0))
    records = list(learn(task, out, steps=2, save_every=2, sheet_every=1))
    assert [record["step"] for record in records] == [1, 2]
    assert records[0]["eta_s"] > 0
    assert records[1]["eta_s"] == 0
    assert records[1]["held_out_content"] > 0
    assert sorted(path.name for path in (out / "samples").iterdir()) == ["000001.png", "000002.png"]
    _, card = store.load(out / "weights.safetensors")
    assert (card.training["pictures"], card.training["paintings"], card.training["style_weight"]) == (3, 3, 2.0)
    assert len(card.training["decoder_sha256"]) == 64
    assert card.plan["size"] == 32
    again = learn(task, out, steps=3)
    assert [record["step"] for record in again] == [3]
    other = tmp_path / "other.safetensors"
    store.save(other, Decoder("relu2_1").state_dict(), store.load(decoder_file)[1])
    with pytest.raises(InputError, match="another decoder"):
        next(learn(work(folder, other), out, steps=4))


def test_streams_and_start_are_the_works(folder: Path, decoder_file: Path) -> None:
    task = prepare(work(folder, decoder_file, seed=3))
    assert not torch.equal(task.content(0), task.style(0))
    again = prepare(work(folder, decoder_file, seed=3))
    for name, value in task.parameters.items():
        assert torch.equal(value, again.parameters[name]), name


@pytest.mark.usefixtures("petite")
def test_refused_before_training(folder: Path, decoder_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    tensors, card = store.load(decoder_file)
    store.save(tmp_path / "johnson", tensors, store.Card("johnson", "stylizer"))
    store.save(
        tmp_path / "foreign", tensors, store.Card("wct", "decoder", card.plan, layer="relu2_1", encoder="9" * 64)
    )
    cases: list[tuple[type[Exception], str, LinearTraining, float]] = [
        (UsageError, "--rate", work(folder, decoder_file), 0.0),
        (UsageError, "--paintings", work(folder, decoder_file, paintings=[]), 1e-3),
        (InputError, "nowhere", work(folder / "nowhere", decoder_file), 1e-3),
        (InputError, "nowhere", work(folder, decoder_file, held_out=Path("nowhere")), 1e-3),
        (WeightsError, "nowhere", work(folder, Path("nowhere")), 1e-3),
        (WeightsError, "johnson: .*'stylizer'", work(folder, tmp_path / "johnson"), 1e-3),
        (WeightsError, "foreign: .*encoder 999999999999", work(folder, tmp_path / "foreign"), 1e-3),
    ]
    for error, words, task, rate in cases:
        with pytest.raises(error, match=words):
            next(learn(task, out, steps=1, rate=rate))
        assert not out.exists()
