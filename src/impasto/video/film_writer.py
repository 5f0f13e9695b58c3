"""Films out, by PyAV: the pictures encoded, the sound of another film copied, and whole files or none."""

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from impasto import files
from impasto.errors import InputError, OutputError, UsageError
from impasto.events import notice
from impasto.images import Picture
from impasto.video.clip import Colors, Shown
from impasto.video.film import FULL, LIMITED, av, scaling, swscale_matrix

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

CONTAINERS: Mapping[str, tuple[str, str]] = {
    ".mp4": ("mp4", "libx264"),
    ".m4v": ("mp4", "libx264"),
    ".mov": ("mov", "libx264"),
    ".mkv": ("matroska", "libx264"),
    ".webm": ("webm", "libvpx-vp9"),
    ".avi": ("avi", "mpeg4"),
}
"""Of each suffix, libav's container and the encoder that all its players know."""
CODECS: Mapping[str, str] = {
    "h264": "libx264",
    "hevc": "libx265",
    "h265": "libx265",
    "vp9": "libvpx-vp9",
    "av1": "libsvtav1",
    "mpeg4": "mpeg4",
    "ffv1": "ffv1",
    "prores": "prores_ks",
    "mjpeg": "mjpeg",
}
"""libav's encoders by the names of what they write."""
CRF: Mapping[str, int] = {"libx264": 17, "libx265": 19, "libvpx-vp9": 24, "libsvtav1": 24}
"""Constant rate factors at which strokes keep their grain, for encoders that have one: lower is better and larger."""
MAX_CRF: Mapping[str, int] = {"libx264": 51, "libx265": 51, "libvpx-vp9": 63, "libsvtav1": 63}
DEEP_FORMATS: Mapping[str, str] = {
    "libx264": "yuv420p10le",
    "libx265": "yuv420p10le",
    "libvpx-vp9": "yuv420p10le",
    "libsvtav1": "yuv420p10le",
    "ffv1": "yuv420p10le",
    "prores_ks": "yuv422p10le",
}
"""Pixel formats for films of more than 8 bits."""
FORMATS: Mapping[str, str] = {"prores_ks": "yuv422p10le", "mjpeg": "yuvj420p"}
"""Pixel formats for those of 8 bits, where that is not 4:2:0."""
MAX_SIDE = 16_384
"""Pixels of a side that encoders of films take at most; 8K is 7,680."""
TIME_BASE = Fraction(1, 90_000)
"""Seconds: the clock of MPEG, in which the frames of 24, 25, 29.97, 30, 50 and 60 a second begin at whole numbers."""
QUALITY = {"mpeg4": {"qscale": "3", "flags": "qscale"}, "mjpeg": {"qscale": "3", "flags": "qscale"}}
"""Options of encoders without a rate factor: scale 3 of 31 shows no blocks."""


@dataclass(frozen=True)
class FilmFormat:
    """How a film is written. Raises `UsageError` for a codec that is not there, or a rate factor that it lacks."""

    size: tuple[int, int]
    """(height, width) in pixels."""
    codec: str | None = None
    """By a name of `CODECS`, or libav's; None: the container's own."""
    crf: int | None = None
    bits: int = 8
    colors: Colors = field(default=Colors())
    time_base: Fraction | None = None
    rate: Fraction = Fraction(25)
    """Frames a second on average, which encoders plan their bits by."""

    def encoder(self, path: Path) -> str:
        """Return libav's encoder for a file of this name."""
        name = CODECS.get(self.codec or "", self.codec or CONTAINERS[path.suffix.lower()][1])
        if name not in av().codecs_available:
            raise UsageError(f"codec '{self.codec or name}': is not there; choose from {', '.join(CODECS)}")
        if self.crf is not None and (name not in CRF or not 0 <= self.crf <= MAX_CRF[name]):
            most = f"takes a factor from 0 to {MAX_CRF[name]}" if name in CRF else "knows no rate factor; leave crf out"
            raise UsageError(f"crf {self.crf}: {name} {most}")
        return name

    def pixels(self, encoder: str) -> str:
        """Return the pixel format: 4:2:0, but for frames of odd sides, whose chroma cannot be halved."""
        format = DEEP_FORMATS.get(encoder) if self.bits > 8 else None
        format = format or FORMATS.get(encoder, "yuv420p")
        if any(side % 2 for side in self.size):
            format = format.replace("420", "444").replace("422", "444")
        return format

    def options(self, encoder: str) -> dict[str, str]:
        """Return what the encoder is told."""
        if encoder in CRF:
            factor = CRF[encoder] if self.crf is None else self.crf
            more = {
                "libvpx-vp9": {"b:v": "0", "row-mt": "1"},
                "libsvtav1": {"preset": "8"},
                "libx265": {"x265-params": "log-level=none"},
            }
            return {"crf": str(factor), **more.get(encoder, {})}
        return dict(QUALITY.get(encoder, {}))


@dataclass(frozen=True)
class Sound:
    """The sound of a film: the part from `start` seconds, `duration` long."""

    path: Path
    start: Fraction
    duration: Fraction


def check_film(path: Path, format: FilmFormat, sound: Sound | None) -> None:
    """Find out, by writing the beginning of such a film, whatever will prevent it from being written.

    Raises `OutputError` where the container cannot hold the codec or the sound, `UsageError` for a codec that is not
    there, and what `files.check_output` raises for the place.
    """
    if max(format.size) > MAX_SIDE:
        raise OutputError(
            f"{path.name}: frames of {format.size[1]}x{format.size[0]} px are larger than films have, which end at "
            f"{MAX_SIDE} px a side; use a smaller --size, or name a folder for the frames"
        )
    blank = Picture(pixels=_gray(format.size), name="frame")
    probe = replace(format, crf=format.crf)
    with tempfile.TemporaryDirectory(prefix=files.PREFIX) as folder:
        target = Path(folder, f"probe{path.suffix.lower()}")
        second = Shown(Fraction(0), 1 / format.rate)
        _write(
            target, path.name, [blank], [second], probe, None if sound is None else replace(sound, duration=Fraction(0))
        )


def write_film(
    path: Path,
    pictures: Iterable[Picture],
    shown: Iterable[Shown],
    format: FilmFormat,
    sound: Sound | None = None,
    *,
    force: bool = False,
    beside: Path | None = None,
) -> None:
    """Write a film, whole or not at all, with the sound of another copied as it is.

    Until it is whole it is in the folder `beside`, where that is on the same disk, or beside the file.

    Raises `OutputError` where it cannot be written: the disk is full, the file is there and not to be replaced.
    """
    files.check_output(path, force=force)
    target = Path(os.path.realpath(path))
    folder = target.parent
    if beside is not None and beside.stat().st_dev == folder.stat().st_dev:
        folder = beside
    handle, temporary = tempfile.mkstemp(prefix=files.PREFIX, suffix=path.suffix.lower(), dir=folder)
    os.close(handle)
    part = Path(temporary)
    try:
        _write(part, path.name, pictures, shown, format, sound)
        files.settle(part, target, replace=force)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _gray(size: tuple[int, int]) -> Any:
    import torch

    return torch.full((1, 3, *size), 0.5)


def _write(
    part: Path,
    name: str,
    pictures: Iterable[Picture],
    shown: Iterable[Shown],
    format: FilmFormat,
    sound: Sound | None,
) -> None:
    library = av()
    kind, _ = CONTAINERS[part.suffix.lower()]
    encoder = format.encoder(part)
    try:
        with contextlib.ExitStack() as stack:
            container = stack.enter_context(library.open(str(part), "w", format=kind))
            stream = _stream(container, encoder, format)
            audio = _Audio(stack, container, sound) if sound is not None else None
            muxer = _Muxer(container, kind)
            for picture, at in zip(pictures, shown, strict=True):
                frame = _frame(picture, format, stream, at, muxer.spans)
                muxer.mux(stream.encode(frame))
                if audio is not None:
                    audio.copy(until=at.end)
            muxer.finish(stream.encode(None))
            if audio is not None:
                audio.copy(until=None)
    except (library.error.FFmpegError, ValueError) as error:
        raise OutputError(_why(error, name, encoder, kind)) from None
    except OSError as error:
        raise OutputError(
            f"{name}: could not be written ({error.strerror or error}); make room, or name another"
        ) from None


def _why(error: Exception, name: str, encoder: str, kind: str) -> str:
    number = getattr(error, "errno", None)
    words = getattr(error, "strerror", None) or str(error)
    if number in (28, 27, 122):  # no space, file too large, quota
        return f"{name}: could not be written ({words}); make room, or name another place"
    return (
        f"{name}: {kind} cannot hold what {encoder} writes, or the sound ({words}); "
        "name a .mkv, another --codec, or --no-audio"
    )


def _stream(container: "OutputContainer", encoder: str, format: FilmFormat) -> "VideoStream":
    rate = format.rate.limit_denominator(100_000)
    stream = cast("VideoStream", container.add_stream(encoder, rate=rate, options=format.options(encoder)))
    height, width = format.size
    stream.width, stream.height, stream.pix_fmt = width, height, format.pixels(encoder)
    context = stream.codec_context
    context.time_base = _base(format, encoder)
    # Coded as the source is; where that says nothing, so does this, and players take both for the same.
    context.colorspace, context.color_primaries = format.colors.matrix, format.colors.primaries
    context.color_trc = format.colors.transfer
    if format.colors.range_told or format.colors.full_range:
        context.color_range = FULL if format.colors.full_range else LIMITED
    return stream


def _base(format: FilmFormat, encoder: str) -> Fraction:
    if encoder == "mpeg4":  # has 16 bits for the denominator
        return 1 / format.rate.limit_denominator(60_000)
    base = format.time_base
    return base if base is not None and base <= Fraction(1, 1000) and base.denominator < 10**6 else TIME_BASE


def _frame(
    picture: Picture, format: FilmFormat, stream: "VideoStream", at: Shown, spans: dict[int, int]
) -> "VideoFrame":
    library = av()
    deep = format.bits > 8
    samples = picture.to_numpy(16 if deep else 8)[..., :3]
    rgb = library.VideoFrame.from_ndarray(np.ascontiguousarray(samples), "rgb48le" if deep else "rgb24")
    frame: VideoFrame = rgb.reformat(
        format=stream.pix_fmt,
        dst_colorspace=swscale_matrix(format.colors.matrix, format.size[0]),
        src_color_range=FULL,
        dst_color_range=FULL if format.colors.full_range else LIMITED,
        interpolation=scaling(),
    )
    base = stream.codec_context.time_base or TIME_BASE
    frame.pts, frame.time_base = round(at.start / base), base
    spans[frame.pts] = max(1, round(at.end / base) - frame.pts)
    return frame


class _Muxer:
    """Writes packets with how long their frames are shown, which encoders forget."""

    def __init__(self, container: "OutputContainer", kind: str) -> None:
        self._container, self._kind = container, kind
        self.spans: dict[int, int] = {}
        """By the time stamp of each frame, in the encoder's unit."""
        self._first: int | None = None

    def mux(self, packets: "Iterable[Packet[VideoStream]]") -> None:
        """Write packets."""
        for packet in packets:
            if self._first is None:
                self._first = packet.dts
            if packet.pts is not None and packet.pts in self.spans:
                packet.duration = self.spans[packet.pts]
            self._container.mux(packet)

    def finish(self, packets: "Iterable[Packet[VideoStream]]") -> None:
        """Write the last packets.

        MP4 has the time from one packet to the next in the order of decoding, and ends no later than the last of these:
        where that is another frame than the one that is shown last, it has to last as long as the film still does.
        """
        rest = list(packets)
        if not rest:
            return
        *others, last = rest
        self.mux(others)
        end = max(start + span for start, span in self.spans.items())
        if self._kind in ("mp4", "mov") and last.dts is not None and self._first is not None:
            left = end - min(self.spans) - (last.dts - self._first)
            self.spans[last.pts or 0] = max(left, self.spans.get(last.pts or 0, 1))
        self.mux([last])


class _Audio:
    """The streams of a film's sound, copied packet by packet beside the pictures."""

    def __init__(self, stack: contextlib.ExitStack, container: "OutputContainer", sound: Sound) -> None:
        self._sound, self._container = sound, container
        source = stack.enter_context(av().open(str(sound.path), metadata_errors="replace"))
        streams = source.streams.audio
        if not streams:
            raise InputError(f"{sound.path.name}: has no sound to copy")
        self._streams = {stream.index: container.add_stream_from_template(stream) for stream in streams}
        video = source.streams.video[0] if source.streams.video else None
        begins = video.start_time * video.time_base if video is not None and video.start_time else Fraction(0)
        self._begins = Fraction(begins) + sound.start
        self._packets: Iterator[Any] = source.demux(*streams)
        self._waiting: Any = None

    def copy(self, until: Fraction | None) -> None:
        """Write all packets of before `until` seconds of the result; None: all that the part has."""
        end = self._sound.duration if until is None else min(until, self._sound.duration)
        try:
            while (packet := self._waiting or next(self._packets, None)) is not None:
                self._waiting = None
                if packet.pts is None or packet.dts is None:
                    continue
                time = packet.pts * packet.time_base - self._begins
                if time >= end:
                    self._waiting = packet
                    return
                if time < 0:
                    continue
                away = round(self._begins / packet.time_base)
                packet.pts, packet.dts = packet.pts - away, packet.dts - away
                packet.stream = self._streams[packet.stream.index]
                self._container.mux(packet)
        except av().error.InvalidDataError:
            notice(f"{self._sound.path.name}: its sound is damaged from {float(until or end):.1f} s on, and ends there")
            self._packets = iter(())
