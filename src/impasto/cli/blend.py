"""`impasto blend`: one photograph on the way from one style to the next."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from impasto.cli import shared_options as given
from impasto.cli.options import with_settings
from impasto.cli.sources import choose
from impasto.errors import OutputError, UsageError
from impasto.recipe.catalogue import METHODS

if TYPE_CHECKING:
    from impasto.cli.session import Session

app = typer.Typer(add_completion=False)


@app.command()
@with_settings
def blend(
    ctx: typer.Context,
    content: Annotated[str, typer.Argument(help="The photograph to paint.")],
    style: given.RequiredStyles,
    frames: Annotated[int, typer.Option("--frames", min=2, max=1000, help="Pictures on the way.")] = 5,
    folder: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FOLDER", help="Where to save each frame, with its recipe.")
    ] = None,
    strip: Annotated[
        str | None, typer.Option("--strip", metavar="PICTURE", help="All frames side by side in one picture.")
    ] = None,
    animation: Annotated[
        str | None,
        typer.Option("--animation", metavar="FILE", help="An animation there and back: .gif, .webp or .png."),
    ] = None,
    frame_s: Annotated[float, typer.Option("--frame-s", min=0.02, max=60, help="Seconds of each frame.")] = 0.2,
    independent: Annotated[
        bool, typer.Option("--independent", help="Paint each frame for itself, not from the one before.")
    ] = False,
    recipe: given.RecipeFile = None,
    preset: given.Preset = None,
    force: given.Force = False,
    quiet: given.Quiet = False,
    threads: given.Threads = None,
    **settings: str | None,
) -> None:
    """Paint a photograph on the way from one style to another: a strip, an animation, or each frame.

    impasto blend photo.jpg --style a.jpg --style b.jpg --frames 5 --strip strip.jpg
    """
    session: Session = ctx.obj
    session.terminal.quiet = quiet
    if not (folder or strip or animation):
        raise UsageError("no output is named; give --strip FILE, --animation FILE or -o FOLDER")
    chosen = choose(recipe, preset, settings)
    if METHODS[chosen.recipe.method].forward:
        raise UsageError(f"--method {chosen.recipe.method}: a blend is painted by gatys alone; leave --method out")
    if chosen.init is not None:
        raise UsageError("a blend chooses its starts itself; leave --init FILE out")

    # Only now torch: what is wrong with the options is told at once.
    import torch

    from impasto import files, images
    from impasto.series import blend

    if threads is not None:
        torch.set_num_threads(threads)
    if animation is not None and Path(animation).suffix.lower() not in images.ANIMATIONS:
        raise OutputError(f"{animation}: an animation's name ends in one of {', '.join(images.ANIMATIONS)}")
    paths = [Path(folder) / f"frame-{number:03}.png" for number in range(1, frames + 1)] if folder else []
    for path in [*paths, *(Path(name) for name in (strip, animation) if name)]:
        files.check_output(path, force=force)
    session.claim(folder, strip, animation, doing="painting into it")
    painted = []
    began = time.monotonic()
    with session.stop.gently(), session.terminal.meter() as meter:

        def watch(_frame: int, progress: object, _stylizer: object) -> None:
            meter.painting(progress)  # type: ignore[arg-type]
            if session.stop.asked is not None:
                raise _Enough

        way = blend.blend(
            Path(content),
            [Path(name) for name in style],
            frames,
            chosen.recipe,
            encoder=chosen.encoder,
            coherent=not independent,
            on_progress=watch,
        )
        try:
            for number, result in enumerate(way):
                painted.append(result)
                if paths:
                    result.save(paths[number], force=force)
                session.terminal.say(f"frame {number + 1} of {frames}: {time.monotonic() - began:.1f} s")
        except _Enough:
            session.terminal.say(f"stopped; {len(painted)} of {frames} frames are done")
        if painted and strip:
            tiles = [images.Tile(result.picture, f"{index / (frames - 1):.0%}") for index, result in enumerate(painted)]
            images.save(images.contact_sheet([tiles], height=512), Path(strip), force=force)
        if painted and animation:
            pictures = [result.picture for result in painted]
            images.save_animation(pictures, animation, frame_s=frame_s, force=force)
    if session.stop.exit_code:
        raise typer.Exit(session.stop.exit_code)


class _Enough(Exception):
    """Ctrl-C was pressed: keep what there is."""
