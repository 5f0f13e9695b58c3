"""The examples run as they stand."""

from pathlib import Path
from types import ModuleType

import pytest

from impasto import load, metadata
from tests.script_helpers import load_script

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
SERVED = ("06_studio_api",)
"""What needs a studio is run in tests/studio."""
STREAM = "07_stream"


def _example(name: str) -> ModuleType:
    return load_script(EXAMPLES / f"{name}.py")


@pytest.mark.parametrize("name", sorted({path.stem for path in EXAMPLES.glob("*.py")} - {*SERVED, STREAM}))
def test_example_paints_and_saves(name: str, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    result = _example(name).main(out, size=64, iterations=6)
    assert load(out).size == result.picture.size
    assert max(result.picture.size) == 64
    assert result.history[-1]["loss"] < result.history[0]["loss"]
    recorded = metadata.read(out)
    assert recorded is not None
    assert recorded["recipe"]["iterations"] == 6


def test_the_stream_paints_its_frames(tmp_path: Path) -> None:
    painted = _example(STREAM).main(tmp_path / "frames", size=64, frames=3)
    assert [load(tmp_path / "frames" / f"{number:03d}.png").size for number in range(3)] == [(64, 64)] * 3
    assert not painted[0].pixels.equal(painted[1].pixels)


def test_there_are_some() -> None:
    assert len(list(EXAMPLES.glob("*.py"))) >= 7
