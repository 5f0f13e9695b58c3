"""The examples run as they stand."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from impasto import load, metadata, stylize
from impasto.images import resize, save
from impasto.nets import onnx
from impasto.recipe import Recipe
from tests.script_helpers import load_script

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
ASSETS = EXAMPLES.parent / "assets"
SERVED = ("06_studio_api",)
"""What needs a studio is run in tests/studio."""
STREAM = "07_stream"
WITHOUT_TORCH = "08_onnx_only"


def _example(name: str) -> ModuleType:
    return load_script(EXAMPLES / f"{name}.py")


@pytest.mark.parametrize(
    "name", sorted({path.stem for path in EXAMPLES.glob("*.py")} - {*SERVED, STREAM, WITHOUT_TORCH})
)
def test_example_paints_and_saves(name: str, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    result = _example(name).main(out, size=64, iterations=6)
    assert load(out).size == result.picture.size
    assert max(result.picture.size) == 64
    assert result.history[-1]["loss"] < result.history[0]["loss"]
    recorded = metadata.read(out)
    assert recorded is not None
    assert recorded["recipe"]["iterations"] == 6


def test_the_stream_paints_its_frames(tmp_path: Path) -> None:
    painted = _example(STREAM).main(tmp_path / "frames", size=64, frames=3)
    assert [load(tmp_path / "frames" / f"{number:03d}.png").size for number in range(3)] == [(64, 64)] * 3
    assert not painted[0].pixels.equal(painted[1].pixels)


@pytest.mark.slow
@pytest.mark.parametrize("network", ["avatar-any", "johnson-swirls"])
def test_graphs_paint_without_torch_what_torch_paints(network: str, tmp_path: Path) -> None:
    """In a process where neither torch nor impasto can be imported."""
    pytest.importorskip("onnxscript", reason="needs the extra onnx")
    pytest.importorskip("onnxruntime", reason="needs the extra onnx")
    onnx.export(network, tmp_path / "graph.onnx")
    photos = tmp_path / "photos"
    photos.mkdir()
    # At the size that is painted, so that nothing is resized.
    for name in ("cat", "coffee"):
        pixels = resize(load(ASSETS / "photos" / f"{name}.jpg").pixels, (72, 96))
        save(load(pixels[0]), photos / f"{name}.png")
    painting = tmp_path / "painting.png"
    save(load(resize(load(ASSETS / "styles" / "swirls.jpg").pixels, (80, 96))[0]), painting)
    (photos / "notes.txt").write_text("no picture")
    takes_style = network.startswith("avatar")
    blocked = "import sys; sys.modules['torch'] = sys.modules['impasto'] = None\n"
    script = blocked + (EXAMPLES / f"{WITHOUT_TORCH}.py").read_text("utf-8")
    arguments = [tmp_path / "graph.onnx", photos, tmp_path / "out", *(["--style", painting] if takes_style else [])]
    done = subprocess.run([sys.executable, "-c", script, *map(str, arguments)], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert done.stderr.startswith("notes.txt: cannot identify image file")
    settings = {"method": "avatar"} if takes_style else {"method": "johnson", "network": "swirls"}
    recipe = Recipe.parse({**settings, "size": 96, "precision": "float32"})
    for name in ("cat", "coffee"):
        styles = [painting] if takes_style else []
        wanted = stylize(photos / f"{name}.png", styles, recipe=recipe).picture.pixels
        painted = load(tmp_path / "out" / f"{name}.png").pixels
        assert float((painted - wanted).abs().max()) <= 2 / 255


@pytest.mark.slow
def test_a_graph_says_what_it_needs(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="needs the extra onnx")
    pytest.importorskip("onnxruntime", reason="needs the extra onnx")
    onnx.export("johnson-swirls", tmp_path / "graph.onnx")
    example = _example(WITHOUT_TORCH)
    with pytest.raises(SystemExit, match="has a style"):
        example.main(tmp_path / "graph.onnx", ASSETS / "photos", tmp_path / "out", ASSETS / "styles" / "swirls.jpg")
    assert not (tmp_path / "out").exists()


def test_there_are_some() -> None:
    assert len(list(EXAMPLES.glob("*.py"))) >= 8
