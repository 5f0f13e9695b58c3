"""Typer's usage errors in one line each, with the nearest option."""

import difflib
from typing import Any

from impasto.errors import UsageError


def explain(error: Any) -> tuple[int, str]:
    """Return exit status and line for one of Typer's own exceptions.

    They are told by what they carry, not by class: the classes moved from click into Typer itself.
    """
    context = getattr(error, "ctx", None)
    message = " ".join(str(error.format_message()).split()).rstrip(".")
    option = getattr(error, "option_name", None)
    if option and message.startswith("No such option"):
        message = f"unknown option '{option}'{_nearest(option, context)}"
    elif context is not None and message.startswith("Got unexpected extra argument"):
        message += _repeated(context)
    elif context is not None and message == "Missing command":
        message = f"missing command; choose from {', '.join(sorted(context.command.commands))}"
    message = message[:1].lower() + message[1:]
    if context is not None:
        message += f" (see {context.command_path} --help)"
    return getattr(error, "exit_code", UsageError.exit_code), message


def _repeated(context: Any) -> str:
    """Return how to give an option several values, where a command has one that takes them."""
    options = [parameter.opts[0] for parameter in context.command.params if getattr(parameter, "multiple", False)]
    option = "--style" if "--style" in options else next(iter(options), "")
    if not option:
        return ""
    return f"; repeat {option} for each of several: {option} A {option} B"


def _nearest(option: str, context: Any) -> str:
    if context is None:
        return ""
    known = [name for parameter in context.command.params for name in parameter.opts if name.startswith("--")]
    near = difflib.get_close_matches(option, known, n=1, cutoff=0.5)
    return f"; did you mean '{near[0]}'?" if near else ""
