"""The words of the code: identifiers in the field's spelling, and docstrings that begin with a plain verb."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1] / "src" / "impasto"
FILES = sorted(ROOT.rglob("*.py"))

BRITISH = re.compile(
    r"(?<!water)colour|grey|neighbour|centre|centring|(normal|initial|optim|minim|stylis?)is[ea]", re.I
)
"""What identifiers have in the field's spelling: color, gray, neighbor, center, normalization, initialize, optimize."""
TIMID = re.compile(r"(Gives?|Get|Gets|Returns|Whether|How|What|Which)\b(?! up)")
"""What the docstring of a function does not begin with: Return is the word for what comes back."""


def identifiers(source: str) -> Iterator[str]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME:
            yield token.string


def openings(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (text := ast.get_docstring(node)):
            yield text.split("\n")[0]


def test_identifiers_and_modules_have_the_fields_spelling() -> None:
    for path in FILES:
        names = {*identifiers(path.read_text("utf-8")), *path.relative_to(ROOT).parts}
        assert sorted(name for name in names if BRITISH.search(name)) == [], path


PLAIN = ("color", "encoders", "guides", "images", "landmarks", "losses", "masks", "nets", "optim", "recipe", "weights")


@pytest.mark.parametrize("package", PLAIN)
def test_docstrings_begin_with_a_plain_verb(package: str) -> None:
    lines = [line for path in (ROOT / package).rglob("*.py") for line in openings(path.read_text("utf-8"))]
    assert lines
    assert [line for line in lines if TIMID.match(line)] == []


def test_the_checks_see_what_they_should() -> None:
    assert [name for name in identifiers("colour = grey(neighbours)") if BRITISH.search(name)] == [
        "colour",
        "grey",
        "neighbours",
    ]
    assert not any(BRITISH.search(name) for name in ("color", "watercolour", "optimizes", "visible", "centered"))
    assert TIMID.match(next(openings('def f():\n    """Give a number."""')))
    assert not TIMID.match("Give up the oldest.")
