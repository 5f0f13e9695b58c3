"""`--vary KEY=VALUE,VALUE`: settings in several values, of sweeps and batches."""

from impasto.cli.style_list import expand
from impasto.errors import UsageError


def split(vary: list[str]) -> dict[str, list[str]]:
    """Take `key=a,b` or `key=a;b` apart. Raises `UsageError` for what is no such word."""
    named: dict[str, list[str]] = {}
    for text in vary:
        key, equals, rest = text.partition("=")
        key = key.strip().replace("-", "_")
        separator = ";" if ";" in rest else ","
        values = [value.strip() for value in rest.split(separator)]
        if values[-1] == "" and separator == ";":
            # A single value that has commas: `key=a,b;`.
            values.pop()
        if not key or not equals or not values or not all(values):
            raise UsageError(f"--vary {text}: name values, none of them empty: --vary {key or 'KEY'}=1,2,3")
        if key in ("content", "style"):
            values = expand(values, f"--vary {key}")
        if key in named:
            raise UsageError(f"--vary {key} is there twice; name all its values in one place")
        named[key] = values
    return named
