"""`--cube` and `--ora`: what a painting leaves for other programs."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from impasto import images
from impasto.color import lut
from impasto.images.openraster import MIMETYPE
from tests.cli.cli_helpers import draw, look


def test_the_colours_as_a_table_and_as_a_picture(paint):
    done = paint("-o", "out.png", "--cube", "look.cube", "--color", "match")
    assert done.status == 0, done.err
    nodes = lut.from_cube(Path("look.cube").read_text("utf-8"))
    assert nodes.shape == (3, 33, 33, 33)
    assert look("look.hald.png")[1] == (512, 512)
    hald = images.load("look.hald.png").pixels
    # Its corners are the table's: black and white of 64 nodes and of 33.
    assert hald[0, :, 0, 0] == pytest.approx(nodes[:, 0, 0, 0].numpy(), abs=2 / 255)
    assert hald[0, :, -1, -1] == pytest.approx(nodes[:, -1, -1, -1].numpy(), abs=2 / 255)
    content, painted = images.load("photo.png").pixels, images.load("out.png").pixels
    applied = lut.apply(nodes, content)
    before, after = ((mean - painted.mean((2, 3))).abs().max() for mean in (content.mean((2, 3)), applied.mean((2, 3))))
    assert after < max(float(before), 0.02)


def test_regions_as_layers_lie_over_the_whole(paint):
    mask = np.zeros((40, 52, 3), np.uint8)
    mask[:, :26] = (255, 0, 0)
    Image.fromarray(mask).save("mask.png")
    done = paint("-o", "out.png", "--ora", "out.ora", "--content-mask", "mask.png", "--style-mask", "mask.png")
    assert done.status == 0, done.err
    with zipfile.ZipFile("out.ora") as archive:
        assert archive.read("mimetype").decode() == MIMETYPE
        stack = archive.read("stack.xml").decode()
        names = [part.split('"')[1] for part in stack.split("<layer name=")[1:]]
        assert names[-2:] == ["painting", "photograph"]
        assert set(names[:-2]) == {"red", "black"}
        parts = [images.load(archive.read(f"data/layer{number}.png")) for number in range(2)]
        merged = images.load(archive.read("mergedimage.png"))
    alphas = [part.alpha for part in parts if part.alpha is not None]
    assert torch.stack(alphas).sum(0).numpy() == pytest.approx(torch.ones_like(alphas[0]).numpy(), abs=2 / 255)
    assert float(alphas[names.index("red")][..., :20].min()) > 0.9
    assert (merged.to_numpy() == images.load("out.png").to_numpy()).all()


def test_without_regions_there_is_the_painting_over_the_photograph(paint):
    assert paint("-o", "out.png", "--ora", "out.ora").status == 0
    with zipfile.ZipFile(io.BytesIO(Path("out.ora").read_bytes())) as archive:
        assert 'name="painting"' in (stack := archive.read("stack.xml").decode())
        assert 'name="photograph" src="data/layer1.png" x="0" y="0" opacity="1.0" visibility="hidden"' in stack


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (("--cube", "look.png"), 2, "--cube look.png: a name that ends in .cube"),
        (("--ora", "out.xcf"), 2, "--ora out.xcf: a name that ends in .ora"),
        (("--cube", "-"), 2, "only the painting can go to standard output"),
        (("--cube", "there.cube"), 3, "there.cube: exists already"),
        (("--cube", "half.cube"), 3, "half.hald.png: exists already"),
        (("--cube", "a.cube", "--preview", "a.hald.png"), 2, "name the same file"),
    ],
)
@pytest.mark.usefixtures("no_engine")
def test_what_cannot_be_written_is_told_first(paint, options, status, words):
    Path("there.cube").touch()
    Path("half.hald.png").touch()
    done = paint("-o", "out.png", *options)
    assert (done.status, words in done.error) == (status, True), done.error
    assert not Path("out.png").exists()


def test_a_texture_has_no_colours_to_compare(run):
    draw("style.png", 2)
    done = run("texture", "style.png", "-o", "out.png", "--cube", "a.cube")
    assert done.status == 2
    assert "without a photograph" in done.error


def test_what_goes_wrong_with_them_leaves_the_painting(paint, monkeypatch):
    def fail(*_args):
        raise RuntimeError("a fault in the table")

    monkeypatch.setattr(lut, "table", fail)
    done = paint("-o", "out.png", "--cube", "look.cube")
    assert done.status == 0
    assert "a fault in the table" in done.err
    assert Path("out.png").exists()
