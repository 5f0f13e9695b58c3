"""`impasto train decoder`: a few steps of the real thing."""

import json
from pathlib import Path

import pytest
import torch

from impasto.errors import ResourceError
from impasto.nets import store
from impasto.optim import memory
from impasto.training import budget
from tests.cli.cli_helpers import draw

FIXED = ("--batch", "1", "--crop", "32", "--precision", "float32", "--device", "cpu")


@pytest.fixture
def train(run):
    Path("data").mkdir()
    for seed in range(2):
        draw(f"data/{seed}.png", seed)
    return lambda *arguments: run("train", "decoder", "data", "--out", "run", *FIXED, *arguments)


def test_trains_logs_shows_and_goes_on(train):
    outcome = train("--layer", "relu1_1", "--steps", "2", "--sheet-every", "1", "--save-every", "1")
    assert outcome.status == 0, outcome.err
    assert outcome.out == ""
    assert outcome.err.splitlines()[0].startswith("step 2 of 2  loss ")
    assert "  0.0 min left" in outcome.err
    assert outcome.err.splitlines()[-1] == "saved run/weights.safetensors"
    assert sorted(path.name for path in Path("run/samples").iterdir()) == ["000001.png", "000002.png"]
    assert train("--layer", "relu1_1", "--steps", "3").status == 0
    log = [json.loads(line) for line in Path("run/log.jsonl").read_text().splitlines()]
    assert [record["step"] for record in log] == [1, 2, 3]


def test_options_reach_the_card(train):
    options = ("--method", "adain", "--layer", "relu2_1", "--paintings", "data", "--style-weight", "3", "--seed", "7")
    outcome = train("--steps", "1", "--identity-weight", "0.5", "--tv-weight", "0.25", *options)
    assert outcome.status == 0, outcome.err
    _, card = store.load(Path("run/weights.safetensors"))
    assert (card.method, card.layer, card.training["seed"]) == ("adain", "relu2_1", 7)
    assert card.training["objective"] == {"feature": 1.0, "style": 3.0, "identity": 0.5, "variation": 0.25}


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--rate", "0"], 2, "--rate"),
        (["--method", "gan"], 2, "--method"),
        (["--method", "adain"], 2, "--paintings"),
        (["--layer", "relu4_2"], 2, "relu1_1, relu2_1"),
        (["--paintings", "nowhere"], 3, "nowhere"),
        (["--init", "data/0.png"], 4, "data/0.png"),
    ],
)
def test_refused_before_training(train, arguments, status, words):
    outcome = train("--steps", "1", *arguments)
    assert (outcome.status, words in outcome.err) == (status, True), outcome.err
    assert not Path("run").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("decoder", "data"),
        ("fast", "data", "--style", "data/0.png"),
        ("linear", "data", "--paintings", "data", "--decoder", "nowhere.safetensors"),
        ("encoder", "data", "--teacher", "nowhere.h5"),
    ],
)
@pytest.mark.parametrize("options", [("--crop", "60000"), ("--crop", "20000", "--batch", "64")])
def test_a_batch_that_no_memory_holds_is_refused_before_anything_is_read(run, words, options):
    Path("data").mkdir()
    draw("data/0.png", 0)
    refused = run("train", *words, "--out", "run", "--steps", "1", *options)
    assert refused.status == 5, refused.err
    assert "GiB at the least" in refused.error
    assert "use a smaller --batch, or --crop " in refused.error
    assert not Path("run").exists()


def test_a_batch_that_fits_barely_is_not_refused(monkeypatch):
    free = 4 * 192**2 * budget.STEP_BYTES
    monkeypatch.setattr(memory, "available", lambda: free)
    budget.check(192, 4, torch.device("cpu"))
    with pytest.raises(ResourceError, match="--crop 192"):
        budget.check(193, 4, torch.device("cpu"))
    monkeypatch.setattr(memory, "available", lambda: None)
    budget.check(60_000, 64, torch.device("cpu"))
