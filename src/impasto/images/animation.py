"""Several pictures in one file: GIF, WebP or PNG that moves."""

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from impasto import files
from impasto.errors import OutputError, UsageError
from impasto.images.picture import Picture

ANIMATIONS = {".gif": "GIF", ".webp": "WEBP", ".png": "PNG"}


def save_animation(
    pictures: Sequence[Picture], path: str | Path, *, frame_s: float = 0.2, swing: bool = True, force: bool = False
) -> Path:
    """Write `pictures` of one size as an endless animation; the format follows the name.

    `frame_s` seconds for each, more for the first and last; with `swing` it plays back to the start.

    Raises `OutputError` for another kind of name or an existing file without `force`, `UsageError` for pictures
    that cannot be one animation.
    """
    path = Path(path)
    kind = ANIMATIONS.get(path.suffix.lower())
    if kind is None:
        raise OutputError(f"{path}: an animation's name ends in one of {', '.join(ANIMATIONS)}")
    if not pictures or any(picture.size != pictures[0].size for picture in pictures):
        raise UsageError("an animation needs pictures, all of one size")
    files.check_output(path, force=force)
    order = list(range(len(pictures)))
    if swing:
        order += order[-2:0:-1]
    frames: list[Image.Image] = [pictures[index].to_pil().convert("RGB") for index in order]
    last = len(pictures) - 1
    spans = [round(1000 * frame_s * (4 if index in (0, last) else 1)) for index in order]
    if kind == "GIF":
        # One palette for all: palettes of their own flicker.
        together = Image.new("RGB", (frames[0].width, frames[0].height * (last + 1)))
        for index, frame in enumerate(frames[: last + 1]):
            together.paste(frame, (0, index * frame.height))
        palette = together.quantize(256, Image.Quantize.MEDIANCUT)
        frames = [frame.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG) for frame in frames]
    stream = io.BytesIO()
    options = {"quality": 90} if kind == "WEBP" else {}
    frames[0].save(stream, kind, save_all=True, append_images=frames[1:], duration=spans, loop=0, **options)
    files.write_bytes(path, stream.getvalue(), follow=True, replace=force)
    return path
