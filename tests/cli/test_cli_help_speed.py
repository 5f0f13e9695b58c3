"""`impasto --help` answers at once, because it imports nothing heavy."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src"
HEAVY = ("torch", "numpy", "PIL", "h5py", "safetensors", "matplotlib", "pydantic")


def python(*arguments):
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment, timeout=120, check=False
    )


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_nothing_heavy_is_imported(argument):
    done = python("-X", "importtime", "-m", "impasto", argument)
    assert done.returncode == 0
    assert "impasto" in done.stdout
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time")}
    assert "typer" in imported
    assert not {name for name in imported if name.partition(".")[0] in HEAVY}


def test_options_are_told_without_torch():
    check = "import sys; from impasto.cli import main; main(['paint', '--help']); sys.exit('torch' in sys.modules)"
    assert python("-c", check).returncode == 0


def test_it_does_not_take_long():
    # On an idle machine it is about a tenth of a second; the bound only catches another order of magnitude.
    times = []
    for _ in range(3):
        began = time.monotonic()
        python("-m", "impasto", "--help")
        times.append(time.monotonic() - began)
    assert min(times) < 1.5
