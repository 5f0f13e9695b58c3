"""Every command that the documentation shows is run as it stands there, only smaller."""

import re
from pathlib import Path

import pytest

from impasto.cli import main
from impasto.cli.app import COMMANDS
from tests.docs_helpers import ROOT, commands, make_files, options_of, small

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
if not (ROOT / "docs" / "README.md").exists():
    pytest.skip("the documentation is not in this source archive", allow_module_level=True)

NOT_RUN = {
    ("weights", "fetch"): "downloads; weights/test_weights_download.py has a server of its own",
    ("datasets", "fetch"): "downloads; datasets/ has a server of its own",
    ("live",): "opens a window, which wants a screen; video/test_live.py",
    ("studio",): "serves until it is ended; studio/test_studio_command.py",
    ("compare",): "serves a page until it is ended; cli/test_cli_compare.py",
    ("tune", "photo.jpg", "painting.jpg", "-o", "tuned", "--ask"): "asks somebody; cli/test_cli_tune.py",
    ("resume", ".out.png.checkpoint"): "wants a painting that was interrupted; cli/test_cli_resume.py",
    ("train", "encoder"): "wants the weights of VGG-19; cli/test_cli_train.py",
    ("benchmark", "--content", "nprgeneral"): "wants photographs that are fetched; cli/test_cli_benchmark.py",
    ("benchmark", "--dataset"): "wants photographs that are fetched; cli/test_cli_benchmark.py",
    ("figures", "nprgeneral"): "wants photographs that are fetched; series/ has a set of its own",
}
"""Commands that are not run, by their first words, and why: what tests them stands there."""


def not_run(words):
    """Why a command is not run; None where it is."""
    if "--ray" in words:
        return "wants a cluster; executors/test_ray_cluster.py begins one"
    return next((why for first, why in NOT_RUN.items() if words[1 : 1 + len(first)] == first), None)


def test_commands_are_found_with_their_lines_joined(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```sh\nimpasto paint a.jpg \\\n  --size 9  # small\npipx run impasto show x\n```\n`impasto no`\n")
    assert [line.words for line in commands(page)] == [("impasto", "paint", "a.jpg", "--size", "9")]


def test_commands_are_made_small():
    made = small(("impasto", "paint", "a.jpg", "--style", "b.jpg", "--size", "768", "-o", "c.png"))
    assert made[:7] == ["paint", "a.jpg", "--style", "b.jpg", "--size", "64", "-o"]
    assert made[-3:] == ["--iterations", "2", "--force"]
    assert "--iterations" not in small(("impasto", "paint", "a.jpg", "--method", "adain"))
    assert small(("impasto", "methods")) == ["methods"]
    assert "--steps" in options_of(("impasto", "train", "fast", "photos"))


def test_what_is_not_run_is_shown_somewhere():
    """A reason that is kept after its command has gone would hide the next one that begins so."""
    shown = [line.words for page in PAGES for line in commands(page)]
    for first in NOT_RUN:
        assert any(words[1 : 1 + len(first)] == first for words in shown), first


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_stands_where_it_is_found(page):
    """A block that is indented, and not fenced, would never be run."""
    assert re.findall(r"^(?: {4}|\t) *(?:\$ )?impasto .*", page.read_text("utf-8"), re.MULTILINE) == []


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", [page for page in PAGES if any(commands(page))], ids=lambda page: page.name)
def test_commands_of_a_page_work(page, tmp_path, monkeypatch, capsys):
    """One after another in one folder, as a reader types them."""
    if any(line.words[1] == "video" for line in commands(page)):
        pytest.importorskip("av", reason="needs pip install 'impasto[video]'")
    here = tmp_path / "here"
    here.mkdir()
    make_files(here, page.name)
    monkeypatch.chdir(here)
    home = tmp_path / "home"
    home.mkdir()
    for variable in ("HOME", "XDG_CACHE_HOME", "IMPASTO_CACHE", "TORCH_HOME", "KERAS_HOME"):
        monkeypatch.setenv(variable, str(home))
    if any(line.words[1] == "show" for line in commands(page)) or page.name == "painting.md":
        assert main(small(("impasto", "paint", "photo.jpg", "--style", "painting.jpg", "-o", "out.png"))) == 0
    for line in commands(page):
        if not_run(line.words) is None:
            status = main(small(line.words))
            said = capsys.readouterr()
            assert status == 0, f"{line}\n{said.err[-2000:]}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_of_a_page_name_what_there_is(page: Path) -> None:
    """Commands and options exist, on every page and at once; that they work is tested slowly."""
    for line in commands(page):
        assert line.words[1] in COMMANDS or line.words[1].startswith("-"), line
        if line.words[1] in COMMANDS:
            named = {word.partition("=")[0] for word in line.words[2:] if word.startswith("--") and len(word) > 2}
            assert named <= options_of(line.words), line
