"""A network as a folder for the Hub: the same bytes, a card with the head that the Hub reads, and a pinned address."""

import hashlib
import re
from pathlib import Path

import pytest

from impasto.errors import OutputError, WeightsError
from impasto.nets import hub_card
from impasto.nets.store import Card
from impasto.recipe.shipped_networks import shipped

SWIRLS = Path(str(shipped("johnson")["swirls"]))


def test_a_network_and_its_card(tmp_path):
    pinned = hub_card.export(SWIRLS, tmp_path / "hub")
    name, _, sha256 = pinned.partition("#")
    assert name == "johnson-swirls.safetensors"
    assert (tmp_path / "hub" / name).read_bytes() == SWIRLS.read_bytes()
    assert sha256 == hashlib.sha256(SWIRLS.read_bytes()).hexdigest()
    text = (tmp_path / "hub" / "README.md").read_text("utf-8")
    head = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    assert head is not None
    assert head[1].splitlines()[:3] == ["license: mit", "library_name: impasto", "pipeline_tag: image-to-image"]
    assert f"--network hf:OWNER/NAME/{pinned}" in text
    assert "of one style, swirls" in text
    assert "| steps |" in text


def test_the_head_is_read_by_the_hub_s_own_library(tmp_path):
    cards = pytest.importorskip("huggingface_hub", reason="needs pip install 'impasto[hf]'")
    hub_card.export(SWIRLS, tmp_path)
    card = cards.ModelCard.load(tmp_path / "README.md")
    assert card.data.license == "mit"
    assert card.data.library_name == "impasto"
    assert "style-transfer" in card.data.tags


def test_a_training_s_file_is_called_by_its_folder(tmp_path):
    folder = tmp_path / "waves"
    folder.mkdir()
    (folder / "weights.safetensors").write_bytes(SWIRLS.read_bytes())
    assert hub_card.export(folder / "weights.safetensors", tmp_path / "hub").startswith("waves.safetensors#")


def test_values_stay_in_their_cells():
    card = Card(method="johnson", kind="stylizer", style="a | b", licence="odd\nlicence", training={"note": "x | y\nz"})
    text = hub_card.readme(card, "a.safetensors", "ab" * 32)
    assert "license: other" in text
    assert [line for line in text.splitlines() if line.startswith("| note")] == ['| note | "x \\| y\\nz" |']
    assert "| licence | odd licence |" in text


def test_nothing_is_replaced_and_only_networks_are_taken(tmp_path):
    (tmp_path / "README.md").write_text("mine", "utf-8")
    with pytest.raises(OutputError, match="exists already"):
        hub_card.export(SWIRLS, tmp_path)
    assert (tmp_path / "README.md").read_text("utf-8") == "mine"
    hub_card.export(SWIRLS, tmp_path, force=True)
    (tmp_path / "odd.safetensors").write_bytes(b"odd")
    with pytest.raises(WeightsError):
        hub_card.export(tmp_path / "odd.safetensors", tmp_path / "other")
    assert not (tmp_path / "other").exists()
