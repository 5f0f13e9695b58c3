"""The search for VGG-19: the order of the places, and that only the published files count."""

import hashlib
import logging
import os
from dataclasses import replace
from pathlib import Path

import platformdirs
import pytest

from impasto.errors import WeightsError
from impasto.weights import REGISTRY, cache_folder, cached, find, load

KERAS_NAME = "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
TORCH_NAME = "vgg19-dcbb9e9d.pth"
CONTENT = {"vgg19": b"oxford weights", "vgg19-torchvision": b"torchvision weights"}


@pytest.fixture(autouse=True)
def small_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real names with small contents: digests as the publishers give them, md5 and a prefix of sha256."""
    oxford, torchvision = CONTENT["vgg19"], CONTENT["vgg19-torchvision"]
    monkeypatch.setitem(
        REGISTRY,
        "vgg19",
        replace(REGISTRY["vgg19"], size_bytes=len(oxford), md5=hashlib.md5(oxford).hexdigest()),
    )
    monkeypatch.setitem(
        REGISTRY,
        "vgg19-torchvision",
        replace(
            REGISTRY["vgg19-torchvision"],
            size_bytes=len(torchvision),
            sha256=hashlib.sha256(torchvision).hexdigest()[:8],
        ),
    )


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_nothing_anywhere_is_none_and_makes_no_folder(cache: Path):
    assert find() is None
    assert not cache.exists()


def test_order_of_the_places(cache: Path, bare_machine: Path, monkeypatch: pytest.MonkeyPatch):
    home = bare_machine / "home"
    keras = put(home / ".keras/models" / KERAS_NAME, CONTENT["vgg19"])
    assert find() == keras
    hub = put(home / ".cache/torch/hub/checkpoints" / TORCH_NAME, CONTENT["vgg19-torchvision"])
    assert find() == hub
    own_torchvision = put(cache / TORCH_NAME, CONTENT["vgg19-torchvision"])
    assert find() == own_torchvision
    own = put(cache / KERAS_NAME, CONTENT["vgg19"])
    assert find() == own
    explicit = put(bare_machine / "mine.bin", b"anything")
    monkeypatch.setenv("IMPASTO_VGG19", str(explicit))
    assert find() == explicit


@pytest.mark.parametrize(
    ("variable", "below", "name", "key"),
    [
        ("TORCH_HOME", "hub/checkpoints", TORCH_NAME, "vgg19-torchvision"),
        ("XDG_CACHE_HOME", "torch/hub/checkpoints", TORCH_NAME, "vgg19-torchvision"),
        ("KERAS_HOME", "models", KERAS_NAME, "vgg19"),
    ],
)
def test_variables_of_other_tools(
    bare_machine: Path, monkeypatch: pytest.MonkeyPatch, variable: str, below: str, name: str, key: str
):
    path = put(bare_machine / "elsewhere" / below / name, CONTENT[key])
    assert find() is None
    monkeypatch.setenv(variable, str(bare_machine / "elsewhere"))
    assert find() == path


def test_torch_home_rules_out_the_default_place(bare_machine: Path, monkeypatch: pytest.MonkeyPatch):
    put(bare_machine / "home/.cache/torch/hub/checkpoints" / TORCH_NAME, CONTENT["vgg19-torchvision"])
    monkeypatch.setenv("TORCH_HOME", str(bare_machine / "other"))
    assert find() is None


def test_cut_download_of_another_tool_is_left_alone(bare_machine: Path, caplog: pytest.LogCaptureFixture):
    keras = put(bare_machine / "home/.keras/models" / KERAS_NAME, CONTENT["vgg19"][:-3])
    with caplog.at_level(logging.WARNING, "impasto"):
        assert find() is None
    assert keras.read_bytes() == CONTENT["vgg19"][:-3]
    assert f"{keras}: is incomplete" in caplog.text


def test_wrong_file_in_the_own_cache_is_quarantined_and_never_loaded(cache: Path, caplog: pytest.LogCaptureFixture):
    wrong = put(cache / KERAS_NAME, b"Oxford weights")
    with caplog.at_level(logging.WARNING, "impasto"):
        assert find() is None
    assert not wrong.exists()
    kept = cache / f"{KERAS_NAME}.quarantine"
    assert kept.read_bytes() == b"Oxford weights"
    assert "moved to" in caplog.text
    assert find() is None
    with pytest.raises(WeightsError, match="quarantine"):
        load(kept)


def test_prefix_of_the_wrong_digest_does_not_match(cache: Path):
    put(cache / TORCH_NAME, CONTENT["vgg19-torchvision"][::-1])
    assert cached(REGISTRY["vgg19-torchvision"]) is None


def test_entry_without_any_digest_matches_nothing(cache: Path):
    unverifiable = replace(REGISTRY["vgg19"], md5="")
    put(cache / KERAS_NAME, CONTENT["vgg19"])
    assert not unverifiable.matches(cache / KERAS_NAME)


def test_variable_naming_no_file_says_so(bare_machine: Path, monkeypatch: pytest.MonkeyPatch):
    for value in (bare_machine / "missing.h5", bare_machine):
        monkeypatch.setenv("IMPASTO_VGG19", str(value))
        with pytest.raises(WeightsError, match=f"IMPASTO_VGG19: {value} is not a file"):
            find()


def test_empty_variables_count_as_unset(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IMPASTO_VGG19", " ")
    monkeypatch.setenv("IMPASTO_CACHE", "")
    assert find() is None
    assert cache_folder() == Path(platformdirs.user_cache_dir("impasto", appauthor=False))


def test_home_is_expanded(bare_machine: Path, monkeypatch: pytest.MonkeyPatch):
    put(bare_machine / "home" / "w.h5", b"x")
    monkeypatch.setenv("IMPASTO_VGG19", "~/w.h5")
    assert find() == bare_machine / "home" / "w.h5"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_fifo_in_a_cache_does_not_hang(cache: Path):
    cache.mkdir()
    os.mkfifo(cache / KERAS_NAME)
    assert find() is None


def forge(monkeypatch: pytest.MonkeyPatch, content: bytes) -> bytes:
    """Let another file of the same size pass both publishers' checks, as a forgery would."""
    forged = content[::-1]
    for name in ("vgg19", "vgg19-torchvision"):
        entry = REGISTRY[name]
        changed = (
            replace(entry, md5=hashlib.md5(forged).hexdigest())
            if entry.md5
            else replace(entry, sha256=hashlib.sha256(forged).hexdigest()[:8])
        )
        monkeypatch.setitem(REGISTRY, name, changed)
    return forged


@pytest.mark.parametrize(("key", "name"), [("vgg19", KERAS_NAME), ("vgg19-torchvision", TORCH_NAME)])
def test_what_passes_a_weak_check_first_is_what_counts(
    cache: Path, monkeypatch: pytest.MonkeyPatch, notices: list[str], key: str, name: str
):
    path = put(cache / name, CONTENT[key])
    assert find() == path
    digest = hashlib.sha256(CONTENT[key]).hexdigest()
    record = cache / f"{name}.sha256"
    # As sha256sum writes it.
    assert record.read_text() == f"{digest}  {name}\n"
    assert len(notices) == 1
    assert digest in notices[0]
    assert REGISTRY[key].strength in notices[0]
    assert find() == path
    assert len(notices) == 1

    put(path, forge(monkeypatch, CONTENT[key]))
    assert find() is None
    assert not path.exists()
    assert (cache / f"{name}.quarantine").exists()
    assert "not the file that passed it first" in notices[-1]
    assert str(record) in notices[-1]
    # Who knows better removes the record.
    record.unlink()
    put(path, CONTENT[key][::-1])
    assert find() == path


@pytest.mark.usefixtures("cache")
def test_the_record_counts_for_the_caches_of_other_tools_too(
    bare_machine: Path, monkeypatch: pytest.MonkeyPatch, notices: list[str]
):
    keras = put(bare_machine / "home/.keras/models" / KERAS_NAME, CONTENT["vgg19"])
    assert find() == keras
    put(keras, forge(monkeypatch, CONTENT["vgg19"]))
    assert find() is None
    # It is not ours to move.
    assert keras.exists()
    assert "not the file that passed it first" in notices[-1]


@pytest.mark.parametrize("junk", [b"", b"nonsense", b"0" * 64, b"\xff" * 5000, b"0" * 64 + b"  a\nb\n"])
def test_a_damaged_record_is_made_again(cache: Path, junk: bytes):
    path = put(cache / KERAS_NAME, CONTENT["vgg19"])
    record = put(cache / f"{KERAS_NAME}.sha256", junk)
    assert find() == path
    assert record.read_text().startswith(hashlib.sha256(CONTENT["vgg19"]).hexdigest())


def test_a_folder_in_place_of_the_record_is_no_trouble(cache: Path):
    path = put(cache / KERAS_NAME, CONTENT["vgg19"])
    (cache / f"{KERAS_NAME}.sha256").mkdir()
    assert find() == path


def test_a_whole_sha256_needs_no_record(cache: Path):
    content = CONTENT["vgg19"]
    entry = replace(REGISTRY["vgg19"], md5="", sha256=hashlib.sha256(content).hexdigest())
    put(cache / KERAS_NAME, content)
    assert cached(entry) == cache / KERAS_NAME
    assert [path.name for path in cache.iterdir()] == [KERAS_NAME]
    assert "proves" in entry.strength
