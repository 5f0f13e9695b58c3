"""Several pictures in one file that moves: GIF, WebP, PNG, and AVIF to read."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import torch
from PIL import Image

from impasto import files
from impasto.errors import ImageError, ImpastoError, OutputError, UsageError
from impasto.events import notice
from impasto.images import pillow
from impasto.images.container import reason
from impasto.images.decode import DEFAULT_MAX_PIXELS, load
from impasto.images.picture import Picture
from impasto.images.source import read_file, shown, sniff

ANIMATIONS = {".gif": "GIF", ".webp": "WEBP", ".png": "PNG", ".apng": "PNG"}
"""Formats to write, by the suffix."""
_MOVING = ("GIF", "PNG", "WEBP", "AVIF")
_HURRIED_MS = 10
"""Milliseconds at or below which browsers do not believe a GIF's frame, and show it for `_USUAL_MS`."""
_USUAL_MS = 100
_PALETTE_FRAMES = 16
"""Frames that a GIF's palette is made of: more say nothing new of a clip's colours, and take memory."""


@dataclass(frozen=True)
class Animation:
    """A file that moves: how many pictures it has, and whether they are repeated for ever."""

    frames: int
    loops: bool


def read_animation(path: str | Path, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Animation | None:
    """Return what moves in a file; None for a still picture and for whatever is no picture.

    Raises `ImageError` for a picture that cannot be read, or that has more than `max_pixels`.
    """
    data = _read(path, max_pixels)
    if data is None:
        return None
    name = shown(str(path))
    with pillow.session(max_pixels=max_pixels, truncated=False):
        try:
            with Image.open(io.BytesIO(data), formats=list(_MOVING)) as image:
                count = int(getattr(image, "n_frames", 1))
                loops = int(image.info.get("loop", 1)) == 0
        except Exception as error:
            raise ImageError(f"{name}: cannot be read as a picture ({reason(error)})") from None
    return Animation(count, loops) if count > 1 else None


def animation_frames(path: str | Path, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Iterator[tuple[Picture, Fraction]]:
    """Yield each picture of an animation as it is seen, laid over those before, with the seconds that it is shown.

    Raises `ImageError` for a file that is damaged, at the frame where it is.
    """
    data, name = _read(path, max_pixels), shown(str(path))
    if data is None:
        raise ImageError(f"{name}: is no picture that can move; give a GIF, PNG, WebP or AVIF")
    image = Image.open(io.BytesIO(data), formats=list(_MOVING))
    with image:
        for number in range(int(getattr(image, "n_frames", 1))):
            try:
                # Not held between two frames: the caller paints meanwhile.
                with pillow.session(max_pixels=max_pixels, truncated=False):
                    image.seek(number)
                    seen = image.copy()
                    span = float(image.info.get("duration", 0))
            except ImpastoError:
                raise
            except Exception as error:
                raise ImageError(f"{name}: is damaged at frame {number} ({reason(error)}); get another copy") from None
            if span <= (_HURRIED_MS if image.format == "GIF" else 0):
                span = _USUAL_MS
            yield load(seen, max_pixels=max_pixels), Fraction(span).limit_denominator(1000) / 1000


def save_animation(
    pictures: Sequence[Picture], path: str | Path, *, frame_s: float = 0.2, swing: bool = True, force: bool = False
) -> Path:
    """Write `pictures` of one size as an endless animation; the format follows the name.

    `frame_s` seconds for each, more for the first and last; with `swing` it plays back to the start.

    Raises `OutputError` for another kind of name or an existing file without `force`, `UsageError` for pictures
    that cannot be one animation.
    """
    order = list(range(len(pictures)))
    if swing:
        order += order[-2:0:-1]
    last = len(pictures) - 1
    spans = [Fraction(frame_s) * (4 if index in (0, last) else 1) for index in order]
    return save_frames([pictures[index] for index in order], path, spans, force=force)


def save_frames(
    pictures: Sequence[Picture], path: str | Path, spans: Sequence[Fraction], *, loops: bool = True, force: bool = False
) -> Path:
    """Write `pictures` of one size as an animation, each shown for its seconds in `spans`; the format follows the name.

    Spans are rounded to what the format can say (10 ms for a GIF) so that their sum stays. Transparency is kept in WebP
    and PNG, and laid on white in a GIF. Raises what `save_animation` does.
    """
    path = Path(path)
    kind = ANIMATIONS.get(path.suffix.lower())
    if kind is None:
        raise OutputError(f"{path}: an animation's name ends in one of {', '.join(ANIMATIONS)}")
    if not pictures or any(picture.size != pictures[0].size for picture in pictures):
        raise UsageError("an animation needs pictures, all of one size")
    files.check_output(path, force=force)
    transparent = not all(picture.opaque for picture in pictures)
    if transparent and kind == "GIF":
        notice(f"{path.name}: a GIF has no soft transparency; the frames are laid on white")
        pictures, transparent = [_on_white(picture) for picture in pictures], False
    frames = [picture.to_pil().convert("RGBA" if transparent else "RGB") for picture in pictures]
    if kind == "GIF":
        # One palette for all: palettes of their own flicker.
        sampled = frames[:: -(-len(frames) // _PALETTE_FRAMES)]
        together = Image.new("RGB", (frames[0].width, frames[0].height * len(sampled)))
        for index, frame in enumerate(sampled):
            together.paste(frame, (0, index * frame.height))
        palette = together.quantize(256, Image.Quantize.MEDIANCUT)
        frames = [frame.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG) for frame in frames]
    stream = io.BytesIO()
    options = {"quality": 90} if kind == "WEBP" else {}
    frames[0].save(
        stream,
        kind,
        save_all=True,
        append_images=frames[1:],
        duration=_milliseconds(spans, 10 if kind == "GIF" else 1),
        **({"loop": 0} if loops else {"loop": 1} if kind != "GIF" else {}),
        **options,
    )
    files.write_bytes(path, stream.getvalue(), follow=True, replace=force)
    return path


def _milliseconds(spans: Sequence[Fraction], step: int) -> list[int]:
    """Return whole steps in milliseconds whose sums are nearest to those of `spans`, none of them 0."""
    whole: list[int] = []
    end, so_far = Fraction(0), 0
    for span in spans:
        end += span
        length = max(step, step * round(1000 * end / step) - so_far)
        whole.append(length)
        so_far += length
    return whole


def _on_white(picture: Picture) -> Picture:
    if picture.alpha is None:
        return picture
    return Picture(torch.lerp(torch.ones_like(picture.pixels), picture.pixels, picture.alpha), name=picture.name)


def _read(path: str | Path, max_pixels: int) -> bytes | None:
    """Return the bytes of a picture that may move; None where its first bytes say that it does not."""
    with Path(path).open("rb") as stream:
        if sniff(stream.read(1024)) not in _MOVING:
            return None
    return read_file(path, shown(str(path)), max_pixels)
