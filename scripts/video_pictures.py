"""Paint the strip of docs/video.md: `python scripts/video_pictures.py`.

A camera turns over one of our photographs; frames of the clip, each painted by itself, and as `impasto video` paints
them, with what changes along the flow from each shown frame to the next below: dark is steady.
"""

import argparse
import tempfile
from pathlib import Path

import torch
from torch import Tensor

from impasto import images
from impasto.images import Picture, Tile, contact_sheet
from impasto.video.api import stylize_video
from impasto.video.flow import Flow
from impasto.video.settings import Coherence, Writing
from impasto.video.source import open_clip

ROOT = Path(__file__).resolve().parent.parent
SIZE = (168, 224)
FRAMES, STEP, SHOWN = 12, 4, 4
"""Frames of the clip, pixels from one to the next, and how many frames are shown."""
GAIN = 4.0
"""By which what changes is brightened."""


def clip(folder: Path) -> list[Tensor]:
    """Write the frames of a pan over the photograph; return them (1, 3, H, W)."""
    photo = images.load(ROOT / "assets" / "photos" / "cat.jpg")
    height = round(1.2 * SIZE[0])
    wide = images.resize(photo.pixels, (height, round(height * photo.size[1] / photo.size[0])))
    if wide.shape[3] < SIZE[1] + FRAMES * STEP:
        wide = images.resize(wide, (round(height * 1.3), SIZE[1] + FRAMES * STEP))
    frames = [wide[..., 10 : 10 + SIZE[0], STEP * n : STEP * n + SIZE[1]].clamp(0, 1) for n in range(FRAMES)]
    folder.mkdir()
    for number, frame in enumerate(frames):
        images.save(Picture(frame.contiguous()), folder / f"{number:02}.png")
    return frames


def changes(painted: list[Tensor], frames: list[Tensor], number: int) -> Picture:
    """Return what changes from the frame before to frame `number`, along the flow, in grey."""
    motion = Flow().motion(frames[number], frames[number - 1])
    away = (painted[number] - motion.warp(painted[number - 1])).abs().mean(1, keepdim=True) * motion.reliable
    return Picture((GAIN * away).clamp(0, 1).expand(-1, 3, -1, -1).contiguous())


def main() -> None:
    """Paint the clip in both ways, and lay out the strip."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "figures" / "video.jpg")
    given = parser.parse_args()
    numbers = [1 + place * (FRAMES - 2) // (SHOWN - 1) for place in range(SHOWN)]
    style = ROOT / "assets" / "styles" / "swirls.jpg"
    with tempfile.TemporaryDirectory() as name:
        source = Path(name, "clip")
        frames = clip(source)
        rows = [[Tile(Picture(frames[number].contiguous()), f"frame {number}") for number in numbers]]
        names = ["the clip"]
        for words, coherence in (("each by itself", Coherence(independent=True)), ("impasto video", Coherence())):
            output = Path(name, words.replace(" ", ""))
            stylize_video(source, style, output, method="adain", coherence=coherence, writing=Writing(force=True))
            painted = [picture.pixels for picture in open_clip(output).frames()]
            rows.append([Tile(Picture(painted[number])) for number in numbers])
            rows.append([Tile(changes(painted, frames, number)) for number in numbers])
            error = torch.stack([changes(painted, frames, number).pixels.mean() for number in range(1, FRAMES)]).mean()
            names += [words, f"what changes ({float(error) / GAIN:.4f})"]
        sheet = contact_sheet(rows, height=SIZE[0], names=names)
    images.save(sheet, given.out, quality=90, force=True)


if __name__ == "__main__":
    main()
