"""`impasto blend`: one photograph on the way from one style to the next."""

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from impasto.cli import shared_options as given
from impasto.cli.options import with_settings
from impasto.cli.resources import load_torch
from impasto.cli.sources import Chosen, choose
from impasto.cli.style_list import expand
from impasto.errors import OutputError, UsageError
from impasto.recipe.catalogue import METHODS

if TYPE_CHECKING:
    from impasto.cli.session import Session
    from impasto.events import Progress
    from impasto.result import Result

app = typer.Typer(add_completion=False)


@app.command()
@with_settings
def blend(
    ctx: typer.Context,
    content: given.Photograph,
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
    workers: given.Workers = 1,
    **settings: str | None,
) -> None:
    """Paint a photograph from one style to another: a strip, an animation, or each frame.

    impasto blend photo.jpg --style a.jpg --style b.jpg --frames 5 --strip strip.jpg
    """
    session: Session = ctx.obj
    session.terminal.quiet = quiet
    if workers != 1 and not independent:
        raise UsageError("--workers: frames that start from the one before wait for it; pass --independent")
    style = expand(style)
    outputs = _Outputs(frames, folder, strip, animation, frame_s, force)
    chosen = _chosen(recipe, preset, settings)

    # Only now torch: what is wrong with the options is told at once.
    load_torch(threads)

    from impasto.executors import processes
    from impasto.series import blend

    outputs.check()
    session.claim(folder, strip, animation, doing="painting into it")
    painted: list[Result] = []
    began = time.monotonic()
    with session.stop.gently(), session.terminal.meter() as meter, contextlib.ExitStack() as stack:

        def watch(_frame: int, progress: "Progress") -> bool:
            meter.painting(progress)
            return session.stop.asked is not None

        executor = stack.enter_context(processes(frames, workers=workers, threads=threads)) if workers != 1 else None
        way = blend.blend(
            Path(content),
            [Path(name) for name in style],
            frames,
            chosen.recipe,
            encoder=chosen.encoder,
            coherent=not independent,
            executor=executor,
            on_progress=watch,
        )
        for number, result in enumerate(way):
            painted.append(result)
            outputs.frame(number, result)
            session.terminal.say(f"frame {number + 1} of {frames}: {time.monotonic() - began:.1f} s")
        if session.stop.asked is not None:
            session.terminal.say(f"stopped; {len(painted)} of {frames} frames are done")
        if painted:
            outputs.together(painted)
    if session.stop.exit_code:
        raise typer.Exit(session.stop.exit_code)


def _chosen(recipe: str | None, preset: str | None, settings: Mapping[str, str | None]) -> Chosen:
    """Return the recipe. Raises `UsageError` for what a blend cannot be painted with."""
    chosen = choose(recipe, preset, settings)
    if METHODS[chosen.recipe.method].feed_forward:
        raise UsageError(f"--method {chosen.recipe.method}: a blend is painted by gatys alone; leave --method out")
    if chosen.init is not None:
        raise UsageError("a blend chooses its starts itself; leave --init FILE out")
    return chosen


@dataclass(frozen=True)
class _Outputs:
    """The files of a blend; some are named, or it is refused."""

    frames: int
    folder: str | None
    strip: str | None
    animation: str | None
    frame_s: float
    force: bool

    def __post_init__(self) -> None:
        if not (self.folder or self.strip or self.animation):
            raise UsageError("no output is named; give --strip FILE, --animation FILE or -o FOLDER")

    def _path(self, folder: str, number: int) -> Path:
        return Path(folder) / f"frame-{number + 1:03}.png"

    def check(self) -> None:
        """Refuse now what could not be written in the end."""
        from impasto import files, images

        if self.animation is not None and Path(self.animation).suffix.lower() not in images.ANIMATIONS:
            raise OutputError(f"{self.animation}: an animation's name ends in one of {', '.join(images.ANIMATIONS)}")
        paths = [self._path(self.folder, number) for number in range(self.frames)] if self.folder else []
        for path in [*paths, *(Path(name) for name in (self.strip, self.animation) if name)]:
            files.check_output(path, force=self.force)

    def frame(self, number: int, result: "Result") -> None:
        """Save one frame, counted from 0, where there is a folder for it."""
        if self.folder:
            result.save(self._path(self.folder, number), force=self.force)

    def together(self, painted: Sequence["Result"]) -> None:
        """Save the strip and the animation of the frames that are there."""
        from impasto import images

        if self.strip:
            tiles = [
                images.Tile(result.picture, f"{index / (self.frames - 1):.0%}") for index, result in enumerate(painted)
            ]
            images.save(images.contact_sheet([tiles], height=512), Path(self.strip), force=self.force)
        if self.animation:
            pictures = [result.picture for result in painted]
            images.save_animation(pictures, self.animation, frame_s=self.frame_s, force=self.force)
