"""Cards with a wrong type in any field, of every kind of network: refused by name, never a mistake of ours."""

import json
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from impasto.encoders import Petite
from impasto.errors import WeightsError
from impasto.nets import store
from impasto.nets.decoder import Decoder
from impasto.nets.johnson import Johnson
from impasto.nets.linear import Linear
from impasto.nets.texture_net import TextureNet
from tests.network_helpers import write

FILES: dict[str, Callable[..., object]] = {
    "wct-relu4_1": Decoder.from_parts,
    "adain-relu4_1": Decoder.from_parts,
    "linear-relu4_1": Linear.from_card,
    "johnson-waves": Johnson.from_card,
    "texture_net-pebbles": TextureNet.from_card,
}
WRONG: tuple[Any, ...] = (5, -1, 10**30, 1.5, True, None, "text", [], [5], ["text"], {}, {"text": 5})
Header = dict[str, Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("networks"), Petite.embedded())


def with_card(path: Path, card: Mapping[str, Any], to: Path) -> Path:
    """Copy a network under another card."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header: Header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = {store.KEY: json.dumps(card)}
    text = json.dumps(header).encode()
    to.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])
    return to


def card_of(path: Path) -> Header:
    card: Header = json.loads(store.load(path)[1].text())
    return card


def kind_of(value: object) -> str:
    """What JSON calls it."""
    return "number" if type(value) in (int, float) else type(value).__name__


@pytest.mark.parametrize("name", FILES)
def test_every_field_refuses_every_other_type(name: str, folder: Path, tmp_path: Path) -> None:
    path, build = folder / f"{name}.safetensors", FILES[name]
    good = card_of(path)
    build(*store.load(with_card(path, good, tmp_path / "good")), "good")
    changes: list[tuple[str, Header]] = []
    for field, value in good.items():
        changes += [(field, good | {field: wrong}) for wrong in WRONG if type(wrong) is not type(value)]
    for field, value in good["plan"].items():
        for wrong in WRONG:
            if type(wrong) is not type(value):
                changes.append((f"plan.{field}", good | {"plan": good["plan"] | {field: wrong}}))
    assert len(changes) > 100
    for what, card in changes:
        with pytest.raises(WeightsError) as caught:
            build(*store.load(with_card(path, card, tmp_path / "net")), "net")
        message = str(caught.value)
        assert "net" in message, what
        assert len(message) < 600, what


@pytest.mark.parametrize("wrong", [5, True, ["photos"], None])
def test_the_mode_of_a_texture_net_is_text(wrong: object, folder: Path, tmp_path: Path) -> None:
    path = folder / "texture_net-pebbles.safetensors"
    card = card_of(path) | {"training": {"mode": wrong}}
    tensors, found = store.load(with_card(path, card, tmp_path / "net"))
    with pytest.raises(WeightsError, match="mode"):
        TextureNet.from_card(tensors, found, "net")


def test_a_decoder_of_nothing_that_claims_any_number_of_channels(folder: Path) -> None:
    tensors, card = store.load(folder / "wct-relu4_1.safetensors")
    claims = dict(tensors) | {"conv4_1.weight": torch.zeros(0, 1 << 40, 3, 3)}
    with pytest.raises(WeightsError, match="channels"):
        Decoder.from_parts(claims, card, "net")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace('"format": 1', '"format": 1e999'),
        lambda text: text.replace('"format": 1', '"format": ' + "9" * 5000),
        lambda text: text.replace('"licence": "MIT"', '"licence": NaN'),
        lambda text: text[:-1],
        lambda _text: "[" * 50_000,
    ],
)
def test_cards_that_json_itself_stumbles_over(spoil: Callable[[str], str], folder: Path, tmp_path: Path) -> None:
    path = folder / "johnson-waves.safetensors"
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header: Header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = {store.KEY: spoil(header["__metadata__"][store.KEY])}
    text = json.dumps(header).encode()
    (tmp_path / "net").write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])
    with pytest.raises(WeightsError, match="card cannot be read"):
        store.load(tmp_path / "net")
