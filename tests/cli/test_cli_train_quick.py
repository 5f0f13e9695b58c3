"""`impasto train fast --quick`: one painting is all that it needs."""

import json
from pathlib import Path

import pytest

from impasto.nets import store
from impasto.training import quick
from impasto.training.progress import schedule
from tests.cli.cli_helpers import draw


def test_one_painting_is_enough(run):
    draw("painting.png", 3, size=(64, 64))
    small = ("--style-size", "64", "--crop", "32", "--batch", "1", "--device", "cpu", "--precision", "float32")
    outcome = run("train", "fast", "--style", "painting.png", "--quick", "--out", "run", "--steps", "2", *small)
    assert outcome.status == 0, outcome.err
    assert "the four photographs that come with impasto" in outcome.err
    assert "begins with the network of '" in outcome.err
    _, card = store.load(Path("run/weights.safetensors"))
    assert card.training["steps"] == 2, "what is named counts"
    assert (card.training["crop"], card.training["pictures"]) == (32, 4)
    first, _ = (json.loads(line) for line in Path("run/log.jsonl").read_text().splitlines())
    assert first["rate"] == pytest.approx(schedule(2, quick.RATE, 1).at(0), rel=1e-4), (
        "what is not named is that of a quick training"
    )
    painted = run(
        "paint", "painting.png", "--method", "johnson", "--network", "run/weights.safetensors", "-o", "out.png"
    )
    assert painted.status == 0, painted.err


def test_a_width_that_does_not_ship_is_refused(run):
    draw("painting.png", 3)
    outcome = run("train", "fast", "--style", "painting.png", "--quick", "--width", "2", "--out", "run")
    assert (outcome.status, "--width" in outcome.error) == (2, True)
    assert not Path("run").exists()
