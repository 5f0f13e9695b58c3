"""`impasto show`: what a picture says about how it was made."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from impasto import metadata
from impasto.cli import shared_options as given
from impasto.cli.session import write_out
from impasto.errors import ImageError

app = typer.Typer(add_completion=False)


@app.command()
def show(
    picture: Annotated[str, typer.Argument(help="A picture that impasto painted.")],
    as_json: given.Json = False,
) -> None:
    """Show the recipe that a picture was painted with."""
    document = metadata.read(picture)
    if document is None:
        name = ascii(Path(picture).name)[1:-1]
        raise ImageError(f"{name}: carries no recipe; impasto did not paint it, or did so with --no-metadata")
    write_out(json.dumps(document, sort_keys=True) if as_json else "\n".join(_lines(document)))


def _lines(document: dict[str, Any]) -> list[str]:
    recipe = document.get("recipe")
    lines = [f"painted by impasto {_plain(document.get('impasto'))}", "recipe:"]
    for key, value in (recipe if isinstance(recipe, dict) else {}).items():
        lines.append(f"  {_plain(key)}: {_plain(value)}")
    for part, title in (("inputs", "role"), ("weights", "name")):
        items = document.get(part)
        lines.append(f"{part}:")
        for item in items if isinstance(items, list) else []:
            if isinstance(item, dict):
                name = item.get(title, item.get("encoder"))
                lines.append(f"  {_plain(name)}: sha256 {_plain(item.get('sha256'))}")
    versions = document.get("versions")
    if isinstance(versions, dict):
        lines.append("with " + ", ".join(f"{_plain(key)} {_plain(value)}" for key, value in versions.items()))
    return lines


def _plain(value: object) -> str:
    """Write a value from a stranger's file: ASCII, so that no escape sequence reaches the terminal."""
    return value.encode("unicode_escape").decode() if isinstance(value, str) else json.dumps(value)
