"""`impasto paint`: the options, and nothing else; `painting` does the work."""

from typing import TYPE_CHECKING, Annotated

import typer

from impasto.cli.options import with_settings
from impasto.cli.session import write_out
from impasto.cli.sources import choose
from impasto.errors import UsageError

if TYPE_CHECKING:
    from impasto.cli.session import Session

app = typer.Typer(add_completion=False)


@app.command()
@with_settings
def paint(
    ctx: typer.Context,
    content: Annotated[str, typer.Argument(help="The photograph to paint; - reads standard input.")],
    style: Annotated[list[str], typer.Option("--style", metavar="PICTURE", help="A painting; repeat to mix several.")],
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="PICTURE", help="Where to save the result; - writes PNG to standard output."
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option("--recipe", metavar="FILE", help="Settings from a JSON file or a picture painted by impasto."),
    ] = None,
    preset: Annotated[
        str | None, typer.Option("--preset", metavar="NAME", help="Settings by name: see impasto presets.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace outputs that exist.")] = False,
    bits: Annotated[int, typer.Option("--bits", metavar="8|16", help="Bits a channel of a PNG or TIFF.")] = 8,
    quality: Annotated[int, typer.Option("--quality", min=1, max=100, help="Quality of JPEG, WebP and AVIF.")] = 95,
    no_metadata: Annotated[bool, typer.Option("--no-metadata", help="Leave the recipe out of the picture.")] = False,
    preview: Annotated[
        str | None, typer.Option("--preview", metavar="PICTURE", help="A picture kept up to date while painting.")
    ] = None,
    save_every: Annotated[
        int | None,
        typer.Option("--save-every", min=1, metavar="STEPS", help="Keep numbered pictures beside the output."),
    ] = None,
    plot: Annotated[
        str | None, typer.Option("--plot", metavar="FILE", help="A plot of the losses (png, svg, pdf).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON when done.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and do not paint.")] = False,
    allow_truncated: Annotated[
        bool, typer.Option("--allow-truncated", help="Use what can be read of damaged pictures.")
    ] = False,
    max_pixels: Annotated[
        int | None, typer.Option("--max-pixels", min=1, help="Refuse larger inputs before decoding them.")
    ] = None,
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="Processor threads to use.")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    **settings: str | None,
) -> None:
    """Paint a photograph in the style of one or more paintings.

    impasto paint photo.jpg --style painting.jpg -o out.png --size 768
    """
    session: Session = ctx.obj
    session.terminal.quiet = quiet
    if output is None and not dry_run:
        raise UsageError("no output is named; say where to save the result with -o FILE")
    if as_json and output == "-":
        raise UsageError("--json and -o - both want standard output; save to a file, or leave --json out")
    chosen = choose(recipe, preset, settings)

    # Only now torch: what is wrong with the options is told at once.
    import torch

    from impasto.cli import painting
    from impasto.cli.outputs import Outputs

    if threads is not None:
        torch.set_num_threads(threads)
    inputs = painting.Inputs(content, style, chosen, recipe, max_pixels, allow_truncated)
    outputs = output and Outputs(output, preview, plot, save_every or 0, bits, quality, not no_metadata, force)
    stylizer = painting.prepare(inputs, outputs or None, check=not dry_run)
    if dry_run or not outputs:
        write_out(painting.plan(stylizer, as_json=as_json))
        return
    status = painting.paint(stylizer, outputs, session, as_json=as_json)
    if status:
        raise typer.Exit(status)
