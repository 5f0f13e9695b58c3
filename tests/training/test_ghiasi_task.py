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
from impasto.nets.ghiasi import Ghiasi, GhiasiPlan
from impasto.recipe import Recipe
from impasto.training.data import PictureStream
from impasto.training.ghiasi_run import GRAM, GhiasiTraining, learn, prepare
from impasto.training.ghiasi_task import RANGE, GhiasiTask
from impasto.training.loop import Schedule, train

TINY = GhiasiPlan(narrow=4, wide=6, residuals=1, kernel=3, rank=3, hidden=8)


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
def make(petite: Petite, folder: Path, picture: Callable[..., Tensor]) -> Callable[[], GhiasiTask]:
    """A fresh task each time it is called, as a new process would make it."""

    def make() -> GhiasiTask:
        content, style = (PictureStream([folder], crop=32, batch=2, seed=seed, rough=False) for seed in (0, 1))
        task = GhiasiTask(
            petite,
            Ghiasi(TINY, seed=1),
            Recipe.parse(GRAM),
            content,
            style,
            held_out=[picture(48, 32, seed=20), picture(32, 48, seed=21)],
            held_out_styles=[picture(48, 48, seed=22)],
        )
        task.begin(2)
        return task

    return make


def test_descriptions_are_standardised(make: Callable[[], GhiasiTask]) -> None:
    task = make()
    assert bool((task.net.predictor.spread > 0).all())
    again = make()
    assert torch.equal(task.net.predictor.center, again.net.predictor.center)


def test_a_picture_in_its_own_style_loses_nothing(
    make: Callable[[], GhiasiTask], picture: Callable[..., Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    task = make()
    image = picture(48, 48, seed=3)
    monkeypatch.setattr(task.net, "forward", lambda content, _norms: content)
    _, parts = task._judge(image, image, torch.tensor([0.5]))
    assert parts["content"] == pytest.approx(0, abs=1e-6)
    assert parts["style"] == pytest.approx(0, abs=1e-6)
    assert parts["gamut"] == 0


def test_strength_weighs_the_content(
    make: Callable[[], GhiasiTask], picture: Callable[..., Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    task = make()
    image, style = picture(32, 32, seed=3), picture(32, 32, seed=4)
    monkeypatch.setattr(task.net, "forward", lambda content, _norms: content.flip(-1))
    recipe = task.recipe
    for strength in (0.0, 0.5, 1.0):
        loss, parts = task._judge(image, style, torch.tensor([strength]))
        factor = RANGE ** (1 - 2 * strength)
        wanted = factor * parts["content"] + recipe.style_weight * parts["style"]
        wanted += recipe.tv_weight * parts["variation"]
        assert float(loss) == pytest.approx(wanted / (1 + factor**0.5), rel=1e-4)


def test_every_parameter_learns(make: Callable[[], GhiasiTask]) -> None:
    task = make()
    loss, _ = task.loss(0)
    loss.backward()
    still = [name for name, value in task.parameters.items() if value.grad is None or not bool(value.grad.any())]
    # Norms follow these: what they add is taken out again.
    assert all(name.endswith(".bias") for name in still), still


def test_training_lowers_the_loss(make: Callable[[], GhiasiTask], tmp_path: Path) -> None:
    task = make()
    before = task.loss(1000)[0].item()
    for _ in train(task, Schedule(steps=25, save_every=25, rate=1e-2), tmp_path / "run"):
        pass
    # It begins with the palette reached, so that strokes are all that is left to learn.
    assert task.loss(1000)[0].item() < 0.95 * before


def test_it_goes_on_where_it_stopped(make: Callable[[], GhiasiTask], tmp_path: Path) -> None:
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
    assert Ghiasi.from_card(tensors, card, "weights").plan == TINY
    assert card.training["held_out_style"] > 0


def test_a_sheet_shows_the_held_out_pictures(make: Callable[[], GhiasiTask], tmp_path: Path) -> None:
    make().sheet(tmp_path / "sheet.png", "step 0")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert min(sheet.size) > 200


def test_from_end_to_end(folder: Path, tmp_path: Path) -> None:
    work = GhiasiTraining([folder], [folder], batch=1, crop=32, precision="float32")
    (record,) = learn(work, tmp_path / "run", steps=1, save_every=1, sheet_every=1)
    assert record["step"] == 1
    assert (tmp_path / "run" / "samples" / "000001.png").is_file()
    _, card = store.load(tmp_path / "run" / "weights.safetensors")
    assert card.training["paintings"] == 3


def test_what_cannot_be_learnt_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="paintings"):
        prepare(GhiasiTraining([folder], []))
    with pytest.raises(UsageError, match="gram"):
        prepare(GhiasiTraining([folder], [folder], settings={"statistics": {"covariance": 1.0}}))
