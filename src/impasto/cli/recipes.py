"""`impasto presets` and `impasto recipe`: what can be set, and to what it is set by name."""

import json
from typing import Annotated

import typer

from impasto.cli import shared_options as given
from impasto.cli.session import write_out
from impasto.recipe import Recipe, list_presets, load_preset, spell

presets_app = typer.Typer(add_completion=False)
recipe_app = typer.Typer(add_completion=False)


@presets_app.command("presets")
def show_presets(
    name: Annotated[str | None, typer.Argument(help="The preset whose settings to show.")] = None,
    as_json: given.Json = False,
) -> None:
    """List the presets, or show what one of them sets."""
    settings = list_presets() if name is None else load_preset(name)
    if as_json:
        write_out(json.dumps(settings, sort_keys=True))
        return
    width = max(map(len, settings), default=0)
    for key, value in settings.items():
        write_out(f"{key:{width}}  {spell(value)}")


@recipe_app.command("recipe")
def show_recipe(
    preset: Annotated[str | None, typer.Option("--preset", metavar="NAME", help="Start from this preset.")] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of recipes instead.")] = False,
) -> None:
    """Print a complete recipe as JSON, or its JSON Schema."""
    document = Recipe.model_json_schema() if schema else Recipe.from_preset(preset).model_dump(mode="json")
    write_out(json.dumps(document, indent=2))
