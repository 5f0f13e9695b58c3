"""What the tests of the plug-ins share: a plug-in as it is installed, and an `impasto` command that is really run."""

import importlib
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from tests.script_helpers import load_script

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "scripts" / "plugins.py"
if not SCRIPT.exists():
    pytest.skip("the plug-ins are not in this source archive", allow_module_level=True)

FAKE = '''#!{python}
"""Stands for impasto: paints the content in reverse, notes its command line, and fails or waits where it is told so."""
import json, os, sys, time
from PIL import Image, ImageOps

words = sys.argv[1:]
with open({log!r}, "a") as log:
    log.write(json.dumps(words) + "\\n")
if os.environ.get("FAKE_FAILS"):
    sys.exit("impasto: note: something\\nimpasto: error: no style given; name at least one painting")
print("step 1 of 2: level 1/1", file=sys.stderr, flush=True)
if os.environ.get("FAKE_WAITS"):
    time.sleep(60)
if words[0] == "paint":
    with Image.open(words[-1]) as content:
        ImageOps.invert(content.convert("RGB")).save(words[words.index("-o") + 1])
print("step 2 of 2: level 1/1", file=sys.stderr)
print("done")
'''


def plugins(folder: Path) -> dict[str, Path]:
    """Put the plug-ins into a folder, as they are installed; return their folders by the program."""
    return {path.parent.name: path for path in load_script(SCRIPT).assemble(folder)}


def fake_command(folder: Path) -> tuple[Path, Path]:
    """Write a command that stands for impasto; return it, and the file that it notes its command lines in."""
    program, log = folder / "impasto-fake", folder / "log.jsonl"
    program.write_text(FAKE.format(python=sys.executable, log=str(log)), "utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program, log


def real_command(folder: Path) -> Path:
    """Write a command that is impasto's own of this source."""
    program = folder / "impasto-real"
    source = ROOT / "src"
    # A plug-in keeps PYTHONPATH from the command, as it is the host's.
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH="{source}" OMP_NUM_THREADS=1 exec "{sys.executable}" -m impasto "$@"\n', "utf-8"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def load_plugin(folder: Path, name: str, fakes: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import a plug-in from a folder that is on the path, with modules of its host replaced by `fakes`."""
    for module, fake in fakes.items():
        monkeypatch.setitem(sys.modules, module, fake)
    monkeypatch.syspath_prepend(str(folder))
    for module in [key for key in sys.modules if key.partition(".")[0] == name.partition(".")[0]]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.delitem(sys.modules, "impasto_command", raising=False)
    return importlib.import_module(name)


def draw(path: Path, color: tuple[int, int, int] = (200, 100, 50), size: tuple[int, int] = (48, 32)) -> str:
    """Save a flat picture of (width, height); return its name."""
    Image.new("RGB", size, color).save(path)
    return str(path)


def lines(log: Path) -> Iterator[list[str]]:
    """Yield the command lines that were noted."""
    import json

    for line in log.read_text("utf-8").splitlines():
        yield json.loads(line)
