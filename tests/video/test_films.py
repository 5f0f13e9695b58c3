"""Films in and out: colours, sizes, times, rotation, sound, and files that are damaged."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from impasto.errors import ImageError, InputError, OutputError, ResourceError, UsageError
from impasto.images import Picture
from impasto.video.clip import Colors, Shown
from impasto.video.film import Film
from impasto.video.film_writer import FilmFormat, Sound, check_film, write_film
from impasto.video.source import open_clip
from tests.forked import Forked
from tests.video import video_helpers as films
from tests.video.video_helpers import PATCHES, evenly, packets_of, patches

av = films.av

TAGS = {
    "bt601 limited": Colors(6, 6, 6, False, True),
    "bt601 full": Colors(5, 5, 6, True, True),
    "bt709 limited": Colors(1, 1, 1, False, True),
    "bt709 full": Colors(1, 1, 1, True, True),
}


def corners(picture: Picture) -> torch.Tensor:
    """The colours (4, 3) in 255ths in the middle of the four patches."""
    height, width = picture.size
    places = [(y, x) for y in (height // 4, 3 * height // 4) for x in (width // 4, 3 * width // 4)]
    return torch.stack([255 * picture.pixels[0, :, y, x] for y, x in places])


def moving(count: int, height: int = 32, width: int = 48) -> list[np.ndarray]:
    return [patches(height, width, 2 * number) for number in range(count)]


@pytest.mark.parametrize("name", TAGS)
@pytest.mark.parametrize("format", ["yuv420p", "yuv420p10le"])
def test_colors_are_read_as_they_were_filmed(tmp_path: Path, name: str, format: str) -> None:
    codec = "libx264"
    path = films.write_film(
        tmp_path / "in.mp4", [patches(32, 48)], [3600], codec=codec, format=format, colors=TAGS[name]
    )
    film = Film(path)
    (picture,) = film.frames()
    assert corners(picture).sub(torch.tensor(PATCHES)).abs().max() < 3
    assert film.info.colors == TAGS[name]
    assert film.info.bits == (10 if "10" in format else 8)


def test_ten_bits_are_more_than_eight(tmp_path: Path) -> None:
    # A ramp of one level of 1023 a column: read with 8 bits it would have a quarter as many values.
    luma = np.repeat(np.arange(256, dtype=np.uint16)[None], 16, 0) + 300
    planes = np.concatenate([luma.reshape(-1), np.full(2 * 8 * 128, 512, np.uint16)])
    frame = av.VideoFrame(256, 16, "yuv420p10le")
    for plane, samples in zip(frame.planes, (planes[: 16 * 256], planes[-2048:-1024], planes[-1024:]), strict=True):
        plane.update(
            np.pad(samples.reshape(-1, plane.width), ((0, 0), (0, plane.line_size // 2 - plane.width))).tobytes()
        )
    with av.open(str(tmp_path / "deep.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 256, 16, "yuv420p10le"
        frame.pts = 0
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    (picture,) = Film(tmp_path / "deep.mkv").frames()
    assert len(picture.pixels[0, 1, 8].unique()) > 200


@pytest.mark.parametrize("name", TAGS)
@pytest.mark.parametrize("bits", [8, 10])
def test_what_is_written_has_the_sources_tags_and_colors(tmp_path: Path, name: str, bits: int) -> None:
    picture = Picture(torch.from_numpy(patches(32, 48)).permute(2, 0, 1)[None].float() / 255)
    format = FilmFormat((32, 48), crf=1, bits=bits, colors=TAGS[name])
    write_film(tmp_path / "out.mp4", [picture] * 3, evenly(3), format)
    film = Film(tmp_path / "out.mp4")
    assert film.info.colors == TAGS[name]
    assert film.info.bits == bits
    for written in film.frames():
        assert corners(written).sub(torch.tensor(PATCHES)).abs().max() < 3


def test_what_says_nothing_of_its_colors_is_written_so(tmp_path: Path) -> None:
    picture = Picture(torch.full((1, 3, 32, 48), 0.5))
    write_film(tmp_path / "out.mkv", [picture], evenly(1), FilmFormat((32, 48)))
    assert Film(tmp_path / "out.mkv").info.colors.matrix == 2


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm", ".avi"])
def test_frames_come_back_in_each_container(tmp_path: Path, suffix: str) -> None:
    pictures = [Picture(torch.from_numpy(frame).permute(2, 0, 1)[None].float() / 255) for frame in moving(6)]
    write_film(tmp_path / f"out{suffix}", pictures, evenly(6), FilmFormat((32, 48)))
    film = Film(tmp_path / f"out{suffix}")
    assert len(film.info) == 6
    assert film.info.size == (32, 48)
    assert float(film.info.duration) == pytest.approx(6 / 25, abs=0.002)
    for before, after in zip(pictures, film.frames(), strict=True):
        assert float((before.pixels - after.pixels).abs().mean()) < 0.04


def test_variable_times_and_the_last_frames_length_stay(tmp_path: Path) -> None:
    ticks = [3600, 9000, 1800, 18_000, 2700]
    film = Film(films.write_film(tmp_path / "in.mp4", moving(5), ticks))
    spans = [int(at.duration * 90_000) for at in film.info.shown]
    assert spans == ticks
    format = FilmFormat(film.info.size, time_base=film.info.time_base, rate=film.info.rate)
    write_film(tmp_path / "out.mp4", film.frames(), film.info.shown, format)
    assert Film(tmp_path / "out.mp4").info.shown == film.info.shown


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("last", [1800, 9000, 27_000])
def test_the_last_frame_has_its_length_whatever_is_decoded_last(tmp_path: Path, suffix: str, last: int) -> None:
    """Frames that are alike become B-frames, the last among them: what is decoded last is then shown before it."""
    ticks = [3600, 7200, 3600, 1800, last]
    ends = [sum(ticks[: number + 1]) for number in range(5)]
    shown = [Shown(Fraction(end - span, 90_000), Fraction(span, 90_000)) for end, span in zip(ends, ticks, strict=True)]
    random = torch.Generator().manual_seed(1)
    wide = F.interpolate(torch.rand(1, 3, 6, 12, generator=random), (48, 96), mode="bicubic").clamp(0, 1)
    pan = [Picture(wide[..., 3 * number : 3 * number + 64].contiguous()) for number in range(5)]
    write_film(tmp_path / f"out{suffix}", pan, shown, FilmFormat((48, 64), time_base=films.CLOCK))
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        order = [packet.pts for packet in container.demux(video=0) if packet.size]
    assert order[-1] < max(order)
    written = Film(tmp_path / f"out{suffix}").info.shown
    assert [float(at.duration) for at in written] == pytest.approx([span / 90_000 for span in ticks], abs=0.0011)


def test_the_rate_of_american_television_stays(tmp_path: Path) -> None:
    shown = tuple(Shown(Fraction(1001 * number, 30_000), Fraction(1001, 30_000)) for number in range(8))
    write_film(tmp_path / "out.mp4", [Picture(torch.zeros(1, 3, 32, 32))] * 8, shown, FilmFormat((32, 32)))
    assert Film(tmp_path / "out.mp4").info.shown == shown


@pytest.mark.parametrize(("rotation", "turns"), [(90, 1), (-90, -1), (180, 2)])
def test_films_that_lie_on_their_side_stand_up(tmp_path: Path, rotation: int, turns: int) -> None:
    # A positive rotation is counter-clockwise, as a player turns it before it shows it.
    path = films.write_film(tmp_path / "in.mp4", [patches(32, 48)], [3600], rotation=rotation)
    (picture,) = Film(path).frames()
    upright = torch.from_numpy(np.rot90(patches(32, 48), turns).copy()).permute(2, 0, 1).float() / 255
    assert picture.size == upright.shape[1:]
    assert float((picture.pixels[0] - upright).abs().mean()) < 0.03
    assert Film(path).info.size == picture.size


@pytest.mark.parametrize("size", [(33, 47), (32, 47), (33, 48)])
def test_odd_sides_stay(tmp_path: Path, size: tuple[int, int]) -> None:
    write_film(tmp_path / "out.mp4", [Picture(torch.rand(1, 3, *size))] * 2, evenly(2), FilmFormat(size))
    assert Film(tmp_path / "out.mp4").info.size == size


def test_sound_is_copied_packet_by_packet(tmp_path: Path) -> None:
    source = films.write_film(tmp_path / "in.mp4", moving(12), [3600] * 12, sound=True)
    film = Film(source)
    assert film.info.sound
    sound = Sound(source, Fraction(0), film.info.duration)
    write_film(tmp_path / "out.mkv", film.frames(), film.info.shown, FilmFormat(film.info.size), sound)
    assert Film(tmp_path / "out.mkv").info.sound
    copied, original = packets_of(tmp_path / "out.mkv", "audio"), packets_of(source, "audio")
    assert copied
    assert set(copied) <= set(original)
    assert len(copied) >= len(original) - 2


def test_the_sound_of_a_part_is_that_part(tmp_path: Path) -> None:
    source = films.write_film(tmp_path / "in.mp4", moving(50), [3600] * 50, sound=True)
    film, length = Film(source), Fraction(1, 2)
    frames = list(film.frames(25, 38))
    sound = Sound(source, Fraction(1), length)
    write_film(tmp_path / "out.mp4", frames, evenly(13), FilmFormat(film.info.size), sound)
    with av.open(str(tmp_path / "out.mp4")) as container:
        times = [packet.pts * packet.time_base for packet in container.demux(audio=0) if packet.size]
    assert 0 <= times[0] < 0.2
    assert times[-1] < 0.5
    assert all(one < other for one, other in pairwise(times))


def test_frames_of_the_middle_are_those_of_the_whole(tmp_path: Path) -> None:
    film = Film(films.write_film(tmp_path / "in.mp4", moving(9), [3600] * 9, format="yuv420p"))
    whole = list(film.frames())
    part = list(film.frames(4, 7))
    assert len(part) == 3
    assert all(torch.equal(one.pixels, other.pixels) for one, other in zip(part, whole[4:7], strict=True))


def test_damage_in_the_middle_leaves_the_rest(tmp_path: Path) -> None:
    options = {"coder": "1"}
    path = films.write_film(
        tmp_path / "in.mkv", moving(20), [3600] * 20, codec="ffv1", format="yuv420p", options=options
    )
    data = bytearray(path.read_bytes())
    packets = packets_of(path, "video")
    at = data.index(packets[9][:64])
    data[at : at + len(packets[9])] = bytes(len(packets[9]))
    path.write_bytes(data)
    film = Film(path)
    assert 17 <= len(film.info) <= 20
    assert len(list(film.frames())) == len(film.info)
    assert all(one.end == other.start for one, other in pairwise(film.info.shown))
    assert float(film.info.duration) == pytest.approx(0.8, abs=0.05)


def test_a_film_that_was_cut_off_is_used_as_far_as_it_goes(tmp_path: Path) -> None:
    path = films.write_film(
        tmp_path / "in.mkv", moving(20), [3600] * 20, codec="ffv1", format="yuv420p", options={"g": "1"}
    )
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    assert 5 <= len(Film(path).info) < 20


def test_one_frame_is_a_film(tmp_path: Path) -> None:
    film = Film(films.write_film(tmp_path / "in.mp4", moving(1), [3600]))
    assert len(film.info) == 1
    assert film.info.duration == Fraction(1, 25)


def test_sound_alone_is_refused(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "in.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4000), np.int16), "s16", "mono")
        frame.sample_rate = 8000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    with pytest.raises(InputError, match=r"in.mp4: has sound alone"):
        _ = Film(tmp_path / "in.mp4").info


def test_a_film_without_frames_is_refused(tmp_path: Path) -> None:
    path = films.write_film(
        tmp_path / "in.mkv", moving(3), [3600] * 3, codec="ffv1", format="yuv420p", options={"g": "1"}
    )
    data = path.read_bytes()
    path.write_bytes(data[: data.index(packets_of(path, "video")[0][:32])])
    with pytest.raises(InputError, match=r"in.mkv: (has no frame|cannot be read)"):
        _ = Film(path).info


@pytest.mark.parametrize(
    "data", [b"", b"hello " * 50, b"\0\0\0\x18ftypisom" + bytes(200), b"\x1aE\xdf\xa3" + bytes(99)]
)
def test_what_is_no_film_is_refused_in_one_line(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "in.mp4"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"in\.mp4: ") as refusal:
        _ = open_clip(path).info
    assert "\n" not in str(refusal.value)


def test_a_film_of_more_pixels_than_allowed_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = films.write_film(tmp_path / "in.mp4", moving(2), [3600] * 2)
    with pytest.raises(ImageError, match=r"48x32 px.*--max-pixels"):
        _ = Film(path, max_pixels=1000).info


def test_a_container_that_cannot_hold_the_codec_is_told_before(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"out.webm.*\.mkv"):
        check_film(tmp_path / "out.webm", FilmFormat((32, 48), codec="h264"), None)
    assert list(tmp_path.iterdir()) == []


def test_sound_that_the_container_cannot_hold_is_told_before(tmp_path: Path) -> None:
    source = films.write_film(tmp_path / "in.mp4", moving(2), [3600] * 2, sound=True)
    with pytest.raises(OutputError, match=r"out.webm.*no-audio"):
        check_film(tmp_path / "out.webm", FilmFormat((32, 48)), Sound(source, Fraction(0), Fraction(1)))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"codec": "h2645"}, "is not there"),
        ({"crf": 99}, "from 0 to 51"),
        ({"codec": "ffv1", "crf": 3}, "no rate factor"),
    ],
)
def test_codecs_and_factors_that_there_are_not(tmp_path: Path, values: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        check_film(tmp_path / "out.mkv", FilmFormat((32, 48), **values), None)


def test_a_film_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "out.mp4").write_bytes(b"old")
    with pytest.raises(OutputError, match="--force"):
        write_film(tmp_path / "out.mp4", [Picture(torch.zeros(1, 3, 32, 32))], evenly(1), FilmFormat((32, 32)))
    assert (tmp_path / "out.mp4").read_bytes() == b"old"


def test_a_full_disk_leaves_the_old_film_and_nothing_else(tmp_path: Path) -> None:
    import resource

    out = tmp_path / "out.mp4"
    out.write_bytes(b"old")

    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        pictures = [Picture(torch.rand(1, 3, 128, 128)) for _ in range(20)]
        try:
            write_film(out, pictures, evenly(20), FilmFormat((128, 128), crf=0), force=True)
        except OutputError as error:
            raise SystemExit(7 if "make room" in str(error) and "\n" not in str(error) else 8) from None

    assert Forked(fill, env={"PYTHONDONTWRITEBYTECODE": "1"}).wait() == 7
    assert out.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_without_the_library_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    path = tmp_path / "in.mp4"
    path.write_bytes(b"\0\0\0\x18ftypisom" + bytes(200))
    with pytest.raises(ResourceError, match=r'pip install "impasto\[video\]"'):
        _ = open_clip(path).info


def test_libav_never_calls_python_from_its_threads(tmp_path: Path) -> None:
    """A thread that logs would wait for the interpreter, which waits for it where a decoder is closed."""
    Film(films.write_film(tmp_path / "in.mp4", moving(2), [3600] * 2)).info.shown[0]
    assert av.logging.get_level() is None
