"""`impasto video`: moving pictures painted so that strokes stay where they are."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from impasto.cli import mask_files
from impasto.cli import shared_options as given
from impasto.cli.option_groups import with_group
from impasto.cli.options import with_settings
from impasto.cli.resources import load_torch, parse_bytes, parse_tile
from impasto.cli.session import write_out
from impasto.cli.sources import Chosen, choose, read_recipe
from impasto.cli.style_list import expand
from impasto.cli.video_options import VideoOptions
from impasto.errors import UsageError
from impasto.recipe import load_preset
from impasto.recipe.catalogue import METHODS

if TYPE_CHECKING:
    from impasto.cli.session import Session
    from impasto.events import Progress
    from impasto.guides import Regions
    from impasto.video.run import VideoJob

app = typer.Typer(add_completion=False)


@app.command()
@with_settings
@with_group("options", VideoOptions)
def video(
    ctx: typer.Context,
    source: Annotated[
        str, typer.Argument(help="A film, a folder of its frames, or a GIF, PNG, WebP or AVIF that moves.")
    ],
    options: VideoOptions,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="CLIP", help="A film, a .gif, .webp or .png, or a folder for frames."),
    ] = None,
    style: given.Styles = None,
    content_mask: given.ContentMask = None,
    style_mask: given.StyleMasks = None,
    region: given.Regions = None,
    region_names: given.RegionNames = None,
    landmarks: given.Landmarks = None,
    style_landmarks: given.StyleLandmarks = None,
    recipe: given.RecipeFile = None,
    preset: given.Preset = None,
    force: given.Force = False,
    as_json: given.Json = False,
    quiet: given.Quiet = False,
    dry_run: given.DryRun = False,
    max_pixels: given.MaxPixels = None,
    threads: given.Threads = None,
    tile: given.Tile = "auto",
    memory: given.Memory = None,
    device: given.Device = "auto",
    **settings: str | None,
) -> None:
    """Paint a film, an animation or a folder of frames so that strokes stay where they are.

    impasto video in.mp4 --style painting.jpg -o out.mp4 --method adain

    The same command again goes on with what was finished. A mask is for the first frame and is carried along, or a
    folder with masks of several frames; landmarks of a portrait likewise.
    """
    session: Session = ctx.obj
    session.terminal.quiet = quiet
    if output is None and not (dry_run or options.preview):
        raise UsageError("no output is named; say where to save the result with -o FILE")
    passes, own = split_passes(recipe, preset, settings)
    chosen, styles = _chosen(recipe, preset, own), expand(style or [])
    if not styles and METHODS[chosen.recipe.method].styles:
        raise UsageError("no style given; name at least one painting with --style")
    limits = parse_tile(tile), parse_bytes(memory)
    coherence, part, writing = options.coherence(passes), options.part(), options.writing(force)

    # Only now torch: what is wrong with the options is told at once.
    load_torch(threads)

    from impasto import images
    from impasto.optim.resources import Resources
    from impasto.scene.inputs import Inputs
    from impasto.video.api import begin_video

    most = images.DEFAULT_MAX_PIXELS if max_pixels is None else max_pixels
    target = Path(output) if output is not None else Path(source).with_suffix(".mp4")
    if output is not None and not dry_run:
        session.claim(output)

    def read_masks(load: Any, count: int) -> "Regions | None":
        masks = (content_mask, style_mask or [], region or [])
        names = mask_files.region_names(region_names)
        return mask_files.read(*masks, styles=count, count=chosen.recipe.regions, load=load, names=names)

    job = begin_video(
        Path(source),
        target,
        Inputs(
            None,
            [Path(name) for name in styles],
            content_landmarks=None if landmarks is None else Path(landmarks),
            style_landmarks=None if style_landmarks is None else Path(style_landmarks),
            max_pixels=most,
        ),
        chosen.recipe,
        coherence=coherence,
        part=part,
        writing=writing,
        cuts=not options.no_cuts,
        encoder=chosen.encoder,
        network=chosen.network,
        resources=Resources.choose(device, *limits),
        read_masks=read_masks if content_mask is not None or style_mask or region else None,
        check=output is not None and not dry_run,
    )
    if dry_run:
        write_out(_plan(job, options.jobs, as_json=as_json))
        return
    status = _paint(job, session, options, target if output is not None else None, as_json=as_json)
    if status:
        raise typer.Exit(status)


def split_passes(
    recipe: str | None, preset: str | None, settings: Mapping[str, str | None]
) -> tuple[int, Mapping[str, str | None]]:
    """Return how often a shot is gone through, and the other settings: wct's own passes are over one picture."""
    asked = settings.get("passes")
    values = read_recipe(recipe)[0] if recipe is not None else load_preset(preset) if preset is not None else {}
    method = settings.get("method") or str(values.get("method", "gatys"))
    if asked is None or method not in METHODS or METHODS[method].feed_forward:
        return 1, settings
    if not asked.isdecimal() or not 1 <= int(asked) <= 100:
        raise UsageError(f"--passes {asked}: give how often a shot is gone through, from 1 to 100")
    return int(asked), {**settings, "passes": None}


def _chosen(recipe: str | None, preset: str | None, settings: Mapping[str, str | None]) -> Chosen:
    """Return the recipe; where nothing says a size, frames keep their own."""
    sized = settings.get("size") is not None or recipe is not None
    chosen = choose(recipe, preset, settings if sized else {**settings, "size": "content"})
    if chosen.init is not None:
        raise UsageError("frames begin with those before them; leave --init FILE out")
    if chosen.protect is not None:
        raise UsageError("a picture protects places of one frame; give --protect faces, which are found in each")
    return chosen


def _paint(job: "VideoJob", session: "Session", options: VideoOptions, output: Path | None, *, as_json: bool) -> int:
    """Paint the preview and the clip; return the exit status, which is that of a signal when one stopped it."""
    began, frames = time.monotonic(), 0

    def watch(_: "Progress") -> None:
        if session.stop.asked is not None:
            raise _Enough

    with session.stop.gently(), session.terminal.meter() as meter:
        try:
            if options.preview:
                _preview(job, session, options.preview, watch)
            if output is not None:
                for frame in job.paint(watch, options.jobs):
                    frames = frame.frame
                    meter.frame(frame)
                    if session.stop.asked is not None:
                        raise _Enough
        except _Enough:
            session.terminal.say(
                f"stopped; {frames} of {len(job.plan.selected)} frames are kept in {job.folder.name}: the same command "
                "again goes on"
            )
            return session.stop.exit_code
    if output is None:
        return 0
    seconds = time.monotonic() - began
    session.terminal.say(f"saved {output}, {len(job.plan.selected)} frames, {seconds:.1f} s")
    if as_json:
        write_out(json.dumps(_record(job, seconds), sort_keys=True))
    return 0


def _preview(job: "VideoJob", session: "Session", count: int, watch: Any) -> None:
    """Paint some frames by themselves and save them on a sheet beside the output."""
    from impasto import images
    from impasto.video.output import preview_sheet

    painted = job.preview(count, watch)
    shown = [job.plan.shown[number] for number, _ in painted]
    path = job.format.path.with_name(f"{job.format.path.stem}-preview.jpg")
    images.save(preview_sheet([picture for _, picture in painted], shown, job.plan.clip.info.name), path, force=True)
    session.terminal.say(f"saved {path}: {len(painted)} frames, each painted by itself")


def _record(job: "VideoJob", seconds: float) -> dict[str, Any]:
    plan, info = job.plan, job.plan.clip.info
    height, width = plan.size
    return {
        "frames": len(plan.selected),
        "seconds": round(seconds, 3),
        "duration": round(float(plan.shown[-1].end), 4),
        "rate": round(float(info.rate), 4),
        "shots": [list(shot) for shot in plan.shots],
        "size": {"width": width, "height": height},
        "sound": job.format.sound is not None,
        "method": job.studio.recipe.method,
        "output": str(job.format.path),
        "recipe": job.studio.recipe.model_dump(mode="json"),
        "parts": {name: round(spent, 3) for name, spent in job.shares.seconds.items()},
    }


def _plan(job: "VideoJob", jobs: int, *, as_json: bool) -> str:
    """Describe what would be painted."""
    plan, info = job.plan, job.plan.clip.info
    painting = job.studio.begin(plan.photo(0))
    painted, following = job.counts()
    follower = job.studio.begin(plan.photo(0), True).seconds() if following else 0.0
    seconds = (painted * painting.seconds() + following * follower) / max(1, min(jobs, len(plan.shots)))
    if as_json:
        record = _record(job, 0.0) | {"seconds": round(seconds, 1), "memory_bytes": job.memory_bytes}
        return json.dumps(record, sort_keys=True)
    height, width = plan.size
    length, rate = float(plan.shown[-1].end), float(len(plan.selected) / plan.shown[-1].end)
    return "\n".join(
        [
            f"clip       {info.size[1]}x{info.size[0]} px, {len(info)} frames, {float(info.duration):.2f} s"
            f"{', with sound' if info.sound else ''}",
            f"result     {width}x{height} px, {len(plan.selected)} frames, {length:.2f} s, {rate:.4g} a second",
            f"shots      {', '.join(f'{start}-{stop - 1}' for start, stop in plan.shots)}",
            f"method     {job.studio.recipe.method}, {painted + following} frames painted",
            f"memory     about {job.memory_bytes / 2**30:.2f} GiB",
            f"time       about {max(1, round(seconds))} s",
            f"recipe     {job.studio.recipe.to_json()}",
        ]
    )


class _Enough(Exception):
    """Ctrl-C was pressed: keep what there is."""
