"""The command tree: names and one-line summaries here, each command's code only when it is asked for.

`impasto --help` must answer at once, so nothing is imported for it but Typer; a test compares these summaries
with the commands' own.
"""

import copy
import importlib
import os
import re
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from impasto._version import __version__
from impasto.cli.session import write_out
from impasto.errors import InputError, UsageError

COMMANDS: dict[str, tuple[str, str]] = {
    "paint": ("impasto.cli.paint:app", "Paint a photograph in the style of one or more paintings."),
    "resume": ("impasto.cli.resume:app", "Resume a painting that was interrupted."),
    "texture": (
        "impasto.cli.texture:texture_app",
        "Paint a texture from paintings alone, at any size, seamless on request.",
    ),
    "doodle": (
        "impasto.cli.doodle:app",
        "Turn a doodle in flat colours into a painting, each region like the same region of a style.",
    ),
    "mix": (
        "impasto.cli.texture:mix_app",
        "Mix two paintings by scale into one style: the large forms of the first, the strokes of the second.",
    ),
    "blend": (
        "impasto.cli.blend:app",
        "Paint a photograph from one style to another: a strip, an animation, or each frame.",
    ),
    "video": (
        "impasto.cli.video:app",
        "Paint a film, an animation or a folder of frames so that strokes stay where they are.",
    ),
    "live": ("impasto.cli.live:app", "Paint what a camera sees, or a film, in a window as it runs."),
    "evaluate": (
        "impasto.cli.evaluate:app",
        "Measure how much of its content a picture keeps, how near it comes to its style, and its faults.",
    ),
    "batch": (
        "impasto.cli.batch:app",
        "Paint many photographs in many styles into a folder, in several processes.",
    ),
    "tune": (
        "impasto.cli.tune:app",
        "Search for the recipe that suits a photograph and a painting, and paint it.",
    ),
    "sweep": ("impasto.cli.sweep:app", "Paint every combination of one or two settings, with a contact sheet."),
    "benchmark": (
        "impasto.cli.benchmark:app",
        "Paint every photograph in every style by every method, measure all, and write a report.",
    ),
    "compare": (
        "impasto.cli.compare:app",
        "Judge pictures of the same names in two or more folders, blind and pair by pair, on a page of this machine.",
    ),
    "figures": ("impasto.cli.figure:app", "Reproduce the figures of a paper with your pictures."),
    "masks": ("impasto.cli.masks:app", "Find regions in a photograph and its paintings, or check masks."),
    "studio": ("impasto.cli.studio:app", "Open a page in the browser to paint in, with masks, previews and a gallery."),
    "show": ("impasto.cli.show:app", "Show the recipe that a picture was painted with."),
    "samples": (
        "impasto.cli.samples:app",
        "List the sample photographs and paintings that come with impasto, or copy them into a folder.",
    ),
    "methods": ("impasto.cli.methods:app", "List the methods of painting: what each is, what it costs and needs."),
    "presets": ("impasto.cli.recipes:presets_app", "List the presets, or show what one of them sets."),
    "recipe": ("impasto.cli.recipes:recipe_app", "Print a complete recipe as JSON, or its JSON Schema."),
    "weights": ("impasto.cli.weights:app", "List, fetch and find the weights of encoders."),
    "datasets": (
        "impasto.cli.datasets:app",
        "List, find and fetch the standard sets of photographs that methods are compared on.",
    ),
    "train": ("impasto.cli.train:app", "Train encoders, decoders and feed-forward networks."),
    "doctor": ("impasto.cli.doctor:app", "Report what impasto finds on this machine, and what is to be mended."),
    "export": (
        "impasto.cli.export:app",
        "Write a network as an ONNX graph, checked against onnxruntime, or as a folder for the Hugging Face Hub.",
    ),
}
"""Where each command is defined, and the line that `impasto --help` gives it."""


FETCHING = ("datasets", "weights")
"""Commands that download, and may be told from where."""
_ADDRESS = re.compile(r"(?<![\w+.-])[A-Za-z][A-Za-z0-9+.-]+://[^\s,;]+")
"""Alone, or as a part of `sky=mask.png:https://...`, `style=https://...,b.png` and `--init=https://...`."""


class LazyGroup(TyperGroup):
    """A group that imports a command when it is called, and not to list it."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a stand-in that knows its name and summary, which is all that listing asks for."""
        if cmd_name not in COMMANDS:
            return None
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name][1])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Import the command that `args` begins with. Raises `UsageError` naming the nearest one."""
        name = args[0]
        if name not in COMMANDS:
            raise UsageError(nearest(name, list(COMMANDS), "command"))
        for word in () if name in FETCHING else args[1:]:
            _check_place(word)
        module, _, attribute = COMMANDS[name][0].partition(":")
        command: Any = typer.main.get_command(getattr(importlib.import_module(module), attribute))
        command.name = name
        # `main` looks for it wherever it stands; the command itself has no use for it.
        debug = copy.copy(next(option for option in self.params if option.name == "debug"))
        debug.expose_value = False
        for listed in (command, *getattr(command, "commands", {}).values()):
            listed.params.append(debug)
        return name, command, args[1:]


def _check_place(word: str) -> None:
    """Raise `InputError` where a word of a command line names something in the web, whichever file it stands for."""
    address = None if word.lstrip()[:1] in ("{", "[") else _ADDRESS.search(word)
    if address is None or os.path.lexists(word) or os.path.lexists(address[0]):
        return
    if address[0].lower().startswith("file://"):
        raise InputError(f"{address[0]}: is an address; give the name of the file alone, without file://")
    raise InputError(
        f"{address[0]}: is a web address, and impasto works with files; download what is read and name the file, and "
        "upload what is written afterwards"
    )


def nearest(name: str, known: Sequence[str], what: str) -> str:
    """Say that `name` is not known, with the nearest of `known` or all of them."""
    from impasto.recipe import unknown

    return unknown(name, dict.fromkeys(known), what)


app = typer.Typer(
    name="impasto",
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    # Plain help here: Rich would take as long as all the rest.
    rich_markup_mode=None,
)


def _version(asked: bool) -> None:
    if asked:
        write_out(f"impasto {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_version, is_eager=True)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Paint a photograph in the style of a painting.

    impasto paint photo.jpg --style painting.jpg -o out.png
    """
