"""What is wrong with clips, from end to end: rates that cannot be, damage, odd and huge frames, a disk that is full."""

import resource
import signal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch

from impasto import images
from impasto.errors import InputError, OutputError, ResourceError
from impasto.images import Picture
from impasto.optim.resources import Resources
from impasto.recipe import Recipe
from impasto.scene.inputs import Inputs
from impasto.video import held
from impasto.video.api import begin_video, stylize_video
from impasto.video.film import Film
from impasto.video.run import VideoJob
from impasto.video.settings import Writing
from impasto.video.source import open_clip
from tests.forked import Forked
from tests.video import video_helpers as films
from tests.video.video_helpers import packets_of, patches

pytest.importorskip("cv2", reason="needs OpenCV (the extra video)")
av = films.av

FAST: dict[str, Any] = {"method": "johnson", "network": "swirls", "precision": "float32"}
CPU = torch.device("cpu")


def moving(count: int, height: int = 32, width: int = 48) -> list[Any]:
    return [patches(height, width, 2 * number) for number in range(count)]


def job(source: Path, output: Path, **values: Any) -> VideoJob:
    return begin_video(source, output, Inputs(None, []), Recipe.parse({**FAST, "size": "content"}), **values)


def test_a_film_without_time_stamps_is_played_evenly(tmp_path: Path) -> None:
    film = films.write_film(tmp_path / "in.mp4", moving(6), [3600] * 6, format="yuv420p", options={"bf": "0"})
    with av.open(str(film)) as container, (tmp_path / "raw.h264").open("wb") as raw:
        stream = container.streams.video[0]
        to_annex_b = av.BitStreamFilterContext("h264_mp4toannexb", stream)
        for packet in container.demux(stream):
            for filtered in to_annex_b.filter(packet):
                raw.write(bytes(filtered))
    stylize_video(tmp_path / "raw.h264", [], tmp_path / "out.mp4", **FAST)
    shown = Film(tmp_path / "out.mp4").info.shown
    assert len(shown) == 6
    assert {at.duration for at in shown} == {Fraction(1, 25)}


def test_rates_that_cannot_be_are_replaced_and_told(tmp_path: Path, notices: list[str]) -> None:
    source = tmp_path / "in.mp4"  # of 90,000 frames a second
    films.write_film(source, moving(5), [1] * 5, codec="mjpeg", format="yuvj420p", options={})
    stylize_video(source, [], tmp_path / "out.mp4", **FAST)
    assert any("has no time stamps that can be" in line and "--fps" in line for line in notices)
    assert float(Film(tmp_path / "out.mp4").info.duration) == pytest.approx(5 / 25, abs=0.01)


def test_a_file_of_words_alone_has_no_pictures(tmp_path: Path) -> None:
    (tmp_path / "in.srt").write_text("1\n00:00:00,000 --> 00:00:02,000\nHello\n\n")
    with pytest.raises(InputError, match=r"in.srt: has neither pictures nor sound") as refusal:
        job(tmp_path / "in.srt", tmp_path / "out.mp4")
    assert "\n" not in str(refusal.value)


def test_a_film_with_damage_in_its_middle_is_painted_to_its_end(tmp_path: Path, notices: list[str]) -> None:
    path = films.write_film(
        tmp_path / "in.mkv", moving(14), [3600] * 14, codec="ffv1", format="yuv420p", options={"coder": "1"}
    )
    data, packet = bytearray(path.read_bytes()), packets_of(path, "video")[6]
    at = data.index(packet[:64])
    data[at : at + len(packet)] = bytes(len(packet))
    path.write_bytes(data)
    stylize_video(path, [], tmp_path / "out.mp4", **FAST)
    info = Film(tmp_path / "out.mp4").info
    assert 11 <= len(info) <= 14
    assert float(info.duration) == pytest.approx(14 / 25, abs=0.05)
    assert len(info) == 14 or any("damaged" in line for line in notices)


@pytest.mark.parametrize("size", [(33, 47), (32, 47)])
def test_odd_sides_are_kept_and_told(tmp_path: Path, size: tuple[int, int], notices: list[str]) -> None:
    source = films.write_film(tmp_path / "in.mp4", moving(3, *size), [3600] * 3)
    stylize_video(source, [], tmp_path / "out.mp4", **FAST)
    assert Film(tmp_path / "out.mp4").info.size == size
    assert any("4:4:4" in line for line in notices)


def test_a_film_of_one_frame_is_painted(tmp_path: Path) -> None:
    source = films.write_film(tmp_path / "in.mp4", moving(1), [3600])
    stylize_video(source, [], tmp_path / "out.gif", **FAST)
    stylize_video(source, [], tmp_path / "out.mp4", **FAST)
    assert len(Film(tmp_path / "out.mp4").info) == 1


def test_a_disk_that_is_full_in_the_middle_keeps_what_was_painted(
    tmp_path: Path,
) -> None:
    (tmp_path / "in").mkdir()
    for number in range(16):
        images.save(Picture(torch.rand(1, 3, 64, 96)), tmp_path / "in" / f"{number:02}.png")
    most = 80_000  # bytes of a file: more than the state of a shot, and less than the film

    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            stylize_video(tmp_path / "in", [], tmp_path / "out.mkv", writing=Writing(codec="ffv1"), cuts=False, **FAST)
        except OutputError as error:
            raise SystemExit(7 if "make room" in str(error) and "\n" not in str(error) else 8) from None

    assert Forked(fill, env={"PYTHONDONTWRITEBYTECODE": "1"}).wait() == 7
    kept = tmp_path / "out.mkv.painting"
    count = len(list(kept.glob("0*.png")))
    assert count >= 3
    assert not (tmp_path / "out.mkv").exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    # With room, the same command goes on and ends.
    stylize_video(tmp_path / "in", [], tmp_path / "out.mkv", writing=Writing(codec="ffv1"), cuts=False, **FAST)
    assert len(Film(tmp_path / "out.mkv").info) == 16
    assert not kept.exists()


def test_frames_that_do_not_fit_are_refused_with_the_size_that_does() -> None:
    # Of 8K: 7 photographs are 2.6 GiB.
    eight_k = (4320, 7680)
    assert held.bytes_of_frames(eight_k, eight_k) == 12 * 19 * 4320 * 7680
    with pytest.raises(ResourceError, match=r"7680x4320 px.*--size \d+ would fit.*--memory") as refusal:
        held.beside_frames(Resources(CPU, memory=5 << 30), eight_k, eight_k)
    assert "\n" not in str(refusal.value)
    with pytest.raises(ResourceError, match="make the film smaller"):
        held.beside_frames(Resources(CPU, memory=1 << 30), eight_k, eight_k)


def test_the_size_that_is_named_fits() -> None:
    resources, source = Resources(CPU, memory=5 << 30), (4320, 7680)
    with pytest.raises(ResourceError) as refusal:
        held.beside_frames(resources, source, source)
    side = int(str(refusal.value).split("--size ")[1].split()[0])
    left = held.beside_frames(resources, source, (side * 9 // 16, side))
    assert left.memory is not None
    assert left.memory < 5 << 30


def test_what_frames_take_is_counted_and_small_ones_are_not() -> None:
    resources = Resources(CPU, memory=8 << 30)
    assert held.beside_frames(resources, (480, 640), (480, 640)) is resources
    left = held.beside_frames(resources, (2160, 3840), (1080, 1920))
    assert left.memory is not None
    assert (8 << 30) - left.memory == pytest.approx(held.bytes_of_frames((2160, 3840), (1080, 1920)), rel=0.05)


@pytest.mark.slow
def test_8k_is_planned_in_tiles_or_refused(tmp_path: Path, notices: list[str]) -> None:
    frame = patches(4320, 7680)
    source = films.write_film(tmp_path / "in.mkv", [frame, frame], [3600] * 2, codec="mjpeg", format="yuvj420p")
    planned = job(source, tmp_path / "out", resources=Resources(CPU, memory=12 << 30))
    assert planned.plan.size == (4320, 7680)
    assert 8 << 30 < planned.memory_bytes < 12 << 30
    assert any("painting in tiles" in line for line in notices)
    with pytest.raises(ResourceError, match=r"--size \d+ would fit"):
        job(source, tmp_path / "out", resources=Resources(CPU, memory=6 << 30))
    assert open_clip(source).info.size == (4320, 7680)
