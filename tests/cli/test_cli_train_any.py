"""`impasto train any`: a few steps of the real thing."""

import json
from pathlib import Path

import pytest

from impasto.nets import store
from impasto.nets.avatar import Avatar
from tests.cli.cli_helpers import draw

pytestmark = pytest.mark.usefixtures("machine")
FIXED = ("--batch", "1", "--crop", "32", "--precision", "float32", "--device", "cpu")


@pytest.fixture
def train(run):
    Path("data").mkdir()
    for seed in range(2):
        draw(f"data/{seed}.png", seed)
    return lambda *arguments: run("train", "any", "data", "--paintings", "data", "--out", "run", *FIXED, *arguments)


def test_trains_logs_shows_and_goes_on(train):
    outcome = train("--steps", "2", "--sheet-every", "1", "--save-every", "1", "--tv-weight", "3", "--seed", "7")
    assert outcome.status == 0, outcome.err
    assert outcome.err.splitlines()[-1] == "saved run/weights.safetensors"
    assert sorted(path.name for path in Path("run/samples").iterdir()) == ["000001.png", "000002.png"]
    tensors, card = store.load(Path("run/weights.safetensors"))
    Avatar.from_card(tensors, card, "run")
    assert (card.training["seed"], card.training["objective"]["tv_weight"]) == (7, 3.0)
    assert train("--steps", "3", "--seed", "7", "--tv-weight", "3").status == 0
    log = [json.loads(line) for line in Path("run/log.jsonl").read_text().splitlines()]
    assert [record["step"] for record in log] == [1, 2, 3]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--rate", "0"], 2, "--rate"),
        (["--paintings", "nowhere"], 3, "nowhere"),
    ],
)
def test_refused_before_training(train, arguments, status, words):
    outcome = train("--steps", "1", *arguments)
    assert (outcome.status, words in outcome.error) == (status, True), outcome.err
