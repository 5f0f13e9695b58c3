"""What the worker makes of an order, in this process: every method, every way to end, and what goes wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from impasto import images, load, metadata
from impasto.encoders import Petite
from impasto.painting.api import begin_with
from impasto.recipe import Recipe, shipped_networks
from impasto.studio import child_process, worker
from impasto.studio.curves import POINTS, curves, finite
from impasto.studio.folders import CHECKPOINT, HISTORY, PREVIEW, RESULT
from impasto.studio.inspector import answer
from impasto.studio.order import Order
from impasto.studio.worker import JobRunner
from tests.network_helpers import write
from tests.studio.studio_helpers import SMALL, png
from tests.type_helpers import present


class Parent(child_process.Parent):
    """Hears what the worker says."""

    def __init__(self):
        self.said: list[dict[str, Any]] = []
        self.on: dict[str, Callable[[dict[str, Any]], None]] = {}

    def say(self, **message):
        self.said.append(message)
        self.on.get(message["event"], lambda _message: None)(message)

    def of(self, event):
        return [message for message in self.said if message["event"] == event]


@pytest.fixture
def networks(tmp_path_factory, monkeypatch):
    """Small networks of every method, as if they shipped."""
    folder = write(tmp_path_factory.mktemp("networks"), Petite.embedded())
    monkeypatch.setattr(shipped_networks, "FOLDER", folder)
    return folder


@pytest.fixture
def order(tmp_path):
    """`order(recipe, **changes)`: a job of two small pictures."""
    for number, name in enumerate(("content", "style")):
        (tmp_path / name).write_bytes(png(seed=number))

    def order(recipe=None, **changes):
        message = {
            "job": "a",
            "folder": str(tmp_path / "job"),
            "content": {"path": str(tmp_path / "content"), "name": "photo.png"},
            "styles": [{"path": str(tmp_path / "style"), "name": "painting.png"}],
            "content_mask": None,
            "style_masks": [],
            "region_names": None,
            "init": None,
            "landmarks": None,
            "recipe": Recipe.parse({**SMALL, **(recipe or {})}).model_dump(mode="json"),
            "finish": False,
            "checkpoint_s": 60.0,
            "pixels": 10**6,
        }
        return Order.of({**message, **changes})

    return order


@pytest.fixture
def painter():
    return JobRunner(Parent())


def do(painter, order):
    """Return how it ended."""
    painter.parent.said.clear()
    painter.do(order)
    (end,) = painter.parent.of("end")
    return end


def test_a_job_leaves_a_picture_and_its_curves(painter, order):
    job = order()
    end = do(painter, job)
    assert (end["state"], end["kept"], end["size"]) == ("done", True, [48, 64])
    assert painter.parent.of("begin") == [{"event": "begin", "job": "a", "size": [48, 64], "resumed": False}]
    assert [message["step"] for message in painter.parent.of("progress")][-1] == 6
    assert load(job.folder / RESULT).size == (48, 64)
    assert json.loads((job.folder / HISTORY).read_text())["steps"] == [1, 2, 3, 4, 5, 6]
    assert load(job.folder / PREVIEW).size == (48, 64)
    assert present(metadata.read(job.folder / RESULT))["inputs"][0]["role"] == "content"


@pytest.mark.parametrize("method", ["wct", "adain", "linear", "johnson"])
@pytest.mark.usefixtures("networks")
def test_every_method_that_paints_in_one_go(painter, order, method):
    plain = {key: value for key, value in SMALL.items() if key not in ("iterations", "levels")}
    recipe = {**plain, "method": method}
    if method == "johnson":
        del recipe["encoder"]
        recipe["network"] = "swirls"
    parsed = Recipe.parse(recipe).model_dump(mode="json")
    job = order(recipe=None, styles=[] if method == "johnson" else order().styles)
    job.recipe = parsed
    end = do(painter, job)
    assert (end["state"], end.get("error")) == ("done", None)
    assert {message["loss"] for message in painter.parent.of("progress")} == {None}
    assert load(job.folder / RESULT).size == (48, 64)
    assert present(metadata.read(job.folder / RESULT))["recipe"]["method"] == method


@pytest.mark.usefixtures("networks")
def test_a_refined_one_goes_on_from_its_checkpoint(painter, order, monkeypatch):
    every_step(monkeypatch)
    recipe = {"method": "adain", "size": 64, "precision": "float32", "encoder": "petite", "refine": 12}
    job = order()
    job.recipe = Recipe.parse(recipe).model_dump(mode="json")
    ask_at(painter, 6, "pause")
    assert do(painter, job)["state"] == "paused"
    assert (job.folder / CHECKPOINT).exists()
    painter.asked = None
    painter.parent.on.clear()
    assert do(painter, job)["state"] == "done"
    assert painter.parent.of("begin")[0]["resumed"]
    assert painter.parent.of("progress")[0]["step"] > 6


def ask_at(painter, step, what):
    """Wish for an end once a step is reported."""

    def hear(message):
        if message["step"] >= step and painter.asked is None:
            painter.asked = (message["job"], what)

    painter.parent.on["progress"] = hear


def every_step(monkeypatch):
    monkeypatch.setattr(worker, "PROGRESS_S", 0.0)


@pytest.mark.parametrize(
    ("what", "state", "kept"), [("stop", "stopped", True), ("cancel", "cancelled", False), ("pause", "paused", False)]
)
def test_the_ways_to_end_early(painter, order, monkeypatch, what, state, kept):
    every_step(monkeypatch)
    job = order({"iterations": 50})
    ask_at(painter, 3, what)
    end = do(painter, job)
    assert (end["state"], end.get("kept", False)) == (state, kept)
    assert [message["step"] for message in painter.parent.of("progress")][-1] == 3
    assert (job.folder / RESULT).exists() == kept
    assert (job.folder / CHECKPOINT).exists() == (what == "pause")


def test_the_wish_of_another_job_is_not_this_ones(painter, order):
    painter.asked = ("b", "cancel")
    assert do(painter, order())["state"] == "done"


def test_a_pause_does_not_show_in_the_picture(painter, order, monkeypatch):
    every_step(monkeypatch)
    job = order({"iterations": 20})
    assert do(painter, job)["state"] == "done"
    unbroken = (job.folder / RESULT).read_bytes()
    for step in (4, 11):
        ask_at(painter, step, "pause")
        assert do(painter, job)["state"] == "paused"
        painter.asked = None
    painter.parent.on.clear()
    assert do(painter, job)["state"] == "done"
    assert (job.folder / RESULT).read_bytes() == unbroken
    assert json.loads((job.folder / HISTORY).read_text())["steps"] == list(range(1, 21))


def test_a_paused_one_is_finished_from_its_checkpoint(painter, order, monkeypatch):
    every_step(monkeypatch)
    job = order({"iterations": 50})
    ask_at(painter, 5, "pause")
    do(painter, job)
    painter.asked = None
    job.finish = True
    assert do(painter, job)["state"] == "stopped"
    assert present(metadata.read(job.folder / RESULT))["stopped_after"] == 5


def test_there_is_nothing_to_finish_without_one(painter, order):
    end = do(painter, order(finish=True))
    assert (end["state"], end.get("kept")) == ("failed", None)
    assert "retry" in end["error"]


@pytest.mark.parametrize("damage", ["cut", "foreign", "nonsense"])
def test_a_checkpoint_that_does_not_fit_is_begun_anew(painter, order, monkeypatch, tmp_path, damage):
    every_step(monkeypatch)
    job = order({"iterations": 8})
    ask_at(painter, 3, "pause")
    do(painter, job)
    path = job.folder / CHECKPOINT
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "nonsense":
        path.write_bytes(b"nonsense")
    else:
        (tmp_path / "style").write_bytes(png(seed=7))
    painter.asked = None
    painter.parent.on.clear()
    for spare in job.folder.glob("*.previous"):
        spare.unlink()
    assert do(painter, job)["state"] == "done"
    assert not painter.parent.of("begin")[0]["resumed"]
    assert any("begun anew" in message["text"] for message in painter.parent.of("notice"))


class Poor:
    """A painting that runs out of memory after some steps."""

    def __init__(self, painting, steps):
        self.painting, self.steps = painting, steps

    def __getattr__(self, name):
        return getattr(self.painting, name)

    def __iter__(self):
        if self.steps == 0:
            raise MemoryError
        for progress in self.painting:
            yield progress
            if progress.total_step == self.steps:
                raise MemoryError


def test_regions_have_the_names_that_were_given(painter, order, tmp_path):
    mask = torch.zeros(3, 48, 64)
    mask[0, :, :20], mask[2, :, 20:] = 1, 1
    images.save(images.Picture(mask[None]), tmp_path / "mask.png")
    source = {"path": str(tmp_path / "mask.png"), "name": "mask.png"}
    given = {"content_mask": source, "style_masks": [None]}
    named = order({"keep": ["roof"]}, region_names={"#ff0000": "roof"}, **given)
    assert do(painter, named)["state"] == "done"
    assert "roof" in do(painter, order({"keep": ["roof"]}, **given))["error"]


@pytest.mark.parametrize("steps", [0, 3])
def test_what_was_painted_before_memory_ran_out_is_kept(painter, order, monkeypatch, steps):
    monkeypatch.setattr(worker, "begin_with", lambda *args, **options: Poor(begin_with(*args, **options), steps))
    job = order()
    end = do(painter, job)
    assert (end["state"], end.get("kept", False)) == ("failed", steps > 0)
    assert "smaller size" in end["error"]
    if steps:
        assert present(metadata.read(job.folder / RESULT))["stopped_after"] == 3


def test_what_nobody_foresaw_is_one_line(painter, order, monkeypatch):
    def broken(*_args, **_options):
        raise ZeroDivisionError("a\nb")

    monkeypatch.setattr(worker, "begin_with", broken)
    end = do(painter, order())
    assert end["error"] == "ZeroDivisionError: a b (a mistake in impasto)"


def test_what_impasto_refuses_is_its_own_line(painter, order):
    end = do(painter, order({"levels": 6}))
    assert end["state"] == "failed"
    assert end["error"].startswith("photo.png: ")


def test_a_gone_picture_is_told_by_name(painter, order, tmp_path):
    (tmp_path / "style").unlink()
    end = do(painter, order())
    assert end["state"] == "failed"
    assert "does not exist" in end["error"]


def test_curves_are_thinned_and_keep_their_ends():
    assert curves([]) == {"steps": [], "levels": [], "loss": [], "losses": {}}
    lines = [{"level": number // 3000, "loss": float(number), "style": number / 2} for number in range(5001)]
    found = curves(lines)
    assert len(found["steps"]) <= POINTS
    assert (found["steps"][0], found["steps"][-1]) == (1, 5001)
    assert found["steps"] == sorted(set(found["steps"]))
    for index, step in enumerate(found["steps"]):
        assert found["loss"][index] == step - 1
        assert found["losses"]["style"][index] == (step - 1) / 2


def test_numbers_are_those_that_json_knows():
    assert [finite(value) for value in (1.5, float("inf"), float("-inf"), float("nan"))] == [
        1.5,
        None,
        None,
        None,
    ]


def test_the_inspector_answers_in_lines(tmp_path):
    (tmp_path / "page").write_bytes(b"<html>")
    refused = answer({"do": "receive", "with": {"path": str(tmp_path / "page"), "name": "a.png", "pixels": 100}})
    assert refused["status"] == 415
    assert refused["error"].startswith("a.png: is a web page")
    missing = answer({"do": "receive", "with": {"path": str(tmp_path / "none"), "name": "a.png", "pixels": 100}})
    assert missing["status"] == 500
    assert "\n" not in missing["error"]
    assert Path(tmp_path, "page").exists()
