"""A method is one file: nothing else asks which method it is, and no painting imports the terms of another."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from impasto.recipe.catalogue import METHODS

ROOT = Path(__file__).resolve().parents[1] / "src" / "impasto"
ENGINE = [
    path
    for folder in ("scene", "painting", "optim", "losses", "checkpoint", "recipe", "series", "encoders")
    for path in sorted((ROOT / folder).rglob("*.py"))
]


def comparisons_with_a_method(source: str) -> list[str]:
    """Return the comparisons of something called `method` with the name of one."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare) and ast.unparse(node.left).split(".")[-1] == "method":
            names = [ast.literal_eval(right) for right in node.comparators if isinstance(right, ast.Constant)]
            if any(name in METHODS for name in names):
                found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize("path", ENGINE, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_engine_never_asks_which_method_it_is(path: Path) -> None:
    assert comparisons_with_a_method(path.read_text("utf-8")) == []


def test_the_check_sees_what_it_should() -> None:
    assert comparisons_with_a_method("if recipe.method == 'nnst': pass") == ["recipe.method == 'nnst'"]
    assert comparisons_with_a_method("if self.method != other: pass") == []


@pytest.mark.parametrize(
    ("method", "others"),
    [
        ("gatys", ("patches", "nnst", "strotss")),
        ("nnst", ("gatys", "strotss")),
        ("strotss", ("gatys", "patches", "nnst")),
        ("mrf", ("gatys", "nnst", "strotss")),
    ],
)
def test_a_painting_imports_no_terms_of_other_methods(method: str, others: tuple[str, ...]) -> None:
    code = f"""
import sys, torch
import impasto
painting = impasto.begin(torch.rand(3, 24, 24), torch.rand(3, 24, 24), impasto.Recipe.parse(
    dict(method={method!r}, size=24, iterations=1, encoder="petite", precision="float32")))
for _ in painting: pass
sys.exit(bool([name for name in sys.modules if name.removeprefix("impasto.methods.") in {others!r}]))
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_method_names_a_class_that_there_is() -> None:
    import importlib

    for method in METHODS.values():
        module, _, name = method.implementation.partition(":")
        assert isinstance(getattr(importlib.import_module(module), name), type)
