"""Pictures of other programs are joined by the names of photograph and painting."""

import pytest

from impasto.errors import ImageError, UsageError
from impasto.series.external import find, pictures_in, split_added


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
