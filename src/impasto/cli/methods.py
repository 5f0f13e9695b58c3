"""`impasto methods`."""

import json
import textwrap

import typer

from impasto.cli import shared_options as given
from impasto.cli.session import write_out
from impasto.recipe.applicable import settings_of
from impasto.recipe.catalogue import METHODS
from impasto.recipe.method import Method
from impasto.recipe.shipped_networks import shipped

app = typer.Typer(add_completion=False)
WIDTH = 100
"""Columns of a line."""


@app.command("methods")
def methods(
    as_json: given.Json = False,
) -> None:
    """List the methods of painting: what each is, what it costs and needs."""
    if as_json:
        write_out(json.dumps([_record(method) for method in METHODS.values()], sort_keys=True))
        return
    for method in METHODS.values():
        notes = [f"{method.source}; {method.cost} at 512x512; needs {method.needs}"]
        if method.name != "gatys":
            notes.append("settings: " + ", ".join(sorted(method.settings)))
        if method.feed_forward:
            names = list(shipped(method.name))
            notes.append(
                f"networks here: {', '.join(names)}" if names else f"no network here; made by: {method.training}"
            )
        write_out(f"{method.name:12}  {method.line}")
        for note in notes:
            write_out(textwrap.fill(note, WIDTH, initial_indent=" " * 14, subsequent_indent=" " * 14))


def _record(method: Method) -> dict[str, object]:
    return {
        "cost": method.cost,
        "line": method.line,
        "name": method.name,
        "needs": method.needs,
        "networks": list(shipped(method.name)),
        "settings": sorted(settings_of(method.name) - {"version", "method"}),
        "source": method.source,
    }
