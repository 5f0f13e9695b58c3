"""`impasto export`: networks for other programs; `exporting` does the work."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from impasto.cli import shared_options as given
from impasto.cli.session import write_out
from impasto.errors import UsageError

if TYPE_CHECKING:
    from impasto.cli.session import Session

app = typer.Typer(add_completion=False)


@app.command()
def export(
    ctx: typer.Context,
    network: Annotated[str, typer.Argument(help="A file that impasto train wrote, or a name of impasto methods.")],
    onnx: Annotated[str | None, typer.Option("--onnx", metavar="FILE", help="Where the graph goes.")] = None,
    hub: Annotated[
        str | None,
        typer.Option("--hub", metavar="FOLDER", help="Where the network goes with a card, for the Hugging Face Hub."),
    ] = None,
    decoder: Annotated[
        str | None, typer.Option("--decoder", metavar="FILE", help="The decoder of a linear transformation.")
    ] = None,
    picture: Annotated[
        str | None, typer.Option("--picture", metavar="FILE", help="A photograph to try the graph on.")
    ] = None,
    style: Annotated[
        str | None, typer.Option("--style", metavar="FILE", help="A painting to try the graph on, with --picture.")
    ] = None,
    force: given.Force = False,
    as_json: given.Json = False,
    quiet: given.Quiet = False,
) -> None:
    """Write a network as an ONNX graph, checked against onnxruntime, or as a folder for the Hugging Face Hub.

    impasto export network.safetensors --onnx network.onnx --picture photo.jpg
    """
    session: Session = ctx.obj
    session.terminal.quiet = quiet
    if style is not None and picture is None:
        raise UsageError("--style: a painting alone says nothing; name a photograph too: --picture photo.jpg")

    if hub is not None and onnx is None:
        from impasto.nets import hub_card

        pinned = hub_card.export(Path(network), Path(hub), force=force)
        session.terminal.say(f"saved {hub}; once it is on the Hub, its address is hf:OWNER/NAME/{pinned}")
        if as_json:
            write_out(json.dumps({"path": hub, "pinned": pinned}, sort_keys=True))
        return
    if onnx is None or hub is not None:
        raise UsageError("export: name either --onnx FILE or --hub FOLDER")

    from impasto.nets.onnx import export as write

    made = write(
        network,
        Path(onnx),
        decoder=None if decoder is None else Path(decoder),
        pictures=[Path(name) for name in (picture, style) if name is not None],
        force=force,
    )
    if as_json:
        row = {
            "path": os.fspath(made.path),
            "method": made.card.method,
            "kind": made.card.kind,
            "size_bytes": made.size_bytes,
            "difference": made.difference,
            "smallest_side": made.smallest,
        }
        write_out(json.dumps(row, sort_keys=True))
    checked = "not checked: onnxruntime is not installed; run: pip install 'impasto[onnx]'"
    if made.difference is not None:
        checked = f"onnxruntime differs from torch by at most {made.difference:.2g} of 1"
    unit = "neurons" if made.card.kind == "decoder" and made.card.method == "wct" else "pixels"
    session.terminal.say(
        f"saved {made.path} ({made.size_bytes / 1e6:.1f} MB, sides from {made.smallest} {unit} up); {checked}"
    )
