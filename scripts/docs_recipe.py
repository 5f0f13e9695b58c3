"""Write docs/recipe.md from `Recipe` and the presets: `python scripts/docs_recipe.py`."""

import json
import re
from pathlib import Path
from typing import Any

from impasto.recipe import Recipe, list_presets, load_preset

PAGE = Path(__file__).resolve().parent.parent / "docs" / "recipe.md"

HEAD = """# The recipe

<!-- Written by scripts/docs_recipe.py; a test keeps it true. -->

Every setting of a painting, under the name it has everywhere: `content_weight` in a recipe and in Python is
`--content-weight` on the command line. `impasto recipe` prints a recipe as JSON, `impasto recipe --schema` its JSON
Schema, and every picture impasto saves carries the one it was painted with.

| key | default | values | meaning |
|---|---|---|---|
"""


def page() -> str:
    """Return the whole page."""
    schema = Recipe.model_json_schema()
    rows = []
    for name, field in Recipe.model_fields.items():
        default = json.dumps(field.get_default(), ensure_ascii=False) if name != "version" else "1"
        rows.append(f"| `{name}` | `{default}` | {_values(schema['properties'][name])} | {field.description} |")
    text = HEAD + "\n".join(rows) + "\n\n## Presets\n\n"
    text += "A preset sets some keys; options given beside it go before it. `impasto presets` lists them.\n"
    for name, description in list_presets().items():
        settings = "\n".join(f"{key} = {_toml(value)}" for key, value in load_preset(name).items())
        text += f"\n### {name}\n\n{description[:1].upper()}{description[1:]}.\n\n```toml\n{settings}\n```\n"
    return text


def _values(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return ", or ".join(_values(each) for each in schema["anyOf"])
    if schema.get("pattern", "").startswith("^(content|"):
        return "`content` or a percentage"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if word := re.fullmatch(r"\^(\w+)\$", schema.get("pattern", "")):
        return f"`{word[1]}`"
    if "pattern" in schema:
        return "name"
    bounds = [
        f"{sign} {schema[key]:g}"
        for key, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
        if key in schema
    ]
    kinds = {"object": "names with numbers", "array": "list", "integer": "whole number", "boolean": "true or false"}
    kind = kinds.get(schema.get("type", ""), "number")
    return f"{kind}, {' and '.join(bounds)}" if bounds else kind


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {number}" for key, number in value.items()) + " }"
    return json.dumps(value)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)
