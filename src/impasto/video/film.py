"""Films in, by PyAV: the one module that knows how to read them."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from impasto.errors import ImageError, InputError, ResourceError
from impasto.events import notice
from impasto.images import DEFAULT_MAX_PIXELS, Picture
from impasto.video.clip import ClipInfo, Colors
from impasto.video.selection import USUAL_RATE, repair
from impasto.video.settings import MAX_RATE

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

INSTALL = 'pip install "impasto[video]"'
"""The command that installs what films, flow and shots need."""
HD = 720
"""Rows from which a film that does not say so is taken for BT.709, as players do; below, for BT.601."""
FULL, LIMITED = 2, 1
"""What libav calls the ranges of luma."""
_HDR = (16, 18)
"""Transfer characteristics of high dynamic range: PQ and HLG."""


def av() -> Any:
    """Return PyAV. Raises `ResourceError` where it is not installed."""
    try:
        import av
    except ImportError:
        raise ResourceError(f"films need PyAV, which is not installed; {INSTALL} brings it") from None
    # What matters of a damaged film is said in our words. PyAV's other levels call Python from libav's threads, which
    # then wait for the interpreter, while that waits for them to end: films hung, now and then, when they were closed.
    av.logging.set_level(None)
    return av


class Film:
    """A film in a file; its frames are upright, sRGB in [0, 1], and 10 bits are read as such."""

    def __init__(self, path: Path, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> None:
        self.path, self._max_pixels = path, max_pixels
        self._info: ClipInfo | None = None

    @property
    def info(self) -> ClipInfo:
        """Return what `scan` found; it is scanned first where that was not done yet."""
        if self._info is None:
            for _ in self.scan():
                pass
        info = self._info
        if info is None:
            raise InputError(f"{self.path.name}: could not be read through; get another copy")
        return info

    def scan(self) -> Iterator[Picture]:
        """Read all frames; afterwards `info` is known.

        Raises `InputError` for a file without pictures that move, and what `frames` raises.
        """
        times: list[Fraction | None] = []
        last: Fraction | None = None
        with self._opened() as (container, stream):
            reader, size = _Reader(self.path.name), (0, 0)
            for frame in reader.frames(container, stream):
                base = Fraction(stream.time_base or 0)
                times.append(None if frame.pts is None else frame.pts * base)
                last = (frame.duration or 0) * base
                picture = self._picture(frame, len(times) - 1)
                size = size if size != (0, 0) else picture.size
                yield picture
            reader.tell()
            if not times:
                raise InputError(f"{self.path.name}: has no frame that can be decoded; get another copy")
            last = _last(stream, times) or last
            rate = _rate(stream, self.path.name, times)
            self._info = ClipInfo(
                self.path.name,
                size,
                repair(times, last, rate),
                reader.bits,
                reader.colors,
                stream.time_base,
                sound=bool(container.streams.audio),
            )

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Picture]:
        """Read the frames from number `start` to before number `stop`; those before are decoded and dropped.

        Raises `ImageError` for frames of more pixels than are allowed.
        """
        with self._opened() as (container, stream):
            for number, frame in enumerate(_Reader(self.path.name).frames(container, stream)):
                if stop is not None and number >= stop:
                    return
                if number >= start:
                    yield self._picture(frame, number)

    @contextmanager
    def _opened(self) -> Iterator[tuple["InputContainer", "VideoStream"]]:
        library = av()
        name = self.path.name
        try:
            container = library.open(str(self.path), metadata_errors="replace")
        except (OSError, ValueError) as error:
            raise InputError(
                f"{name}: cannot be read as a film ({_reason(error)}); convert it, or name another"
            ) from None
        with container:
            if not container.streams.video:
                what = "sound alone" if container.streams.audio else "neither pictures nor sound"
                raise InputError(f"{name}: has {what}, and no pictures to paint; name a film")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            height, width = stream.height, stream.width
            if height * width > self._max_pixels:
                raise ImageError(
                    f"{name}: has frames of {width}x{height} px, more than the {self._max_pixels:,} pixels allowed; "
                    "--max-pixels raises the limit"
                )
            yield container, stream

    def _picture(self, frame: "VideoFrame", number: int) -> Picture:
        colors = colors_of(frame)
        deep = bits_of(frame) > 8
        if frame.width * frame.height > self._max_pixels:
            raise ImageError(
                f"{self.path.name}: frame {number} has {frame.width}x{frame.height} px; --max-pixels allows it"
            )
        rgb = frame.reformat(
            format="rgb48le" if deep else "rgb24",
            src_colorspace=swscale_matrix(colors.matrix, frame.height),
            src_color_range=FULL if colors.full_range else LIMITED,
            dst_color_range=FULL,
            interpolation=scaling(),
        )
        samples = np.rot90(rgb.to_ndarray(), round(frame.rotation / 90)).astype(np.float32)
        pixels = torch.from_numpy(np.ascontiguousarray(samples)).permute(2, 0, 1)[None]
        pixels = pixels.contiguous().div_(65535 if deep else 255)
        return Picture(pixels, name=f"{self.path.name} frame {number}")


class _Reader:
    """Decodes a stream through whatever is damaged in it, and tells of that once."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.damaged = 0
        self.bits, self.colors = 8, Colors()
        self._first = True

    def frames(self, container: "InputContainer", stream: "VideoStream") -> Iterator["VideoFrame"]:
        """Yield each frame that can be decoded."""
        library = av()
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except (library.error.FFmpegError, OSError):
                self.damaged += 1
                return
            try:
                decoded = packet.decode()
            except (library.error.FFmpegError, OSError):
                self.damaged += 1
                continue
            for frame in decoded:
                if self._first:
                    self._first = False
                    self.bits, self.colors = bits_of(frame), colors_of(frame)
                    if frame.color_trc in _HDR:
                        notice(
                            f"{self._name}: is of high dynamic range, and painted as if it were not: colours are dull"
                        )
                yield frame

    def tell(self) -> None:
        """Say how much was damaged, where anything was."""
        if self.damaged:
            notice(
                f"{self._name}: {self.damaged} packets are damaged; what they held is left out, and the frames before "
                "are shown longer"
            )


def bits_of(frame: "VideoFrame") -> int:
    """Return the bits of a channel."""
    return max((component.bits for component in frame.format.components), default=8)


def colors_of(frame: "VideoFrame") -> Colors:
    """Return how a frame says that its colours are coded; what has no luma is in full range."""
    rgb = frame.format.is_rgb
    jpeg = frame.format.name.startswith("yuvj")
    told = frame.color_range in (FULL, LIMITED)
    return Colors(
        matrix=int(frame.colorspace),
        primaries=int(frame.color_primaries),
        transfer=int(frame.color_trc),
        full_range=rgb or jpeg or frame.color_range == FULL,
        range_told=told,
    )


def scaling() -> int:
    """Return how chroma is resampled and rounded: as exactly as libswscale can."""
    flags = av().video.reformatter.Interpolation
    return int(flags.BICUBIC | flags.ACCURATE_RND | flags.FULL_CHR_H_INT | flags.FULL_CHR_H_INP)


def swscale_matrix(matrix: int, height: int) -> int:
    """Return the coefficients of luma as libswscale numbers them, for a matrix of H.273 and frames so high."""
    known = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}
    return known.get(matrix, 1 if height >= HD else 5)


def _last(stream: "VideoStream", times: list[Fraction | None]) -> Fraction | None:
    """Return how long the last frame is shown, where the file tells when the whole ends and all of it was read.

    Frames that are decoded in another order than they are shown in lose their lengths; the whole keeps its own.
    """
    if stream.duration is None or stream.time_base is None or stream.frames != len(times) or times[-1] is None:
        return None
    length = ((stream.start_time or 0) + stream.duration) * stream.time_base - times[-1]
    return length if length > 0 else None


def _rate(stream: "VideoStream", name: str, times: list[Fraction | None]) -> Fraction | None:
    """Return the frames a second that a file speaks of; say so where nothing can be made of its time stamps."""
    rate = stream.average_rate or stream.guessed_rate
    sane = rate is not None and 0 < rate <= MAX_RATE
    known = [time for time in times if time is not None]
    if len(times) > 1 and (not known or max(known) - min(known) < Fraction(len(times) - 1, MAX_RATE)):
        said = f"{float(rate):.6g} frames a second" if rate else "no frame rate"
        played = rate if sane and rate is not None else USUAL_RATE
        notice(
            f"{name}: has no time stamps that can be ({said}); it is played at {float(played):.4g} frames a second; "
            "--fps says another"
        )
    return rate if sane else None


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
