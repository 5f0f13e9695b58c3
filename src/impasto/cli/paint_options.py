"""What every command that paints one picture has in common: its options, and the way from them to a painting."""

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from impasto.cli import processes
from impasto.cli import shared_options as given
from impasto.cli.option_groups import group_parameters
from impasto.cli.options import SETTINGS, setting
from impasto.cli.resources import load_torch, parse_bytes, parse_tile
from impasto.cli.session import write_out
from impasto.cli.sources import choose
from impasto.errors import UsageError
from impasto.recipe.catalogue import METHODS

if TYPE_CHECKING:
    from impasto.cli.session import Session
    from impasto.recipe import Recipe


@dataclass(frozen=True)
class Shared:
    """The options that are not about what to paint."""

    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="PICTURE", help="Where to save the result; - writes PNG to standard output."
        ),
    ] = None
    recipe: given.RecipeFile = None
    preset: given.Preset = None
    force: given.Force = False
    bits: Annotated[int, typer.Option("--bits", metavar="8|16", help="Bits per channel of a PNG or TIFF.")] = 8
    quality: Annotated[int, typer.Option("--quality", min=1, max=100, help="Quality of JPEG, WebP and AVIF.")] = 95
    no_metadata: Annotated[bool, typer.Option("--no-metadata", help="Leave the recipe out of the picture.")] = False
    preview: given.Preview = None
    save_every: given.SaveEvery = None
    plot: given.Plot = None
    cube: given.Cube = None
    ora: given.Ora = None
    as_json: given.Json = False
    quiet: given.Quiet = False
    dry_run: given.DryRun = False
    allow_truncated: given.AllowTruncated = False
    max_pixels: given.MaxPixels = None
    threads: given.Threads = None
    tile: given.Tile = "auto"
    memory: given.Memory = None
    device: given.Device = "auto"
    checkpoint: Annotated[
        str | None,
        typer.Option(
            "--checkpoint",
            metavar="FILE|off",
            help="What impasto resume can go on from; by itself beside the output of long paintings.",
        ),
    ] = None
    checkpoint_every: given.CheckpointEvery = 60.0


def with_paint_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add the shared options to a command, and one for each recipe key; it takes them as `shared` and `settings`."""
    shared_parameters = group_parameters(Shared)

    @functools.wraps(function)
    def command(*args: Any, **kwargs: Any) -> None:
        shared = Shared(**{parameter.name: kwargs.pop(parameter.name) for parameter in shared_parameters})
        settings = {name: kwargs.pop(name) for name in SETTINGS}
        kwargs["ctx"].obj.terminal.quiet = shared.quiet
        function(*args, **kwargs, shared=shared, settings=settings)

    own = [
        parameter
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in ("shared", "settings")
    ]
    signature = inspect.Signature([*own, *shared_parameters, *map(setting, SETTINGS)])
    # Typer reads a command's options from its signature, and takes the one that is set here.
    command.__signature__ = signature  # type: ignore[attr-defined]
    return command


def run(
    ctx: typer.Context,
    content: str | None,
    styles: list[str],
    shared: Shared,
    settings: Mapping[str, str | None],
    masks: "tuple[str | None, list[str], list[str], str | None]" = (None, [], [], None),
    *,
    preset: str | None = None,
    landmarks: tuple[str | None, str | None] = (None, None),
    auto: bool = False,
) -> None:
    """Paint `content` (None: a texture) in the `styles`, with `masks` (of the content, of the styles, by region, and
    the names of regions).

    `landmarks` are files of the content's and the first style's.

    `preset` is the command's own, where neither a recipe nor another preset is given. `auto`: whether what no option
    says is chosen by a look at the pictures.
    """
    session: Session = ctx.obj
    output = shared.output
    if output is None and not shared.dry_run:
        raise UsageError("no output is named; say where to save the result with -o FILE")
    if shared.as_json and output == "-":
        raise UsageError("--json and -o - both want standard output; save to a file, or leave --json out")
    if shared.cube is not None and content is None:
        raise UsageError("--cube: without a photograph there are no colours that change; leave it out")
    if auto and "-" in (content, *styles):
        raise UsageError("--auto looks at the pictures before they are painted; name files, not -")
    if auto and shared.recipe is not None:
        raise UsageError("--auto chooses what --recipe has chosen already; give one of them")
    tile, memory = parse_tile(shared.tile), parse_bytes(shared.memory)
    chosen = choose(shared.recipe, shared.preset or (preset if shared.recipe is None else None), settings)
    _check(chosen.recipe, styles, shared)

    # Only now torch: what is wrong with the options is told at once.
    load_torch(shared.threads)

    from impasto.cli import mask_files, paint_inputs, paint_run
    from impasto.cli.byproducts import Byproducts
    from impasto.cli.checkpoints import OFF, checkpoint_writer
    from impasto.cli.outputs import Outputs

    where = paint_inputs.Masks(*masks[:3], mask_files.region_names(masks[3]))
    inputs = paint_inputs.InputFiles(
        content,
        styles,
        chosen,
        where,
        shared.recipe,
        shared.max_pixels,
        shared.allow_truncated,
        tile=tile,
        memory=memory,
        device=shared.device,
        landmarks=landmarks,
    )
    if auto:
        inputs = paint_inputs.chosen_for(inputs, settings, shared.preset)
        chosen = inputs.chosen
    outputs = output and Outputs(
        output,
        shared.preview,
        shared.plot,
        shared.save_every or 0,
        shared.bits,
        shared.quality,
        not shared.no_metadata,
        shared.force,
        byproducts=Byproducts(shared.cube, shared.ora),
    )
    # Files are the first process's.
    written = None if processes.silent() else outputs or None
    # What is painted feed-forward has no steps to go on from.
    instant = METHODS[chosen.recipe.method].feed_forward and not chosen.recipe.refine
    if written is not None and not shared.dry_run:
        session.claim(output, shared.preview, shared.plot, shared.cube, shared.ora)
    writer = checkpoint_writer(OFF if instant else shared.checkpoint, shared.checkpoint_every, inputs, written)
    if not shared.dry_run:
        session.claim(writer.path)
    stylizer = paint_run.prepare(inputs, written, check=not shared.dry_run)
    if shared.dry_run or not outputs:
        write_out(paint_run.plan(stylizer, as_json=shared.as_json))
        return
    writer.describe(inputs, outputs, stylizer)
    status = paint_run.paint(stylizer, outputs, session, writer, as_json=shared.as_json)
    if status:
        raise typer.Exit(status)


def _check(recipe: "Recipe", styles: list[str], shared: Shared) -> None:
    """Raise `UsageError` for options that the method has no use for, or lacks."""
    method = METHODS[recipe.method]
    if not styles and method.styles:
        raise UsageError("no style given; name at least one painting with --style")
    if not method.feed_forward or recipe.refine:
        return
    if shared.checkpoint not in (None, "off"):
        raise UsageError(f"--checkpoint: {method.name} is feed-forward, and leaves nothing to go on from; leave it out")
    if shared.plot is not None:
        raise UsageError(f"--plot: {method.name} is feed-forward, and has no losses to plot; leave it out")
