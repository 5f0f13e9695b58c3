"""The documentation says what the code does."""

import re
from collections.abc import Iterable
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


def test_the_readme_is_short_and_begins_with_a_picture_and_two_commands() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert len(text.splitlines()) <= 120
    parts = text.split("\n\n")
    assert parts[1].startswith("![")
    block = next(part for part in parts if part.startswith("```sh"))
    assert len(block.splitlines()) == 4
    assert text.index(block) < text.index("docs/figures/studio_strip.jpg") < text.index("\n## ")
