"""Animations and folders in and out, and what decides which kind a clip is."""

from fractions import Fraction
from pathlib import Path

import pytest
import torch
from PIL import Image

from impasto import images
from impasto.errors import ImageError, InputError, OutputError, UsageError
from impasto.images import Picture
from impasto.video.clip import ClipInfo, Shown
from impasto.video.film import Film
from impasto.video.output import ClipFormat, preview_sheet
from impasto.video.source import open_clip
from tests.video import video_helpers as films
from tests.video.video_helpers import evenly, patches


def frame(number: int, height: int = 24, width: int = 32) -> Picture:
    samples = torch.from_numpy(patches(height, width, 4 * number)).permute(2, 0, 1)[None]
    return Picture(samples.float() / 255, name=f"frame {number}")


SPANS = [Fraction(1, 10), Fraction(3, 10), Fraction(1, 25), Fraction(1, 5)]


@pytest.mark.parametrize("suffix", [".gif", ".png", ".apng", ".webp"])
def test_animations_come_back_with_their_times(tmp_path: Path, suffix: str) -> None:
    pictures = [frame(number) for number in range(4)]
    images.save_frames(pictures, tmp_path / f"a{suffix}", SPANS)
    clip = open_clip(tmp_path / f"a{suffix}")
    read = list(clip.frames())
    assert [at.duration for at in clip.info.shown] == SPANS
    assert clip.info.loops
    assert clip.info.size == (24, 32)
    for before, after in zip(pictures, read, strict=True):
        assert float((before.pixels - after.pixels).abs().mean()) < 0.03


def test_an_animation_that_is_played_once_is_played_once(tmp_path: Path) -> None:
    images.save_frames([frame(0), frame(1)], tmp_path / "a.png", SPANS[:2], loops=False)
    assert not open_clip(tmp_path / "a.png").info.loops


def test_spans_that_a_gif_cannot_say_add_up_all_the_same(tmp_path: Path) -> None:
    spans = [Fraction(1, 24)] * 24
    images.save_frames([frame(number) for number in range(24)], tmp_path / "a.gif", spans)
    shown = open_clip(tmp_path / "a.gif").info.shown
    assert shown[-1].end == 1
    assert {at.duration for at in shown} == {Fraction(4, 100), Fraction(5, 100)}


def test_a_gif_whose_frames_hurry_is_shown_as_browsers_show_it(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), (90 * number, 0, 0)) for number in range(3)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=0, loop=0)
    assert [at.duration for at in open_clip(tmp_path / "a.gif").info.shown] == [Fraction(1, 10)] * 3


def test_frames_that_change_a_part_are_laid_over_those_before(tmp_path: Path) -> None:
    first = Image.new("RGBA", (16, 16), (255, 0, 0, 255))
    second = Image.new("RGBA", (16, 16), (0, 0, 0, 0))
    second.paste((0, 0, 255, 255), (8, 0, 16, 16))
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second], duration=100, loop=0, disposal=1)
    later = list(open_clip(tmp_path / "a.gif").frames())[1]
    assert later.pixels[0, :, 8, 2].tolist() == pytest.approx([1, 0, 0], abs=0.02)
    assert later.pixels[0, :, 8, 12].tolist() == pytest.approx([0, 0, 1], abs=0.02)


def test_transparency_is_kept_where_it_can_be(tmp_path: Path, notices: list[str]) -> None:
    alpha = torch.ones(1, 1, 24, 32)
    alpha[..., :16] = 0.5
    pictures = [Picture(frame(number).pixels, alpha) for number in range(2)]
    images.save_frames(pictures, tmp_path / "a.png", SPANS[:2])
    (read, _) = open_clip(tmp_path / "a.png").frames()
    assert read.alpha is not None
    assert float(read.alpha[0, 0, 5, 5]) == pytest.approx(0.5, abs=0.01)
    images.save_frames(pictures, tmp_path / "a.gif", SPANS[:2])
    assert any("laid on white" in line for line in notices)


def test_an_animation_that_is_cut_off_is_refused_where_it_is(tmp_path: Path) -> None:
    images.save_frames([frame(number) for number in range(6)], tmp_path / "a.webp", [Fraction(1, 10)] * 6)
    data = (tmp_path / "a.webp").read_bytes()
    (tmp_path / "a.webp").write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(ImageError, match=r"a.webp: "):
        list(open_clip(tmp_path / "a.webp").frames())


def test_folders_go_by_their_numbers(tmp_path: Path) -> None:
    for number in (1, 2, 10):
        images.save(Picture(torch.full((1, 3, 20, 20), number / 10)), tmp_path / f"f{number}.png")
    (tmp_path / "notes.txt").write_text("not a frame")
    clip = open_clip(tmp_path, rate=Fraction(10))
    assert [round(10 * float(picture.pixels.mean())) for picture in clip.frames()] == [1, 2, 10]
    assert clip.info.shown == evenly(3, 10)


def test_frames_of_one_clip_have_one_size(tmp_path: Path) -> None:
    images.save(Picture(torch.zeros(1, 3, 20, 20)), tmp_path / "1.png")
    images.save(Picture(torch.zeros(1, 3, 20, 22)), tmp_path / "2.png")
    with pytest.raises(ImageError, match=r"2.png: is 22x20 px and the first frame 20x20"):
        list(open_clip(tmp_path).frames())


def test_what_is_no_clip_is_refused_in_one_line(tmp_path: Path) -> None:
    images.save(frame(0), tmp_path / "still.png")
    (tmp_path / "empty").mkdir()
    for name, words in (("still.png", "does not move"), ("empty", "has no pictures"), ("gone.mp4", "does not exist")):
        with pytest.raises(InputError, match=words):
            open_clip(tmp_path / name)


def formatted(path: Path, count: int = 3, **values) -> ClipFormat:
    source = ClipInfo("in", (24, 32), evenly(count), time_base=films.CLOCK)
    return ClipFormat(path, (24, 32), evenly(count), source, **values)


@pytest.mark.parametrize(("name", "kind"), [("a.mp4", "film"), ("a.GIF", "animation"), ("frames", "folder")])
def test_the_name_says_what_is_written(tmp_path: Path, name: str, kind: str) -> None:
    format = formatted(tmp_path / name)
    format.check()
    format.write(frame(number) for number in range(3))
    assert format.kind == kind
    assert len(open_clip(tmp_path / name).info) == 3


def test_names_that_say_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"ends in no clip"):
        formatted(tmp_path / "a.jpg").check()


def test_settings_of_films_are_of_films(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no film"):
        formatted(tmp_path / "a.gif", crf=20).check()


def test_an_output_is_not_an_input(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"in")
    with pytest.raises(OutputError, match="also an input"):
        formatted(tmp_path / "a.mp4", force=True).check([tmp_path / "a.mp4"])


def test_frames_in_a_folder_keep_their_names(tmp_path: Path) -> None:
    paths = tuple(tmp_path / f"shot_{number}.jpg" for number in (7, 8, 9))
    source = ClipInfo("in", (24, 32), evenly(3), paths=paths)
    format = ClipFormat(tmp_path / "out", (24, 32), evenly(3), source)
    format.check()
    format.write(frame(number) for number in range(3))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["shot_7.png", "shot_8.png", "shot_9.png"]
    with pytest.raises(OutputError, match="--force"):
        format.check()


def test_a_gif_becomes_a_film_of_the_same_times(tmp_path: Path) -> None:
    images.save_frames([frame(number) for number in range(4)], tmp_path / "a.gif", SPANS)
    clip = open_clip(tmp_path / "a.gif")
    ClipFormat(tmp_path / "b.mp4", clip.info.size, clip.info.shown, clip.info).write(clip.frames())
    assert Film(tmp_path / "b.mp4").info.shown == clip.info.shown


def test_a_preview_is_a_sheet_of_frames() -> None:
    shown = [Shown(Fraction(number), Fraction(1)) for number in range(5)]
    sheet = preview_sheet([frame(number) for number in range(5)], shown, "clip")
    assert sheet.size[1] > 3 * 32
    assert sheet.size[0] > 2 * 24
