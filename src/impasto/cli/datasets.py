"""`impasto datasets`: the standard sets of photographs, whether they are here, and getting them."""

import json
import os
from typing import TYPE_CHECKING, Annotated

import typer

from impasto.cli import shared_options as given
from impasto.cli.session import write_out
from impasto.errors import InputError

if TYPE_CHECKING:
    from impasto.cli.session import Session
    from impasto.datasets import Entry

app = typer.Typer(add_completion=False)


@app.callback()
def group() -> None:
    """List, find and fetch the standard sets of photographs that methods are compared on."""


@app.command("list")
def show_list(
    as_json: given.Json = False,
) -> None:
    """List the sets, with citation, credits and how much of each is on this machine."""
    from impasto import datasets

    rows = []
    for name in datasets.NAMES:
        known = datasets.lookup(name)
        try:
            here = len(datasets.collect(name).items)
        except InputError:
            here = 0
        rows.append(
            {
                "name": name,
                "title": known.title,
                "pictures": len(known.entries),
                "here": here,
                "citation": known.citation,
                "credit": known.credit,
            }
        )
    if as_json:
        write_out(json.dumps(rows, sort_keys=True))
        return
    for row in rows:
        write_out(f"{row['name']:12} {row['here']} of {row['pictures']} pictures are here")
        write_out(f"             {row['citation']}")
        write_out(f"             {row['credit']}")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Which set: nprgeneral or nprportrait.")],
) -> None:
    """List the pictures of a set in its own order: name, file, who took it, md5."""
    from impasto import datasets

    for entry in datasets.lookup(name).entries:
        write_out("\t".join((entry.name, entry.file, entry.by, entry.md5)).rstrip("\t"))


@app.command()
def fetch(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Which set: nprgeneral.")],
    mirror: Annotated[
        list[str] | None,
        typer.Option("--mirror", metavar="URL", help="Ask this address first; {file} stands for a picture's name."),
    ] = None,
    quiet: given.Quiet = False,
) -> None:
    """Download the pictures of a set, each verified, and print the folder."""
    session: Session = ctx.obj
    session.terminal.quiet = quiet
    from impasto import datasets

    def say(entry: "Entry", number: int, total: int) -> None:
        session.terminal.say(f"{number}/{total}  {entry.file}")

    write_out(os.fspath(datasets.fetch(name, mirrors=mirror or (), progress=say)))
