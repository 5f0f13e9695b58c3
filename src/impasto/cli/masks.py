"""`impasto masks`: masks made from the pictures alone, and a look at masks before painting with them."""

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from impasto.cli import mask_files
from impasto.cli import shared_options as given
from impasto.cli.options import parse
from impasto.cli.resources import load_torch
from impasto.cli.session import write_out
from impasto.cli.style_list import expand
from impasto.errors import OutputError, UsageError
from impasto.events import notice
from impasto.recipe import unknown
from impasto.recipe.catalogue import ENCODERS

if TYPE_CHECKING:
    from impasto.cli.session import Session

app = typer.Typer(add_completion=False)


@app.callback()
def group() -> None:
    """Find regions in a photograph and its paintings, or check masks."""


@app.command()
def auto(
    ctx: typer.Context,
    content: given.Photograph,
    style: given.RequiredStyles,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FOLDER", help="Where the masks go.")],
    regions: Annotated[
        int, typer.Option("--regions", min=0, max=12, metavar="COUNT", help="How many regions; 0: chosen.")
    ] = 0,
    encoder: given.EncoderName = "petite",
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the clustering.")] = 0,
    no_overlay: Annotated[bool, typer.Option("--no-overlay", help="Write the masks only.")] = False,
    force: given.Force = False,
    as_json: given.Json = False,
    quiet: given.Quiet = False,
    max_pixels: given.MaxPixels = None,
    threads: given.Threads = None,
) -> None:
    """Find regions that a photograph and its paintings share, and save them as masks to edit or to paint with.

    impasto masks auto photo.jpg --style painting.jpg -o masks
    """
    session: Session = ctx.obj
    session.terminal.quiet = quiet
    if regions == 1:
        raise UsageError("--regions 1: give 2 to 12, or leave it out to let the pictures decide")
    style = expand(style)
    folder = Path(output)
    if not output or (folder.exists() and not folder.is_dir()):
        raise OutputError(f"{output or '--output'}: is not a folder; name one for the masks")

    load_torch(threads)

    from impasto import encoders, guides, images
    from impasto.masks import automatic, report

    masks = [folder / "content_mask.png"]
    masks += [folder / f"style_mask{f'_{number}' if number > 1 else ''}.png" for number in range(1, len(style) + 1)]
    sheet = None if no_overlay else folder / "overlay.png"
    # Inputs first: a name that is mistyped should not leave a folder behind.
    pictures = report.load([content, *style], max_pixels)
    for path in [*masks, *([sheet] if sheet else [])]:
        images.check_output(path, force=force, inputs=[content, *style])

    weights = Path(encoder)
    network = (
        encoders.create(encoder) if encoder in encoders.NAMES or not weights.is_file() else encoders.from_file(weights)
    )
    guessed = automatic.automatic(pictures[0], pictures[1:], network, count=regions, seed=seed)
    maps = [guessed.content, *(one for one in guessed.styles if one is not None)]
    for path, one in zip(masks, maps, strict=True):
        images.save(guides.to_colors(one), path, force=force)
    if sheet is not None:
        images.save(report.side_by_side(pictures, guessed), sheet, force=force)

    options = [part for picture in style for part in ("--style", picture)]
    options += ["--content-mask", str(masks[0])]
    options += [part for path in masks[1:] for part in ("--style-mask", str(path))]
    command = shlex.join(["impasto", "paint", content, *options, "-o", "out.png"])
    for row in report.table(guessed):
        session.terminal.say(row)
    session.terminal.say(f"paint with them: {command}")
    written = [str(path) for path in [*masks, *([sheet] if sheet else [])]]
    if as_json:
        document = {"command": command, "files": written, "regions": report.describe(guessed)}
        write_out(json.dumps(document, sort_keys=True))
        return
    for name in written:
        write_out(name)


@app.command()
def check(
    ctx: typer.Context,
    content: given.Photograph,
    style: given.RequiredStyles,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="PICTURE", help="Where to save the overlay.")
    ] = None,
    content_mask: given.ContentMask = None,
    style_mask: given.StyleMasks = None,
    region: given.Regions = None,
    region_names: given.RegionNames = None,
    regions: given.ColorCount = 0,
    size: Annotated[
        str, typer.Option("--size", metavar="PIXELS|content|N%", help="Long side to paint at, for the warnings.")
    ] = "512",
    encoder: Annotated[
        str, typer.Option("--encoder", metavar="NAME", help="Encoder to paint with, for the warnings.")
    ] = "auto",
    force: given.Force = False,
    as_json: given.Json = False,
    quiet: given.Quiet = False,
    max_pixels: given.MaxPixels = None,
) -> None:
    """Read masks as `impasto paint` does, show where their regions lie, and say what will not work well.

    impasto masks check photo.jpg --style painting.jpg --content-mask a.png --style-mask b.png -o overlay.png
    """
    session: Session = ctx.obj
    session.terminal.quiet = quiet
    masks, layers = style_mask or [], region or []
    style = expand(style)
    if output == "-":
        raise UsageError("the overlay cannot go to standard output, where the table is; name a file")

    if encoder not in ENCODERS:
        raise UsageError(unknown(encoder, dict.fromkeys(ENCODERS), "encoder"))
    recipe = parse({}, {"size": size})

    from impasto import encoders, images
    from impasto.masks import report
    from impasto.scene.resolve import long_side

    pictures = report.load([content, *style], max_pixels)
    drawn = mask_files.read(
        content_mask,
        masks,
        layers,
        styles=len(style),
        count=regions,
        load=lambda name: report.load([name], max_pixels)[0],
        names=mask_files.region_names(region_names),
    )
    if drawn is None:
        raise UsageError("no masks are named; give --content-mask and --style-mask, or --region")
    if output is not None:
        named = mask_files.files(content_mask, masks, layers, styles=len(style))
        images.check_output(Path(output), force=force, inputs=[content, *style, *named])
        images.save(report.side_by_side(pictures, drawn), Path(output), force=force)
        session.terminal.say(f"saved {output}")
    warnings = [
        *report.too_narrow(drawn, pictures, long_side(pictures[0], recipe), encoders.geometry(encoder)),
        *report.uneven(drawn),
    ]
    for warning in warnings:
        notice(warning)
    if as_json:
        write_out(json.dumps({"regions": report.describe(drawn), "warnings": warnings}, sort_keys=True))
        return
    for row in report.table(drawn):
        write_out(row)
