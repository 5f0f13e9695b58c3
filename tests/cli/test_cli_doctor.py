"""`impasto doctor`."""

import pytest

from impasto.cli import doctor
from impasto.diagnosis import Finding

FINE = Finding("torch", "2.13.0", facts={"version": "2.13.0"})
NOTE = Finding("browser", "none is found", "note", "impasto studio --no-browser")
WRONG = Finding("packages", "pillow is missing", "wrong", "install impasto again: pip install impasto")


@pytest.fixture
def found(monkeypatch):
    findings = [FINE]
    asked = {}

    def examine(folders):
        asked.update(folders)
        return findings

    monkeypatch.setattr(doctor, "examine", examine)
    return findings, asked


def test_all_is_well(run, found):
    done = run("doctor")
    assert (done.status, done.err) == (0, "")
    assert done.out == "  torch        2.13.0\nAll is well.\n"
    assert set(found[1]) == {"here", "cache", "studio"}


def test_the_folder_of_the_studio_is_the_studio_s(run, found):
    serve = pytest.importorskip("impasto.studio.serve")
    run("doctor")
    assert found[1]["studio"] == serve.default_data()


def test_a_note_is_no_fault(run, found):
    found[0].append(NOTE)
    done = run("doctor")
    assert done.status == 0
    assert "- browser      none is found\n               -> impasto studio --no-browser\n" in done.out
    assert done.out.endswith("it could have more: browser.\n")


def test_what_is_wrong_is_told_by_the_exit_code(run, found):
    found[0].extend([NOTE, WRONG])
    done = run("doctor")
    assert done.status == 5
    assert "! packages     pillow is missing" in done.out
    assert done.out.endswith("To be mended: packages.\n")


def test_the_same_for_programs(run, found):
    found[0].append(WRONG)
    done = run("doctor", "--json")
    assert done.status == 5
    assert done.json["wrong"] == ["packages"]
    assert done.json["findings"][0] == {
        "facts": {"version": "2.13.0"}, "name": "torch", "remedy": "", "state": "fine", "value": "2.13.0",
    }  # fmt: skip
    assert done.raw.count(b"\n") == 1


def test_it_changes_nothing(run, monkeypatch, tmp_path):
    monkeypatch.setattr("impasto.optim.devices.PROBE_S", 0.0)
    done = run("doctor")
    assert "torch" in done.out
    assert str(tmp_path / "home") not in done.out
    assert not list((tmp_path / "home").iterdir())
    assert not list((tmp_path / "here").iterdir())


def test_lines_fit_a_page():
    long = Finding("packages", "word " * 100, "note", "do " * 100)
    assert max(len(line) for line in doctor._lines(long)) <= doctor.WIDTH
