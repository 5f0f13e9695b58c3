"""Which encoder a name means, and which precision a machine gets."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from impasto import encoders, weights
from impasto.encoders import Petite, Vgg, choose
from impasto.errors import UsageError, WeightsError
from impasto.training.encoder_task import initial

PLAN = {f"{b}_{c}": 4 for b, n in ((1, 2), (2, 2), (3, 4), (4, 4), (5, 1)) for c in range(1, n + 1)}


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> Petite:
    """A machine without VGG-19, and a random petite in place of the embedded one; returned."""
    small = Petite(initial(PLAN))
    monkeypatch.setattr(weights, "find", lambda _network: None)
    monkeypatch.setattr(Petite, "embedded", classmethod(lambda _cls, **_options: small))
    return small


def test_auto_is_petite_on_a_bare_machine_and_says_so(bare: Petite, notices: list[str]) -> None:
    assert encoders.create("auto") is bare
    assert len(notices) == 1
    assert "impasto weights fetch vgg19" in notices[0]


def test_petite_by_name_says_nothing(bare: Petite, notices: list[str]) -> None:
    assert encoders.create("petite") is bare
    assert notices == []


@pytest.mark.usefixtures("bare")
def test_vgg19_on_a_bare_machine_says_how_to_get_it() -> None:
    with pytest.raises(WeightsError, match="impasto weights fetch vgg19"):
        encoders.create("vgg19")


def test_auto_is_vgg19_where_it_is(standin: Path, monkeypatch: pytest.MonkeyPatch, notices: list[str]) -> None:
    monkeypatch.setattr(weights, "find", lambda _network: standin)
    encoder = encoders.create("auto", pooling="max", padding="zero", precision=torch.bfloat16)
    assert type(encoder) is Vgg
    assert (encoder.pooling, encoder.padding, encoder.precision) == ("max", "zero", torch.bfloat16)
    assert len(notices) == 1
    assert "vgg19" in notices[0]
    notices.clear()
    assert encoders.create("vgg19").sha256 == encoder.sha256
    assert notices == []


def test_a_file_of_petite_weights_gives_petite(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    save_file(initial(), path, metadata={"architecture": "petite"})
    encoder = encoders.from_file(path, padding="replicate")
    assert isinstance(encoder, Petite)
    assert encoder.padding == "replicate"
    assert encoder.sha256 == weights.file_digest(path)


def test_a_file_of_vgg19_gives_vgg19(standin: Path) -> None:
    encoder = encoders.from_file(standin, pooling="max")
    assert type(encoder) is Vgg
    assert encoder.pooling == "max"
    assert encoder.sha256 == weights.file_digest(standin)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"nowhere\.safetensors"):
        encoders.from_file(tmp_path / "nowhere.safetensors")


def test_a_name_is_never_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A recipe out of a stranger's picture names the encoder; it must not be able to name a file (row 37).
    save_file(initial(), tmp_path / "mine.safetensors", metadata={"architecture": "petite"})
    monkeypatch.chdir(tmp_path)
    for name in ("mine.safetensors", str(tmp_path / "mine.safetensors"), "0" * 64, "x" * 10_000):
        with pytest.raises(UsageError, match="unknown encoder") as caught:
            encoders.create(name)
        assert len(str(caught.value)) < 300


def test_every_named_encoder_has_its_geometry_and_a_file_has_that_of_vgg19(bare: Petite) -> None:
    assert set(choose.GEOMETRIES) == set(encoders.NAMES)
    assert set(bare.layers) <= set(encoders.geometry("petite").layers)  # those with a lift
    assert encoders.geometry("vgg16").layers[-1] == "relu5_3"
    assert encoders.geometry("my-own.safetensors") is encoders.VGG19
