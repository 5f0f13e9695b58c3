"""`stylize_video`: a clip painted in one call, and `begin_video` for those who want to watch."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
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
from impasto.recipe.catalogue import METHODS
from impasto.scene.inputs import Inputs, Masks, RegionNames
from impasto.scene.resolve import PictureLike
from impasto.video import store
from impasto.video.carried import Carried
from impasto.video.clip import ClipInfo
from impasto.video.faces import read_faces
from impasto.video.held import beside_frames, bytes_of_frames
from impasto.video.masks import ReadMasks, read_track
from impasto.video.painters import Studio
from impasto.video.plan import Seen, plan_clip
from impasto.video.run import FrameProgress, VideoJob
from impasto.video.settings import Coherence, Range, Writing
from impasto.video.source import open_clip


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
    read_masks: ReadMasks | None = None,
    seen: Seen | None = None,
    check: bool = True,
) -> VideoJob:
    """Read a clip through, and return the painting of it, refused as far as it can be; nothing is painted yet.

    `inputs` has the styles. `read_masks` reads the masks; of the content, one is a picture for the first frame, or a
    folder (see `video.masks`), and so are landmarks of a portrait (see `video.faces`). `cuts`: whether shots are found,
    and painted each by itself. Without `check`, nothing is asked of the place of the result.

    Raises `ImpastoError`s: `InputError` for the clip, `OutputError` for the result, and what a painting raises.
    """
    clip = open_clip(source, rate=part.fps, max_pixels=inputs.max_pixels)
    plan = plan_clip(clip, recipe, part, cuts=cuts, seen=seen)
    format = plan.format(Path(output), writing, part)
    read = replace(inputs.read(recipe), masks=None)
    carried = _carried(read, recipe, read_masks, clip.info, plan.selected[0].index)
    if check:
        format.check([clip.path])
        store.check(store.folder_of(format.path))
    resources = beside_frames(resources or Resources.choose(), clip.info.size, plan.size)
    studio = Studio(read, recipe, coherence, encoder, network, resources, carried)
    studio.painter(lambda _: None)
    description = {
        "clip": _digest_of_all(clip.info.paths) if clip.info.paths else files.digest(source),
        "styles": [picture.sha256 for picture in read.paintings],
        "masks": [] if carried.masks is None else carried.masks.digests,
        "landmarks": [] if carried.faces is None else carried.faces.digests,
        "recipe": recipe.model_dump(mode="json"),
        "coherence": vars(coherence),
        "frames": [frame.index for frame in plan.selected],
        "shots": [list(shot) for shot in plan.shots],
        "network": files.digest(network) if isinstance(network, Path) else network,
        "encoder": getattr(encoder, "sha256", None if encoder is None else str(encoder)),
        "bits": format.bits,
    }
    # What can be refused of a painting is refused now: weights, memory, settings that do not fit.
    memory_bytes = studio.begin(plan.photo(0)).memory_bytes + bytes_of_frames(clip.info.size, plan.size)
    return VideoJob(plan, studio, format, description, memory_bytes)


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
    content_landmarks: PictureLike | None = None,
    style_landmarks: PictureLike | None = None,
    tile: Tiling = "auto",
    memory: int | None = None,
    device: str = "auto",
    max_pixels: int = DEFAULT_MAX_PIXELS,
    workers: int = 1,
    on_frame: Callable[[FrameProgress], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    **overrides: Any,
) -> Path:
    """Paint the film, animation or folder of frames `source` in the style of `styles`, and return where the result is.

    What is written follows from the name of `output`: a film, an animation, or a folder. Settings are those of
    `stylize`; where none says a size, frames keep their own. `coherence` says how frames follow one another, `part`
    which of them are painted, `writing` how they are written. Shots are painted in `workers` processes.

    A mask of the content is a picture for the first frame, or a folder with masks of several; landmarks of a portrait
    too, and where there are none, a face is looked for in the first frame of each shot. A painting that was interrupted
    goes on with what was finished, when it is called again with the same inputs. `on_frame` sees every frame,
    `on_progress` every step, where there is one process.

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
    settled = recipe
    job = begin_video(
        source,
        output,
        Inputs(
            None,
            styles,
            content_landmarks=content_landmarks,
            style_landmarks=style_landmarks,
            max_pixels=max_pixels,
        ),
        recipe,
        coherence=coherence,
        part=part,
        writing=writing,
        cuts=cuts,
        encoder=encoder,
        network=network,
        resources=Resources.choose(device, tile, memory),
        read_masks=None if masks is None else lambda load, count: masks.read(count, settled.regions, load),
    )
    for frame in job.paint(on_progress or (lambda _: None), workers):
        if on_frame is not None:
            on_frame(frame)
    return job.format.path


def with_own_size(preset: str | None, values: Mapping[str, Any]) -> Recipe:
    """Return the recipe of a preset and single settings; where neither says a size, that of the content."""
    known = {**(load_preset(preset) if preset else {}), **values}
    return Recipe.parse(known if "size" in known else {**known, "size": "content"})


def _carried(inputs: Inputs, recipe: Recipe, read_masks: ReadMasks | None, info: ClipInfo, first: int) -> Carried:
    """Return what moves with the clip: regions, and the face of a portrait; `first` is the clip's first frame."""
    masks = faces = None
    if read_masks is not None:
        count = len(inputs.paintings)
        masks = read_track(read_masks, inputs.load, count, info, first, inputs.max_pixels, recipe.feather)
    if METHODS[recipe.method].landmarks and inputs.paintings:
        faces = read_faces(inputs, inputs.load(inputs.paintings[0]), info, first)
    return Carried(masks, faces)


def _digest_of_all(paths: Sequence[Path]) -> str:
    return hashlib.sha256("".join(files.digest(path) for path in paths).encode()).hexdigest()
