"""The manual page: made from the command line, whole, and understood by roff."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from impasto.cli.app import COMMANDS
from tests.script_helpers import load_script

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "man_page.py"
if not SCRIPT.exists():
    pytest.skip("scripts/ is not in this source archive", allow_module_level=True)


@pytest.fixture(scope="module")
def script():
    return load_script(SCRIPT)


@pytest.fixture(scope="module")
def page(script):
    return script.page()


def test_every_command_has_a_section(page):
    sections = re.findall(r"^\.SS impasto (\S+)", page, re.MULTILINE)
    assert list(dict.fromkeys(sections)) == [name.replace("-", "\\-") for name in COMMANDS]
    assert ".SS impasto weights fetch [options] [NAME]" in page


def test_options_are_told_with_their_values(page):
    paint = page.split(".SS impasto paint ")[1].split(".SS ")[0]
    assert "\\fB\\-\\-style\\fR \\fIPICTURE\\fR\n" in paint
    assert "\\fB\\-\\-output\\fR, \\fB\\-o\\fR \\fIPICTURE\\fR\n" in paint
    assert "\\fB\\-\\-threads\\fR \\fIN\\fR\nNumber of processor threads" in paint
    assert "\\fB\\-\\-force\\fR\n" in paint
    assert "\\-\\-help" not in paint


def test_exit_codes_are_those_of_the_errors(page):
    from impasto import errors

    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.ImpastoError)]
    codes = {kind.exit_code for kind in kinds}
    told = {int(code) for code in re.findall(r"^\\fB([0-9]+)\\fR$", page, re.MULTILINE)}
    assert codes <= told


def test_nothing_is_taken_for_a_command_of_roff(script):
    assert script.escape(".TH is text") == "\\&.TH is text"
    assert script.escape("a\\b --c") == "a\\eb \\-\\-c"
    assert script.escape("'tis") == "\\&'tis"


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_roff_has_no_complaints(page):
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-k"], input=page, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    text = re.sub(r"\x1b\[[0-9;]*m|.\x08", "", done.stdout)
    assert "impasto - paint a photograph in the style of a painting" in " ".join(text.split())
