"""How steady moving pictures are, against painting each frame by itself, and at what price in style.

    python benchmarks/video.py --work FOLDER

Six clips with known motion are made of photographs. Each is painted twice by each method: as `impasto video` does,
and each frame by itself. Both are measured against the photographs' flow (warp error at 1 and 10 frames, flicker) and
against the style (Gram distance and sliced Wasserstein at layers that were not optimised, of five frames). `doodle` has
masks of what is light and what is dark. What was measured is kept in `--work`, and not measured again.
"""

import statistics
import time
from pathlib import Path
from typing import Any

from harness import ROOT, Table, heading, parser, remembered
from video_clips import FRAMES, KINDS, PHOTOS, mask_of, write_clip

from impasto import images
from impasto.evaluation import Evaluator
from impasto.images import Picture
from impasto.recipe.catalogue import METHODS
from impasto.video.api import stylize_video
from impasto.video.evaluate import evaluate_clip
from impasto.video.settings import Coherence, Writing

STYLE_METRICS = ("gram_distance/1", "sliced_wasserstein/1")
CLIP_METRICS = ("warp_error/1", "warp_error_far/1", "flicker/1")
NETWORKS = {"johnson": "swirls", "texture_net": "pointillism"}
"""Of the methods of one style: networks that ship."""
OPTIMIZED = 96
"""Pixels across of clips for methods that optimise, which take a second for a frame of that size."""
STEPS = 20
"""Of those methods, for the first frame."""


def settings(method: str, size: int) -> dict[str, Any]:
    """Return the settings of a method: drafts by petite where it optimises."""
    values: dict[str, Any] = {"method": method, "size": size, "precision": "float32"}
    if METHODS[method].optimizes:
        values |= {"iterations": STEPS, "encoder": "petite"}
    if method in NETWORKS:
        values |= {"network": NETWORKS[method]}
    return values


def style_of(method: str, style: Path) -> Path:
    """Return the painting that a method imitates: that of its network, where it has one."""
    return style.with_name(f"{NETWORKS[method]}.jpg") if method in NETWORKS else style


def inputs_of(method: str, style: Path, masks: Path, work: Path) -> dict[str, Any]:
    """Return the styles of a method, and the masks of a doodle."""
    if method != "doodle":
        return {"styles": [style] if METHODS[method].styles else []}
    mask = work / f"{style.stem}-mask.png"
    if not mask.exists():
        images.save(Picture(mask_of(images.load(style).pixels)), mask)
    return {"styles": [style], "content_mask": masks, "style_masks": [mask]}


def measured(clip: Path, masks: Path, method: str, size: int, smooth: float, given: Any) -> dict[str, Any]:
    """Paint one clip in both ways and measure both."""
    figures: dict[str, Any] = {}
    style = style_of(method, given.style)
    inputs = inputs_of(method, style, masks, given.work)
    for name, coherence in (("alone", Coherence(independent=True)), (f"video-{smooth:.0%}", Coherence(smooth=smooth))):
        output = given.work / f"{clip.name}-{method}-{name}"

        def one() -> dict[str, Any]:
            began = time.monotonic()
            how: dict[str, Any] = {"coherence": coherence, "writing": Writing(force=True)}  # noqa: B023
            stylize_video(clip, output=output, **how, **inputs, **settings(method, size))  # noqa: B023
            seconds = (time.monotonic() - began) / FRAMES
            wanted = [*CLIP_METRICS, *STYLE_METRICS]
            evaluation = evaluate_clip(output, clip, [style], Evaluator("petite", "petite"), metrics=wanted)  # noqa: B023
            return {"seconds": seconds, **evaluation.values}

        of_one = remembered(output.with_name(f"{output.name}.json"), one)
        figures |= {f"{name.split('-')[0]} {key}": value for key, value in of_one.items()}
    return figures


def factor(figures: dict[str, Any], key: str) -> float | None:
    """Return by how much a number of clips falls, where both were measured."""
    alone, video = figures[f"alone {key}"], figures[f"video {key}"]
    return alone / video if alone is not None and video else None


def cells(figures: dict[str, Any]) -> list[str]:
    """Return the cells of one clip: both values, and by how much they fall."""
    row = []
    for key in CLIP_METRICS:
        falls = factor(figures, key)
        both = f"{figures[f'alone {key}']:.5f} / {figures[f'video {key}']:.5f} = " if falls is not None else ""
        row.append("-" if falls is None else f"{both}{falls:.1f}")
    row += [f"{figures[f'alone {key}']:.3f} / {figures[f'video {key}']:.3f}" for key in STYLE_METRICS]
    return [*row, f"{figures['alone seconds']:.2f} / {figures['video seconds']:.2f}"]


def summary(by_method: dict[str, dict[str, dict[str, Any]]], clips: list[str]) -> None:
    """Print by how much the warp error falls, a row for each method, with the medians of the other numbers."""
    table = Table("method", *clips, "10 frames", "flicker", "Gram distance", "Wasserstein")
    for method, by_clip in by_method.items():
        falls = [factor(by_clip[clip], CLIP_METRICS[0]) for clip in clips]
        row = ["-" if value is None else f"{value:.1f}" for value in falls]
        for key in CLIP_METRICS[1:]:
            values = [value for value in (factor(figures, key) for figures in by_clip.values()) if value is not None]
            row.append(f"{statistics.median(values):.1f}" if values else "-")
        for key in STYLE_METRICS:
            means = [
                statistics.mean(figures[f"{way} {key}"] for figures in by_clip.values()) for way in ("alone", "video")
            ]
            row.append(f"{means[0]:.3f}, {means[1]:.3f}")
        table.row(method, *row)


def main() -> None:
    """Paint, measure, and print a table of all, and one of each method."""
    options = parser(__doc__)
    options.add_argument("--methods", default=",".join(METHODS))
    options.add_argument("--clips", default=",".join(KINDS))
    options.add_argument("--photos", type=Path, default=PHOTOS)
    options.add_argument("--style", type=Path, default=ROOT / "assets" / "styles" / "swirls.jpg")
    options.add_argument("--size", type=int, default=192)
    options.add_argument("--smooth", type=float, default=Coherence().smooth)
    options.add_argument("--work", type=Path, required=True)
    given = options.parse_args()
    clips = given.clips.split(",")
    given.work.mkdir(parents=True, exist_ok=True)
    heading(f"{FRAMES} frames of {given.size} px, {OPTIMIZED} by methods that optimise; smooth {given.smooth}")
    table = Table("method", "clip", "warp 1", "warp 10", "flicker", "Gram distance", "Wasserstein", "s a frame")
    by_method: dict[str, dict[str, dict[str, Any]]] = {}
    for method in given.methods.split(","):
        across = OPTIMIZED if METHODS[method].optimizes else given.size
        for kind in clips:
            folder = given.work / f"clips-{across}"
            clip, masks = write_clip(folder, kind, (across * 3 // 4, across), given.photos)
            figures = measured(clip, masks, method, across, given.smooth, given)
            table.row(method, kind, *cells(figures))
            by_method.setdefault(method, {})[kind] = figures
    summary(by_method, clips)


if __name__ == "__main__":
    main()
