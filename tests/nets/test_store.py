"""Networks in files: the card's round trip, and files that are damaged, hostile, or of something else."""

import json
import os
import pickle
import struct
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from impasto.errors import ImpastoError, WeightsError
from impasto.nets import store
from impasto.nets.store import Card

CARD = Card(
    "wct",
    "decoder",
    {"1_1": 3, "sizes": (1, 2)},
    layer="relu1_1",
    encoder="a" * 64,
    style="Sternennacht ✶",
    training={"steps": 10, "loss": 0.25},
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "net.safetensors"
    store.save(path, {"conv.weight": torch.linspace(-2, 2, 12).reshape(3, 4), "conv.bias": torch.zeros(0)}, CARD)
    return path


def refused(path: Path, *words: str) -> str:
    with pytest.raises(WeightsError) as caught:
        store.load(path)
    text = str(caught.value)
    assert path.name in text
    assert "\n" not in text
    assert caught.value.exit_code == 4
    for word in words:
        assert word in text
    return text


def with_header(path: Path, header: bytes) -> Path:
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    return path


def with_card(path: Path, card: object) -> Path:
    return with_header(path, json.dumps({"__metadata__": {store.KEY: card}}).encode())


def test_what_was_saved_is_loaded(path: Path) -> None:
    tensors, card = store.load(path)
    assert card == CARD
    assert card.plan["sizes"] == [1, 2]
    assert set(tensors) == {"conv.weight", "conv.bias"}
    assert tensors["conv.weight"].dtype == torch.float32
    assert torch.equal(tensors["conv.weight"], torch.linspace(-2, 2, 12).reshape(3, 4).half().float())


def test_file_is_half_precision_with_one_note(path: Path) -> None:
    assert {value.dtype for value in load_file(path).values()} == {torch.float16}
    with safe_open(path, framework="pt") as stream:
        assert list(stream.metadata()) == [store.KEY]


def test_card_goes_through_json() -> None:
    assert Card.parse(CARD.text()) == CARD
    assert Card.parse('{"method": "m", "kind": "k", "format": 1}') == Card("m", "k")


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, b"bytes"])
def test_cards_hold_nothing_but_json(value: object) -> None:
    with pytest.raises(WeightsError, match="training"):
        Card("m", "k", training={"a": value})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 7e4])
def test_nothing_is_written_that_half_precision_cannot_hold(tmp_path: Path, value: float) -> None:
    with pytest.raises(WeightsError, match=r"conv\.bias"):
        store.save(tmp_path / "net.safetensors", {"conv.bias": torch.tensor([1.0, value])}, CARD)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ImpastoError, match="No space left"):
        store.save(path, {"other": torch.ones(3)}, CARD)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_missing_folder_and_large_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(tmp_path / "missing", "does not exist", "impasto train")
    refused(tmp_path, "not a regular file")
    monkeypatch.setattr(store, "MAX_FILE_BYTES", 10)
    (tmp_path / "large").write_bytes(bytes(11))
    refused(tmp_path / "large", "larger")


@pytest.mark.parametrize(
    "data", [b"", b"GIF89a", b"<html>it is a page, not weights", pickle.dumps({"a": 1}), bytes(99)]
)
def test_other_files_are_refused_unread(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(data)
    refused(path, "not safetensors")


def test_every_truncation_is_refused(path: Path, tmp_path: Path) -> None:
    whole = path.read_bytes()
    cut = tmp_path / "cut"
    for length in range(0, len(whole), 7):
        cut.write_bytes(whole[:length])
        refused(cut)


def test_hostile_headers(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(struct.pack("<Q", 1 << 60) + b"{" + bytes(50))
    refused(path, "header claims")
    refused(with_header(path, b"{" * 5000), "not readable")
    refused(with_header(path, b'{"__metadata__": [1]}'), "not readable")
    refused(with_header(path, b'{"__metadata__": {"impasto": 3}}'), "no card")
    overlap = {"dtype": "F16", "shape": [2], "data_offsets": [0, 99]}
    refused(with_header(path, json.dumps({"__metadata__": {store.KEY: CARD.text()}, "a": overlap}).encode()), "damaged")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 2}, "format is 2"),
        ({"colour": 1}, "unknown entry 'colour'"),
        ({"plan": [1]}, "'plan' is a list"),
        ({"layer": 5}, "'layer' is a int"),
        ({"method": None}, "'method' is a NoneType"),
    ],
)
def test_cards_that_are_none(tmp_path: Path, change: dict[str, object], words: str) -> None:
    card = json.loads(CARD.text()) | change
    refused(with_card(tmp_path / "net", json.dumps(card)), words)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '{"format": 1}', '{"format": 1, "method": "m"}'])
def test_texts_that_are_no_card(tmp_path: Path, text: str) -> None:
    refused(with_card(tmp_path / "net", text), "card cannot be read")


def test_other_safetensors_have_no_card(tmp_path: Path) -> None:
    save_file({"a": torch.ones(2)}, tmp_path / "other")
    refused(tmp_path / "other", "no card")


@pytest.mark.parametrize(
    ("tensor", "words"),
    [
        (torch.tensor([1.0, float("nan")]), "NaN"),
        (torch.tensor([1.0, -float("inf")]), "NaN or infinity"),
        (torch.tensor([1e300], dtype=torch.float64), "infinity"),
        (torch.tensor([1]), "not floating point"),
    ],
)
def test_values_that_are_no_weights(tmp_path: Path, tensor: torch.Tensor, words: str) -> None:
    save_file({"conv.bias": tensor}, tmp_path / "net", metadata={store.KEY: CARD.text()})
    refused(tmp_path / "net", "conv.bias", words)


def test_expectations_name_the_difference() -> None:
    store.expect(CARD, "net", method="wct", kind="decoder", layer="relu1_1", encoder="a" * 64)
    store.expect(CARD, "net")
    for wanted in ({"method": "adain"}, {"kind": "stylizer"}, {"layer": "relu5_1"}):
        with pytest.raises(WeightsError, match=f"net: .*{next(iter(wanted.values()))}"):
            store.expect(CARD, "net", **wanted)
    with pytest.raises(WeightsError, match=r"encoder aaaaaaaaaaaa, not on this one \(bbbbbbbbbbbb\)"):
        store.expect(CARD, "net", encoder="b" * 64)


def test_fill_copies_or_lists_the_first_differences() -> None:
    module = torch.nn.Linear(3, 2)
    tensors = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.ones(2)}
    store.fill(module, tensors, "net")
    assert torch.equal(module.weight, tensors["weight"])
    with pytest.raises(WeightsError, match=r"net: .*bias: missing; extra: not a part of it; weight: expected \(2, 3\)"):
        store.fill(module, {"weight": torch.ones(3, 2), "extra": torch.ones(1)}, "net")
    wrong = {f"t{index}": torch.ones(1) for index in range(5)}
    with pytest.raises(WeightsError, match="and 4 more"):
        store.fill(module, wrong, "net")


def test_what_ships_is_missing() -> None:
    with pytest.raises(WeightsError, match=r"absent\.safetensors: .*install it again"):
        store.embedded("impasto.nets", "absent.safetensors")
