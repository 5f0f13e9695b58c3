"""A network for one style within minutes: it begins near the style, is held against `avatar`, and stops when flat."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from impasto.errors import UsageError
from impasto.nets import store
from impasto.recipe.shipped_networks import shipped
from impasto.training import quick
from impasto.training.fast_run import FastTraining, learn, prepare
from impasto.training.fast_task import FastTask

ASSETS = Path(__file__).resolve().parents[2] / "assets"


@pytest.fixture
def work() -> FastTraining:
    styles = [ASSETS / "styles" / "woodblock.jpg"]
    return FastTraining(data=[ASSETS / "photos"], styles=styles, batch=1, crop=64, style_size=160, quick=True)


@pytest.fixture
def task(work: FastTraining) -> FastTask:
    task = prepare(work)
    quick.hold_out(task)
    return task


def test_crops_that_are_held_out_are_those_of_no_step(task: FastTask) -> None:
    assert len(task.held_out) == quick.CROPS
    assert task.stream is not None
    for held in task.held_out:
        assert not any(torch.equal(held, task.stream(step)) for step in range(20))


def test_it_begins_with_the_network_that_is_nearest(task: FastTask) -> None:
    """The style is that of one network: no other can be nearer."""
    assert quick.begin_nearest(task, "johnson") == "woodblock"
    (file,) = (file for name, file in shipped("johnson").items() if name == "woodblock")
    tensors, _ = store.parse(file.read_bytes(), file.name)
    assert all(torch.equal(value, tensors[key]) for key, value in task.net.state_dict().items())


def test_it_is_held_against_what_avatar_paints(task: FastTask) -> None:
    """Nearer to the style than the photographs are, and without a step of training."""
    beside = quick.of_avatar(task)
    assert beside is not None
    assert beside < task.measure(lambda photo: photo)["loss"]


def measured(*losses: float) -> Iterator[dict[str, float]]:
    for number, loss in enumerate(losses, 1):
        yield {"step": 2 * number - 1}
        yield {"step": 2 * number, "held_out_loss": loss}


@pytest.mark.parametrize(
    ("losses", "steps"),
    [
        ((8, 4, 2, 1), 8),  # it falls all the time
        ((8, 4, 3.99, 3.98, 1), 8),  # two measurements without a hundredth
        ((8, 4, 5, 3.9, 3.8), 10),  # the second one is a gain
        ((8,), 2),
    ],
)
def test_it_ends_when_nothing_is_gained(losses: tuple[float, ...], steps: int) -> None:
    records = list(quick.until_flat((record for record in measured(*losses)), 5.0))
    assert records[-1]["step"] == steps
    assert [record.get("held_out_avatar") for record in records] == [None, 5.0] * (steps // 2)


def test_a_run_leaves_a_network_that_paints(
    work: FastTraining, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    records = list(learn(work, tmp_path, steps=2, save_every=1))
    assert "begins with the network of 'woodblock'" in caplog.messages
    caplog.clear()
    assert records[-1]["held_out_avatar"] > 0
    _, card = store.load(tmp_path / "weights.safetensors")
    assert (card.method, card.style) == ("johnson", "woodblock")
    assert card.training["held_out_loss"] == pytest.approx(records[-1]["held_out_loss"], rel=1e-3)
    # The same command goes on, from the checkpoint and not from a network that ships.
    (last,) = learn(work, tmp_path, steps=3, save_every=1)
    assert last["step"] == 3
    assert not any("begins" in message for message in caplog.messages)


@pytest.mark.parametrize("other", [{"width": 2.0}, {"method": "texture_net", "mode": "both"}])
def test_networks_that_do_not_ship_are_refused(work: FastTraining, other: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="--quick"):
        prepare(replace(work, **other))  # type: ignore[arg-type]
