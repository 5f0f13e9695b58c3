"""The task that teaches decoders: what its losses mean, that it resumes, and that the export is what was trained."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from impasto.encoders import Petite
from impasto.errors import InputError, UsageError, WeightsError
from impasto.nets import store
from impasto.nets.decoder import LAYERS, Decoder, pad_to_neurons
from impasto.nets.transforms import adain
from impasto.training import decoder_run, held_out
from impasto.training.data import PictureStream
from impasto.training.decoder_run import DecoderTraining, learn
from impasto.training.decoder_task import DecoderTask, Objective, relative, strengths
from impasto.training.loop import Schedule, train

MakeTask = Callable[..., DecoderTask]
FOUR = Schedule(steps=4, save_every=2, rate=1e-3)


@pytest.fixture(scope="module")
def petite() -> Petite:
    return Petite.embedded()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, picture: Callable[..., Tensor]) -> Path:
    folder = tmp_path_factory.mktemp("decoding")
    for index in range(3):
        pixels = picture(48, 56, seed=index)[0].permute(1, 2, 0)
        Image.fromarray((255 * pixels).byte().numpy()).save(folder / f"{index}.png")
    return folder


@pytest.fixture
def make_task(petite: Petite, folder: Path, picture: Callable[..., Tensor]) -> MakeTask:
    """A fresh task each time it is called, as a new process would make it."""

    def make(layer: str = "relu2_1", **options: Any) -> DecoderTask:
        objective = Objective(**options)
        torch.manual_seed(1)
        held_out = [picture(48, 40, seed=20), picture(33, 50, seed=21)]
        content = PictureStream([folder], crop=32, batch=2, rough=False)
        style = PictureStream([folder], crop=32, batch=2, seed=1, rough=False)
        styles = [picture(40, 40, seed=22)]
        return DecoderTask(petite, Decoder(layer), objective, content, style, held_out, styles)

    return make


class Oracle(nn.Module):
    """A decoder that knows the answer."""

    def __init__(self, layer: str, answer: Tensor) -> None:
        super().__init__()
        self.layer, self.answer = layer, nn.Parameter(answer)

    def forward(self, _features: Tensor, _size: tuple[int, int] | None = None) -> Tensor:
        return self.answer


def test_relative_error() -> None:
    wanted = torch.tensor([[3.0, 4.0], [1.0, 0.0]])
    assert relative(wanted, wanted).tolist() == [0.0, 0.0]
    assert relative(0 * wanted, wanted).tolist() == [1.0, 1.0]
    # Errors 3 and 1 of a norm of 5; twice what was wanted.
    assert torch.allclose(relative(torch.tensor([[0.0, 3.0], [2.0, 0.0]]), wanted), torch.tensor([10 / 25, 1.0]))


def test_who_gives_the_picture_back_loses_nothing(petite: Petite, make_task: MakeTask) -> None:
    crops = make_task().content(0)
    task = DecoderTask(petite, Oracle("relu3_1", crops), Objective(), lambda _step: crops)  # type: ignore[arg-type]
    loss, record = task.loss(0)
    assert float(loss.detach()) == 0
    assert set(record) == {"pixel", "relu1_1", "relu2_1", "relu3_1"}


def test_grey_loses_the_whole_variance(petite: Petite, make_task: MakeTask) -> None:
    crops = make_task().content(0)
    mean = crops.mean((1, 2, 3), keepdim=True).expand_as(crops).clone()
    task = DecoderTask(petite, Oracle("relu1_1", mean), Objective(), lambda _step: crops)  # type: ignore[arg-type]
    assert task.loss(0)[1]["pixel"] == pytest.approx(1.0, rel=1e-5)


def test_who_paints_a_picture_in_its_own_style_loses_only_its_roughness(petite: Petite, make_task: MakeTask) -> None:
    crops = make_task().content(0)
    oracle = Oracle("relu4_1", crops)
    task = DecoderTask(petite, oracle, Objective("adain"), lambda _step: crops, lambda _step: crops)  # type: ignore[arg-type]
    _, record = task.loss(0)
    assert set(record) == {"content", "style", "identity", "variation"}
    assert max(record["content"], record["style"], record["identity"]) < 1e-6
    differences = crops.diff(dim=-1).square().mean((1, 2, 3)) + crops.diff(dim=-2).square().mean((1, 2, 3))
    expected = (differences / crops.var((2, 3), correction=0).mean(1)).mean()
    assert record["variation"] == pytest.approx(float(expected), rel=1e-5)


def test_style_is_asked_for_as_strongly_as_the_content_is_changed(petite: Petite, make_task: MakeTask) -> None:
    crops, styles = make_task().content(0), make_task().style(5)  # type: ignore[misc]
    oracle = Oracle("relu4_1", crops)
    task = DecoderTask(petite, oracle, Objective("adain"), lambda _step: crops, lambda _step: styles)  # type: ignore[arg-type]
    alone = [task._painting(crops, styles, torch.full((2,), alpha))[1] for alpha in (0.0, 0.5, 1.0)]
    assert alone[0]["style"] < 1e-6
    assert alone[0]["content"] < 1e-6
    assert alone[0]["style"] < alone[1]["style"] < alone[2]["style"]
    features = [petite.raw(each, ["relu4_1"])["relu4_1"] for each in (crops, styles)]
    target = adain(*features)
    assert alone[2]["content"] == pytest.approx(float(relative(features[0], target).mean()), rel=1e-4)


@pytest.mark.parametrize("method", ["wct", "adain"])
def test_loss_is_the_weighted_sum_of_its_parts(make_task: MakeTask, method: str) -> None:
    task = make_task("relu3_1", method=method, feature=0.7, style=3.0, identity=5.0, variation=0.5)
    # A step at which one of the two pictures is to be given back.
    step = next(s for s in range(40) if method == "wct" or task.loss(s)[1]["identity"] > 0)
    loss, record = task.loss(step)
    if method == "wct":
        features = sum(record[layer] for layer in LAYERS[:3]) / 3
        expected = record["pixel"] + 0.7 * features
    else:
        expected = record["content"] + 3 * record["style"] + 5 * record["identity"] + 0.5 * record["variation"]
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-5)


def test_strengths_are_mostly_whole() -> None:
    drawn = strengths(4000, torch.Generator().manual_seed(0))
    assert float((drawn == 1).float().mean()) == pytest.approx(0.7, abs=0.03)
    assert float((drawn == 0).float().mean()) == pytest.approx(0.15, abs=0.03)
    between = drawn[(drawn > 0) & (drawn < 1)]
    assert float(between.mean()) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("method", ["wct", "adain"])
def test_loss_depends_on_the_step_alone_and_reaches_every_parameter(make_task: MakeTask, method: str) -> None:
    task = make_task("relu3_1", method=method)
    loss, record = task.loss(3)
    assert make_task("relu3_1", method=method).loss(3)[1] == record
    assert task.loss(4)[1] != record
    loss.backward()
    assert [key for key, value in task.parameters.items() if value.grad is None or not value.grad.any()] == []
    assert not any(tensor.requires_grad for tensor in task.encoder.tensors.values())


@pytest.mark.parametrize("method", ["wct", "adain"])
def test_resumed_training_is_unbroken_training(make_task: MakeTask, tmp_path: Path, method: str) -> None:
    unbroken = make_task(method=method)
    list(train(unbroken, FOUR, tmp_path / "unbroken"))
    broken = train(make_task(method=method), FOUR, tmp_path / "broken")
    for _ in range(3):
        next(broken)
    broken.close()
    resumed = make_task(method=method)
    assert [record["step"] for record in train(resumed, FOUR, tmp_path / "broken")] == [3, 4]
    for key, value in unbroken.parameters.items():
        assert torch.equal(value, resumed.parameters[key]), key


def test_training_learns_to_give_back(make_task: MakeTask, tmp_path: Path) -> None:
    task = make_task("relu1_1")
    before = task.evaluate()
    list(train(task, Schedule(steps=60, save_every=1000, rate=2e-2), tmp_path))
    after = task.evaluate()
    assert after["pixel"] < 0.2 * before["pixel"]
    assert after["psnr"] > before["psnr"] + 6


def test_training_learns_to_paint(make_task: MakeTask, tmp_path: Path) -> None:
    task = make_task("relu2_1", method="adain")
    before = task.evaluate()
    list(train(task, Schedule(steps=40, save_every=1000, rate=1e-2), tmp_path))
    assert task.evaluate()["style"] < 0.5 * before["style"]


def test_export_is_what_was_trained(make_task: MakeTask, petite: Petite, tmp_path: Path) -> None:
    task = make_task("relu3_1")
    task.evaluate()
    task.export(tmp_path / "weights.safetensors")
    tensors, card = store.load(tmp_path / "weights.safetensors")
    store.expect(card, "it", method="wct", kind="decoder", layer="relu3_1", encoder=petite.sha256)
    assert card.training["held_out_psnr"] == pytest.approx(task.evaluate()["psnr"], rel=1e-3)
    decoder = Decoder.from_parts(tensors, card, "it")
    image = task.held_out[1]
    assert image.shape[-2:] == (33, 50)
    features = petite.raw(pad_to_neurons(image, petite.stride("relu3_1")), ["relu3_1"])["relu3_1"]
    # Odd sizes come back; float16 rounds each weight by up to 5e-4.
    restored = decoder(features, (33, 50))
    assert restored.shape == image.shape
    assert torch.allclose(restored, task.decoder(features, (33, 50)), atol=0.01)
    assert str(tmp_path) not in card.text()


def test_painted_at_no_strength_is_given_back(make_task: MakeTask) -> None:
    task = make_task("relu3_1", method="adain")
    image, style = task.held_out[0], task.held_out_styles[0]
    assert torch.equal(task.painted(image, style, 0.0), task.painted(image))
    assert not torch.equal(task.painted(image, style), task.painted(image))


@pytest.mark.parametrize("method", ["wct", "adain"])
@pytest.mark.parametrize("held_out", [True, False])
def test_sheet_shows_what_becomes_of_pictures(make_task: MakeTask, tmp_path: Path, method: str, held_out: bool) -> None:
    task = make_task(method=method)
    if not held_out:
        task.held_out = []
    for _ in range(2):
        task.sheet(tmp_path / "a" / "sheet.png", note="step 1")
    with Image.open(tmp_path / "a" / "sheet.png") as sheet:
        assert sheet.width > (2 if method == "wct" else 3) * 32


def test_tasks_that_cannot_be(petite: Petite) -> None:
    with pytest.raises(UsageError, match="wct, adain"):
        DecoderTask(petite, Decoder("relu1_1"), Objective("gan"), lambda _step: torch.zeros(0))
    with pytest.raises(UsageError, match="--paintings"):
        DecoderTask(petite, Decoder("relu1_1"), Objective("adain"), lambda _step: torch.zeros(0))


def test_smooth_streams_are_not_roughened(tmp_path: Path) -> None:
    Image.new("RGB", (40, 40), (200, 100, 50)).save(tmp_path / "flat.png")
    color = torch.tensor([200.0, 100.0, 50.0]).div(255)[:, None, None].expand(3, 16, 16)
    rough, smooth = (PictureStream([tmp_path], crop=16, batch=4, rough=rough) for rough in (True, False))
    assert all(torch.allclose(crop, color, atol=1e-5) for step in range(4) for crop in smooth(step))
    assert not all(torch.allclose(crop, color, atol=1e-5) for step in range(4) for crop in rough(step))


# From end to end.


def work(folder: Path, **options: Any) -> DecoderTraining:
    options.setdefault("layer", "relu2_1")
    return DecoderTraining([folder], batch=1, crop=32, precision="float32", device="cpu", **options)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_out, "SIDE", 48)


def test_learns_shows_and_goes_on(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    records = list(learn(work(folder, held_out=folder), out, steps=2, save_every=2, sheet_every=1))
    assert [record["step"] for record in records] == [1, 2]
    assert records[0]["eta_s"] > 0
    assert records[1]["eta_s"] == 0
    assert records[1]["held_out_psnr"] > 0
    assert sorted(path.name for path in (out / "samples").iterdir()) == ["000001.png", "000002.png"]
    _, card = store.load(out / "weights.safetensors")
    assert (card.training["steps"], card.training["pictures"]) == (2, 3)
    assert card.training["objective"]["feature"] == 1.0
    again = learn(work(folder, init=Path("not looked at")), out, steps=3)
    assert [record["step"] for record in again] == [3]


def test_paintings_are_styles_for_adain_and_pictures_for_wct(folder: Path) -> None:
    task = decoder_run.prepare(work(folder, paintings=[folder], objective=Objective("adain")))
    assert task.notes["pictures"] == 6
    assert not torch.equal(task.content(0), task.style(0))  # type: ignore[misc]
    task = decoder_run.prepare(work(folder, paintings=[folder]))
    assert task.style is None
    assert task.notes["pictures"] == 6


def test_a_deep_decoder_begins_with_a_shallow_one(folder: Path, tmp_path: Path) -> None:
    shallow = Decoder("relu2_1")
    path = tmp_path / "shallow.safetensors"
    store.save(path, shallow.state_dict(), store.Card("wct", "decoder", shallow.plan, layer="relu2_1"))
    deep = decoder_run.prepare(work(folder, layer="relu4_1", init=path)).decoder.state_dict()
    for key, value in shallow.state_dict().items():
        assert torch.equal(deep[key], value.half().float()), key
    other = decoder_run.prepare(work(folder, layer="relu4_1")).decoder.state_dict()
    assert torch.equal(deep["conv4_1.weight"], other["conv4_1.weight"])
    assert not torch.equal(deep["conv2_1.weight"], other["conv2_1.weight"])


def test_refused_before_training(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    store.save(tmp_path / "other", {"a": torch.ones(1)}, store.Card("johnson", "stylizer"))
    store.save(tmp_path / "strange", {"a": torch.ones(1)}, store.Card("wct", "decoder"))
    cases: list[tuple[type[Exception], str, DecoderTraining, float]] = [
        (UsageError, "--rate", work(folder), 0.0),
        (UsageError, "relu1_1, relu2_1", work(folder, layer="relu1_2"), 1e-3),
        (UsageError, "--paintings", work(folder, objective=Objective("adain")), 1e-3),
        (InputError, "nowhere", work(folder / "nowhere"), 1e-3),
        (InputError, "nowhere", work(folder, held_out=Path("nowhere")), 1e-3),
        (WeightsError, "nowhere", work(folder, init=Path("nowhere")), 1e-3),
        (WeightsError, "other: .*'stylizer'", work(folder, init=tmp_path / "other"), 1e-3),
        (WeightsError, "strange: .*in common", work(folder, init=tmp_path / "strange"), 1e-3),
    ]
    for error, words, task, rate in cases:
        with pytest.raises(error, match=words):
            next(learn(task, out, steps=1, rate=rate))
        assert not out.exists()
