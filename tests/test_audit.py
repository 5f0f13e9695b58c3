"""The bill of materials, and what is said of known weaknesses or of why nothing is known."""

import json
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.script_helpers import load_script

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "audit.py"
if not SCRIPT.exists():
    pytest.skip("scripts/ is not in this source archive", allow_module_level=True)


@pytest.fixture(scope="module")
def script():
    return load_script(SCRIPT)


def answer(status, out="", err=""):
    return lambda command: subprocess.CompletedProcess(command, status, out, err)


def test_a_tool_that_is_missing_is_no_fault(script):
    status, said = script.audit(present=False)
    assert (status, "not installed" in said) == (0, True)


@pytest.mark.parametrize(
    ("run", "status", "words"),
    [
        (answer(0, "No known vulnerabilities found"), 0, "none is known"),
        (answer(1, "pillow 12.0 PYSEC-1 12.3"), 1, "PYSEC-1"),
        (answer(1, "", "ConnectionError: Max retries exceeded"), 0, "cannot be reached"),
        (answer(1, "", "TypeError: odd"), 1, "TypeError: odd"),
    ],
)
def test_what_is_known_is_told_and_what_could_not_be_asked_too(script, run, status, words):
    told = script.audit(run, present=True)
    assert told[0] == status
    assert words in told[1]


def test_the_bill_names_every_package_once_with_its_version(script, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(script, "audit", lambda: (0, "weaknesses: none"))
    assert script.main(["--bill", str(tmp_path / "out" / "bill.json")]) == 0
    assert "bill.json" in capsys.readouterr().out
    bill = json.loads((tmp_path / "out" / "bill.json").read_text("utf-8"))
    names = [part["name"] for part in bill["components"]]
    assert names == sorted(set(names))
    assert {"torch", "pillow", "numpy", "safetensors"} <= set(names)
    assert "impasto" not in names
    (pillow,) = [part for part in bill["components"] if part["name"] == "pillow"]
    assert pillow["purl"] == f"pkg:pypi/pillow@{version('pillow')}"
    assert pillow["licenses"]
