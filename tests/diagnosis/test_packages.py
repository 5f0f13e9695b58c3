"""What is needed, what is here, and what is too old."""

import importlib.metadata

import pytest

from impasto.diagnosis import packages

LINES = [
    "torch>=2.10",
    "pillow>=12.3",
    "uvicorn; extra == 'studio'",
    'starlette >=0.40,<2; extra == "studio"',
    "impasto[studio]; extra == 'all'",
    "ruff; extra == 'dev'",
]
HERE = {"torch": "2.13.0+cpu", "pillow": "12.3.0", "uvicorn": "0.54.0", "starlette": "1.10.0"}


@pytest.fixture
def here(monkeypatch):
    versions = dict(HERE)

    def version(name):
        if name not in versions:
            raise importlib.metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(importlib.metadata, "version", version)
    return versions


@pytest.mark.usefixtures("here")
def test_all_is_there():
    core, studio = packages.findings(LINES)
    assert (core.name, core.state, dict(core.facts)) == (
        "packages",
        "fine",
        {"torch": "2.13.0+cpu", "pillow": "12.3.0"},
    )
    assert (studio.name, studio.state) == ("[studio]", "fine")
    assert studio.value == "uvicorn 0.54.0, starlette 1.10.0"


def test_an_old_package_is_wrong(here):
    here["torch"] = "2.9.1"
    core = packages.findings(LINES)[0]
    assert (core.state, core.value) == ("wrong", "torch 2.9.1 is older than 2.10")
    assert core.remedy


def test_a_missing_package_is_wrong_and_a_missing_extra_is_not(here):
    del here["pillow"], here["uvicorn"]
    core, studio = packages.findings(LINES)
    assert (core.state, core.value) == ("wrong", "pillow is missing")
    assert (studio.state, studio.value) == ("note", "uvicorn is missing")
    assert studio.remedy == "pip install 'impasto[studio]'"


def test_versions_are_compared_as_numbers():
    assert packages._numbers("2.13.0+cpu") > packages._numbers("2.9")
    assert packages._numbers("garbage") == ()


def test_a_source_that_is_not_installed(monkeypatch):
    def requires(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", requires)
    (row,) = packages.findings()
    assert row.state == "note"
