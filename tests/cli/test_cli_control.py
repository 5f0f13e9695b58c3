"""Masks, colours and mixing on the command line; textures, blends and figures."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.GifImagePlugin import GifImageFile

from impasto import metadata
from tests.cli.cli_helpers import SMALL, draw, look, pixels
from tests.type_helpers import present

RED, BLUE = (255, 0, 0), (0, 0, 255)
BLACK = ((0, 0, 0), (0, 0, 0))


def mask(path, size=(40, 52), share=0.5, colors=(RED, BLUE)):
    """Two halves, left and right."""
    picture = np.zeros((*size, 3), dtype=np.uint8)
    cut = round(share * size[1])
    picture[:, :cut], picture[:, cut:] = colors
    Image.fromarray(picture).save(path)
    return path


def gray(path, size=(40, 52), share=0.5):
    return mask(path, size, share, ((255, 255, 255), (0, 0, 0)))


@pytest.fixture
def masks():
    return ("--content-mask", mask("content_mask.png"), "--style-mask", mask("style_mask.png", share=0.3))


def test_regions_are_named_and_kept(paint, photo, masks):
    outcome = paint("-o", "out.png", *masks, "--keep", "red", "--iterations", "10")
    assert outcome.status == 0
    assert "content_mask.png: 2 regions: blue 50%, red 50%" in outcome.err
    away = np.abs(pixels("out.png") - pixels(photo, (48, 37)))
    assert away[:, :22].max() <= 3
    assert away[:, 26:].max() > 12
    found = present(metadata.read("out.png"))
    assert found["recipe"]["keep"] == ["red"]
    assert [item["role"] for item in found["inputs"]] == ["content", "style", "content mask", "style mask"]


def test_painting_again_with_masks_is_bit_identical_and_other_masks_are_noticed(run, paint, photo, style, masks):
    assert paint("-o", "first.png", *masks, "--region-weights", "red=2", "--guides", "mean").status == 0
    again = run("paint", photo, "--style", style, *masks, "--recipe", "first.png", "-o", "again.png")
    assert again.status == 0
    assert "the recipe was used with" not in again.err
    assert Path("again.png").read_bytes() == Path("first.png").read_bytes()
    other = ("--content-mask", mask("other.png", share=0.7), *masks[2:])
    changed = run("paint", photo, "--style", style, *other, "--recipe", "first.png", "-o", "third.png")
    assert changed.status == 0
    assert "the recipe was used with another content mask" in changed.err


def test_grey_masks_name_their_regions(paint):
    layers = ("--region", f"sky={gray('a.png')}:{gray('b.png', share=0.4)}")
    outcome = paint("-o", "out.png", *layers, "--region-weights", "sky=2,rest=0.5", "--json")
    assert outcome.status == 0
    assert outcome.json["recipe"]["region_weights"] == {"sky": 2.0, "rest": 0.5}


def test_a_mask_of_another_size_is_resized_with_a_notice(paint):
    options = ("--content-mask", mask("m.png", size=(80, 104)), "--style-mask", mask("s.png"))
    outcome = paint("-o", "out.png", *options)
    assert outcome.status == 0
    assert "content mask: is 104 x 80 and is resized to its picture's 52 x 40" in outcome.err


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (lambda: ("--style-mask", mask("s.png")), 2, "--content-mask"),
        (lambda: ("--content-mask", "gone.png", "--style-mask", mask("s.png")), 3, "gone.png"),
        (
            lambda: ("--content-mask", mask("m.png"), "--style-mask", mask("s.png", colors=(RED, (0, 255, 0)))),
            3,
            "region blue",
        ),
        (lambda: ("--content-mask", mask("m.png", colors=BLACK), "--style-mask", mask("s.png")), 3, "m.png"),
        (lambda: ("--region", f"sky={mask('m.png', colors=BLACK)}"), 3, "sky"),
        (lambda: ("--keep", "sky"), 2, "there are no masks"),
        (lambda: ("--region-weights", "sky=much"), 2, "--region-weights"),
        (lambda: ("--region-weights", "the/sky=1"), 2, "--region-weights"),
        (lambda: ("--statistics", "grams"), 2, "did you mean 'gram'"),
        (lambda: ("--layer-style-weights", "relu9_1=1"), 2, "unknown layer 'relu9_1'"),
        (lambda: ("--color", "colour"), 2, "--color"),
        (lambda: ("--color-strength", "1.5"), 2, "--color-strength"),
    ],
)
def test_what_does_not_fit_is_one_line(paint, options, status, message):
    outcome = paint("-o", "out.png", *options())
    assert outcome.status == status
    assert message in outcome.error
    assert not Path("out.png").exists()


def test_a_mask_is_an_input_that_no_output_replaces(paint, masks):
    outcome = paint("-o", "content_mask.png", *masks)
    assert outcome.status == 3
    assert look("content_mask.png")[1] == (52, 40)


@pytest.mark.usefixtures("photo")
def test_colour_modes(paint):
    plain = paint("-o", "plain.png", "--iterations", "8")
    assert plain.status == 0
    for mode in ("content", "luminance", "match"):
        options = ("--color", mode, "--iterations", "8", "--preview", "p.png", "--force")
        assert paint("-o", f"{mode}.png", *options).status == 0
        assert np.abs(pixels(f"{mode}.png") - pixels("plain.png")).mean() > 1
        if mode != "match":
            # A preview has the colours of the result.
            assert np.abs(pixels("p.png") - pixels(f"{mode}.png")).max() <= 1


def test_texture(run, style):
    options = (*SMALL, "--aspect", "2", "--tileable")
    outcome = run("texture", style, *options, "--size", "64", "-o", "out.png", "--json")
    assert outcome.status == 0
    assert outcome.json["size"] == {"width": 64, "height": 32}
    assert "content" not in outcome.json["losses"]["end"]
    again = run("texture", style, "--recipe", "out.png", "-o", "again.png")
    assert again.status == 0
    assert Path("again.png").read_bytes() == Path("out.png").read_bytes()


def test_mix_keeps_the_forms_of_the_first(run, photo, style):
    outcome = run("mix", photo, style, *SMALL, "-o", "mixed.png", "--json")
    assert outcome.status == 0
    assert outcome.json["recipe"]["statistics"] == {"covariance": 1.0}
    assert outcome.json["size"] == {"width": 48, "height": 37}


def test_blend_leads_from_one_style_to_the_other(run, photo, style):
    second = draw("second.png", 3)
    options = ("--style", style, "--style", second, *SMALL, "--iterations", "6")
    outputs = ("-o", "frames", "--strip", "strip.png", "--animation", "way.gif")
    assert run("blend", photo, *options, "--frames", "3", *outputs, "--independent").status == 0
    names = [f"frames/frame-00{number}.png" for number in (1, 2, 3)]
    assert [present(metadata.read(name))["recipe"]["style_weights"] for name in names] == [[1, 0], [0.5, 0.5], [0, 1]]
    alone = run("paint", photo, "--style", second, *SMALL, "--iterations", "6", "-o", "alone.png")
    assert alone.status == 0
    assert np.abs(pixels(names[2]) - pixels("alone.png")).max() <= 1
    with Image.open("way.gif") as animation:
        assert isinstance(animation, GifImageFile)
        assert animation.n_frames == 4
        assert animation.size == (48, 37)
    assert look("strip.png")[1][0] > 3 * 48
    # Nothing is painted over by accident.
    again = run("blend", photo, *options, "--frames", "3", *outputs)
    assert again.status == 3
    assert "frame-001.png: exists already" in again.error


def test_frames_of_a_coherent_blend_start_from_the_one_before(run, photo, style):
    options = ("--style", style, "--style", draw("second.png", 3), *SMALL, "--iterations", "10", "--frames", "3")
    assert run("blend", photo, *options, "-o", "frames").status == 0
    recipe = present(metadata.read("frames/frame-002.png"))["recipe"]
    assert (recipe["init"], recipe["levels"], recipe["iterations"]) == ("file", 1, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--strip", "s.png", "--style", "style.png"), "two styles"),
        (("--style", "style.png", "--style", "style.png"), "no output is named"),
        (("--animation", "a.mp4", "--style", "style.png", "--style", "style.png"), "a.mp4: an animation's name ends"),
        (
            ("--strip", "s.png", "--style", "style.png", "--style", "style.png", "--style-weights", "1,1"),
            "sets the share of each style itself",
        ),
    ],
)
@pytest.mark.usefixtures("style")
def test_blends_that_cannot_be_are_refused(run, photo, options, message):
    outcome = run("blend", photo, *options, *SMALL)
    assert outcome.status in (2, 3)
    assert message in outcome.error


@pytest.fixture
def pictures():
    """What `impasto figures cs229` reads."""
    for number in (1, 2, 3, 4):
        folder = Path("pictures", f"figure{number}")
        folder.mkdir(parents=True)
        draw(folder / "content.png", number)
        for name in ("style1", "style2") if number == 2 else ("style",):
            draw(folder / f"{name}.png", number + len(name))
        if number > 2:
            mask(folder / "content_mask.png")
            mask(folder / "style_mask.png", share=0.3)
    three = np.asarray(Image.open("pictures/figure4/content_mask.png")).copy()
    three[:15, :20] = (250, 0, 0)
    three[25:, 30:] = (0, 255, 0)
    for name in ("content_mask", "style_mask"):
        Image.fromarray(three).save(f"pictures/figure4/{name}.png")
    return "pictures"


def test_figures_of_the_report(run, pictures):
    settings = SMALL
    plan = run("figures", "cs229", "--pictures", pictures, "-o", "out", *settings, "--dry-run")
    assert plan.status == 0
    assert len(plan.out.splitlines()) == 4 + 2 + 4 + 6
    assert not Path("out").exists()
    assert run("figures", "cs229", "--pictures", pictures, "-o", "out", *settings).status == 0
    assert len(list(Path("out").glob("figure*/*.png"))) == 16
    assert all(Path("out", f"figure{number}", "sheet.jpg").exists() for number in (1, 2, 3, 4))
    recipes = [present(metadata.read(str(path)))["recipe"] for path in sorted(Path("out/figure1").glob("*.png"))]
    assert sorted(recipe["content_weight"] for recipe in recipes) == [1e-8, 1e-4, 1e-3, 1e-2]
    assert {recipe["normalization"] for recipe in recipes} == {"gatys"}
    before = {path: path.stat().st_mtime_ns for path in Path("out").glob("figure*/*.png")}
    again = run("figures", "cs229", "--pictures", pictures, "-o", "out", *settings)
    assert again.status == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_figures_need_pictures_and_a_known_paper(run, pictures):
    unknown = run("figures", "cs230", "--pictures", pictures, "-o", "out")
    assert unknown.status == 2
    assert "did you mean 'cs229'" in unknown.error
    Path("empty").mkdir()
    assert run("figures", "cs229", "--pictures", "empty", "-o", "out").status == 3
    Path("pictures/figure1/content.png").unlink()
    missing = run("figures", "cs229", "--pictures", pictures, "-o", "out")
    assert missing.status == 2
    assert "needs one picture called content, and has 0" in missing.error
    assert "impasto datasets fetch nprgeneral" in missing.error


def test_figures_without_a_content_paint_the_report_s_photograph(run, pictures):
    for number in (1, 2):
        Path(f"pictures/figure{number}/content.png").unlink()
    Path("set").mkdir()
    for seed, name in enumerate(("berries", "mountains", "cat")):
        draw(Path("set", f"{name}1024.jpg"), 20 + seed)
    named = ("--pictures", pictures, "--content", "set", "-o", "out", *SMALL)
    assert run("figures", "cs229", *named).status == 0
    for number, name in ((1, "mountains"), (2, "berries")):
        digest = hashlib.sha256(Path("set", f"{name}1024.jpg").read_bytes()).hexdigest()
        for path in Path(f"out/figure{number}").glob("*.png"):
            inputs = {item["role"]: item["sha256"] for item in present(metadata.read(path))["inputs"]}
            assert inputs["content"] == digest


@pytest.mark.usefixtures("pictures")
def test_the_table_of_the_review_has_a_row_for_each_photograph(run):
    Path("set").mkdir()
    for seed, name in enumerate(("cat", "arch", "berries")):
        draw(Path("set", f"{name}1024.jpg"), 20 + seed)
    named = ("--pictures", "pictures/figure2", "--content", "set", "-o", "table", *SMALL)
    plan = run("figures", "nprgeneral", *named, "--dry-run")
    assert len(plan.out.splitlines()) == 9
    assert run("figures", "nprgeneral", *named).status == 0
    names = {path.name for path in Path("table").glob("*.png")}
    assert len(names) == 9
    assert "style=style1_content=berries1024.png" in names
    assert Path("table/sheet.jpg").exists()


def test_json_of_masks_is_still_one_line(paint, masks):
    outcome = paint("-o", "out.png", *masks, "--json", "--quiet")
    assert json.loads(outcome.raw)["recipe"]["guides"]
    assert outcome.err == ""
