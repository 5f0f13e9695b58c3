"""The documentation says what the code does."""

import ast
import importlib
import re
import textwrap
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import get_args

import pytest

from impasto.cli.app import COMMANDS
from impasto.recipe import Recipe, StatisticName
from impasto.recipe.catalogue import ENCODERS, METHODS
from tests.script_helpers import load_script

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("name", ["recipe", "networks", "errors"])
def test_a_page_that_is_generated_is_up_to_date(name: str) -> None:
    script = f"scripts/docs_{name}.py"
    assert (ROOT / "docs" / f"{name}.md").read_text("utf-8") == load_script(ROOT / script).page(), (
        f"run: python {script}"
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_a_page_shows_every_command(command: str) -> None:
    assert any(re.search(rf"\bimpasto {command}\b", page.read_text("utf-8")) for page in (ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize(
    ("page", "names"),
    [("encoders", ENCODERS), ("methods", METHODS), ("choosing", METHODS), ("control", get_args(StatisticName))],
)
def test_a_page_names_every(page: str, names: Iterable[str]) -> None:
    words = set(re.findall(r"[a-z0-9_]+", (ROOT / "docs" / f"{page}.md").read_text("utf-8")))
    assert set(names) <= words


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_and_pictures_of_a_page_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), f"{page.name} points at {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_options_named_on_a_page_exist(page: Path) -> None:
    known = {"--" + name.replace("_", "-") for name in Recipe.model_fields}
    source = "".join(path.read_text("utf-8") for path in (ROOT / "src" / "impasto" / "cli").rglob("*.py"))
    known |= set(re.findall(r"--[a-z][a-z0-9-]+", source)) | {"--shared", "--whole", "--vgg19", "--rounds", "--version"}
    named = {option for line in _impasto_lines(page) for option in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", line)}
    assert named <= known, f"{page.name} names options that do not exist: {sorted(named - known)}"


def _impasto_lines(page: Path) -> list[str]:
    lines = page.read_text("utf-8").splitlines()
    # What stands before the command are options of pipx, uvx or docker, which run it.
    called = re.compile(rf"\bimpasto(?: --\w+)* (?:{'|'.join(COMMANDS)})\b.*")
    calls = [match[0] for line in lines if "`--" not in line and (match := called.search(line))]
    return calls + [line for line in lines if "`--" in line]


def test_installing_tells_of_every_extra() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    rows = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "install.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(set(extras) - {"dev", "docs"})


def _python_of(page: Path) -> Iterator[tuple[str, str]]:
    """Yield (module, name) for each name of impasto that the Python on a page imports, or takes of a module."""
    text = page.read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    blocks += re.findall(r"(?:^    (?:from|import) .*\n(?:^    .*\n)*)", text, re.MULTILINE)
    for block in blocks:
        for node in ast.walk(ast.parse(textwrap.dedent(block))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "impasto":
                yield from ((node.module or "", alias.name) for alias in node.names)
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "impasto":
                yield "impasto", node.attr


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_names_in_python_of_a_page_are_public(page: Path) -> None:
    public = (ROOT / "tests" / "data" / "public_api.txt").read_text("utf-8")
    for module, name in _python_of(page):
        assert hasattr(importlib.import_module(module), name), f"{page.name}: {module} has no {name}"
        assert re.search(rf"^{re.escape(f'{module}.{name}')}\b", public, re.MULTILINE), f"{page.name}: {module}.{name}"


def test_python_of_a_page_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\nimpasto.load(1)\n```\nor\n\n    from impasto.a import b\n    b()\n\nend\n", "utf-8")
    assert list(_python_of(page)) == [("impasto", "load"), ("impasto.a", "b")]


def test_the_readme_is_short_and_begins_with_a_picture_and_two_commands() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert len(text.splitlines()) <= 120
    parts = text.split("\n\n")
    assert parts[1].startswith("![")
    block = next(part for part in parts if part.startswith("```sh"))
    assert len(block.splitlines()) == 4
    assert text.index(block) < text.index("docs/figures/studio_strip.jpg") < text.index("\n## ")
