"""Write impasto(1), the manual page, from the command line itself: `python scripts/man_page.py > impasto.1`.

Every command with its options as `--help` has them, so that nothing is said twice. `man ./impasto.1` shows it.
"""

import inspect
import re
import sys
from collections.abc import Iterator
from typing import Any

import typer

from impasto._version import __version__
from impasto.cli.app import COMMANDS, app

EXITS = (
    ("0", "All went well."),
    ("1", "Some items of a series failed, or there is a mistake in impasto."),
    ("2", "An option, a setting or a recipe is wrong."),
    ("3", "A file cannot be read or written."),
    ("4", "Weights are missing, damaged or not what they should be."),
    ("5", "Memory, a disk, a device or an optional package is missing."),
    ("130, 143", "Ended by Ctrl-C or SIGTERM; what was painted so far is kept."),
)
VARIABLES = (
    ("IMPASTO_CACHE", "Folder in which weights are kept."),
    ("IMPASTO_VGG19, IMPASTO_VGG16", "Files of weights to use for these encoders."),
    ("NO_COLOR", "Where it is set, nothing is coloured."),
)


def page() -> str:
    """Return the manual page, as roff with the macros of man(7)."""
    root: Any = typer.main.get_command(app)
    lines = [
        f'.TH IMPASTO 1 "" "impasto {__version__}" "User Commands"',
        ".SH NAME",
        f"impasto \\- {escape(_summary(root).rstrip('.').lower())}",
        ".SH SYNOPSIS",
        ".B impasto",
        "[\\-\\-debug] \\fIcommand\\fR [\\fIoptions\\fR] [\\fIarguments\\fR]",
        ".SH DESCRIPTION",
        *_paragraphs(inspect.cleandoc(root.help or "")),
        ".SH OPTIONS",
        *_options(root),
        ".SH COMMANDS",
    ]
    with root.make_context("impasto", ["--help"], resilient_parsing=True) as context:
        for name in COMMANDS:
            _, command, _ = root.resolve_command(context, [name])
            lines += _command(name, command)
    lines += [".SH EXIT STATUS", *_terms(EXITS), ".SH ENVIRONMENT", *_terms(VARIABLES)]
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Return text in which roff sees no commands: backslashes, hyphens as they are typed, and leading full stops.

    Long lists without spaces may be broken after a comma.
    """
    text = text.replace("\\", "\\e").replace("-", "\\-")
    text = re.sub(r",(?=\S)", r",\\:", text)
    return re.sub(r"(?m)^([.'])", r"\\&\1", text)


def _command(name: str, command: Any) -> Iterator[str]:
    yield f".SS {_synopsis(name, command)}"
    yield from _paragraphs(inspect.cleandoc(command.help or ""))
    yield from _options(command)
    for inner, part in getattr(command, "commands", {}).items():
        yield from _command(f"{name} {inner}", part)


def _synopsis(name: str, command: Any) -> str:
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    words = [f"impasto {name}", *("[options]" if any(_shown(command)) else "",)]
    for argument in arguments:
        word = (argument.metavar or argument.name or "").upper().strip("[]")
        word += "..." if argument.nargs != 1 and not word.endswith("...") else ""
        words.append(word if argument.required else f"[{word}]")
    if getattr(command, "commands", None):
        words.append("COMMAND")
    return escape(" ".join(filter(None, words)))


def _shown(command: Any) -> Iterator[Any]:
    """Yield the options of a command that its help has."""
    for parameter in command.params:
        if parameter.param_type_name == "option" and not parameter.hidden and parameter.name != "help":
            yield parameter


def _options(command: Any) -> Iterator[str]:
    for option in _shown(command):
        names = ", ".join(f"\\fB{escape(name)}\\fR" for name in (*option.opts, *option.secondary_opts))
        value = "" if option.is_flag else option.metavar or _kind(option)
        yield ".TP"
        yield names + (f" \\fI{escape(value)}\\fR" if value else "")
        yield escape(" ".join((option.help or "").split())) or "."


def _kind(option: Any) -> str:
    """Return a word for the values of an option that names none itself."""
    kind = getattr(getattr(option, "type_descriptor", None), "annotation", str)
    return {int: "N", float: "X"}.get(kind, "TEXT")


def _terms(rows: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for name, text in rows:
        yield from (".TP", f"\\fB{escape(name)}\\fR", escape(text))


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.split("\n\n"):
        yield from (".PP", escape(" ".join(paragraph.split())))


def _summary(command: Any) -> str:
    return str(inspect.cleandoc(command.help or "").split("\n\n")[0])


if __name__ == "__main__":
    sys.stdout.write(page())
