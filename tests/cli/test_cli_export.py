"""`impasto export`: what it says, and what it refuses."""

from pathlib import Path

import pytest

from impasto.nets import onnx, store
from impasto.nets.johnson import Johnson, JohnsonPlan


@pytest.fixture
def network():
    net = Johnson(JohnsonPlan(narrow=4, wide=6, residuals=0))
    store.save(Path("net.safetensors"), net.state_dict(), store.Card("johnson", "stylizer", net.card_plan))
    return "net.safetensors"


@pytest.fixture
def quick(monkeypatch):
    """No tracing, and no onnxruntime."""
    monkeypatch.setattr(onnx, "convert", lambda _graph: b"a graph")
    monkeypatch.setattr(onnx, "check_extra", lambda: None)
    monkeypatch.setattr(onnx, "find_spec", lambda _name: None)


@pytest.mark.usefixtures("quick")
def test_says_how_near_the_graph_is(run, network, photo, monkeypatch):
    monkeypatch.setattr(onnx, "find_spec", lambda _name: True)
    monkeypatch.setattr(onnx, "difference", lambda _graph, _data, _inputs: 2.5e-7)
    outcome = run("export", network, "--onnx", "out/net.onnx", "--picture", photo, "--json")
    assert outcome.status == 0, outcome.err
    assert Path("out/net.onnx").read_bytes() == b"a graph"
    assert (outcome.json["difference"], outcome.json["size_bytes"]) == (2.5e-7, 7)
    assert (outcome.json["method"], outcome.json["smallest_side"]) == ("johnson", 8)
    assert outcome.err.startswith("saved out/net.onnx (0.0 MB, sides from 8 pixels up); onnxruntime differs")
    assert len(outcome.err.splitlines()) == 1


@pytest.mark.slow
def test_writes_a_graph_that_onnxruntime_opens(run, network, photo):
    pytest.importorskip("onnx", reason="needs the extra onnx")
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra onnx")
    outcome = run("export", network, "--onnx", "out/net.onnx", "--picture", photo, "--json")
    assert outcome.status == 0, outcome.err
    assert outcome.json["difference"] < 1e-4
    assert outcome.json["size_bytes"] == Path("out/net.onnx").stat().st_size
    assert (outcome.json["method"], outcome.json["smallest_side"]) == ("johnson", 8)
    size = f"{outcome.json['size_bytes'] / 1e6:.1f} MB"
    assert outcome.err.startswith(f"saved out/net.onnx ({size}, sides from 8 pixels up); onnxruntime differs")
    assert len(outcome.err.splitlines()) == 1
    session = onnxruntime.InferenceSession("out/net.onnx", providers=["CPUExecutionProvider"])
    assert [each.name for each in session.get_inputs()] == ["picture"]


@pytest.mark.usefixtures("quick")
def test_says_that_nothing_was_checked(run, network):
    outcome = run("export", network, "--onnx", "net.onnx")
    assert (outcome.status, outcome.out) == (0, "")
    assert "not checked: onnxruntime is not installed; run: pip install 'impasto[onnx]'" in outcome.err
    assert run("export", network, "--onnx", "again.onnx", "--quiet").err == ""


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["net.safetensors"], 2, "--onnx"),
        (["net.safetensors", "--onnx", "net.onnx", "--style", "style.png"], 2, "--picture"),
        (["net.safetensors", "--onnx", "net.onnx", "--decoder", "net.safetensors"], 2, "--decoder"),
        (["net.safetensors", "--onnx", "net.onnx", "--picture", "nowhere.png"], 3, "nowhere.png"),
        (["net.safetensors", "--onnx", "old.onnx"], 3, "--force"),
        (["nowhere.safetensors", "--onnx", "net.onnx"], 4, "nowhere.safetensors"),
        (["nothing", "--onnx", "net.onnx"], 4, "neither a file nor known by name"),
        (["photo.png", "--onnx", "net.onnx"], 4, "photo.png"),
    ],
)
@pytest.mark.usefixtures("network", "quick", "photo", "style")
def test_refused(run, arguments, status, words):
    Path("old.onnx").write_text("old")
    outcome = run("export", *arguments)
    assert (outcome.status, words in outcome.error) == (status, True), outcome.err
    assert not Path("net.onnx").exists()
    assert Path("old.onnx").read_text() == "old"


def test_without_the_extra(run, network, monkeypatch):
    monkeypatch.setattr(onnx, "find_spec", lambda _name: None)
    outcome = run("export", network, "--onnx", "net.onnx")
    assert outcome.status == 5
    assert outcome.error == "an export needs onnx and onnxscript; run: pip install 'impasto[onnx]'"
