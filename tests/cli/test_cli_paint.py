"""`impasto paint`, end to end."""

import io
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from impasto import metadata
from tests.cli.cli_helpers import SMALL, draw, look, pixels
from tests.type_helpers import present


@pytest.mark.parametrize(
    ("name", "kind"), [("out.png", "PNG"), ("out.jpg", "JPEG"), ("out.webp", "WEBP"), ("out.tif", "TIFF")]
)
def test_paints_a_picture_of_the_suffix_with_its_recipe(paint, photo, name, kind):
    outcome = paint("-o", name)
    assert (outcome.status, outcome.raw) == (0, b"")
    assert look(name)[:2] == (kind, (48, 37))
    found = present(metadata.read(name))
    assert found["recipe"]["size"] == 48
    assert found["recipe"]["encoder"] == "petite"
    assert "here" not in json.dumps(found)
    # It is neither black nor the photograph again.
    assert pixels(name).std() > 5
    assert np.abs(pixels(name) - pixels(photo, (48, 37))).max() > 8


def test_start_and_end_say_the_weighted_losses(paint):
    lines = paint("-o", "out.png").err.splitlines()
    pattern = r"(start:|end:  ) content [\d.e+-]+  style [\d.e+-]+  tv [\d.e+-]+  gamut [\d.e+-]+"
    assert [bool(re.fullmatch(pattern, line)) for line in (lines[0], lines[-2])] == [True, True]
    assert lines[-1].startswith("saved out.png, 48x37 px")


def test_progress_off_a_terminal_is_a_line_for_each_tenth(paint):
    steps = [line for line in paint("-o", "out.png", "--iterations", "30").err.splitlines() if line.startswith("step")]
    assert len(steps) == 10
    assert steps[-1].startswith("step 30 of 30: level 1/1  48x37 px  loss ")


def test_a_terminal_gets_a_bar(paint, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(type(sys.stderr), "isatty", lambda _self: True)
    colored = paint("-o", "out.png").err
    assert "100%" in colored
    assert "\x1b[38" in colored or "\x1b[3" in colored
    monkeypatch.setenv("NO_COLOR", "1")
    plain = paint("-o", "plain.png").err
    assert "100%" in plain
    assert not re.search(r"\x1b\[(3|4|9)\d", plain)


def test_quiet_says_nothing(paint):
    assert paint("-o", "out.png", "--quiet").err == ""


def test_json_is_one_line_with_the_result(paint):
    outcome = paint("-o", "out.png", "--json", "--seed", "7")
    assert outcome.raw.count(b"\n") == 1
    result = outcome.json
    assert result["output"] == "out.png"
    assert result["size"] == {"width": 48, "height": 37}
    assert (result["seed"], result["recipe"]["seed"], result["steps"], result["finished"]) == (7, 7, 2, True)
    assert result["encoder"]["name"] == "petite"
    assert len(result["encoder"]["sha256"]) == 64
    for moment in ("start", "end"):
        parts = result["losses"][moment]
        assert parts["loss"] == pytest.approx(sum(parts[key] for key in ("content", "style", "tv", "gamut")))
    assert 0 < result["losses"]["end"]["loss"] < result["losses"]["start"]["loss"]
    assert result["seconds"] > 0


@pytest.mark.usefixtures("photo")
def test_several_styles_with_weights(paint):
    second = draw("second.png", 3)
    one = paint("-o", "one.png", "--style-weights", "1,0", styles=("style.png", second))
    same = paint("-o", "same.png", styles=("style.png",))
    both = paint("-o", "both.png", "--style-weights", "0.5,0.5", styles=("style.png", second))
    assert (one.status, same.status, both.status) == (0, 0, 0)
    assert np.abs(pixels("one.png") - pixels("same.png")).max() <= 1
    assert np.abs(pixels("both.png") - pixels("same.png")).max() > 1
    wrong = paint("-o", "no.png", "--style-weights", "1,2,3", styles=("style.png", second))
    assert wrong.status == 2
    assert "3 numbers for 2 styles" in wrong.error


def test_layers_are_spelled_on_the_command_line(paint):
    outcome = paint("-o", "out.png", "--style-layers", "relu1_1=1,conv2_1=0.5", "--content-layers", "relu4_1")
    assert outcome.status == 0
    recipe = present(metadata.read("out.png"))["recipe"]
    assert recipe["style_layers"] == {"relu1_1": 1.0, "relu2_1": 0.5}
    assert recipe["content_layers"] == {"relu4_1": 1.0}


def test_no_metadata_leaves_none(paint):
    paint("-o", "out.png", "--no-metadata")
    assert metadata.read("out.png") is None


def test_sixteen_bits(paint):
    assert paint("-o", "out.png", "--bits", "16").status == 0
    assert Path("out.png").read_bytes()[24] == 16
    assert "16 bits" in paint("-o", "out.jpg", "--bits", "16").error
    assert paint("-o", "out.jpg", "--bits", "12").status == 2


@pytest.mark.usefixtures("photo")
def test_starts_from_a_picture(paint):
    start = draw("start.png", 9)
    assert paint("-o", "out.png", "--init", start, "--iterations", "0").status == 0
    assert np.abs(pixels("out.png") - pixels(start, (48, 37))).mean() < 3
    assert present(metadata.read("out.png"))["recipe"]["init"] == "file"


def test_an_encoder_from_a_file(run, photo, style, encoder):
    options = ("--style", style, *SMALL[:4], "--precision", "float32", "--encoder", encoder)
    assert run("paint", photo, *options, "-o", "out.png").status == 0
    assert present(metadata.read("out.png"))["recipe"]["encoder"] == "petite"


def test_dry_run_shows_the_plan_and_paints_nothing(paint, tmp_path):
    text = paint("--dry-run", "--size", "340", "--iterations", "30", "-o", "sub/out.png")
    assert text.status == 0
    assert "level 1    170x131 px, 15 steps" in text.out
    assert "level 2    340x262 px, 15 steps" in text.out
    assert "encoder    petite" in text.out
    assert not (tmp_path / "here" / "sub").exists()
    plan = paint("--dry-run", "--json").json
    assert plan["size"] == {"width": 48, "height": 37}
    assert plan["levels"] == [{"width": 48, "height": 37, "steps": 2, "surrogate": False, "tiles": 1}]
    assert plan["precision"] == "float32"
    assert plan["recipe"]["iterations"] == 2


def test_preview_shows_the_last_step(paint):
    assert paint("-o", "out.png", "--preview", "now.png").status == 0
    assert np.array_equal(pixels("now.png"), pixels("out.png"))


def test_snapshots_are_numbered(paint, tmp_path):
    assert paint("-o", "out.png", "--iterations", "5", "--save-every", "2").status == 0
    names = {path.name for path in (tmp_path / "here").glob("out*")}
    assert names == {"out.png", "out-0002.png", "out-0004.png"}
    assert not np.array_equal(pixels("out-0002.png"), pixels("out.png"))
    again = paint("-o", "other.png", "--iterations", "5", "--save-every", "2")
    assert again.status == 0
    (tmp_path / "here" / "fresh-0004.png").write_bytes(b"mine")
    refused = paint("-o", "fresh.png", "--iterations", "5", "--save-every", "2")
    assert (refused.status, "fresh-0004.png: exists" in refused.error) == (3, True)


@pytest.mark.parametrize("name", ["loss.png", "loss.svg"])
def test_plot(paint, name):
    pytest.importorskip("matplotlib", reason="the [report] extra is not installed")
    assert paint("-o", "out.png", "--plot", name).status == 0
    data = Path(name).read_bytes()
    assert data.startswith(b"\x89PNG") if name.endswith("png") else b"<svg" in data


@pytest.mark.usefixtures("no_engine")
def test_plot_without_matplotlib_is_told_first(paint, monkeypatch):
    monkeypatch.setattr("impasto.cli.outputs.importlib.util.find_spec", lambda _name: None)
    outcome = paint("-o", "out.png", "--plot", "loss.png")
    assert outcome.status == 5
    assert "pip install 'impasto[report]'" in outcome.error


def test_from_standard_input_to_standard_output(run, photo, style, monkeypatch):
    data = Path(photo).read_bytes()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data), isatty=lambda: False))
    outcome = run("paint", "-", "--style", style, *SMALL, "-o", "-")
    assert outcome.status == 0
    with Image.open(io.BytesIO(outcome.raw)) as picture:
        assert (picture.format, picture.size) == ("PNG", (48, 37))
    assert present(metadata.read(outcome.raw))["recipe"]["size"] == 48


def test_threads(paint):
    import torch

    before = torch.get_num_threads()
    try:
        assert paint("-o", "out.png", "--threads", "2").status == 0
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_truncated_pictures_are_opted_into(paint, photo):
    whole = Path(photo).read_bytes()
    Path("cut.png").write_bytes(whole[: len(whole) * 2 // 3])
    refused = paint("-o", "out.png", content="cut.png")
    assert (refused.status, "--allow-truncated" in refused.error) == (3, True)
    allowed = paint("-o", "out.png", "--allow-truncated", content="cut.png")
    assert allowed.status == 0
    assert "impasto: note: cut.png" in allowed.err


def test_the_pixel_limit_is_an_option(paint):
    outcome = paint("-o", "out.png", "--max-pixels", "100")
    assert (outcome.status, "--max-pixels" in outcome.error) == (3, True)


def test_memory_running_out_keeps_the_picture_so_far(paint, monkeypatch):
    from impasto.optim.evaluate import WholeImage

    judge, calls = WholeImage.__call__, []

    def scarce(self, image):
        calls.append(image)
        if len(calls) > 4:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried")
        return judge(self, image)

    monkeypatch.setattr(WholeImage, "__call__", scarce)
    outcome = paint("-o", "out.png", "--iterations", "50")
    assert (outcome.status, "saved out.png so far" in outcome.error) == (5, True)
    assert pixels("out.png").std() > 5
