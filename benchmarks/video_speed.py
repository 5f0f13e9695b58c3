"""Frames a second of feed-forward methods on a film, from end to end, and where the time goes.

    python benchmarks/video_speed.py --methods johnson,adain --sizes 256,512

A film of a pan is painted and written as H.264; the time is what `impasto video` takes after loading: reading, flow,
painting, keeping each frame until the result is written, and encoding. All but keeping and painting is done beside
these in other threads, so that the shares may add up to more than the whole.
"""

import tempfile
import time
from fractions import Fraction
from pathlib import Path

from harness import PHOTO, STYLE, Table, heading, parser

from impasto import images
from impasto.images import Picture
from impasto.recipe import Recipe
from impasto.recipe.catalogue import METHODS
from impasto.scene.inputs import Inputs
from impasto.video.api import begin_video
from impasto.video.clip import Shown
from impasto.video.film_writer import FilmFormat, write_film


def film(path: Path, size: int, count: int) -> None:
    """Write a film of a pan over the photograph, 4:3, `size` pixels wide."""
    height = size * 3 // 4 // 2 * 2
    photo = images.load(PHOTO)
    wide = images.resize(photo.pixels, (height, size + 2 * count)).clamp(0, 1)
    frames = (Picture(wide[..., 2 * number : 2 * number + size].contiguous()) for number in range(count))
    shown = [Shown(Fraction(number, 25), Fraction(1, 25)) for number in range(count)]
    write_film(path, frames, shown, FilmFormat((height, size)), force=True)


def main() -> None:
    """Paint films, and print a table."""
    options = parser(__doc__)
    options.add_argument("--methods", default="johnson,adain,linear,wct,texture_net")
    options.add_argument("--sizes", default="256,512")
    options.add_argument("--frames", type=int, default=24)
    given = options.parse_args()
    heading(f"{given.frames} frames, 4:3")
    parts = ("read", "flow", "paint", "keep", "encode")
    table = Table("method", "width", "frames a second", *parts)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for size in map(int, given.sizes.split(",")):
            source = folder / f"{size}.mp4"
            film(source, size, given.frames)
            for method in given.methods.split(","):
                network = {"johnson": {"network": "swirls"}, "texture_net": {"network": "pointillism"}}.get(method, {})
                recipe = Recipe.parse({"method": method, "size": "content", **network})
                styles = [STYLE] if METHODS[method].styles else []
                job = begin_video(source, folder / f"{size}-{method}.mp4", Inputs(None, styles), recipe)
                began = time.monotonic()
                for _ in job.paint(lambda _: None):
                    pass
                seconds = time.monotonic() - began
                shares = [f"{job.shares.seconds.get(part, 0.0) / seconds:.0%}" for part in parts]
                table.row(method, size, f"{given.frames / seconds:.1f}", *shares)


if __name__ == "__main__":
    main()
