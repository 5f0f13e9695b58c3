"""`impasto weights`: what encoders can be had, getting them, and where they are."""

import json
import os
from typing import TYPE_CHECKING, Annotated

import typer

from impasto import weights
from impasto.cli import shared_options as given
from impasto.cli.session import write_out
from impasto.weights import hub

if TYPE_CHECKING:
    from impasto.cli.session import Session

app = typer.Typer(add_completion=False)


@app.callback()
def group() -> None:
    """List, fetch and find the weights of encoders."""


@app.command("list")
def show_list(
    as_json: given.Json = False,
) -> None:
    """List the weights that impasto can fetch, with size, licence and whether they are here."""
    rows = [
        {
            "name": entry.name,
            "size_bytes": entry.size_bytes,
            "licence": entry.licence,
            "citation": entry.citation,
            "digest": entry.digest,
            "strength": entry.strength,
            "present": weights.cached(entry) is not None,
        }
        for entry in weights.REGISTRY.values()
    ]
    if as_json:
        write_out(json.dumps(rows, sort_keys=True))
        return
    for row in rows:
        here = "here" if row["present"] else f"not here: impasto weights fetch {row['name']}"
        write_out(f"{row['name']:18} {int(str(row['size_bytes'])) / 1e6:6.0f} MB  {row['licence']:13} {here}")
    write_out("petite               inside impasto, nothing to fetch")
    for row in rows:
        write_out(f"{row['name']}: checked by {row['digest']}, which {row['strength']}")


@app.command()
def fetch(
    ctx: typer.Context,
    name: Annotated[
        str, typer.Argument(help="Name of the weights, as impasto weights list has them, or hf:OWNER/NAME/FILE.")
    ] = "vgg19",
    quiet: given.Quiet = False,
) -> None:
    """Download weights, verified, and print the path; an unfinished download is resumed."""
    session: Session = ctx.obj
    session.terminal.quiet = quiet
    if hub.is_address(name):
        write_out(os.fspath(hub.fetch(name)))
        return
    weights.lookup(name)
    with session.terminal.meter() as meter:
        path = weights.fetch(name, progress=meter.bytes)
    write_out(os.fspath(path))


@app.command()
def where() -> None:
    """Print impasto's folder of weights, and the VGG-19 and VGG-16 that are found; --encoder auto takes the first."""
    write_out(os.fspath(weights.cache_folder()))
    for network in ("vgg19", "vgg16"):
        path = weights.find(network)
        if path is not None:
            write_out(os.fspath(path))
