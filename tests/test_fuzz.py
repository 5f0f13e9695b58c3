"""The fuzzer finds what it looks for, tries the same again by its seed, and finds nothing in a short run."""

import importlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"
pytestmark = [
    pytest.mark.skipif(not (SCRIPTS / "fuzz.py").exists(), reason="scripts/ is not in this source archive"),
    pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]


@pytest.fixture
def modules(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return importlib.import_module("fuzz"), importlib.import_module("fuzz_kinds")


def made_up(modules, read):
    """A kind that is read by a function of a test."""
    return modules[1].Kind("made up", lambda: [b"first valid file", b"second"], read)


def test_the_same_seed_tries_the_same_inputs(modules):
    fuzz, kinds = modules
    for kind in kinds.KINDS:
        valid = [bytes(range(200)), b'{"a": [1, 2, {"b": "c"}]}', b"third"]
        first = [fuzz.damaged(kind, valid, 3, number) for number in range(60)]
        assert first == [fuzz.damaged(kind, valid, 3, number) for number in range(60)]
        assert first != [fuzz.damaged(kind, valid, 4, number) for number in range(60)]
        assert first[:3] == valid
        assert len({*first}) > 40


def test_what_escapes_is_a_fault_and_kept(modules, tmp_path):
    def read(given):
        if len(given.data) % 2:
            raise ZeroDivisionError("of all things")

    tally = modules[0].fuzz(made_up(modules, read), 0, 0, tmp_path, most=30)
    assert tally.inputs >= 2
    assert tally.faults == []  # in no time, the valid files alone are read, which have even lengths
    tally = modules[0].fuzz(made_up(modules, read), 60, 0, tmp_path, most=30)
    assert tally.inputs == 30
    assert tally.faults
    assert tally.read + len(tally.faults) == 30
    assert all("ZeroDivisionError" in fault and "of all things" in fault for fault in tally.faults)
    number = int(tally.faults[0].split(":")[0].split()[-1])
    kept = (tmp_path / f"made-up-{number}").read_bytes()
    assert kept == modules[0].damaged(made_up(modules, read), [b"first valid file", b"second"], 0, number)


def test_the_same_fault_is_told_once_with_its_inputs(modules, tmp_path, monkeypatch):
    def read(_given):
        raise ZeroDivisionError("of all things")

    fuzz = modules[0]
    said: list[str] = []
    monkeypatch.setattr(fuzz, "KINDS", (made_up(modules, read),))
    assert fuzz.main(["--inputs", "7", "--each", "60", "--keep", str(tmp_path)], say=said.append) == 1
    assert "ZeroDivisionError" in said[-1]
    assert said[-1].endswith("(inputs 0, 1, 2, 3, 4 and 2 more)")
    assert "ZeroDivisionError" not in said[-2]


def test_our_own_errors_are_refusals_and_must_be_one_line(modules, tmp_path):
    from impasto.errors import ImageError

    def read(given):
        error = ImageError("no picture")
        if given.data == b"second":
            error.args = ("two\nlines",)
        raise error

    tally = modules[0].fuzz(made_up(modules, read), 0, 0, tmp_path)
    assert (tally.inputs, tally.read, len(tally.faults)) == (2, 0, 1)
    assert "of no one line" in tally.faults[0]


@pytest.mark.parametrize(
    ("what", "said"),
    [("spins", "took more than"), ("hangs", "took more than"), ("dies", "died (exit 7)"), ("grows", "MiB more")],
)
def test_time_death_and_memory_are_faults_and_the_rest_is_still_tried(modules, tmp_path, monkeypatch, what, said):
    fuzz = modules[0]
    monkeypatch.setattr(fuzz, "SECONDS_EACH", 0.3 if what == "spins" else 60.0)
    monkeypatch.setattr(fuzz, "STALLED_EACH", 1.0 if what == "hangs" else 60.0)
    monkeypatch.setattr(fuzz, "MEMORY_EACH", 64 << 20)

    def read(given):
        if given.data != b"second":
            return
        if what == "hangs":
            time.sleep(60)
        while what == "spins":
            pass
        if what == "dies":
            os._exit(7)
        assert len(bytearray(b"x") * (256 << 20))

    tally = fuzz.fuzz(made_up(modules, read), 60, 0, tmp_path, most=4)
    assert tally.inputs == 4
    assert len(tally.faults) == 1
    assert said in tally.faults[0]


def test_a_short_run_finds_nothing_and_says_what_it_tried(modules, tmp_path):
    said: list[str] = []
    kinds = ["png", "recipe", "region names", "landmarks"]
    chosen = [part for kind in kinds for part in ("--kind", kind)]
    words = [*chosen, "--seconds", "120", "--inputs", "25", "--keep", str(tmp_path / "kept")]
    status = modules[0].main(words, say=said.append)
    assert status == 0, said
    assert said[-1] == "100 inputs, 0 faults"
    rows = {line[:13].strip(): line[13:].split() for line in said[2:-1]}
    assert list(rows) == kinds
    for kind, row in rows.items():
        inputs, read, refused, faults = map(int, row[:4])
        assert inputs == read + refused == 25, kind
        assert read > 0, kind
        assert faults == 0
    assert not (tmp_path / "kept").exists()


@pytest.mark.slow
@pytest.mark.parametrize("fault", [False, True])
def test_led_by_coverage_it_tries_and_keeps_what_is_wrong(tmp_path, fault):
    pytest.importorskip("atheris", reason="needs pip install atheris")
    read = "1 / (given.data[:1] in (b'', b'v'))" if fault else "len(given.data)"
    script = f"""
import sys
sys.path.insert(0, {str(SCRIPTS)!r})
import fuzz_guided, fuzz_kinds
kind = fuzz_kinds.Kind("made up", lambda: [b"valid"], lambda given: {read})
fuzz_kinds.KINDS = (kind,)
fuzz_guided.main(["made up", "--seconds", "5", "--keep", {str(tmp_path / "kept")!r}])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=200, check=False)
    said = done.stdout + done.stderr
    assert (done.returncode != 0) == fault, said[-2000:]
    assert ("ZeroDivisionError" in said) == fault
    assert [path.read_bytes()[:1] != b"v" for path in (tmp_path / "kept").iterdir()] == [True] * fault


@pytest.mark.usefixtures("modules")
def test_without_atheris_it_says_how_to_install_it(monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert importlib.import_module("fuzz_guided").main(["recipe"]) == 5
    assert "pip install atheris" in capsys.readouterr().err


def test_every_kind_begins_with_files_that_something_is_made_of(modules, tmp_path, monkeypatch):
    """No kind is fuzzed with files that its reader knows nothing of."""
    monkeypatch.chdir(tmp_path)
    for kind in modules[1].KINDS:
        assert kind.name in ("checkpoint",) or len(kind.valid()) >= 2
