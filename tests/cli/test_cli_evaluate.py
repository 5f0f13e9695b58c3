"""`impasto evaluate`: the table, JSON, heat maps, and bad input."""

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.cli_helpers import draw, look


@pytest.fixture
def painted(run, photo, style):
    outcome = run(
        "paint",
        photo,
        "--style",
        style,
        "--size",
        "48",
        "--iterations",
        "2",
        "--levels",
        "1",
        "--precision",
        "float32",
        "-o",
        "out.png",
    )
    assert outcome.status == 0, outcome.err
    return "out.png"


@pytest.fixture
def made():
    """A result that says nothing of itself: most tests do not care."""
    return draw("out.png", 3)


def evaluate(run, painted, photo, style, *arguments):
    return run("evaluate", painted, "--content", photo, "--style", style, *arguments)


def test_a_table_with_every_metric(run, painted, photo, style):
    from impasto.evaluation import METRICS

    outcome = evaluate(run, painted, photo, style)
    assert outcome.status == 0, outcome.err
    lines = outcome.out.splitlines()
    assert len(lines) == len(METRICS)
    assert all(
        line.split()[:2] == [metric.group, metric.id] for line, metric in zip(lines, METRICS.values(), strict=True)
    )
    assert any("reached" in line or "missed" in line for line in lines)
    assert "another content" not in outcome.err
    assert "optimised every layer of petite" in outcome.err


def test_json_has_what_makes_values_comparable(run, made, photo, style):
    outcome = evaluate(run, made, photo, style, "--json", "--quiet", "--metric", "edges", "--metric", "frechet/1")
    document = json.loads(outcome.out)
    assert list(document["values"]) == ["edges/1", "frechet/1"]
    assert document["encoders"]["second"]["name"] == "petite"
    assert len(document["inputs"]["content"][0]) == 64
    assert outcome.err == ""


def test_another_pair_is_said_and_measured(run, painted, style):
    other = draw("other.png", 7)
    outcome = evaluate(run, painted, other, style, "--json")
    assert outcome.status == 0
    assert "other.png: the result was painted of another content" in outcome.err
    assert "other.png" in json.loads(outcome.out)["notes"][0]


def test_heat_maps_are_as_large_as_the_result(run, made, photo, style):
    outcome = evaluate(run, made, photo, style, "--maps", "maps", "--metric", "edges", "--metric", "clipping", "--json")
    assert outcome.status == 0, outcome.err
    written = json.loads(outcome.out)["maps"]
    assert written == {"clipping/1": str(Path("maps/clipping.png")), "edges/1": str(Path("maps/edges.png"))}
    assert look("maps/edges.png")[1] == look(made)[1]
    again = evaluate(run, made, photo, style, "--maps", "maps", "--metric", "edges")
    assert (again.status, "exists" in again.err) == (3, True)
    assert evaluate(run, made, photo, style, "--maps", "maps", "--metric", "edges", "--force").status == 0


def test_masks_and_tiles_are_measured(run, made, photo, style):
    for name, size in (("cm.png", look(photo)[1]), ("sm.png", (20, 20))):
        mask = Image.new("RGB", size, "red")
        mask.paste((0, 0, 255), (0, 0, size[0] // 2, size[1]))
        mask.save(name)
    arguments = ("--content-mask", "cm.png", "--style-mask", "sm.png", "--tile", "32", "--json")
    values = json.loads(evaluate(run, made, photo, style, *arguments).out)["values"]
    assert values["region_boundary/1"] is not None
    assert values["seams/1"] > 0


def test_a_texture_has_no_content(run, made, style):
    outcome = run("evaluate", made, "--style", style)
    assert outcome.status == 0
    assert "needs a content picture" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("--metric", "edgs"), 2, "did you mean 'edges'"),
        (("--encoder", "vgg19"), 4, "impasto weights fetch vgg19"),
        (("--encoder", "nothing.safetensors"), 2, "unknown encoder"),
        (("--second-layers", "relu9_9"), 2, "unknown layer"),
        (("--size", "8"), 2, "at least 32"),
        (("--landmarks", "none.json"), 3, "none.json"),
        (("--maps", "photo.png"), 3, "not a folder"),
        (("--style-mask", "photo.png"), 2, "--content-mask"),
    ],
)
def test_bad_options_are_one_line(run, made, photo, style, arguments, status, words):
    outcome = evaluate(run, made, photo, style, *arguments)
    assert outcome.status == status, outcome.err
    assert words in outcome.err.splitlines()[-1]
    assert outcome.out == ""


def test_bad_pictures_are_refused_before_weights(run, photo, style):
    Path("empty.png").write_bytes(b"")
    assert "empty.png" in evaluate(run, "empty.png", photo, style).err
    draw("tiny.png", 1, (20, 20))
    outcome = evaluate(run, "tiny.png", photo, style)
    assert (outcome.status, "at least 32 px" in outcome.err) == (3, True)
    outcome = evaluate(run, "-", "-", style)
    assert (outcome.status, "standard input" in outcome.err) == (2, True)


def test_original_metrics_without_weights_exit_4(run, made, photo, style):
    Path("weights").mkdir()
    outcome = evaluate(run, made, photo, style, "--original-metrics", "weights", "--metric", "cfsd")
    assert (outcome.status, "vgg19-dcbb9e9d.pth" in outcome.error) == (4, True)
    outcome = evaluate(run, made, photo, style, "--original-metrics", "nowhere")
    assert (outcome.status, "is not a folder of weights" in outcome.error) == (4, True)
    outcome = evaluate(run, made, photo, style, "--original-metrics", "weights", "--protocol", "mine")
    assert (outcome.status, "choose from" in outcome.error) == (2, True)
