"""`impasto weights`, offline: the network is a function here."""

from pathlib import Path

import pytest

from impasto import weights
from impasto.errors import WeightsError


def test_list_says_what_is_here(run, monkeypatch):
    monkeypatch.setattr(weights, "cached", lambda entry: Path("x") if entry.name == "vgg19" else None)
    lines = run("weights", "list").out.splitlines()
    assert lines[0].split()[:3] == ["vgg19", "80", "MB"]
    assert lines[0].endswith("CC BY 4.0     here")
    assert lines[1].endswith("not here: impasto weights fetch vgg19-torchvision")
    assert "checked by md5" in lines[-2]
    assert "can be made on purpose" in lines[-2]
    assert "sha256 397923af..., which has 32 bits" in lines[-1]
    rows = run("weights", "list", "--json").json
    assert all(row["digest"] and row["strength"] for row in rows)
    assert [row["name"] for row in rows if row["present"]] == ["vgg19"]
    assert [row["name"] for row in rows] == ["vgg19", "vgg19-torchvision", "vgg16", "vgg16-torchvision"]
    assert all(row["size_bytes"] == weights.REGISTRY[row["name"]].size_bytes for row in rows)


def test_fetch_prints_the_path_and_shows_how_far_it_is(run, monkeypatch):
    asked = []

    def fetch(name, *, progress):
        asked.append(name)
        for tenth in range(11):
            progress(tenth * 8_000_000, 80_000_000)
        return Path("cache/vgg19.h5")

    monkeypatch.setattr(weights, "fetch", fetch)
    outcome = run("weights", "fetch", "vgg19")
    assert (outcome.status, outcome.out, asked) == (0, "cache/vgg19.h5\n", ["vgg19"])
    assert outcome.err.splitlines()[-1] == "80.0 of 80.0 MB"
    assert len(outcome.err.splitlines()) == 10
    assert run("weights", "fetch", "vgg19", "--quiet").err == ""


def test_fetch_that_fails(run, monkeypatch):
    def fetch(_name, **_options):
        raise WeightsError("vgg19: could not be downloaded")

    monkeypatch.setattr(weights, "fetch", fetch)
    outcome = run("weights", "fetch")
    assert (outcome.status, outcome.error) == (4, "vgg19: could not be downloaded")


def test_where(run, monkeypatch, tmp_path):
    assert run("weights", "where").out.splitlines() == [str(tmp_path / "home")]
    own = tmp_path / "own.safetensors"
    own.touch()
    monkeypatch.setenv("IMPASTO_VGG19", str(own))
    assert run("weights", "where").out.splitlines() == [str(tmp_path / "home"), str(own)]


@pytest.mark.parametrize("command", ["list", "where"])
def test_nothing_is_made_by_looking(run, command, tmp_path):
    run("weights", command)
    assert not list((tmp_path / "home").iterdir())
