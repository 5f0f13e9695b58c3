"""`impasto live`: a camera or a film, painted as it runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from impasto.cli import shared_options as given
from impasto.cli.options import with_settings
from impasto.cli.resources import load_torch
from impasto.cli.sources import choose
from impasto.cli.style_list import expand
from impasto.errors import UsageError
from impasto.recipe.catalogue import METHODS

if TYPE_CHECKING:
    from impasto.cli.session import Session

app = typer.Typer(add_completion=False)


@app.command()
@with_settings
def live(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(help="The number of a camera, or a film, at its own speed.")] = "0",
    style: given.Styles = None,
    smooth: Annotated[
        float, typer.Option("--smooth", min=0, max=0.99, help="Part of a frame that comes from the last one shown.")
    ] = 0.7,
    seconds: Annotated[float | None, typer.Option("--seconds", min=0, help="End after so many.")] = None,
    recipe: given.RecipeFile = None,
    preset: given.Preset = None,
    quiet: given.Quiet = False,
    threads: given.Threads = None,
    device: given.Device = "auto",
    **settings: str | None,
) -> None:
    """Paint what a camera sees, or a film, in a window as it runs.

    impasto live --method johnson --network swirls --size 256

    Frames that there is no time for are dropped, so what is seen is never late. Esc or q ends it.
    """
    session: Session = ctx.obj
    session.terminal.quiet = quiet
    if settings.get("size") is None and recipe is None:
        settings = {**settings, "size": "256"}
    if settings.get("method") is None and recipe is None and preset is None:
        settings = {**settings, "method": "adain" if style else "johnson"}
    chosen, styles = choose(recipe, preset, settings), expand(style or [])
    method = METHODS[chosen.recipe.method]
    if not method.feed_forward or chosen.recipe.refine:
        quick = ", ".join(name for name, other in METHODS.items() if other.feed_forward)
        raise UsageError(f"--method {method.name}: is too slow to be painted as it runs; choose from {quick}")
    if method.styles and not styles:
        raise UsageError("no style given; name at least one painting with --style")

    load_torch(threads)

    from impasto.images import Picture
    from impasto.optim.resources import Resources
    from impasto.painting.api import begin_with
    from impasto.scene.inputs import Inputs
    from impasto.scene.painting import Painting
    from impasto.video import live as running
    from impasto.video.source import open_clip

    inputs = Inputs(None, [Path(name) for name in styles]).read(chosen.recipe)
    resources = Resources.choose(device)

    def begin(photo: Picture) -> Painting:
        from dataclasses import replace

        return begin_with(
            replace(inputs, content=photo),
            chosen.recipe,
            encoder=chosen.encoder,
            network=chosen.network,
            resources=resources,
        )

    camera = source.isdecimal() and not Path(source).exists()
    clip = None if camera else open_clip(source)
    if clip is not None:
        begin(next(iter(clip.frames(0, 1))))  # what can be refused is, before there is a window
    window = running.Screen(f"impasto {chosen.recipe.method}")
    frames = running.camera(int(source)) if clip is None else running.play(clip)
    with session.stop.gently():
        stopped = lambda: session.stop.asked is not None  # noqa: E731
        went = running.run(frames, window, begin, smooth=smooth, seconds=seconds, stopped=stopped)
    session.terminal.say(f"{went.shown} frames shown, {went.rate:.1f} a second; {went.dropped} dropped")
    if session.stop.exit_code:
        raise typer.Exit(session.stop.exit_code)
