"""`impasto train linear` and `impasto train fast`: a few steps of the real thing."""

import json
from pathlib import Path

import pytest

from impasto.encoders import Petite
from impasto.nets import store
from impasto.nets.decoder import Decoder
from tests.cli.cli_helpers import draw

FIXED = ("--batch", "1", "--crop", "32", "--precision", "float32", "--device", "cpu")


@pytest.fixture
def data():
    Path("data").mkdir()
    for seed in range(2):
        draw(f"data/{seed}.png", seed)
    encoder = Petite.embedded()
    decoder = Decoder("relu2_1", channels=encoder.tensors["conv2_1.weight"].shape[0])
    card = store.Card("wct", "decoder", decoder.plan, layer="relu2_1", encoder=encoder.sha256)
    store.save(Path("decoder.safetensors"), decoder.state_dict(), card)


@pytest.fixture
def train(run, data):  # noqa: ARG001 (the files are made first)
    given = ("--paintings", "data", "--decoder", "decoder.safetensors", "--out", "run")
    return lambda *arguments: run("train", "linear", "data", *given, *FIXED, *arguments)


def test_trains_logs_shows_and_goes_on(train):
    outcome = train("--steps", "2", "--sheet-every", "1", "--save-every", "1", "--style-weight", "3", "--seed", "7")
    assert outcome.status == 0, outcome.err
    assert outcome.out == ""
    assert outcome.err.splitlines()[0].startswith("step 2 of 2  loss ")
    assert outcome.err.splitlines()[0].endswith("  0.0 min left")
    assert outcome.err.splitlines()[-1] == "saved run/weights.safetensors"
    assert sorted(path.name for path in Path("run/samples").iterdir()) == ["000001.png", "000002.png"]
    _, card = store.load(Path("run/weights.safetensors"))
    assert (card.method, card.layer) == ("linear", "relu2_1")
    assert (card.training["style_weight"], card.training["seed"]) == (3.0, 7)
    assert train("--steps", "3").status == 0
    log = [json.loads(line) for line in Path("run/log.jsonl").read_text().splitlines()]
    assert [record["step"] for record in log] == [1, 2, 3]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--rate", "0"], 2, "--rate"),
        (["--style-weight", "nan"], 2, "--style-weight"),
        (["--paintings", "nowhere"], 3, "nowhere"),
        (["--decoder", "data/0.png"], 4, "data/0.png"),
    ],
)
def test_refused_before_training(train, arguments, status, words):
    outcome = train("--steps", "1", *arguments)
    assert (outcome.status, words in outcome.error) == (status, True), outcome.err
    assert not Path("run").exists()


@pytest.mark.usefixtures("data")
def test_fast_is_registered(run):
    outcome = run(
        "train", "fast", "data", "--style", "data/0.png", "--out", "fast", "--steps", "1", "--width", "0.1", *FIXED
    )
    assert outcome.status == 0, outcome.err
    assert store.load(Path("fast/weights.safetensors"))[1].method == "johnson"
