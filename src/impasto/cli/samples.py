"""`impasto samples`: the photographs and paintings that come with impasto, for whoever has none at hand."""

import json
from pathlib import Path
from typing import Annotated

import typer

from impasto import files
from impasto.cli import shared_options as given
from impasto.cli.session import write_out
from impasto.errors import ResourceError
from impasto.studio import samples as shipped

app = typer.Typer(add_completion=False)


@app.command()
def samples(
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FOLDER", help="Where to copy them; without it, a list.")
    ] = None,
    force: given.Force = False,
    as_json: given.Json = False,
) -> None:
    """List the sample photographs and paintings that come with impasto, or copy them into a folder.

    impasto samples -o assets && impasto paint assets/photos/cat.jpg --style assets/styles/swirls.jpg -o out.png
    """
    shipped_files = shipped.files()
    if not shipped_files:
        raise ResourceError("samples: are not in this installation; install impasto again: pip install impasto")
    rows = [
        {"kind": key.partition("-")[0], "name": path.stem, "file": str(path)} for key, path in shipped_files.items()
    ]
    if output is not None:
        targets = [Path(output, path.parent.name, path.name) for path in shipped_files.values()]
        for target in targets:
            files.check_output(target, force=force)
        for row, target in zip(rows, targets, strict=True):
            files.write_bytes(target, Path(row["file"]).read_bytes())
            row["file"] = str(target)
    if as_json:
        write_out(json.dumps(rows, sort_keys=True))
        return
    for row in rows:
        write_out(row["file"] if output is not None else f"{row['kind']:6} {row['name']:14} {row['file']}")
