"""`impasto resume`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from impasto.cli import processes
from impasto.cli import shared_options as given

if TYPE_CHECKING:
    from impasto.cli.session import Session

app = typer.Typer(add_completion=False)


@app.command()
def resume(
    ctx: typer.Context,
    checkpoint: Annotated[str, typer.Argument(metavar="CHECKPOINT", help="What the interrupted painting left.")],
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="PICTURE", help="Where to save the result, if not where it was meant."),
    ] = None,
    force: given.Force = False,
    preview: given.Preview = None,
    save_every: given.SaveEvery = None,
    plot: given.Plot = None,
    cube: given.Cube = None,
    ora: given.Ora = None,
    as_json: given.Json = False,
    quiet: given.Quiet = False,
    threads: given.Threads = None,
    checkpoint_every: given.CheckpointEvery = 60.0,
    tile: given.TileAsBefore = None,
    memory: given.Memory = None,
    device: given.DeviceAsBefore = None,
) -> None:
    """Resume a painting that was interrupted.

    impasto resume .out.png.checkpoint

    Threads, tiles, memory and device stay as they were unless they are given; others change the last bits of the
    result.
    """
    session: Session = ctx.obj
    session.terminal.quiet = quiet

    from impasto import files
    from impasto.cli import checkpoints, paint_inputs, paint_run
    from impasto.cli.byproducts import Byproducts
    from impasto.cli.outputs import Outputs
    from impasto.cli.resources import parse_bytes, parse_tile
    from impasto.cli.sources import Chosen
    from impasto.errors import UsageError

    path = Path(checkpoint)
    if not processes.silent():
        session.claim(path, doing="going on with it")
    saved, command = checkpoints.load(path, threads)
    target = output or command.target(path)
    if as_json and target == "-":
        raise UsageError("--json and -o - both want standard output; save to a file, or leave --json out")
    if files.identity(target) == files.identity(path):
        raise UsageError(f"-o {target}: is the checkpoint itself; name another output")
    places = command.find(path)
    encoder = None if command.encoder is None else Path(places.get(command.encoder, command.encoder))
    network = None if command.network is None else Path(places.get(command.network, command.network))
    inputs = paint_inputs.InputFiles(
        command.content,
        command.styles,
        Chosen(saved.recipe, encoder, command.init, network, command.protect),
        paint_inputs.Masks(command.content_mask, command.style_masks, command.regions, command.region_names),
        max_pixels=command.max_pixels,
        allow_truncated=command.allow_truncated,
        places=places,
        tile=command.tile if tile is None else parse_tile(tile),
        memory=command.memory if memory is None else parse_bytes(memory),
        device=device or command.device,
        landmarks=command.landmarks,
    )
    own = checkpoints.own(target, command)
    outputs = Outputs(
        target,
        preview,
        plot,
        save_every or 0,
        command.bits,
        command.quality,
        command.embed,
        force=force or own,
        byproducts=Byproducts(cube, ora),
        mine=command.saved if own and not force else None,
    )
    if not processes.silent():
        session.claim(target, preview, plot, cube, ora)
    stylizer = paint_run.prepare(inputs, None if processes.silent() else outputs)
    checkpoints.restore(stylizer, saved, path)
    session.terminal.say(f"going on after step {stylizer.taken} of {stylizer.steps}, to {target}")
    writer = checkpoints.CheckpointWriter(path, True, checkpoint_every, begun=True)
    writer.describe(inputs, outputs, stylizer)
    status = paint_run.paint(stylizer, outputs, session, writer, as_json=as_json)
    if status:
        raise typer.Exit(status)
