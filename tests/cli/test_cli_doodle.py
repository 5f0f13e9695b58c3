"""`impasto doodle`, and `impasto paint --method doodle`."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.cli_helpers import SMALL, draw, look

RED, BLUE = (255, 0, 0), (0, 0, 255)


def mask(path, size, *colors):
    """A mask of (height, width): bands of colours side by side."""
    array = np.zeros((*size, 3), dtype=np.uint8)
    for number, color in enumerate(colors):
        array[:, size[1] * number // len(colors) :] = color
    Image.fromarray(array).save(path)
    return path


@pytest.fixture
def scene():
    """A doodle that lies, a painting that stands, and its mask."""
    mask("doodle.png", (24, 48), RED, BLUE)
    mask("photo-mask.png", (40, 52), RED, BLUE)
    mask("style-mask.png", (60, 44), BLUE, RED)
    mask("plain.png", (24, 48), RED)
    draw("style.png", 2, size=(60, 44))


STYLE = ("--style", "style.png", "--style-mask", "style-mask.png")


@pytest.mark.usefixtures("scene")
def test_a_doodle_is_painted_in_its_own_shape(run):
    done = run("doodle", "doodle.png", *STYLE, "-o", "out.png", *SMALL, "--json")
    assert done.status == 0, done.err
    assert look("out.png")[1] == (48, 24)
    report = done.json
    assert (report["method"], report["size"]) == ("doodle", {"height": 24, "width": 48})
    # The recipe is in the picture, and paints it again.
    again = run("doodle", "doodle.png", *STYLE, "--recipe", "out.png", "-o", "again.png")
    assert again.status == 0, again.err
    assert Path("again.png").read_bytes() == Path("out.png").read_bytes()


@pytest.mark.usefixtures("scene")
def test_other_methods_paint_doodles_too(run):
    for method in ("mrf", "gatys"):
        done = run("doodle", "doodle.png", *STYLE, "--method", method, "-o", f"{method}.png", *SMALL)
        assert done.status == 0, done.err
        assert look(f"{method}.png")[1] == (48, 24)


@pytest.mark.usefixtures("scene")
def test_a_plan_says_the_size_and_paints_nothing(run):
    done = run("doodle", "doodle.png", *STYLE, *SMALL, "--dry-run", "--json")
    assert done.status == 0, done.err
    plan = json.loads(done.out)
    assert plan["size"] == {"width": 48, "height": 24}
    assert plan["recipe"]["method"] == "doodle"
    assert "doodle has no masks" not in done.err


@pytest.mark.usefixtures("scene")
def test_it_goes_on_after_ctrl_c(run, stops):
    options = ("--size", "64", "--levels", "2", "--iterations", "6", "--encoder", "petite", "--precision", "float32")
    whole = run("doodle", "doodle.png", *STYLE, "-o", "whole.png", *options)
    assert whole.status == 0, whole.err
    stops(5)
    stopped = run("doodle", "doodle.png", *STYLE, "-o", "out.png", *options, "--checkpoint", "kept")
    assert stopped.status == 130
    stops(None)
    done = run("resume", "kept")
    assert done.status == 0, done.err
    assert "going on after step 5 of 6" in done.err
    assert Path("out.png").read_bytes() == Path("whole.png").read_bytes()


@pytest.mark.usefixtures("scene")
def test_a_photograph_with_masks(paint):
    done = paint(
        "--method", "doodle", "--semantic-weight", "100", "--content-mask", "photo-mask.png",
        "--style-mask", "style-mask.png", "-o", "out.png", styles=("style.png",),
    )  # fmt: skip
    assert done.status == 0, done.err
    plain = paint("--method", "doodle", "-o", "bare.png", styles=("style.png",))
    assert plain.status == 0, plain.err
    assert "doodle has no masks to go by" in plain.err
    assert Path("bare.png").read_bytes() != Path("out.png").read_bytes()


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("doodle.png", "--style", "style.png"), 2, "0 of --style-mask for 1 of --style"),
        (("doodle.png", "--style", "style.png", "--style-mask", "-"), 2, "no style has a mask that says"),
        (("doodle.png",), 2, "no style given"),
        (("plain.png", *STYLE), 3, "plain.png: is all red and names no regions"),
        (("doodle.png", "--style", "style.png", "--style-mask", "plain.png"), 3, "region blue"),
        (("gone.png", *STYLE), 3, "gone.png"),
        (("style.png", *STYLE), 3, "style.png"),
        (("doodle.png", *STYLE, "--keep", "red"), 2, "keep: a doodle has no photograph"),
        (("doodle.png", *STYLE, "--color", "content"), 2, "a doodle has none"),
        (("doodle.png", *STYLE, "--aspect", "2"), 2, "aspect: a doodle has the shape of its mask"),
        (("doodle.png", *STYLE, "--method", "adain"), 2, "adain paints photographs"),
        (("doodle.png", *STYLE, "--semantic-weight", "-1"), 2, "--semantic-weight: input should be greater"),
    ],
)
@pytest.mark.usefixtures("scene")
def test_refusals_are_one_line(run, words, status, says):
    done = run("doodle", *words, "-o", "out.png", "--size", "48")
    assert (done.status, says in done.error) == (status, True), done.err
    assert not Path("out.png").exists()


@pytest.mark.usefixtures("scene")
def test_a_mask_of_another_shape_than_its_photograph_is_told_of(paint):
    done = paint(
        "--method", "doodle", "--content-mask", "doodle.png", "--style-mask", "style-mask.png",
        "-o", "out.png", styles=("style.png",),
    )  # fmt: skip
    assert done.status == 0, done.err
    assert "content mask: is 48 x 24 and is stretched to its picture's" in done.err


@pytest.mark.usefixtures("scene")
def test_an_output_never_replaces_the_doodle(run):
    before = Path("doodle.png").read_bytes()
    refused = run("doodle", "doodle.png", *STYLE, "-o", "doodle.png", *SMALL)
    assert (refused.status, "doodle.png: is also an input" in refused.error) == (3, True)
    assert Path("doodle.png").read_bytes() == before
