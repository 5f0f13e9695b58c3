"""`impasto studio`."""

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from impasto.cli import shared_options as given
from impasto.cli.session import write_out
from impasto.errors import UsageError

app = typer.Typer(add_completion=False)
NEEDED = ("fastapi", "uvicorn")


@app.command()
def studio(
    host: Annotated[
        str | None, typer.Option("--host", metavar="ADDRESS", help="Address to listen on (default 127.0.0.1).")
    ] = None,
    port: given.Port = 8765,
    listen: Annotated[
        bool, typer.Option("--listen", help="Let other machines connect, who know the token; needs --token.")
    ] = False,
    token: Annotated[
        str | None,
        typer.Option("--token", metavar="TOKEN|auto", help="What one has to know to use it; auto: made here."),
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", metavar="FOLDER", help="Where pictures and the queue are kept.")
    ] = None,
    no_browser: given.NoBrowser = False,
    threads: given.Threads = None,
) -> None:
    """Open a page in the browser to paint in, with masks, previews and a gallery.

    impasto studio
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"the studio needs {' and '.join(missing)}, not installed here; run: pip install 'impasto[studio]'"
        )
    from impasto.studio.serve import default_data, make_token, serve
    from impasto.studio.settings import Settings

    if data == "":
        raise UsageError("--data: the folder has no name")
    folder = default_data() if data is None else Path(data).absolute()
    settings = Settings(folder, host or ("0.0.0.0" if listen else "127.0.0.1"), port, listen=listen, threads=threads)
    serve(replace(settings, token=make_token() if token == "auto" else token), write_out, browser=not no_browser)
