"""Tar files and parquet tables of pictures: what they hold, and that what is written is read again."""

import importlib.util
import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from impasto.errors import InputError, ResourceError
from impasto.shards import Sample, listing, sibling, tables, write

parquet = pytest.mark.skipif(importlib.util.find_spec("pyarrow") is None, reason="pyarrow is not installed")


def pack(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def table(path: Path, columns: dict[str, Any], rows_of_a_group: int = 2) -> Path:
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table(columns), path, row_group_size=rows_of_a_group)
    return path


def test_samples_are_files_of_one_name_up_to_the_first_full_stop(tmp_path):
    path = pack(
        tmp_path / "a.tar",
        {"x/7.jpg": b"seven", "x/7.txt": b"a cat", "x/7.seg.png": b"mask", "8.png": b"eight", "9.txt": b"no picture"},
    )
    seven, eight = listing(path)
    assert (seven.name, seven.read_bytes(), str(seven)) == ("x/7.jpg", b"seven", f"{path}:x/7.jpg")
    assert seven.others() == [("txt", b"a cat"), ("seg.png", b"mask")]
    assert (eight.name, eight.read_bytes(), eight.others()) == ("8.png", b"eight", [])
    mask = sibling(seven, "7.seg.png")
    assert mask is not None
    assert mask.read_bytes() == b"mask"
    assert sibling(seven, "8.seg.png") is None


def test_pictures_that_are_all_named_with_full_stops_are_all_there(tmp_path):
    path = pack(tmp_path / "a.tar", {"photo.v1.jpg": b"one", "photo.v2.jpg": b"two", "photo.txt": b"both"})
    assert [(member.name, member.beside) for member in listing(path)] == [("photo.v1.jpg", ()), ("photo.v2.jpg", ())]


def test_links_and_hidden_files_of_a_tar_are_no_pictures(tmp_path):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        link = tarfile.TarInfo("link.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        archive.addfile(tarfile.TarInfo("._mac.jpg"))
    with pytest.raises(InputError, match="holds no pictures"):
        listing(path)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"no tar at all", "is no proper tar"),
        (b"\x1f\x8b\x08\x00" + bytes(600), "is compressed; unpack it"),
        (b"", "is no proper tar|holds no pictures"),
    ],
)
def test_what_is_no_tar_is_told(tmp_path, data, words):
    (tmp_path / "a.tar").write_bytes(data)
    with pytest.raises(InputError, match=words):
        listing(tmp_path / "a.tar")
    with pytest.raises(InputError, match="cannot be read"):
        listing(tmp_path / "missing.tar")


def test_a_tar_that_was_cut_off_is_told(tmp_path):
    whole = pack(tmp_path / "a.tar", {"1.jpg": bytes(4000), "2.jpg": bytes(4000)}).read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[:6000])
    with pytest.raises(InputError, match=r"cut\.tar: is no proper tar"):
        listing(tmp_path / "cut.tar")
    members = listing(tmp_path / "a.tar")
    (tmp_path / "a.tar").write_bytes(whole[:6000])
    with pytest.raises(InputError, match="is shorter than it was"):
        members[1].read_bytes()


def test_what_is_written_is_read_again_and_the_same_twice(tmp_path):
    samples = [
        Sample("a/1_s.png", b"one", beside=(("txt", b"a cat"),)),
        Sample("2_s.png", None, {"error": "no picture"}),
        Sample("3_s.png", b"three" * 500),
    ]
    for name in ("a.tar", "b.tar"):
        write(tmp_path / name, "tar", samples)
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
    members = listing(tmp_path / "a.tar")
    assert [(member.name, member.read_bytes()) for member in members] == [
        ("a/1_s.png", b"one"),
        ("3_s.png", b"three" * 500),
    ]
    assert members[0].others() == [("txt", b"a cat")]
    with tarfile.open(tmp_path / "a.tar") as archive:
        assert archive.getnames() == ["a/1_s.png", "a/1_s.txt", "3_s.png"]


@parquet
def test_rows_of_a_table_are_pictures_in_any_order(tmp_path):
    path = table(tmp_path / "t.parquet", {"key": [f"k{n}" for n in range(40)], "jpg": [bytes([n]) for n in range(40)]})
    members = listing(path)
    assert [member.name for member in members[:2]] == ["k0", "k1"]
    for row in (0, 1, 2, 39, 17, 18, 3):
        assert members[row].read_bytes() == bytes([row])
    assert members[5].loaded().data == bytes([5])


@parquet
def test_tables_of_hugging_face_and_of_one_column_are_known(tmp_path):
    images = [{"bytes": b"one", "path": "in/cat.jpg"}, {"bytes": None, "path": None}]
    one, two = listing(table(tmp_path / "t.parquet", {"label": [1, 2], "photo": images}))
    assert (one.name, one.read_bytes(), two.name) == ("cat.jpg", b"one", "t-000001")
    with pytest.raises(InputError, match="row 2 has no picture"):
        two.read_bytes()
    (only,) = listing(table(tmp_path / "u.parquet", {"id": [12], "odd": [b"x"]}))
    assert (only.name, only.read_bytes()) == ("12", b"x")


@parquet
@pytest.mark.parametrize(
    ("columns", "words"),
    [({"label": [1]}, "no column of bytes"), ({"a": [b"x"], "b": [b"y"]}, r"several columns of bytes \(a, b\)")],
)
def test_a_table_whose_pictures_cannot_be_told_is_refused(tmp_path, columns, words):
    with pytest.raises(InputError, match=words):
        listing(table(tmp_path / "t.parquet", columns))
    (tmp_path / "t.parquet").write_bytes(b"PAR1 no table")
    with pytest.raises(InputError, match="cannot be read as a parquet table"):
        listing(tmp_path / "t.parquet")


@parquet
def test_a_table_has_a_row_for_what_failed(tmp_path):
    import pyarrow.parquet

    samples = [
        Sample("1_s.png", b"one", {"state": "painted", "width": 3, "height": 2, "sha256": "ab"}),
        Sample("2_s.png", None, {"state": "failed", "error": "is no picture"}),
    ]
    write(tmp_path / "t.parquet", "parquet", samples)
    rows = pyarrow.parquet.read_table(tmp_path / "t.parquet").to_pylist()
    assert [(row["key"], row["image"], row["error"]) for row in rows] == [
        ("1_s", b"one", None),
        ("2_s", None, "is no picture"),
    ]
    one, _two = listing(tmp_path / "t.parquet")
    assert (one.name, one.read_bytes()) == ("1_s", b"one")


def test_without_pyarrow_a_table_says_what_to_install(monkeypatch):
    import builtins

    import_as_usual = builtins.__import__

    def refuse(name, *rest):
        if name.startswith("pyarrow"):
            raise ImportError
        return import_as_usual(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ResourceError, match=r"pip install 'impasto\[ray\]'"):
        tables.pyarrow()
