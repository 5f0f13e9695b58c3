"""Small films for tests, written by PyAV itself, so that our reader is not tried on our writer alone."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from impasto.video.clip import Colors, Shown

av = pytest.importorskip("av", reason="needs PyAV (the extra video)")

PATCHES = ((200, 30, 60), (20, 180, 90), (40, 60, 210), (230, 220, 40))
"""Colours whose luma differs most between BT.601 and BT.709."""
CLOCK = Fraction(1, 90_000)


def patches(height: int, width: int, shift: int = 0) -> npt.NDArray[np.uint8]:
    """Four patches of plain colours (H, W, 3), moved right by `shift` pixels."""
    samples = np.empty((height, width, 3), np.uint8)
    for number, color in enumerate(PATCHES):
        rows = slice(0, height // 2) if number < 2 else slice(height // 2, height)
        columns = slice(0, width // 2) if number % 2 == 0 else slice(width // 2, width)
        samples[rows, columns] = color
    return np.roll(samples, shift, 1)


def write_film(
    path: Path,
    frames: Sequence[npt.NDArray[np.uint8]],
    ticks: Sequence[int],
    *,
    codec: str = "libx264",
    format: str = "yuv444p",
    colors: Colors = Colors(),
    rotation: int = 0,
    sound: bool = False,
    options: dict[str, str] | None = None,
) -> Path:
    """Write frames that are shown for `ticks` of 1/90000 s each; `sound`: with a tone of PCM or AAC."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options or {"crf": "1"})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = format
        context = stream.codec_context
        context.time_base = CLOCK
        context.colorspace, context.color_primaries, context.color_trc = (
            colors.matrix,
            colors.primaries,
            colors.transfer,
        )
        if colors.range_told:
            context.color_range = 2 if colors.full_range else 1
        if rotation:
            stream.set_display_rotation(rotation)
        audio = container.add_stream("aac", rate=8000, layout="mono") if sound else None
        spans, at = {}, 0
        for samples, length in zip(frames, ticks, strict=True):
            frame = av.VideoFrame.from_ndarray(samples, "rgb24").reformat(
                format=format,
                dst_colorspace={1: 1, 9: 9}.get(colors.matrix, 5),
                src_color_range=2,
                dst_color_range=2 if colors.full_range else 1,
            )
            frame.pts, frame.time_base = at, CLOCK
            spans[at] = length
            at += length
            for packet in stream.encode(frame):
                packet.duration = spans[packet.pts]
                container.mux(packet)
        for packet in stream.encode(None):
            packet.duration = spans[packet.pts]
            container.mux(packet)
        if audio is not None:
            count = int(at * CLOCK * 8000)
            tone = (8000 * np.sin(np.arange(count) / 5)).astype(np.int16)[None]
            frame = av.AudioFrame.from_ndarray(tone, "s16", "mono")
            frame.sample_rate = 8000
            for packet in [*audio.encode(frame), *audio.encode(None)]:
                container.mux(packet)
    return path


def evenly(count: int, rate: int = 25) -> tuple[Shown, ...]:
    """Return when frames are shown at an even rate."""
    return tuple(Shown(Fraction(number, rate), Fraction(1, rate)) for number in range(count))


def packets_of(path: Path, kind: str) -> list[bytes]:
    """Return the bytes of each packet of the first stream of a kind."""
    with av.open(str(path)) as container:
        stream = getattr(container.streams, kind)[0]
        return [bytes(packet) for packet in container.demux(stream) if packet.size]
