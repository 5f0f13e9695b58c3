"""What is refused, with which status, before anything is computed (rows 21-24, 28, 36, 37 of the fault table)."""

import json
import os
from pathlib import Path

import pytest

from impasto import images
from tests.cli.cli_helpers import SMALL, draw, look


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["pain"], 2, "did you mean 'paint'?"),
        (["paint", "--sise", "3"], 2, "did you mean '--size'?"),
        (["paint", "--contnet-weight", "3"], 2, "did you mean '--content-weight'?"),
        (["paint"], 2, "content"),
        (["paint", "photo.png", "-o", "o.png"], 2, "--style"),
        (["paint", "photo.png", "--style", "style.png"], 2, "-o FILE"),
        (["paint", "photo.png", "--style", "style.png", "-o", "-", "--json"], 2, "--json"),
        (["paint", "-", "--style", "-", "-o", "o.png"], 2, "standard input"),
        (["paint", "photo.png", "--style", "style.png", "-o", "o.png", "--size", "abc"], 2, "--size"),
        (["paint", "photo.png", "--style", "style.png", "-o", "o.png", "--size", "8"], 2, "--size"),
        (["paint", "photo.png", "--style", "style.png", "-o", "o.png", "--tv-weight", "1e308"], 2, "--tv-weight"),
        (["paint", "photo.png", "--style", "style.png", "-o", "o.png", "--tv-weight", "nan"], 2, "--tv-weight"),
        (["paint", "photo.png", "--style", "style.png", "-o", "o.png", "--strength", "1.5"], 2, "from 0 to 1, or off"),
        (["paint", "photo.png", "--style", "style.png", "-o", "o.png", "--strength", "1", "--alpha", "1"], 2, "one of"),
        (["paint", "-", "--style", "style.png", "-o", "o.png", "--auto"], 2, "name files"),
        (["paint", "photo.png", "--style", "style.png", "-o", "o.png", "--auto", "--recipe", "a"], 2, "one of them"),
        (["paint", "photo.png", "--style", "style.png", "-o", "o.png", "--solver", "sgd"], 2, "'lbfgs' or 'adam'"),
        (["paint", "photo.png", "--style", "style.png", "-o", "o.png", "--style-layers", "relu9_9"], 2, "relu9_9"),
        (["paint", "photo.png", "--style", "style.png", "-o", "o.png", "--style-layers", "relu1_1=x"], 2, "relu1_1"),
        (["paint", "photo.png", "--style", "style.png", "-o", "o.png", "--preset", "gats"], 2, "'gatys'"),
        (["paint", "photo.png", "--style", "style.png", "-o", "o.png", "--encoder", "vg19"], 2, "'vgg19'"),
        (["paint", "photo.png", "--style", "style.png", "-o", "o.png", "--init", "contnt"], 2, "'content'"),
        (["paint", "photo.png", "--style", "style.png", "-o", "o.png", "--init", "file"], 2, "--init"),
        (["paint", "photo.png", "--style", "style.png", "-o", "o.png", "--quality", "0"], 2, "--quality"),
        (["paint", "photo.png", "--style", "style.png", "-o", "o.png", "--recipe", "a", "--preset", "b"], 2, "exclude"),
        (["paint", "photo.png", "--style", "style.png", "-o", "o.png", "--recipe", "none.png"], 3, "none.png"),
        (["paint", "photo.png", "--style", "style.png", "-o", "o.png", "--recipe", "photo.png"], 3, "no recipe"),
        (["paint", "photo.png", "--style", "none.png", "-o", "o.png"], 3, "none.png: does not exist"),
        (["paint", "photo.png", "--style", "style.png", "-o", "o.gif"], 3, "names no format"),
        (["paint", "photo.png", "--style", "style.png", "-o", "o.png", "--encoder", "./none.pth"], 4, "none.pth"),
        (["paint", "photo.png", "--style", "style.png", "-o", "o.png", "--encoder", "style.png"], 4, "style.png"),
        (["paint", "photo.png", "--style", "style.png", "-o", "o.png", "--encoder", "vgg19"], 4, "weights fetch vgg19"),
        (["show", "photo.png"], 3, "carries no recipe"),
        (["show", "none.png"], 3, "none.png"),
        (["presets", "gats"], 2, "'gatys'"),
        (["weights"], 2, "fetch, list, where"),
        (["weights", "fetch", "vgg"], 2, "vgg19"),
    ],
)
@pytest.mark.usefixtures("photo", "style")
def test_one_line_and_the_exit_status(run, arguments, status, words):
    outcome = run(*arguments)
    assert outcome.status == status, outcome.err
    assert words in outcome.error
    assert outcome.raw == b""
    assert not Path("o.png").exists()


def test_debug_adds_the_traceback(run):
    outcome = run("show", "none.png", "--debug")
    assert outcome.status == 3
    assert "Traceback (most recent call last)" in outcome.err
    assert outcome.err.splitlines()[-1].startswith("impasto: error: ")


def test_a_mistake_of_ours_is_one_line_and_status_1(run, monkeypatch):
    monkeypatch.setattr("impasto.metadata.read", lambda _path: 1 // 0)
    outcome = run("show", "photo.png")
    assert outcome.status == 1
    assert outcome.error.startswith("ZeroDivisionError")
    assert "--debug" in outcome.error


@pytest.mark.parametrize("name", ["with space.png", "ünï çødé 画.png", "-lead.png", "new\nline.png"])
def test_odd_names(paint, run, name):
    draw(name, 1)
    odd = f"out {name.lstrip('-')}"
    outcome = paint("-o", odd, "--json", content=name, styles=(name,))
    assert outcome.status == 0, outcome.err
    assert outcome.json["output"] == odd
    assert look(odd)[1] == (48, 37)
    assert run("show", odd).status == 0
    missing = paint("-o", "x.png", content=f"no {name}")
    assert missing.status == 3
    assert len(missing.err.splitlines()) == 1


def fifo(path):
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("name", "make", "words"),
    [
        ("missing.png", lambda _path: None, "does not exist"),
        ("folder.png", lambda path: path.mkdir(), "is a folder"),
        ("fifo.png", fifo, "not a regular file"),
        ("link.png", lambda path: path.symlink_to("nowhere.png"), "a link to a file that does not exist"),
        ("empty.png", lambda path: path.touch(), "is empty"),
        ("text.png", lambda path: path.write_text("hello"), "not a picture"),
    ],
)
@pytest.mark.parametrize("role", ["content", "style"])
@pytest.mark.usefixtures("no_engine")
def test_unusable_inputs_before_any_weights(paint, name, make, words, role):
    make(Path(name))
    where = {"content": name} if role == "content" else {"styles": (name,)}
    outcome = paint("-o", "out.png", **where)
    assert outcome.status == 3
    assert words in outcome.error
    assert not Path("out.png").exists()


def test_an_output_folder_is_made(paint):
    assert paint("-o", "new/deep/out.png").status == 0
    assert Path("new/deep/out.png").exists()


@pytest.mark.usefixtures("no_engine")
def test_an_output_folder_that_cannot_be(paint):
    Path("file").write_text("in the way")
    outcome = paint("-o", "file/out.png")
    assert (outcome.status, "file/out.png" in outcome.error) == (3, True)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
@pytest.mark.usefixtures("no_engine")
def test_a_read_only_output_folder(paint):
    Path("locked").mkdir(mode=0o555)
    assert paint("-o", "locked/out.png").status == 3


@pytest.mark.parametrize("option", ["-o", "--preview"])
@pytest.mark.usefixtures("no_engine")
def test_an_output_that_is_an_input(paint, photo, option):
    before = Path(photo).read_bytes()
    more = [] if option == "-o" else ["-o", "out.png"]
    outcome = paint(option, f"../here/{photo}", *more)
    assert (outcome.status, "also an input" in outcome.error) == (3, True)
    assert Path(photo).read_bytes() == before


@pytest.mark.parametrize("option", ["-o", "--preview", "--plot"])
def test_an_output_that_exists(paint, option, monkeypatch):
    Path("mine.png").write_bytes(b"precious")
    more = [] if option == "-o" else ["-o", "out.png"]
    with monkeypatch.context() as patch:
        patch.setattr("impasto.encoders.create", None)
        outcome = paint(option, "mine.png", *more)
    assert (outcome.status, "--force" in outcome.error) == (3, True)
    assert Path("mine.png").read_bytes() == b"precious"
    assert paint(option, "mine.png", *more, "--force").status == 0
    assert Path("mine.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("no_engine")
def test_two_outputs_of_one_name(paint):
    outcome = paint("-o", "out.png", "--preview", "./out.png")
    assert (outcome.status, "same file" in outcome.error) == (2, True)


def test_transparency_into_jpeg_is_told(paint):
    draw("clear.png", 1, mode="RGBA")
    outcome = paint("-o", "out.jpg", content="clear.png")
    assert outcome.status == 0
    assert outcome.err.count("JPEG has no transparency") == 1
    assert look("out.jpg")[2] == "RGB"


@pytest.mark.usefixtures("no_engine")
def test_webp_that_is_too_large_is_told_first(paint):
    outcome = paint("-o", "out.webp", "--size", "20000")
    assert (outcome.status, "16383" in outcome.error) == (3, True)


BAD_RECIPES = {
    "unknown key": ('{"sise": 3}', "did you mean 'size'?"),
    "wrong type": ('{"size": "large"}', "'size'"),
    "nested type": ('{"style_layers": {"relu1_1": []}}', "style_layers"),
    "unknown version": ('{"version": 99}', "version 99"),
    "huge number": ('{"content_weight": 1e308}', "content_weight"),
    "infinite": ('{"content_weight": 1e999}', "content_weight"),
    "NaN": ('{"content_weight": NaN}', "content_weight"),
    "deep": ("[" * 100_000, "JSON"),
    "deep object": ('{"recipe": ' * 50_000 + "1" + "}" * 50_000, "JSON"),
    "long": ('{"size": ' + " " * (1 << 20) + "64}", "bytes"),
    "a list": ("[1, 2]", "JSON object"),
    "no JSON": ("{size: 3}", "JSON"),
    "inner list": ('{"recipe": [1]}', "JSON object"),
    "long number": ('{"size": ' + "9" * 5000 + "}", "JSON"),
    "path as encoder": ('{"encoder": "../secret.safetensors"}', "encoder"),
}


@pytest.mark.parametrize("case", BAD_RECIPES)
@pytest.mark.usefixtures("no_engine")
def test_bad_recipes(paint, case):
    text, words = BAD_RECIPES[case]
    Path("bad.json").write_text(text)
    outcome = paint("-o", "out.png", "--recipe", "bad.json")
    assert outcome.status == 2, outcome.err
    assert outcome.error.startswith("bad.json: ")
    assert words in outcome.error
    assert len(outcome.error) < 400


DIGEST = "ab" * 32


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ({"encoder": "bait.safetensors"}, "encoder"),
        ({"encoder": "http://127.0.0.1:9/x.safetensors"}, "encoder"),
        ({"encoder": DIGEST}, "name its file of weights with --encoder"),
        ({"init": "file"}, "--init"),
        ({"init": "file", "init_image": "bait.png"}, "unknown recipe key 'init_image'"),
        ({"content": "bait.png"}, "unknown recipe key"),
    ],
)
@pytest.mark.usefixtures("no_engine")
def test_nothing_in_a_hostile_picture_is_opened(run, photo, style, recipe, words):
    for bait in ("bait.safetensors", "bait.png", DIGEST):
        fifo(bait)  # whoever opens it for reading waits, and the test times out
    hostile = {"recipe": recipe, "inputs": [{"role": "content", "sha256": "bait.png", "path": "bait.png"}]}
    Path("hostile.png").write_bytes(images.encode(images.load(photo), "png", metadata=json.dumps(hostile)))
    outcome = run("paint", photo, "--style", style, "--size", "48", "--recipe", "hostile.png", "-o", "out.png")
    assert outcome.status == 2, outcome.err
    assert words in outcome.error


def test_hostile_provenance_is_only_compared(run, photo, style):
    odd = {"recipe": {"size": 48, "iterations": 1}, "inputs": "bait", "weights": [3, {"sha256": "\x1b[31mred"}]}
    Path("hostile.png").write_bytes(images.encode(images.load(photo), "png", metadata=json.dumps(odd)))
    outcome = run(
        "paint", photo, "--style", style, "--recipe", "hostile.png", *SMALL[4:], "-o", "out.png", "--threads", "1"
    )
    assert outcome.status == 0
    assert "other weights" in outcome.err
    assert "\x1b" not in outcome.err
    assert "\x1b" not in run("show", "hostile.png").out


def test_completion_knows_commands_and_options(run, monkeypatch, capsysbinary):
    monkeypatch.setenv("_IMPASTO_COMPLETE", "complete_bash")
    for words, position, expected in (
        ("impasto pa", "1", b"paint"),
        ("impasto paint --conte", "2", b"--content-weight"),
    ):
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", position)
        with pytest.raises(SystemExit) as leave:
            run("ignored")
        assert leave.value.code in (0, None)
        assert expected in capsysbinary.readouterr().out
