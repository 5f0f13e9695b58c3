"""`impasto sweep`, end to end."""

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from impasto import metadata
from impasto.errors import DivergedError
from impasto.painting.stylizer import Stylizer
from tests.cli.cli_helpers import SMALL, draw, look
from tests.forked import Forked, impasto
from tests.type_helpers import present

SOURCE = Path(__file__).resolve().parents[2] / "src"
# A shell's background job ignores SIGINT, and so would everything started from it: these tests too.
PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from impasto.cli import main
raise SystemExit(main())
"""


@pytest.fixture
def sweep(run, photo, style):
    """`sweep("--vary", ...)` paints small pictures into the folder out."""

    def sweep(*arguments, content=(photo,), styles=(style,)):
        options = [part for name in styles for part in ("--style", name)]
        return run("sweep", *options, *SMALL, "-o", "out", *arguments, "--", *content)

    return sweep


def pictures():
    return sorted(path.name for path in Path("out").glob("*=*.png"))


def rows():
    with Path("out/losses.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_a_grid_with_its_sheet_and_table(sweep):
    outcome = sweep("--vary", "content_weight=0.5,2e0", "--vary", "tv=l1,vector", "--cell", "40", "--json")
    assert outcome.status == 0, outcome.err
    names = [f"content_weight={a}_tv={b}.png" for a in ("0.5", "2e0") for b in ("l1", "vector")]
    assert pictures() == names
    found = [present(metadata.read(f"out/{name}"))["recipe"] for name in names]
    assert [(recipe["content_weight"], recipe["tv"]) for recipe in found] == [
        (0.5, "l1"),
        (0.5, "vector"),
        (2.0, "l1"),
        (2.0, "vector"),
    ]
    assert look("out/sheet.png")[0] == "PNG"
    assert outcome.json["finished"] is True
    assert [row["state"] for row in outcome.json["cells"]] == ["painted"] * 4
    assert [row["file"] for row in outcome.json["cells"]] == [row["file"] for row in rows()]
    lines = outcome.err.splitlines()
    assert lines[0] == "cell 1/4  content_weight=0.5 tv=l1"
    assert lines[-1].startswith("saved 4 of 4 pictures, out/sheet.png, out/losses.csv, ")


def test_again_keeps_everything(sweep):
    arguments = ("--vary", "seed=1,2", "--sheet", "page.jpg")
    sweep(*arguments)
    before = {name: Path("out", name).read_bytes() for name in pictures()}
    assert look("out/page.jpg")[0] == "JPEG"
    outcome = sweep(*arguments)
    assert outcome.err.splitlines()[:2] == ["cell 1/2  seed=1: kept", "cell 2/2  seed=2: kept"]
    assert {name: Path("out", name).read_bytes() for name in pictures()} == before
    refused = sweep(*arguments, "--tv-weight", "3")
    assert refused.status == 3
    assert (
        "out/seed=1.png: exists already and differs (and so do 1 more): tv_weight was 0.4 and is 3.0" in refused.error
    )
    assert sweep(*arguments, "--tv-weight", "3", "--force").status == 0
    assert present(metadata.read("out/seed=2.png"))["recipe"]["tv_weight"] == 3.0


def test_values_with_commas(sweep):
    assert sweep("--vary", "style-layers=relu1_1,relu2_1;relu3_1=0.5").status == 0
    assert pictures() == ["style_layers=relu1_1,relu2_1.png", "style_layers=relu3_1=0.5.png"]
    assert present(metadata.read("out/style_layers=relu1_1,relu2_1.png"))["recipe"]["style_layers"] == {
        "relu1_1": 1.0,
        "relu2_1": 1.0,
    }
    assert sweep("--vary", "content_layers=relu1_1,relu2_1;").status == 0
    assert "content_layers=relu1_1,relu2_1.png" in pictures()


def test_styles_and_contents_vary(sweep, photo, style):
    draw("b, c.png", 5)
    outcome = sweep("--vary", f"style={style};b, c.png", "--vary", f"content={photo}", content=(), styles=())
    assert outcome.status == 0, outcome.err
    assert pictures() == ["style=b,-c_content=photo.png", "style=style_content=photo.png"]
    one, other = (present(metadata.read(f"out/{name}"))["inputs"] for name in pictures())
    assert one[0] == other[0]
    assert one[1] != other[1]


def test_encoders_and_starts_vary(sweep, encoder, photo):
    outcome = sweep("--vary", f"init=noise,{photo}")
    assert outcome.status == 0, outcome.err
    assert pictures() == ["init=noise.png", "init=photo.png"]
    assert present(metadata.read("out/init=photo.png"))["recipe"]["init"] == "file"
    refused = sweep("--vary", f"encoder=petite,{encoder}")
    assert "--encoder and --vary encoder exclude each other" in refused.error


def test_regions_of_colour_masks_have_the_names_that_are_given(sweep):
    for name, size in (("ours.png", (64, 48)), ("theirs.png", (52, 40))):
        mask = Image.new("RGB", size, (0, 0, 255))
        mask.paste((255, 0, 0), (0, 0, size[0] // 2, size[1]))
        mask.save(name)
    masks = ("--content-mask", "ours.png", "--style-mask", "theirs.png", "--keep", "roof")
    outcome = sweep("--vary", "seed=1,2", *masks, "--region-names", '{"#ff0000": "roof"}', "--dry-run")
    assert outcome.status == 0, outcome.err
    assert "roof" in sweep("--vary", "seed=1,2", *masks, "--dry-run").error


def test_regions_stay_the_same_while_settings_vary(sweep):
    for name in ("left.png", "right.png"):
        half = Image.new("L", (52, 40), 255 * (name == "right.png"))
        half.paste(255 * (name == "left.png"), (0, 0, 26, 40))
        half.save(name)
    masks = ("--region", "left=left.png", "--region", "right=right.png")
    outcome = sweep("--vary", "region_weights=left=2,right=1;left=1,right=2", *masks)
    assert outcome.status == 0, outcome.err
    assert pictures() == ["region_weights=left=1,right=2.png", "region_weights=left=2,right=1.png"]
    found = [present(metadata.read(f"out/{name}")) for name in pictures()]
    assert [data["recipe"]["region_weights"]["left"] for data in found] == [1.0, 2.0]
    assert found[0]["inputs"] == found[1]["inputs"]
    assert len(found[0]["inputs"]) == 4
    assert "masks belong to one picture" in sweep("--vary", "content=a.png", *masks, content=()).error
    outcome = sweep("--vary", "style=a.png", "--region", "left=left.png:right.png", styles=())
    assert "masks belong to one picture" in outcome.error


def test_presets_vary_below_the_options(sweep):
    assert sweep("--vary", "preset=gatys,johnson").status == 0
    assert {present(metadata.read(f"out/{name}"))["recipe"]["size"] for name in pictures()} == {48}
    assert pictures() == ["preset=gatys.png", "preset=johnson.png"]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--vary", "contnet_weight=1,2"], 2, "did you mean 'content_weight'?"),
        (["--vary", "content_weight"], 2, "name values"),
        (["--vary", "content_weight="], 2, "name values"),
        (["--vary", "content_weight=1,,2"], 2, "none of them empty"),
        (["--vary", "=1,2"], 2, "--vary KEY=1,2,3"),
        (["--vary", "content_weight=1,-2"], 2, "--content-weight: "),
        (["--vary", "content_weight=1,1e308"], 2, "--content-weight: "),
        (["--vary", "tv=l1,l3"], 2, "--tv: "),
        (["--vary", "seed=1,1"], 2, "'1' is there twice"),
        (["--vary", "tv_weight=1,1.0"], 2, "'1' and '1.0' mean the same"),
        (["--vary", "size=32,48"], 2, "--size and --vary size exclude"),
        (["--vary", "style=a.png"], 2, "--style and --vary style exclude"),
        (["--vary", "content=a.png"], 2, "CONTENT and --vary content exclude"),
        (["--vary", "seed=1", "--vary", "seed=2"], 2, "--vary seed is there twice"),
        (["--vary", "seed=1", "--vary", "tv=l1", "--vary", "history=3"], 2, "one or two"),
        (["--vary", "seed=" + ",".join(map(str, range(401)))], 2, "401 cells"),
        (["--vary", "preset=gatys,gats"], 2, "'gatys'"),
        (["--vary", "preset=gatys", "--recipe", "photo.png"], 2, "exclude"),
        (["--vary", "version=1"], 2, "unknown key"),
        (["--vary", "seed=1", "--sheet", "../s.png"], 2, "a name of its own"),
        (["--vary", "seed=1", "--sheet", "s.gif"], 3, "names no format"),
        (["--vary", "seed=1", "--cell", "3"], 2, "--cell"),
        (["--vary", "seed=1", "-o", "photo.png/x"], 3, "photo.png"),
        ([], 2, "--vary"),
    ],
)
@pytest.mark.usefixtures("no_engine")
def test_refusals_before_any_painting(sweep, arguments, status, words):
    outcome = sweep(*arguments)
    assert outcome.status == status, outcome.err
    assert words in outcome.error
    assert outcome.raw == b""
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("content", "styles", "vary", "status", "words"),
    [
        ((), ("style.png",), "seed=1", 2, "no CONTENT is named"),
        (("photo.png",), (), "seed=1", 2, "no painting is named"),
        (("-",), ("-",), "seed=1", 2, "standard input"),
        (("photo.png",), (), "style=-,style.png", 2, "name files"),
        (("photo.png",), (), "style=style.png,none.png", 3, "none.png: does not exist"),
        ((), ("style.png",), "content=photo.png,text.png", 3, "text.png: is not a picture"),
        (("photo.png",), (), "style=style.png,sub/style.png", 2, "would both be style=style.png"),
        (("photo.png",), (), "style=style.png,./style.png", 2, "mean the same"),
    ],
)
@pytest.mark.usefixtures("no_engine")
def test_refused_pictures(sweep, content, styles, vary, status, words):
    Path("text.png").write_text("hello")
    Path("sub").mkdir()
    draw("sub/style.png", 7)
    outcome = sweep("--vary", vary, content=content, styles=styles)
    assert outcome.status == status, outcome.err
    assert words in outcome.error
    assert not Path("out").exists()


def test_a_dry_run_leaves_nothing(sweep):
    outcome = sweep("--vary", "iterations=1,3", "--levels", "1", "--dry-run")
    # SMALL says how many iterations; what is varied must not be given besides.
    assert "--iterations and --vary iterations exclude" in outcome.error
    outcome = sweep("--vary", "tv=l1,l2", "--levels", "1", "--dry-run")
    assert outcome.status == 0, outcome.err
    assert outcome.out.splitlines() == [
        "grid       2 tv: 2 cells, 2 to paint",
        "work       4 steps, 0.0 million pixel-steps",
        "tv=l1.png  48x37 px, 2 steps",
        "tv=l2.png  48x37 px, 2 steps",
    ]
    assert not Path("out").exists()
    plan = sweep("--vary", "tv=l1,l2", "--levels", "1", "--dry-run", "--json").json
    assert (plan["pixel_steps"], plan["waiting"]) == (2 * 2 * (48 + 8) * (37 + 8), 2)


def test_a_dry_run_says_what_is_there(sweep):
    sweep("--vary", "tv=l1,l2")
    outcome = sweep("--vary", "tv=l1,l2,vector", "--dry-run")
    assert [line.rpartition(", ")[2] for line in outcome.out.splitlines()[2:]] == ["kept", "kept", "2 steps"]
    outcome = sweep("--vary", "tv=l1", "--seed", "4", "--dry-run")
    assert outcome.status == 0
    assert outcome.out.splitlines()[-1].endswith(", differs: seed was 0 and is 4 now")


def test_a_cell_that_fails(sweep, monkeypatch):
    steps = Stylizer.__iter__

    def bad(self):
        if self.recipe.seed == 2:
            raise DivergedError("the loss became NaN")
        return steps(self)

    monkeypatch.setattr(Stylizer, "__iter__", bad)
    outcome = sweep("--vary", "seed=1,2,3", "--json")
    assert outcome.status == 1
    assert "impasto: note: seed=2: failed: the loss became NaN" in outcome.err
    assert outcome.json["finished"] is False
    assert [row["state"] for row in rows()] == ["painted", "failed", "painted"]
    assert Path("out/sheet.png").exists()


def test_quiet(sweep):
    outcome = sweep("--vary", "seed=1,2", "--quiet")
    assert (outcome.status, outcome.raw, outcome.err) == (0, b"", "")


def test_help_is_told_without_torch():
    check = "import sys; from impasto.cli import main; main(['sweep', '--help']); sys.exit('torch' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    done = subprocess.run([sys.executable, "-c", check], env=environment, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0
    assert b"--vary" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_keeps_what_is_finished(encoder, run):
    draw("photo.png", 1)
    draw("style.png", 2)
    fixed = ["--style", "style.png", "--encoder", str(encoder), "--precision", "float32", "--solver", "adam"]
    command = ["sweep", "photo.png", "--vary", "iterations=1,100000,2", "-o", "out", "--size", "48", *fixed]
    process = Forked(impasto(command), stderr=subprocess.PIPE)
    lines = present(process.stderr)
    try:
        for line in lines:
            if line.startswith(b"cell 2/3"):
                break
        process.send_signal(signal.SIGINT)
        _, talk = process.communicate(timeout=120)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
        lines.close()
    assert process.returncode == 130
    assert talk is not None
    assert b"stopped with 1 of 3 cells painted; the same command goes on from there" in talk
    assert b"Traceback" not in talk
    assert [row["state"] for row in rows()] == ["painted", "stopped", "new"]
    assert look("out/sheet.png")[0] == "PNG"
    assert not list(Path("out").glob(".impasto-*"))
    stopped = present(metadata.read("out/iterations=100000.png"))
    assert 0 < stopped["stopped_after"] < 100_000
    plan = run(*command, "--dry-run", "--json").json
    assert [cell["state"] for cell in plan["cells"]] == ["kept", "unfinished", "new"]
    assert json.loads(Path("out/sweep.json").read_text())["cells"]["iterations=1.png"]["steps"] == 1
