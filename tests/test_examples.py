"""The examples run as they stand."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from impasto import load, metadata

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
SERVED = ("06_studio_api",)
"""What needs a studio is run in tests/studio."""


def _example(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.py") if path.stem not in SERVED))
def test_example_paints_and_saves(name: str, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    result = _example(name).main(out, size=64, iterations=6)
    assert load(out).size == result.picture.size
    assert max(result.picture.size) == 64
    assert result.history[-1]["loss"] < result.history[0]["loss"]
    recorded = metadata.read(out)
    assert recorded is not None
    assert recorded["recipe"]["iterations"] == 6


def test_there_are_some() -> None:
    assert len(list(EXAMPLES.glob("*.py"))) >= 5
