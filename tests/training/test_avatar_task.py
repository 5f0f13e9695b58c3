"""The task that teaches the network for any style: what it measures, that it learns and resumes, and its file."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from impasto.encoders import Petite
from impasto.errors import UsageError
from impasto.nets import store
from impasto.nets.avatar import LAYERS, Avatar, AvatarPlan, encoded, matched
from impasto.recipe import Recipe
from impasto.training.avatar_run import OBJECTIVE_OF_ANY, AvatarTraining, learn, prepare
from impasto.training.avatar_task import AvatarTask
from impasto.training.data import PictureStream
from impasto.training.loop import Schedule, train

TINY = AvatarPlan(up=(4, 6, 8), last=6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, picture: Callable[..., Tensor]) -> Path:
    folder = tmp_path_factory.mktemp("styles")
    for index in range(3):
        pixels = picture(48, 56, seed=index)[0].permute(1, 2, 0)
        Image.fromarray((255 * pixels).byte().numpy()).save(folder / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def petite() -> Petite:
    return Petite.embedded()


@pytest.fixture
def make(petite: Petite, folder: Path, picture: Callable[..., Tensor]) -> Callable[[], AvatarTask]:
    """A fresh task each time it is called, as a new process would make it."""

    def make() -> AvatarTask:
        content, style = (PictureStream([folder], crop=32, batch=2, seed=seed, rough=False) for seed in (0, 1))
        task = AvatarTask(
            petite,
            Avatar(TINY, seed=1),
            Recipe.parse(OBJECTIVE_OF_ANY),
            content,
            style,
            held_out=[picture(48, 32, seed=20), picture(32, 48, seed=21)],
            held_out_styles=[picture(48, 48, seed=22)],
        )
        task.begin(2)
        return task

    return make


def test_the_size_of_features_is_measured_before_anything_is_learnt(make: Callable[[], AvatarTask]) -> None:
    task = make()
    features = torch.cat([task._styles(step) for step in (-2, -1)])
    wanted = [float(encoded(task.encoder, features)[layer].std()) for layer in LAYERS]
    assert task.net.scale.tolist() == pytest.approx(wanted, rel=0.3)
    assert torch.equal(task.net.scale, make().net.scale)


def test_a_picture_in_its_own_style_loses_nothing(
    make: Callable[[], AvatarTask], picture: Callable[..., Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    task = make()
    image = picture(48, 48, seed=3)
    monkeypatch.setattr(task.net, "forward", lambda _photo, _features: image)
    _, parts = task._judge(image, image)
    assert parts["content"] == pytest.approx(0, abs=1e-6)
    assert parts["style"] == pytest.approx(0, abs=1e-6)
    assert parts["gamut"] == 0


def test_the_loss_is_the_weighted_sum_of_its_parts(
    make: Callable[[], AvatarTask], picture: Callable[..., Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    task = make()
    image, style = picture(32, 32, seed=3), picture(32, 32, seed=4)
    monkeypatch.setattr(task.net, "forward", lambda _photo, _features: 1.2 * image.flip(-1))
    recipe = task.recipe
    loss, parts = task._judge(image, style)
    weights = {
        "content": recipe.content_weight,
        "style": recipe.style_weight,
        "variation": recipe.variation[1],
        "gamut": recipe.gamut_weight,
    }
    assert parts.keys() == weights.keys()
    assert min(parts.values()) > 0
    assert float(loss) == pytest.approx(sum(weights[key] * value for key, value in parts.items()), rel=1e-4)


def test_at_strength_0_the_photograph_and_its_own_features_come_in(
    make: Callable[[], AvatarTask], picture: Callable[..., Tensor]
) -> None:
    task = make()
    image = picture(48, 32, seed=3)
    style = picture(32, 32, seed=4)
    photo, features = matched(task.encoder, image, style, 0.0)
    torch.testing.assert_close(photo, image, rtol=0, atol=1e-6)
    for layer, maps in encoded(task.encoder, image).items():
        torch.testing.assert_close(features[layer], maps, rtol=1e-3, atol=1e-4)
    assert torch.equal(task.painted(image, style, 0.0), image)


def test_every_parameter_learns(make: Callable[[], AvatarTask]) -> None:
    task = make()
    loss, _ = task.loss(0)
    loss.backward()
    assert [name for name, value in task.parameters.items() if value.grad is None or not bool(value.grad.any())] == []


def test_training_lowers_the_loss(make: Callable[[], AvatarTask], tmp_path: Path) -> None:
    task = make()
    content, style = task.content(0), task._styles(0)
    before = task._judge(content, style)[0].item()
    task.content, task.style = (lambda _step: content), (lambda _step: style)
    for _ in train(task, Schedule(steps=30, save_every=30, rate=1e-2), tmp_path / "run"):
        pass
    assert task._judge(content, style)[0].item() < 0.9 * before


def test_it_goes_on_where_it_stopped(make: Callable[[], AvatarTask], tmp_path: Path) -> None:
    four = Schedule(steps=4, save_every=2)
    whole = make()
    list(train(whole, four, tmp_path / "whole"))
    stopped = train(make(), four, tmp_path / "stopped")
    for _ in range(2):
        next(stopped)
    stopped.close()
    resumed = make()
    list(train(resumed, four, tmp_path / "stopped"))
    for name, value in whole.parameters.items():
        assert torch.equal(value, resumed.parameters[name]), name
    tensors, card = store.load(tmp_path / "whole" / "weights.safetensors")
    assert Avatar.from_card(tensors, card, "weights").plan == TINY
    assert card.training["held_out_style"] > 0


def test_a_sheet_shows_the_held_out_pictures(make: Callable[[], AvatarTask], tmp_path: Path) -> None:
    make().sheet(tmp_path / "sheet.png", "step 0")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert min(sheet.size) > 200


def test_from_end_to_end(folder: Path, tmp_path: Path) -> None:
    work = AvatarTraining([folder], [folder], batch=1, crop=32, precision="float32")
    (record,) = learn(work, tmp_path / "run", steps=1, save_every=1, sheet_every=1)
    assert record["step"] == 1
    assert (tmp_path / "run" / "samples" / "000001.png").is_file()
    _, card = store.load(tmp_path / "run" / "weights.safetensors")
    assert card.training["paintings"] == 3


def test_what_cannot_be_learnt_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="paintings"):
        prepare(AvatarTraining([folder], []))
    with pytest.raises(UsageError, match="gram"):
        prepare(AvatarTraining([folder], [folder], settings={"statistics": {"covariance": 1.0}}))
