"""A method is one file, and a painting one type: nothing asks which method, or which kind of painting, it has."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from impasto import feedforward
from impasto.painting.refined import RefinedPainting
from impasto.painting.stylizer import Stylizer
from impasto.recipe.catalogue import METHODS
from impasto.scene.painting import Painting
from tests.forked import Forked, forget_impasto

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


def test_the_engine_never_asks_which_method_it_is() -> None:
    assert {path: asked for path in ENGINE if (asked := comparisons_with_a_method(path.read_text("utf-8")))} == {}


def test_the_check_sees_what_it_should() -> None:
    assert comparisons_with_a_method("if recipe.method == 'nnst': pass") == ["recipe.method == 'nnst'"]
    assert comparisons_with_a_method("if self.method != other: pass") == []


def kinds_of_painting(cls: type[Any] = Painting) -> set[str]:
    """Return the names of a class and of all its subclasses."""
    return {cls.__name__}.union(*(kinds_of_painting(kind) for kind in cls.__subclasses__()))


def questions_of_kind(source: str) -> list[str]:
    """Return the `isinstance`, `issubclass` and `type` that ask which kind of painting something is."""
    found, kinds = [], kinds_of_painting()
    for node in ast.walk(ast.parse(source)):
        asked: list[ast.expr] = []
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("isinstance", "issubclass"):
            asked = node.args[1:]
        elif isinstance(node, ast.Compare) and ast.unparse(node.left).startswith("type("):
            asked = node.comparators
        elif isinstance(node, ast.match_case):
            asked = [inner.cls for inner in ast.walk(node.pattern) if isinstance(inner, ast.MatchClass)]
        names = {ast.unparse(inner).split(".")[-1] for each in asked for inner in ast.walk(each)}
        if names & kinds:
            found.append(ast.unparse(node))
    return found


def test_all_kinds_of_painting_are_known_here() -> None:
    assert {Stylizer.__name__, RefinedPainting.__name__, *feedforward.__all__} - {"create"} <= kinds_of_painting()


def test_nothing_asks_which_kind_of_painting_it_has() -> None:
    files = sorted(ROOT.rglob("*.py"))
    assert {path: asked for path in files if (asked := questions_of_kind(path.read_text("utf-8")))} == {}


@pytest.mark.parametrize(
    "source",
    [
        "isinstance(painting, Stylizer)",
        "if isinstance(painting, (str, feedforward.FeedForward)): pass",
        "isinstance(painting, RefinedPainting | PerStyle)",
        "type(painting) is Stylizer",
        "match painting:\n    case Stylizer(): pass",
    ],
)
def test_the_check_of_kinds_sees_what_it_should(source: str) -> None:
    assert len(questions_of_kind(source)) == 1


def test_the_check_of_kinds_allows_other_types() -> None:
    assert questions_of_kind("isinstance(style, list | tuple); painting = Stylizer(content, styles)") == []


def open_keywords(source: str) -> list[str]:
    """Return the functions that take any keywords (`**name`) that neither a type names nor a recipe has."""
    return [
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and node.args.kwarg is not None and node.args.kwarg.arg != "overrides"
        if not (node.args.kwarg.annotation and ast.unparse(node.args.kwarg.annotation).startswith("Unpack["))
    ]


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(ROOT.rglob("*.py")) if path.parent.name in ("scene", "painting", "feedforward", "series")],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_inputs_travel_typed(path: Path) -> None:
    assert open_keywords(path.read_text("utf-8")) == []


def test_the_check_of_keywords_sees_what_it_should() -> None:
    assert open_keywords("def begin(content, **options): pass") == ["begin"]
    assert open_keywords("def begin(content, **options: Any): pass") == ["begin"]
    assert open_keywords("def begin(content, **options: Unpack[PaintingOptions]): pass") == []
    assert open_keywords("def stylize(content, *, size=1, **overrides): pass") == []


PAINTINGS = """
import json, os, sys, torch
import impasto.painting.api as api
from impasto.recipe import Recipe

def painted(method):
    settings = dict(method=method, size=24, iterations=1, encoder="petite", precision="float32")
    for _ in api.begin(torch.rand(3, 24, 24), torch.rand(3, 24, 24), Recipe.parse(settings)):
        pass
    return [name for name in sys.modules if name.startswith("impasto.")]

# Each method in a process of its own, which has imported only what all paintings need.
for method in sys.argv[1:]:
    if not os.fork():
        print(json.dumps([method, painted(method)]), flush=True)
        os._exit(0)
    os.wait()
"""


@pytest.fixture(scope="module")
def imported() -> dict[str, set[str]]:
    """What impasto has imported after a painting, by method."""

    def paint() -> None:
        forget_impasto()
        sys.argv = ["", "gatys", "nnst", "strotss", "mrf"]
        exec(PAINTINGS, {})

    process = Forked(paint, stdout=subprocess.PIPE)
    told, _ = process.communicate()
    assert process.returncode == 0
    assert told is not None
    return {method: set(names) for method, names in map(json.loads, told.splitlines())}


@pytest.mark.parametrize(
    ("method", "others"),
    [
        ("gatys", ("patches", "nnst", "strotss")),
        ("nnst", ("gatys", "strotss")),
        ("strotss", ("gatys", "patches", "nnst")),
        ("mrf", ("gatys", "nnst", "strotss")),
    ],
)
def test_a_painting_imports_no_terms_of_other_methods(
    imported: dict[str, set[str]], method: str, others: tuple[str, ...]
) -> None:
    assert METHODS[method].implementation.partition(":")[0] in imported[method]
    assert not imported[method] & {f"impasto.methods.{other}" for other in others}


def test_every_method_names_a_class_that_there_is() -> None:
    import importlib

    for method in METHODS.values():
        module, _, name = method.implementation.partition(":")
        assert isinstance(getattr(importlib.import_module(module), name), type)
