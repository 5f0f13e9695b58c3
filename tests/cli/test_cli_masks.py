"""`impasto masks`, and what the mask options of every command mean."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from impasto import guides, images
from impasto.cli import mask_files
from impasto.errors import UsageError
from impasto.images import Picture
from impasto.masks import report
from tests.cli.cli_helpers import look, pixels


def scene(path, upper, lower, size=(96, 128), at=0.4):
    """Two stripe textures, one over the other."""
    y, x = np.mgrid[: size[0], : size[1]]
    waves = np.where((y < at * size[0])[..., None], np.sin(y / 1.3)[..., None], np.sin(x / 3)[..., None])
    colors = np.where((y < at * size[0])[..., None], upper, lower)
    Image.fromarray(np.clip(colors * (0.85 + 0.15 * waves), 0, 255).astype(np.uint8)).save(path)
    return path


def halves(path, upper, lower, size=(30, 40), at=0.5):
    """A hard colour mask."""
    y = np.mgrid[: size[0], : size[1]][0]
    Image.fromarray(np.where((y < at * size[0])[..., None], upper, lower).astype(np.uint8)).save(path)
    return path


@pytest.fixture
def pair():
    return (
        scene("photo.png", (120, 170, 250), (70, 190, 50)),
        scene("painting.png", (90, 90, 180), (190, 150, 70), (100, 90), 0.6),
    )


@pytest.fixture
def masks():
    return halves("cm.png", (255, 0, 0), (0, 0, 255)), halves("sm.png", (255, 0, 0), (0, 0, 255), (20, 50), 0.3)


def auto(run, pair, *arguments):
    return run("masks", "auto", pair[0], "--style", pair[1], "--regions", "2", "-o", "out", *arguments)


def check(run, pair, masks, *arguments):
    options = ("--content-mask", masks[0], "--style-mask", masks[1])
    return run("masks", "check", pair[0], "--style", pair[1], *options, *arguments)


def test_auto_writes_masks_that_read_back(run, pair):
    outcome = auto(run, pair)
    assert outcome.status == 0, outcome.err
    names = [str(Path("out") / name) for name in ("content_mask.png", "style_mask.png", "overlay.png")]
    assert outcome.out.splitlines() == names
    assert look(names[0]) == ("PNG", (128, 96), "RGB")
    assert look(names[1]) == ("PNG", (90, 100), "RGB")
    regions = guides.from_colors(images.load(names[0]), [images.load(names[1])])
    assert regions.names == ("red", "blue")
    below = regions.content[0]
    assert float(below[:30].mean()) < 0.1
    assert float(below[48:].mean()) > 0.9
    assert regions.styles[0] is not None
    assert float(guides.area_fractions(regions.styles[0]).min()) > 0.2


def test_auto_says_how_to_paint_with_them(run, pair):
    outcome = auto(run, pair)
    lines = [line for line in outcome.err.splitlines() if line.startswith("paint with them: ")]
    assert len(lines) == 1
    arguments = lines[0].removeprefix("paint with them: impasto ").split()
    assert arguments[0] == "paint"
    painted = run(*arguments, "--size", "32", "--iterations", "1", "--encoder", "petite", "--precision", "float32")
    assert painted.status == 0, painted.err
    assert look("out.png")[1] == (32, 24)


def test_auto_says_it_as_json(run, pair):
    outcome = auto(run, pair, "--json", "--quiet", "--no-overlay")
    document = outcome.json
    assert document["files"] == [str(Path("out") / "content_mask.png"), str(Path("out") / "style_mask.png")]
    assert [region["name"] for region in document["regions"]] == ["red", "blue"]
    assert sum(region["content"] for region in document["regions"]) == pytest.approx(1, abs=1e-3)
    assert "--content-mask" in document["command"]
    assert outcome.err == ""
    assert not Path("out/overlay.png").exists()


def test_auto_with_several_styles(run, pair):
    other = scene("other.png", (200, 200, 210), (30, 90, 60))
    outcome = auto(run, pair, "--style", other, "--quiet")
    assert outcome.status == 0, outcome.err
    assert Path("out/style_mask_2.png").is_file()
    assert look("out/style_mask_2.png")[1] == (128, 96)


def test_auto_is_deterministic(run, pair):
    auto(run, pair)
    before = [path.read_bytes() for path in sorted(Path("out").iterdir())]
    assert auto(run, pair, "--force").status == 0
    assert [path.read_bytes() for path in sorted(Path("out").iterdir())] == before


@pytest.mark.usefixtures("no_engine")
def test_auto_keeps_what_is_there(run, pair):
    Path("out").mkdir()
    Path("out/style_mask.png").write_bytes(b"mine")
    outcome = auto(run, pair)
    assert outcome.status == 3
    assert "style_mask.png: exists already; pass --force" in outcome.error
    assert Path("out/style_mask.png").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("--regions", "1"), 2, "--regions 1: give 2 to 12"),
        (("--regions", "13"), 2, "less than or equal to 12"),
        (("--encoder", "resnet"), 2, "unknown encoder 'resnet'"),
        (("--style", "missing.png"), 3, "missing.png"),
        (("-o", "photo.png"), 3, "photo.png: is not a folder"),
    ],
)
def test_auto_refuses(run, pair, arguments, status, message):
    outcome = run("masks", "auto", pair[0], "--style", pair[1], "-o", "out", *arguments)
    assert outcome.status == status
    assert message in outcome.error
    assert arguments[0] == "--encoder" or not Path("out").exists()


def test_auto_on_a_flat_picture(run, pair):
    Image.new("RGB", (60, 50), (90, 90, 90)).save("fog.png")
    outcome = run("masks", "auto", "fog.png", "--style", pair[1], "-o", "out")
    assert (outcome.status, outcome.error) == (
        3,
        "fog.png: is flat all over, so no regions can be found in it; draw masks",
    )


def test_check_shows_shares_and_an_overlay(run, pair, masks):
    outcome = check(run, pair, masks, "-o", "overlay.png")
    assert outcome.status == 0, outcome.err
    rows = [line.split() for line in outcome.out.splitlines()]
    assert rows[0] == ["region", "colour", "name", "content", "style"]
    assert sorted(rows[1:]) == [
        ["blue", "#0000ff", "blue", "50.0%", "70.0%"],
        ["red", "#ff0000", "red", "50.0%", "30.0%"],
    ]
    assert "saved overlay.png" in outcome.err
    size = look("overlay.png")[1]
    assert size == (960 + 16 + 648, 720)
    sheet = pixels("overlay.png")
    # Each region in the colour it is named after, half over the picture: in the content and in the style.
    upper, lower = (120, 170, 250), (90, 90, 180)
    for x, picture in ((400, upper), (1300, lower)):
        above = sheet[20:100, x - 50 : x + 50].mean((0, 1))
        assert above == pytest.approx([(picture[0] * 0.85 + 255) / 2, picture[1] * 0.425, picture[2] * 0.425], abs=12)
        below = sheet[600:700, x - 50 : x + 50].mean((0, 1))
        assert below[2] > below[0] + 30


def test_check_as_json(run, pair, masks):
    document = json.loads(check(run, pair, masks, "--json").out)
    shares = {region["name"]: (region["content"], region["styles"]) for region in document["regions"]}
    assert shares == {"red": (0.5, [0.3]), "blue": (0.5, [0.7])}
    assert document["warnings"] == []


def test_check_warns_of_narrow_and_uneven_regions(run, pair):
    narrow = halves("narrow.png", (255, 0, 0), (0, 0, 255), (90, 128), 0.1)
    wide = halves("wide.png", (255, 0, 0), (0, 0, 255), (90, 128), 0.95)
    outcome = check(run, pair, (narrow, wide), "--json", "--size", "128")
    vanishing, other, uneven = outcome.json["warnings"][0], outcome.json["warnings"][1], outcome.json["warnings"][2:]
    assert vanishing.startswith("region red of the content: is nowhere as wide as the ")
    # 9.6 rows: relu1_1 sees 3, relu2_1 10, relu3_1 24 pixels, and a border counts as what is inside it.
    assert "relu3_1, relu4_1, relu5_1 it is mixed" in vanishing
    assert other.startswith("region blue of painting.png: ")
    assert sorted(text.split(": ")[0] for text in uneven) == ["region blue", "region red"]
    assert all(f"impasto: note: {text}" in outcome.err for text in outcome.json["warnings"])


def test_what_is_too_narrow_depends_on_the_encoder(run, pair):
    # 80 rows at size 320, at the border: of relu5_1's first neurons, VGG-16's see 74 rows and VGG-19's 86.
    narrow = halves("narrow.png", (255, 0, 0), (0, 0, 255), (90, 128), 32 / 90)
    same = halves("same.png", (255, 0, 0), (0, 0, 255), (90, 128))
    for encoder, lost in (("vgg16", False), ("vgg19", True), ("petite", True), ("auto", True)):
        outcome = check(run, pair, (narrow, same), "--json", "--size", "320", "--encoder", encoder)
        assert any(text.startswith("region red of the content") for text in outcome.json["warnings"]) == lost, encoder
    refused = check(run, pair, (narrow, same), "--encoder", "vgg17")
    assert (refused.status, "did you mean 'vgg1" in refused.err) == (2, True)


def test_check_with_a_style_without_a_mask(run, pair, masks):
    outcome = check(run, pair, (masks[0], "-"))
    assert outcome.status == 0, outcome.err
    assert [line.split()[-1] for line in outcome.out.splitlines()] == ["style", "all", "all"]


def test_check_with_one_file_a_region(run, pair):
    halves("sky.png", (255,) * 3, (0,) * 3)
    halves("sky2.png", (255,) * 3, (0,) * 3, at=0.25)
    outcome = run("masks", "check", pair[0], "--style", pair[1], "--region", "sky=sky.png:sky2.png", "--json")
    shares = {region["name"]: (region["content"], region["styles"][0]) for region in outcome.json["regions"]}
    assert set(shares) == {"sky", "rest"}
    assert shares["sky"] == pytest.approx((0.5, 0.25), abs=0.03)


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ((), 2, "no masks are named"),
        (("--content-mask", "cm.png", "--style-mask", "absent.png"), 3, "absent.png"),
        (("--content-mask", "cm.png", "--style-mask", "other.png"), 3, "is in no style mask"),
        (("--content-mask", "cm.png", "--style-mask", "sm.png", "-o", "cm.png"), 3, "cm.png"),
        (("--content-mask", "cm.png", "--style-mask", "sm.png", "-o", "-"), 2, "cannot go to standard output"),
        (("--content-mask", "cm.png", "--style-mask", "sm.png", "-o", "x.gif"), 3, "x.gif"),
    ],
)
@pytest.mark.usefixtures("masks")
def test_check_refuses(run, pair, arguments, status, message):
    halves("other.png", (255, 0, 0), (255, 255, 0))
    before = Path("cm.png").read_bytes()
    outcome = run("masks", "check", pair[0], "--style", pair[1], *arguments)
    assert outcome.status == status
    assert message in outcome.error
    assert Path("cm.png").read_bytes() == before


def test_regions_are_shown_in_the_colours_they_are_named_after():
    shown = report.colors(["sky", "blue", "#a04020", "face", "black"])
    assert (shown[1], shown[2], shown[4]) == ((0, 0, 255), (160, 64, 32), (0, 0, 0))
    assert len(set(shown)) == 5
    assert len(report.colors([f"part-{number}" for number in range(40)])) == 40


# What the options mean.


def gray(level, size=(8, 8), name="grey"):
    return Picture(torch.full((1, 3, *size), level), name=name, sha256=name)


def read(content=None, styles=(), regions=(), count=0, number=1, pictures=None):
    pictures = pictures or {}
    return mask_files.read(
        content, list(styles), list(regions), styles=number, count=count, load=lambda name: pictures[name]
    )


def test_no_masks_are_none():
    assert read() is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"content": "c", "regions": ["sky=a:b"]}, "exclude each other"),
        ({"styles": ["s"], "regions": ["sky=a:b"]}, "exclude each other"),
        ({"styles": ["s"]}, "--style-mask without --content-mask"),
        ({"content": "c"}, "0 of --style-mask for 1 of --style"),
        ({"content": "c", "styles": ["a"], "number": 2}, "1 of --style-mask for 2 of --style: .* with - for"),
        ({"content": "c", "styles": ["a", "b"]}, "2 of --style-mask for 1 of --style"),
        ({"content": "-", "styles": ["a"]}, "cannot come from standard input"),
        ({"regions": ["sky"]}, "must be NAME=CONTENT"),
        ({"regions": ["=a:b"]}, "must be NAME=CONTENT"),
        ({"regions": ["sky="]}, "must be NAME=CONTENT"),
        ({"regions": ["sky=:b"]}, "must be NAME=CONTENT"),
        ({"regions": ["sky=a:b", "sky=c:d"]}, "--region sky is there twice"),
        ({"regions": ["sky=a:b:c"]}, "2 style masks for 1 of --style"),
        ({"regions": ["sky=a:b"], "number": 2}, "1 style masks for 2 of --style"),
        ({"regions": ["sky=a:-"]}, "--region sky: is in no style"),
    ],
)
def test_options_that_do_not_fit(options, message):
    with pytest.raises(UsageError, match=message):
        read(**options)


def test_a_bad_name_is_refused():
    with pytest.raises(UsageError, match="region name 'the sky'"):
        read(regions=["the sky=a:b"], pictures={"a": gray(1.0), "b": gray(1.0)})


def test_a_region_without_style_masks_takes_all_of_each_style():
    left, right = torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8)
    left[..., :4], right[..., 4:] = 1, 1
    pictures = {"l": Picture(left), "r": Picture(right), "s": Picture(left)}
    alone = read(regions=["a=l", "b=r"], pictures=pictures)
    assert alone.styles == (None,)
    mixed = read(regions=["a=l", "b=r:s"], pictures=pictures)
    assert mixed.names == ("a", "b")
    assert torch.equal(mixed.styles[0][0], torch.ones(8, 8))
    assert torch.equal(mixed.styles[0][1], left[0, 0])
    assert torch.equal(mixed.content[1], right[0, 0])


def test_a_style_that_lacks_a_region():
    left, right = torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8)
    left[..., :4], right[..., 4:] = 1, 1
    pictures = {"l": Picture(left), "r": Picture(right), "s": Picture(left), "t": Picture(right)}
    found = read(regions=["a=l:s:-", "b=r:t:s"], pictures=pictures, number=2)
    assert float(found.styles[0][0].mean()) == 0.5
    assert float(found.styles[1][0].sum()) == 0
    assert torch.equal(found.styles[1][1], left[0, 0])


def test_the_number_of_colours_is_not_for_regions(notices):
    read(regions=["sky=a:b"], count=3, pictures={"a": gray(1.0), "b": gray(1.0)})
    assert any("--region names each one" in line for line in notices)


@pytest.mark.parametrize(
    ("text", "windows", "parts"),
    [
        ("a.png:b.png", False, ["a.png", "b.png"]),
        ("a.png", False, ["a.png"]),
        ("a.png::c.png", False, ["a.png", "", "c.png"]),
        (r"C:\a.png:D:\b.png", True, [r"C:\a.png", r"D:\b.png"]),
        (r"C:\a.png:-:b.png", False, [r"C:\a.png", "-", "b.png"]),
        ("C:/a.png:D:/b.png", True, ["C:/a.png", "D:/b.png"]),
        ("c:/b.png", False, ["c", "/b.png"]),
        ("a:b", True, ["a", "b"]),
    ],
)
def test_file_names_are_told_apart(text, windows, parts):
    assert mask_files.split(text, windows) == parts


def test_files_that_the_options_name():
    assert mask_files.files("c", ["-", "s"], []) == ["c", "s"]
    assert mask_files.files(None, [], ["sky=a:b:-", "sea=d"]) == ["a", "b", "d"]
    assert mask_files.files(None, [], []) == []


@pytest.mark.parametrize("inline", [True, False])
def test_label_maps_are_checked_by_their_names(run, pair, inline):
    masks = halves("c.png", (0, 0, 0), (1, 1, 1)), halves("s.png", (0, 0, 0), (1, 1, 1), (20, 50), 0.3)
    Path("names.txt").write_text("0 sky\n1 ground\n2 sea\n")
    names = '["sky", "ground", "sea"]' if inline else "names.txt"
    outcome = check(run, pair, masks, "--region-names", names, "--json")
    assert outcome.status == 0, outcome.err
    assert {each["name"] for each in json.loads(outcome.out)["regions"]} == {"sky", "ground"}


def test_names_of_regions_that_cannot_be_read_are_refused(run, pair, masks):
    outcome = check(run, pair, masks, "--region-names", "nowhere.txt")
    assert outcome.status == 3
    assert "nowhere.txt" in outcome.err
    Path("names.txt").write_bytes(b"\xff\xfe\x00\x01")
    assert check(run, pair, masks, "--region-names", "names.txt").status == 3
    options = ("--region", f"sky={masks[0]}", "--region-names", "[]")
    assert run("masks", "check", pair[0], "--style", pair[1], *options).status == 2


def test_paint_takes_names_of_regions(run, pair):
    masks = halves("c.png", (0, 0, 0), (1, 1, 1)), halves("s.png", (0, 0, 0), (1, 1, 1), (20, 50), 0.3)
    Path("names.txt").write_text("0 sky\n1 ground\n")
    options = ("--style", pair[1], "--content-mask", masks[0], "--style-mask", masks[1], "--keep", "sky")
    plain = ("--encoder", "petite", "--size", "32", "--iterations", "2", "-o", "out.png")
    assert run("paint", pair[0], *options, *plain).status == 2
    outcome = run("paint", pair[0], *options, *plain, "--region-names", "names.txt")
    assert outcome.status == 0, outcome.err
