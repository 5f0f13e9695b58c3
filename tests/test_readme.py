"""The table of faults in tests/README.md: whole, true of the tests it names, and there for whoever cites a row."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
TABLE = (TESTS / "README.md").read_text("utf-8").split("| row | what happens | tests |")[1].split("\n\n")[0]
ROW = re.compile(r"^\| (\d+) \| (.+?) \| (.+) \|$", re.MULTILINE)
ROWS = {int(number): (what, tests) for number, what, tests in ROW.findall(TABLE)}
CITED = re.compile(r"\b[Rr]ows? (\d+(?:(?:-|, | and | to )\d+)*)")


@cache
def functions(path):
    """Names of the tests in a file."""
    tree = ast.parse(path.read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def named(tests):
    """(file, test) for each test that a row names."""
    found = []
    for part in tests.split("; "):
        file, names = part.split(": ")
        found += [(file, name) for name in re.findall(r"`(\w+)`", names)]
    return found


def numbers(citation):
    """The rows that "21-24, 28 and 36" means."""
    found = set()
    for first, last in re.findall(r"(\d+)(?:(?:-| to )(\d+))?", citation):
        found |= set(range(int(first), int(last or first) + 1))
    return found


def test_numbers_of_rows_are_read_as_people_write_them():
    assert numbers("21-24, 28 and 36") == {21, 22, 23, 24, 28, 36}
    assert numbers("42 and 43") == {42, 43}
    assert numbers("33 to 35 and 39") == {33, 34, 35, 39}


def test_rows_are_numbered_without_gaps():
    assert list(ROWS) == list(range(1, len(ROWS) + 1))
    assert len(ROWS) >= 55
    assert TABLE.count("\n| ") == len(ROWS), "a row of another shape"


@pytest.mark.parametrize("number", ROWS)
def test_every_test_that_a_row_names_is_there(number):
    tests = named(ROWS[number][1])
    assert tests
    for file, name in tests:
        assert (TESTS / file).is_file(), file
        assert name in functions(TESTS / file), f"{file} has no {name}"


def test_every_row_that_a_test_cites_is_there_and_names_its_file():
    for path in sorted(TESTS.rglob("test_*.py")):
        if path == Path(__file__):
            continue
        file = path.relative_to(TESTS).as_posix()
        for citation in CITED.findall(ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""):
            for number in numbers(citation):
                assert number in ROWS, f"{file} cites row {number}"
                assert file in ROWS[number][1], f"row {number} names no test of {file}, which cites it"


def test_every_test_with_a_row_in_its_name_is_in_that_row():
    for path in sorted(TESTS.rglob("test_*.py")):
        file = path.relative_to(TESTS).as_posix()
        for name in functions(path):
            for number in re.findall(r"(?:row|and)_(\d+)(?=_)", name) if name.startswith("test_row_") else ():
                assert (file, name) in named(ROWS[int(number)][1]), f"{file}: {name} is not in row {number}"


def test_nobody_cites_a_table_that_is_elsewhere():
    for path in sorted(TESTS.rglob("*.py")):
        if path != Path(__file__):
            assert "faults.md" not in path.read_text("utf-8"), path
