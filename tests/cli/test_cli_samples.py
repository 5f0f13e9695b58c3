"""`impasto samples`."""

from pathlib import Path

from impasto.studio import samples


def test_every_sample_is_listed_with_its_file(run):
    done = run("samples", "--json")
    assert done.status == 0
    assert {row["file"] for row in done.json} == {str(path) for path in samples.files().values()}
    assert {row["kind"] for row in done.json} == {"photo", "style"}
    assert all(row["name"] in run("samples").out for row in done.json)


def test_they_are_copied_byte_for_byte_and_never_over_something(run):
    done = run("samples", "-o", "some/folder")
    assert done.status == 0
    copied = [Path(line) for line in done.out.splitlines()]
    assert [path.read_bytes() for path in copied] == [path.read_bytes() for path in samples.files().values()]
    # As in a clone, so that what the pages say of its folder is true of the copy.
    assert {path.parent for path in copied} == {Path("some/folder/photos"), Path("some/folder/styles")}
    copied[-1].write_bytes(b"mine")
    copied[0].unlink()
    assert "exists already" in run("samples", "-o", "some/folder").error
    assert not copied[0].exists(), "all or none"
    assert copied[-1].read_bytes() == b"mine"
    assert run("samples", "-o", "some/folder", "--force").status == 0
    assert copied[-1].read_bytes() != b"mine"


def test_an_installation_without_them_says_so(run, monkeypatch):
    monkeypatch.setattr(samples, "files", dict)
    done = run("samples")
    assert done.status == 5
    assert "install impasto again" in done.error
