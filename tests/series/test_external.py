"""Pictures of other programs are joined by the names of photograph and painting."""

from pathlib import Path

import pytest
from PIL import Image

from impasto.errors import ImageError, UsageError
from impasto.series import entrants
from impasto.series.benchmark import Benchmark
from impasto.series.external import find, pictures_in, split_added
from impasto.series.pairs import Input


@pytest.mark.parametrize(
    "name",
    [
        "cat_swirls.png",
        "cat-swirls.jpg",
        "Cat+Swirls.PNG",
        "cat_stylized_swirls.jpg",
        "cat__swirls.webp",
        "cat/swirls.png",
        "swirls/cat.jpg",
    ],
)
def test_a_pair_is_found_under_the_names_that_programs_give(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"")
    (tmp_path / "swirls_cat.png").write_bytes(b"")
    assert find(tmp_path, "cat", "swirls") == path
    assert find(tmp_path, "dog", "swirls") is None


def test_hidden_files_and_others_are_no_pictures(tmp_path):
    for name in ("b.png", "a.JPG", "._c.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in pictures_in(tmp_path)] == ["a.JPG", "b.png"]
    with pytest.raises(ImageError, match="cannot be read"):
        pictures_in(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match="has no pictures"):
        pictures_in(tmp_path / "empty")


@pytest.mark.parametrize("text", ["theirs", "=x", "theirs="])
def test_a_folder_needs_a_name(text):
    with pytest.raises(UsageError, match="give a name and a folder"):
        split_added([text])
    with pytest.raises(UsageError, match="is there twice"):
        split_added(["a=x", "a=y"])


def test_pictures_of_another_report_join_by_the_names_of_a_set(tmp_path: Path) -> None:
    """A set calls its file cat1024.png `cat`, and so does a report that painted it."""
    for name in ("cat1024.png", "sea.png", "theirs/cat_sea.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (40, 40)).save(tmp_path / name)
    benchmark = Benchmark(
        entrants.parse("wct"),
        [Input("cat", tmp_path / "cat1024.png")],
        [Input("sea", tmp_path / "sea.png")],
        tmp_path / "report",
        added={"theirs": tmp_path / "theirs"},
        encoder="petite",
        second_encoder="petite",
        check=False,
    )
    assert [cell.path.name for cell in benchmark.cells if cell.state == "external"] == ["cat_sea.png"]
