"""How plug-ins run the command: finding it, its words, progress, errors, stopping, and whose environment it has."""

import ast
import os
import sys
from pathlib import Path

import pytest

from tests.integration_helpers import ROOT, draw, fake_command, lines, load_plugin, plugins

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for the command is a script of Unix")


@pytest.fixture
def shared(monkeypatch):
    return load_plugin(ROOT / "integrations" / "shared", "impasto_command", {}, monkeypatch)


@pytest.fixture
def fake(tmp_path, monkeypatch):
    program, log = fake_command(tmp_path)
    monkeypatch.setenv("IMPASTO", str(program))
    return log


def test_the_words_of_a_painting(shared):
    painting = shared.Painting(
        "-odd.png", "out.png", ["a.png"], "nnst", 512,
        content_mask="m.png", style_masks=["n.png"], recipe="r.json", settings={"tv_weight": 3, "content_weight": 0.5},
    )  # fmt: skip
    assert painting.arguments() == [
        "paint", "--size", "512", "--method", "nnst", "--force", "-o", "out.png", "--recipe", "r.json",
        "--style", "a.png", "--content-mask", "m.png", "--style-mask", "n.png",
        "--content-weight", "0.5", "--tv-weight", "3", "--", "-odd.png",
    ]  # fmt: skip


def test_options_and_methods_exist(shared):
    from impasto.recipe.applicable import settings_of
    from impasto.recipe.catalogue import METHODS
    from impasto.recipe.shipped_networks import shipped
    from tests.docs_helpers import options_of

    assert set(shared.METHODS) <= set(METHODS)
    assert [METHODS[name].feed_forward for name in shared.METHODS] == [False] * 5 + [True] * 6
    assert set(shared.NETWORKS) == set(shipped("johnson"))
    assert [name for name in shared.METHODS if "content_weight" in settings_of(name)] == list(shared.WEIGHTED)
    words = shared.Painting("a", "b", ["c"], content_mask="d", style_masks=["e"], recipe="f").arguments()
    assert {word for word in words if word.startswith("--") and word != "--"} <= options_of(("impasto", *words))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_what_plugins_ask_for_is_what_the_command_takes(shared, tmp_path, capsys):
    """Each method as it is offered, with a painting that johnson does not want and a weight that few methods know."""
    from impasto.cli import main

    content, style = draw(tmp_path / "content.png", size=(80, 64)), draw(tmp_path / "style.png")
    for method in shared.METHODS:
        if method == "portrait":  # wants faces
            continue
        wanted = shared.wanted(content, str(tmp_path / "out.png"), [style], method, 64, 2.0, "woodblock")
        seed = ["--seed", "7"] if method in shared.OPTIMISED else []  # as ComfyUI's node has it
        assert main(["paint", "--dry-run", *seed, *wanted.arguments()[1:]]) == 0, (method, capsys.readouterr().err)
    with pytest.raises(shared.Failed, match="no style is chosen"):
        shared.wanted(content, "out.png", [], "adain", 64, 1.0)


def test_it_paints_and_tells_how_far_it_is(shared, fake, tmp_path):
    content, output = draw(tmp_path / "content.png"), str(tmp_path / "out.png")
    parts: list[float] = []
    said = shared.run(shared.Painting(content, output, ["s.png"]).arguments(), parts.append)
    assert said == "done\n"
    assert parts == [0.5, 1.0]
    assert Path(output).exists()
    assert next(lines(fake))[0] == "paint"


@pytest.mark.usefixtures("fake")
def test_an_error_is_its_own_line(shared, monkeypatch):
    monkeypatch.setenv("FAKE_FAILS", "1")
    with pytest.raises(shared.Failed, match=r"^no style given; name at least one painting$"):
        shared.run(["paint"])


@pytest.mark.usefixtures("fake")
def test_it_is_stopped(shared, monkeypatch):
    monkeypatch.setenv("FAKE_WAITS", "1")
    with pytest.raises(shared.Cancelled):
        shared.run(["paint"], cancelled=lambda: True)


def test_a_command_that_is_not_there(shared, monkeypatch, tmp_path):
    monkeypatch.delenv("IMPASTO", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(shared.Failed, match="is not found; install it"):
        shared.run(["paint"])
    monkeypatch.setenv("IMPASTO", str(tmp_path / "gone"))
    with pytest.raises(shared.Failed, match="cannot be started"):
        shared.run(["paint"])


def test_the_host_s_own_libraries_are_kept_from_it(shared):
    variables = {"PATH": "/bin", "PYTHONHOME": "/host", "LD_LIBRARY_PATH": "/host/lib", "HOME": "/me"}
    assert shared.environment(variables) == {"PATH": "/bin", "HOME": "/me"}


def test_every_plugin_has_its_copy_and_the_old_one_goes(tmp_path):
    (tmp_path / "gimp" / "impasto_paint").mkdir(parents=True)
    (tmp_path / "gimp" / "impasto_paint" / "old.py").touch()
    made = plugins(tmp_path)
    assert set(made) == {"gimp", "krita", "comfyui"}
    for folder in made.values():
        assert (folder / "impasto_command.py").is_file()
    assert sorted(path.name for path in made["gimp"].iterdir()) == ["impasto_command.py", "impasto_paint.py"]
    assert os.access(made["gimp"] / "impasto_paint.py", os.X_OK) or sys.platform == "win32"
    assert (tmp_path / "krita" / "impasto_docker.desktop").is_file()


def test_it_is_python_of_the_hosts():
    """Krita brings Python 3.8: what is newer in the syntax would keep the panel from loading."""
    for path in (ROOT / "integrations").rglob("*.py"):
        ast.parse(path.read_text("utf-8"), feature_version=(3, 8))
