"""The sample pictures are described, readable and small; the painters behind them are deterministic and differ."""

from __future__ import annotations

import io
import re
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.script_helpers import load_script

ROOT = Path(__file__).resolve().parent.parent
ASSETS = ROOT / "assets"
SCRIPT = ROOT / "scripts" / "paint_assets.py"
PICTURES = sorted(p.relative_to(ASSETS).as_posix() for p in ASSETS.rglob("*.jpg"))
NAMES = [Path(p).stem for p in PICTURES if p.startswith("styles/")]
SMALL = 48

needs_script = pytest.mark.skipif(not SCRIPT.exists(), reason="scripts/ is not in this source archive")


@cache
def painters() -> ModuleType:
    return load_script(SCRIPT)


@cache
def small(name: str) -> np.ndarray:
    return np.asarray(painters().paint(name, SMALL), np.float32) / 255


def rows_of_readme() -> dict[str, list[str]]:
    text = (ASSETS / "README.md").read_text(encoding="utf-8")
    found = re.findall(r"^\| `([^`]+)` \|(.*)\|$", text, flags=re.MULTILINE)
    return {file: [cell.strip() for cell in rest.split("|")] for file, rest in found}


def test_readme_lists_exactly_the_files() -> None:
    every = (p for p in ASSETS.rglob("*") if p.is_file() and p.parent.name != "landmarks")
    files = sorted(p.relative_to(ASSETS).as_posix() for p in every if p.name != "README.md")
    assert sorted(rows_of_readme()) == files
    assert len([f for f in files if f.startswith("photos/")]) >= 3
    assert len([f for f in files if f.startswith("styles/")]) >= 6


@pytest.mark.parametrize("file", PICTURES)
def test_readme_names_source_author_and_free_licence(file: str) -> None:
    _, source, author, licence = rows_of_readme()[file]
    assert author
    assert licence in {"public domain", "CC0 1.0"}
    if file.startswith("styles/"):
        assert source == f"`scripts/painting/{Path(file).stem}.py`"
        if SCRIPT.exists():
            assert (ROOT / source.strip("`")).is_file()
    else:
        assert "skimage.data." in source


@pytest.mark.parametrize("file", PICTURES)
def test_picture_is_srgb_big_enough_and_small_on_disk(file: str) -> None:
    path = ASSETS / file
    assert path.stat().st_size <= (150_000 if file.startswith("photos/") else 400_000)
    with Image.open(path) as image:
        image.load()
        assert image.mode == "RGB"
        assert max(image.size) >= 400
        assert min(image.size) >= 300
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
        assert "sRGB" in ImageCms.getProfileDescription(profile)
        assert not image.getexif()
        assert np.asarray(image).std() > 30  # a picture, not a flat sheet


@needs_script
def test_every_painting_has_a_painter() -> None:
    assert sorted(painters().STYLES) == sorted(NAMES)


@needs_script
@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_pixels(name: str) -> None:
    again = np.asarray(painters().paint(name, SMALL), np.float32) / 255
    assert max(again.shape) == SMALL
    np.testing.assert_array_equal(again, small(name))


@needs_script
def test_another_seed_paints_another_picture() -> None:
    other = np.asarray(painters().paint("woodblock", SMALL, seed=5), np.float32) / 255
    assert np.abs(other - small("woodblock")).mean() > 0.01


@needs_script
@pytest.mark.parametrize("name", NAMES)
def test_the_file_is_what_the_painter_paints(name: str) -> None:
    """The composition does not depend on the size: a thumbnail of the file looks like a small painting."""
    ours = small(name)
    with Image.open(ASSETS / "styles" / f"{name}.jpg") as image:
        thumb = np.asarray(image.resize((ours.shape[1], ours.shape[0]), Image.Resampling.BOX), np.float32) / 255
    assert np.abs(ours.mean(axis=(0, 1)) - thumb.mean(axis=(0, 1))).max() < 0.12
    coarse = [np.asarray(Image.fromarray((p * 255).astype(np.uint8)).resize((8, 8)), np.float32) for p in (ours, thumb)]
    assert np.corrcoef(coarse[0].ravel(), coarse[1].ravel())[0, 1] > 0.6


def statistics(path: Path) -> np.ndarray:
    """Mean colour, spread of colour, and the strength of fine and coarse detail along x and y."""
    with Image.open(path) as image:
        picture = np.asarray(image, np.float32) / 255
        coarse = np.asarray(image.reduce(8), np.float32) / 255
    gray, low = picture.mean(axis=2), coarse.mean(axis=2)
    detail = [np.abs(np.diff(g, axis=a)).mean() * k for g, k in ((gray, 4), (low, 2)) for a in (0, 1)]
    return np.array([*picture.mean(axis=(0, 1)), *picture.std(axis=(0, 1)), *detail])


def test_styles_differ_in_simple_statistics() -> None:
    table = {name: statistics(ASSETS / "styles" / f"{name}.jpg") for name in NAMES}
    for one in NAMES:
        for two in NAMES:
            if one < two:
                assert np.linalg.norm(table[one] - table[two]) > 0.15, (one, two)


@needs_script
def test_command_paints_where_told_and_repeats_its_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["engraving", "--size", "40", "--out"]
    assert painters().main([*command, str(tmp_path / "a")]) == 0
    assert painters().main([*command, str(tmp_path / "b")]) == 0
    assert "engraving.jpg" in capsys.readouterr().out
    assert (tmp_path / "a/engraving.jpg").read_bytes() == (tmp_path / "b/engraving.jpg").read_bytes()
    with Image.open(tmp_path / "a/engraving.jpg") as image:
        assert image.size == (40, 30)


@needs_script
@pytest.mark.parametrize(("arguments", "word"), [(["impressionism"], "impressionism"), (["--size", "9"], "--size 9")])
def test_command_refuses_what_it_cannot_paint(
    arguments: list[str], word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        painters().main([*arguments, "--out", str(tmp_path / "out")])
    assert stop.value.code == 2
    assert word in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
