"""`stylize_video`: a clip painted in one call, and `begin_video` for those who want to watch."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from impasto import files
from impasto.encoders import Encoder
from impasto.errors import UsageError
from impasto.events import Progress
from impasto.images import DEFAULT_MAX_PIXELS
from impasto.optim.resources import Resources
from impasto.optim.tile_planner import Tiling
from impasto.recipe import Recipe, load_preset
from impasto.scene.inputs import Inputs, Masks, RegionNames
from impasto.scene.resolve import PictureLike
from impasto.video.masks import MaskTrack, load_masks
from impasto.video.painters import Studio
from impasto.video.plan import Seen, plan_clip
from impasto.video.run import FrameProgress, VideoJob
from impasto.video.selection import Range
from impasto.video.settings import Coherence
from impasto.video.source import open_clip


@dataclass(frozen=True)
class Writing:
    """How a result is written."""

    codec: str | None = None
    """h264, hevc, vp9, av1, mpeg4, ffv1, prores, mjpeg, or libav's name of an encoder; None: the container's own."""
    crf: int | None = None
    """Constant rate factor, lower is better; None: one at which strokes keep their grain."""
    sound: bool = True
    """Whether the clip's sound is copied."""
    force: bool = False
    """Whether a result that is there is replaced."""


def begin_video(
    source: str | Path,
    output: str | Path,
    inputs: Inputs,
    recipe: Recipe,
    *,
    coherence: Coherence = Coherence(),
    part: Range = Range(),
    writing: Writing = Writing(),
    cuts: bool = True,
    encoder: str | Path | Encoder | None = None,
    network: str | Path | None = None,
    resources: Resources | None = None,
    seen: Seen | None = None,
) -> VideoJob:
    """Read a clip through, and return the painting of it, refused as far as it can be; nothing is painted yet.

    `inputs` has styles and masks; masks of the content are pictures for the first frame, or folders of them (see
    `video.masks`). `cuts`: whether shots are found, and painted each by itself.

    Raises `ImpastoError`s: `InputError` for the clip, `OutputError` for the result, and what a painting raises.
    """
    clip = open_clip(source, rate=part.fps, max_pixels=inputs.max_pixels)
    plan = plan_clip(clip, recipe, part, cuts=cuts, seen=seen)
    format = plan.format(
        Path(output), codec=writing.codec, crf=writing.crf, sound=writing.sound, force=writing.force, part=part
    )
    paths = clip.info.paths
    numbers: list[tuple[int, ...]] = []

    def load(name: PictureLike) -> Any:
        if isinstance(name, str | Path) and Path(name).is_dir():
            picture, own = load_masks(name, paths, max_pixels=inputs.max_pixels)
            numbers.append(own)
            return picture
        return inputs.load(name)

    read = inputs.read(recipe, load)
    masks = None
    if read.regions is not None:
        if len({*numbers}) > 1:
            raise UsageError(
                "the masks of the regions are of different frames; give each region one for the same frames"
            )
        masks = MaskTrack(read.regions, numbers[0] if numbers else (plan.selected[0].index,))
    studio = Studio(replace(read, masks=None), recipe, coherence, encoder, network, resources, masks)
    studio.painter(lambda _: None)
    pictures = [picture.sha256 for picture in (*read.paintings, read.init) if picture is not None]
    digest = files.digest(source) if not paths else _digest_of_all(paths)
    description = {
        "clip": digest,
        "pictures": pictures,
        "masks": [] if read.regions is None else [list(pair) for pair in read.regions.digests],
        "recipe": recipe.model_dump(mode="json"),
        "coherence": vars(coherence),
        "frames": [frame.index for frame in plan.selected],
        "shots": [list(shot) for shot in plan.shots],
        "network": files.digest(network) if isinstance(network, Path) else network,
        "encoder": getattr(encoder, "sha256", None if encoder is None else str(encoder)),
        "bits": format.bits,
    }
    job = VideoJob(plan, studio, format, description)
    job.check([clip.path])
    return job


def stylize_video(
    source: str | Path,
    styles: PictureLike | Sequence[PictureLike],
    output: str | Path,
    recipe: Recipe | None = None,
    *,
    preset: str | None = None,
    coherence: Coherence = Coherence(),
    part: Range = Range(),
    writing: Writing = Writing(),
    cuts: bool = True,
    encoder: str | Path | Encoder | None = None,
    network: str | Path | None = None,
    content_mask: PictureLike | None = None,
    style_masks: Sequence[PictureLike | None] | PictureLike | None = None,
    region_masks: Mapping[str, tuple[PictureLike, Sequence[PictureLike | None]]] | None = None,
    region_names: RegionNames | None = None,
    tile: Tiling = "auto",
    memory: int | None = None,
    device: str = "auto",
    max_pixels: int = DEFAULT_MAX_PIXELS,
    on_frame: Callable[[FrameProgress], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    **overrides: Any,
) -> Path:
    """Paint the film, animation or folder of frames `source` in the style of `styles`, and return where the result is.

    What is written follows from the name of `output`: a film, an animation, or a folder. Settings are those of
    `stylize`; where none says a size, frames keep their own. `coherence` says how frames follow one another, `part`
    which of them are painted, `writing` how they are written. A painting that was interrupted goes on with the frames
    that were finished, when it is called again with the same inputs. `on_frame` sees every frame, `on_progress` every
    step.

    Raises `ImpastoError`s, one line each.

    >>> stylize_video("in.mp4", "painting.jpg", "out.mp4", method="adain")  # doctest: +SKIP
    """
    if recipe is None:
        recipe = with_own_size(preset, overrides)
    elif preset is not None:
        raise UsageError("give a recipe or a preset, not both; recipe.replace() changes single settings")
    elif overrides:
        recipe = recipe.replace(**overrides)
    masks = Masks.given(content_mask, style_masks, region_masks, region_names)
    job = begin_video(
        source,
        output,
        Inputs(None, styles, masks=masks, max_pixels=max_pixels),
        recipe,
        coherence=coherence,
        part=part,
        writing=writing,
        cuts=cuts,
        encoder=encoder,
        network=network,
        resources=Resources.choose(device, tile, memory),
    )
    for frame in job.paint(on_progress or (lambda _: None)):
        if on_frame is not None:
            on_frame(frame)
    return job.format.path


def with_own_size(preset: str | None, values: Mapping[str, Any]) -> Recipe:
    """Return the recipe of a preset and single settings; where neither says a size, that of the content."""
    known = {**(load_preset(preset) if preset else {}), **values}
    return Recipe.parse(known if "size" in known else {**known, "size": "content"})


def _digest_of_all(paths: Sequence[Path]) -> str:
    return hashlib.sha256("".join(files.digest(path) for path in paths).encode()).hexdigest()
