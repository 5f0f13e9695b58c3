"""`impasto batch`: many photographs in many styles, into a folder that is the truth about them."""

from pathlib import Path
from typing import Annotated, Any

import typer

from impasto.cli import shared_options as given
from impasto.cli.batch_items import Words
from impasto.cli.option_groups import with_group
from impasto.cli.options import with_settings
from impasto.cli.resources import load_torch, parse_bytes, parse_tile
from impasto.cli.series_options import PictureSeriesOptions
from impasto.errors import UsageError

app = typer.Typer(add_completion=False)


@app.command()
@with_settings
@with_group("options", PictureSeriesOptions, workers=None)
def batch(
    ctx: typer.Context,
    options: PictureSeriesOptions,
    output: given.PictureFolder,
    content: Annotated[
        list[str] | None,
        typer.Argument(help="Photographs: files, folders, patterns in quotes, and .tar or .parquet files of them."),
    ] = None,
    style: given.Styles = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="PATTERN",
            help="What pictures are called, such as '{content}_{style}_{method}_{seed}.png'; folders may be in it.",
        ),
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option("--vary", metavar="KEY=VALUE,...", help="A setting or preset with its values, as in sweep."),
    ] = None,
    pair: Annotated[
        bool, typer.Option("--pair", help="The first photograph with the first painting, the second with the second.")
    ] = False,
    tree: Annotated[bool, typer.Option("--tree", help="Folders in folders too, kept as they are.")] = False,
    listed: Annotated[
        str | None, typer.Option("--list", metavar="FILE", help="A job a line: .jsonl, or .csv with keys above.")
    ] = None,
    content_mask: given.ContentMask = None,
    style_mask: given.StyleMasks = None,
    region_names: given.RegionNames = None,
    landmarks: given.Landmarks = None,
    style_landmarks: given.StyleLandmarks = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the batch in the folder, whatever was killed; or begin it.")
    ] = False,
    shards: Annotated[
        int | None,
        typer.Option("--shards", min=1, metavar="COUNT", help="Tar files of so many pictures each, for WebDataset."),
    ] = None,
    parquet: Annotated[bool, typer.Option("--parquet", help="Shards are parquet tables instead.")] = False,
    ray: Annotated[
        str | None,
        typer.Option("--ray", metavar="local|ADDRESS", help="Paint on a Ray cluster, such as 10.0.0.1:6379."),
    ] = None,
    recipe: given.RecipeFile = None,
    preset: given.Preset = None,
    tile: given.Tile = "auto",
    memory: given.Memory = None,
    device: given.Device = "auto",
    **settings: str | None,
) -> None:
    """Paint many photographs in many styles into a folder, in several processes.

    impasto batch 'photos/*.jpg' --style 'paintings/*' --preset draft -o out

    Masks and landmarks go by naming rules: --content-mask '{content}_mask.png', beside each picture.
    """
    session = options.begin(ctx, output)
    if len(style_mask or []) > 1:
        raise UsageError("--style-mask: one pattern is for all paintings, such as '{style}_mask.png'")
    words = Words(
        content or (),
        style or (),
        vary or (),
        listed,
        pair,
        tree,
        name,
        content_mask,
        style_mask[0] if style_mask else None,
        region_names,
        landmarks,
        style_landmarks,
        recipe,
        preset,
        settings,
    )
    alone = resume and not content and listed is None
    if alone and (style or vary or recipe or preset or any(value is not None for value in settings.values())):
        raise UsageError("--resume with no photographs goes on with the settings of the folder; leave the others out")
    if parquet and shards is None and not alone:
        raise UsageError("--parquet is of shards; say of how many pictures each, such as --shards 1000")
    limit, tiles = parse_bytes(memory), parse_tile(tile)
    # What is wrong with the words is told before torch is loaded for the rest.
    if not alone:
        words.wishes()
    load_torch(options.threads)

    from impasto.cli import batch_run
    from impasto.optim.resources import Resources
    from impasto.series.batch import Batch, ShardedBatch, divided

    folder, items = Path(output), None if alone else words.items(options.reading())
    division = divided(folder) if alone else {"pictures": shards, "kind": "parquet" if parquet else "tar"}
    given_options: dict[str, Any] = {
        "resume": resume,
        "force": options.force,
        "check": not options.dry_run,
        "resources": Resources.choose(device, tiles, limit),
    }
    if division is None or division["pictures"] is None:
        made = Batch(items, folder, **given_options)
    else:
        made = ShardedBatch(items, folder, **division, **given_options)
    if options.dry_run:
        batch_run.plan(made, options, device)
        return
    status = batch_run.run(made, session, options, device, ray)
    if status:
        raise typer.Exit(status)
