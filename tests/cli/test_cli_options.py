"""Options that several commands have: declared once, and the same everywhere."""

import ast
import importlib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import typer

import impasto.cli
from impasto.cli.app import COMMANDS, app

FOLDER = Path(impasto.cli.__file__).parent


def declared(source: str) -> list[tuple[str, str]]:
    """The name and the help of each `typer.Option(...)` in a source."""
    options = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "typer.Option":
            names = [ast.unparse(argument) for argument in node.args]
            texts = [ast.unparse(keyword.value) for keyword in node.keywords if keyword.arg == "help"]
            options.append((names[0], texts[0]))
    return options


def test_no_option_is_declared_twice() -> None:
    counted = Counter(option for path in FOLDER.glob("*.py") for option in declared(path.read_text("utf-8")))
    assert len(counted) > 60
    assert [option for option, count in counted.items() if count > 1] == []


def test_the_check_sees_a_second_declaration() -> None:
    line = 'typer.Option("--quiet", metavar="X", help="Print only errors.")\n'
    assert len(set(declared(2 * line))) < len(declared(2 * line))


def leaves(command: Any, words: tuple[str, ...]) -> list[tuple[tuple[str, ...], Any]]:
    inner = getattr(command, "commands", {})
    return [(words, command), *(leaf for name in inner for leaf in leaves(inner[name], (*words, name)))]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_every_part_of_one_has_debug_once(name: str) -> None:
    root: Any = typer.main.get_command(app)
    _, command, _ = root.resolve_command(root.make_context("impasto", [name]), [name])
    module, _, attribute = COMMANDS[name][0].partition(":")
    plain: Any = typer.main.get_command(getattr(importlib.import_module(module), attribute))
    for (words, with_debug), (_, without) in zip(leaves(command, (name,)), leaves(plain, (name,)), strict=True):
        options = [option for parameter in with_debug.params for option in parameter.opts]
        assert options.count("--debug") == 1, words
        assert "--debug" not in [option for parameter in without.params for option in parameter.opts], words


@pytest.mark.parametrize(
    "arguments",
    [
        ("--debug", "presets", "no-such-preset"),
        ("presets", "--debug", "no-such-preset"),
        ("presets", "no-such-preset", "--debug"),
        ("--debug", "weights", "fetch", "no-such-weights"),
        ("weights", "--debug", "fetch", "no-such-weights"),
        ("weights", "fetch", "no-such-weights", "--debug"),
    ],
)
def test_debug_shows_the_traceback_wherever_it_stands(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert impasto.cli.main(arguments) == impasto.cli.main([word for word in arguments if word != "--debug"]) != 0
    assert capsys.readouterr().err.count("Traceback (most recent call last)") == 1
