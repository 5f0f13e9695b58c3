"""`impasto video`: what it writes, says, refuses, and goes on with."""

from pathlib import Path

import pytest

from impasto import images
from impasto.cli.video import split_passes
from impasto.images import Picture
from impasto.video.source import open_clip

pytest.importorskip("av", reason="needs PyAV (the extra video)")
pytest.importorskip("cv2", reason="needs OpenCV (the extra video)")

SWIRLS = ("--method", "johnson", "--network", "swirls", "--precision", "float32")


@pytest.fixture
def clip(tmp_path, picture):
    """Five frames of a pan, in a folder."""
    wide = picture(48, 120, 1)
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(5):
        images.save(Picture(wide[..., 3 * number : 3 * number + 64].contiguous()), folder / f"{number}.png")
    return folder


def test_a_folder_becomes_a_film_and_says_so(run, clip):
    outcome = run("video", clip, "-o", "out.mp4", *SWIRLS, "--json", "--fps", "12.5")
    assert outcome.status == 0, outcome.err
    found = outcome.json
    assert (found["frames"], found["size"], found["shots"]) == (5, {"width": 64, "height": 48}, [[0, 5]])
    assert found["duration"] == pytest.approx(0.4)
    assert set(found["parts"]) == {"read", "flow", "paint", "keep", "encode"}
    assert all(0 <= seconds <= found["seconds"] for seconds in found["parts"].values())
    assert "frame 5 of 5" in outcome.err
    assert "saved out.mp4, 5 frames" in outcome.err
    assert len(open_clip("out.mp4").info) == 5
    assert sorted(path.name for path in Path().iterdir()) == ["out.mp4"]


def test_a_dry_run_says_what_would_be_painted_and_paints_nothing(run, clip):
    outcome = run("video", clip, *SWIRLS, "--dry-run", "--every", "2")
    assert outcome.status == 0, outcome.err
    assert "64x48 px, 5 frames, 0.20 s" in outcome.out
    assert "64x48 px, 3 frames, 0.20 s, 15 a second" in outcome.out
    assert "johnson, 3 frames painted" in outcome.out
    assert list(Path().iterdir()) == []
    assert run("video", clip, *SWIRLS, "--dry-run", "--json").json["memory_bytes"] > 1e8


def test_slow_methods_say_how_many_frames_they_paint(run, clip, style):
    outcome = run(
        *("video", clip, "--style", style, "--method", "nnst", "--keyframe", "2", "--dry-run"),
        *("--size", "48", "--iterations", "2", "--precision", "float32", "--encoder", "petite"),
    )
    assert "nnst, 3 frames painted" in outcome.out, outcome.err


def test_a_preview_is_a_sheet_and_needs_no_output(run, clip):
    outcome = run("video", clip, *SWIRLS, "--preview", "2")
    assert outcome.status == 0, outcome.err
    assert "2 frames, each painted by itself" in outcome.err
    assert (clip.parent / "in-preview.jpg").exists()


def test_quiet_is_quiet(run, clip):
    outcome = run("video", clip, "-o", "out.gif", *SWIRLS, "--quiet")
    assert (outcome.status, outcome.err, outcome.out) == (0, "", "")


def test_passes_are_through_a_shot_where_the_method_optimizes(run, clip, style):
    options = ("--size", "48", "--iterations", "2", "--precision", "float32", "--encoder", "petite")
    outcome = run("video", clip, "--style", style, *options, "--passes", "2", "--dry-run")
    assert "gatys, 10 frames painted" in outcome.out, outcome.err
    settings = {"method": "wct", "passes": "2"}  # over one picture, which are the recipe's
    assert split_passes(None, None, settings) == (1, settings)


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ((*SWIRLS,), 2, "no output is named"),
        (("-o", "out.mp4"), 2, "no style given"),
        (("-o", "out.jpg", *SWIRLS), 3, "ends in no clip"),
        (("-o", "out.gif", "--crf", "20", *SWIRLS), 2, "is no film"),
        (("-o", "out.mp4", "--codec", "nothing", *SWIRLS), 2, "is not there"),
        (("-o", "out.webm", "--codec", "h264", *SWIRLS), 3, "cannot hold"),
        (("-o", "out.mp4", "--from", "2", *SWIRLS), 2, "nothing of it is after 2.0 s"),
        (("-o", "out.mp4", "--from", "2", "--to", "1", *SWIRLS), 2, "the end comes last"),
        (("-o", "out.mp4", "--fps", "fast", *SWIRLS), 2, "--fps fast"),
        (("-o", "out.mp4", "--fps", "0", *SWIRLS), 2, "more than 0"),
        (("-o", "out.mp4", "--fps", "90000", *SWIRLS), 2, "at most 1000"),
        (("-o", "out.mp4", "--passes", "0"), 2, "--passes 0"),
        (("-o", "out.mp4", "--size", "60000", *SWIRLS), 3, "16384"),
        (("-o", "out.mp4", "--init", "x.png", *SWIRLS), 2, "init"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(run, clip, arguments, status, words):
    outcome = run("video", clip, *arguments)
    assert outcome.status == status, outcome.err
    assert words in outcome.error
    assert list(Path().glob("*")) == []


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("gone.mp4", None, "does not exist"),
        ("empty.mp4", b"", "is empty"),
        ("text.mp4", b"hello " * 99, "cannot be read as a film"),
        ("page.mp4", b"<html>" + b" " * 99, "cannot be read as a film"),
    ],
)
def test_what_is_no_clip_is_refused_in_one_line(run, name, data, words):
    if data is not None:
        Path(name).write_bytes(data)
    outcome = run("video", name, "-o", "out.mp4", *SWIRLS)
    assert outcome.status == 3
    assert words in outcome.error


def test_a_still_picture_is_for_another_command(run, photo):
    outcome = run("video", photo, "-o", "out.mp4", *SWIRLS)
    assert outcome.status == 3
    assert "impasto paint" in outcome.error


def test_landmarks_of_one_side_are_refused_and_of_another_method_too(run, clip, style):
    Path("face.json").write_text("[[0.3, 0.4], [0.6, 0.4], [0.5, 0.7]]")
    draft = ("--size", "48", "--iterations", "2", "--encoder", "petite", "--precision", "float32", "--dry-run")
    outcome = run("video", clip, "--style", style, "--method", "portrait", "--landmarks", "face.json", *draft)
    assert outcome.status == 2
    assert "belong together" in outcome.error
    both = ("--landmarks", "face.json", "--style-landmarks", "face.json")
    assert run("video", clip, "--style", style, "--method", "portrait", *both, *draft).status == 0
    assert "belong to method portrait" in run("video", clip, "--style", style, *both, *draft).error


def test_what_is_there_is_kept_without_force(run, clip):
    Path("out.gif").write_bytes(b"old")
    assert "--force" in run("video", clip, "-o", "out.gif", *SWIRLS).error
    assert Path("out.gif").read_bytes() == b"old"
    assert run("video", clip, "-o", "out.gif", *SWIRLS, "--force").status == 0
    assert len(open_clip("out.gif").info) == 5
