"""Folders, weights and the browser."""

import tempfile
import webbrowser
from pathlib import Path

import pytest

from impasto.diagnosis import places
from impasto.diagnosis.finding import shown
from impasto.encoders.petite import Petite
from impasto.errors import WeightsError


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    for variable in ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "IMPASTO_CACHE", "TORCH_HOME", "KERAS_HOME"):
        monkeypatch.setenv(variable, str(home))
    for variable in ("IMPASTO_VGG16", "IMPASTO_VGG19"):
        monkeypatch.delenv(variable, raising=False)
    return home


def rows(**folders):
    return {row.name: row for row in places.findings(folders)}


def test_a_report_names_nobody(home):
    assert shown(home / "pictures/a.png") == str(Path("~/pictures/a.png"))
    assert shown(home) == "~"
    assert shown("/somewhere/else") == "/somewhere/else"
    assert str(home) not in rows(cache=home / "cache")["cache"].value


def test_folders_are_not_made(home):
    row = rows(cache=home / "a/b/c")["cache"]
    assert row.state == "fine"
    assert "not there yet" in row.value
    assert not list(home.iterdir())


def test_a_file_where_a_folder_should_be(home):
    (home / "file").touch()
    row = rows(cache=home / "file/cache")["cache"]
    assert (row.state, row.facts["writable"]) == ("note", False)
    assert "IMPASTO_CACHE" in row.remedy


def test_a_folder_that_takes_nothing(monkeypatch, home):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    found = rows(here=home)
    assert (found["here"].state, found["temporary"].state) == ("note", "wrong")
    assert "Permission denied" in found["here"].value


def test_a_full_disk(monkeypatch):
    monkeypatch.setattr(places, "LEAST_ROOM_BYTES", 1 << 62)
    assert rows()["temporary"].state == "wrong"


def test_a_variable_that_names_no_file(monkeypatch, home):
    monkeypatch.setenv("IMPASTO_VGG19", str(home / "gone.h5"))
    row = rows()["vgg19"]
    assert (row.state, row.remedy) == ("wrong", "correct or unset IMPASTO_VGG19")
    assert rows()["vgg16"].state == "fine"


def test_a_damaged_package(monkeypatch):
    def embedded():
        raise WeightsError("petite.safetensors: is cut short")

    monkeypatch.setattr(Petite, "embedded", embedded)
    row = rows()["petite"]
    assert row.state == "wrong"
    assert "is cut short" in row.value


def test_no_browser(monkeypatch):
    def get():
        raise webbrowser.Error("could not locate runnable browser")

    monkeypatch.setattr(webbrowser, "get", get)
    row = rows()["browser"]
    assert (row.state, row.facts["name"]) == ("note", None)
    assert "--no-browser" in row.remedy


def test_a_browser_is_named_without_its_folder(monkeypatch):
    monkeypatch.setattr(webbrowser, "get", lambda: webbrowser.GenericBrowser("/opt/browsers/firefox"))
    assert rows()["browser"].value == "firefox"
