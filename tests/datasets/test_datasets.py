"""The standard sets: found by name in folders and zips, verified by digest, fetched from where they are."""

import hashlib
import http.server
import io
import re
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from impasto import datasets
from impasto.datasets import collect, fetch, lookup, read_regions
from impasto.datasets.catalogue import DataSet, Entry
from impasto.errors import ImageError, InputError, UsageError
from tests.type_helpers import present

SHARED = Path(__file__).resolve().parents[3] / "shared" / "benchmarks"


@pytest.fixture(autouse=True)
def bare(tmp_path, monkeypatch):
    """No sets on this machine, and a cache of the test's own."""
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "cache"))
    for name in datasets.NAMES:
        monkeypatch.delenv(lookup(name).variable, raising=False)
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)


def png(seed, size=(8, 8)):
    stream = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


FILES = {f"{name}1024.jpg": png(seed) for seed, name in enumerate(("cat", "arch", "berries"))}


@pytest.fixture
def toy(monkeypatch):
    """A set of three small pictures, in an order that is not the alphabet's."""
    entries = tuple(
        Entry(name[:-8], name[:-8], name, "somebody", hashlib.md5(data).hexdigest(), len(data))
        for name, data in FILES.items()
    )
    made = DataSet("toy", "Toy", "nobody 2020", "", "IMPASTO_TOY", entries, ("http://127.0.0.1:1/{file}",))
    for module in ("collection", "download"):
        monkeypatch.setattr(f"impasto.datasets.{module}.lookup", lambda _name: made)
    monkeypatch.delenv("IMPASTO_TOY", raising=False)
    return made


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "somewhere" / "inside"
    place.mkdir(parents=True)
    for name, data in FILES.items():
        (place / name).write_bytes(data)
    return tmp_path / "somewhere"


def test_nprgeneral_is_the_published_list():
    known = lookup("nprgeneral")
    assert len(known.entries) == len({entry.md5 for entry in known.entries}) == 20
    assert [entry.title for entry in known.entries[:5]] == ["angel", "arch", "athletes", "barn", "berries"]
    assert known.entries[4].file == "berries1024.jpg"
    assert known.entries[4].by == "HelmutZen"
    for entry in known.entries:
        assert re.fullmatch(r"[0-9a-f]{32}", entry.md5)
        assert re.fullmatch(r"[a-z]+", entry.name)
        assert entry.by
        assert 1e5 < entry.size_bytes < 1e6


def test_nprportrait_has_three_levels_of_twenty_and_fifteen_regions():
    known = lookup("nprportrait")
    assert [entry.name for entry in known.entries][::20] == ["level1-01", "level2-01", "level3-01"]
    assert len(known.entries) == 60
    assert len(set(known.regions.values())) == len(known.regions) == 15
    assert known.regions["skin"] == (49, 130, 189)


def test_an_unknown_set_names_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'nprgeneral'"):
        lookup("nprgenral")


@pytest.mark.usefixtures("toy")
def test_pictures_come_in_the_set_s_order_wherever_they_lie(folder):
    (folder / "other.jpg").write_bytes(b"x")
    found = collect("toy", folder)
    assert [item.entry.name for item in found.items] == ["cat", "arch", "berries"]
    assert all(item.verified for item in found.items)
    assert found.missing == ()
    assert [item.path.read_bytes() for item in found.items] == list(FILES.values())


@pytest.mark.usefixtures("toy")
def test_what_is_missing_is_listed_and_what_is_changed_is_said(folder, notices):
    (folder / "inside" / "arch1024.jpg").unlink()
    (folder / "inside" / "CAT1024.JPG").write_bytes(png(9))
    (folder / "inside" / "cat1024.jpg").unlink()
    found = collect("toy", folder)
    assert [(item.entry.name, item.verified) for item in found.items] == [("cat", False), ("berries", True)]
    assert [entry.name for entry in found.missing] == ["arch"]
    assert "CAT1024.JPG: not the published file of Toy" in notices[0]


@pytest.mark.usefixtures("toy")
def test_a_set_is_found_where_its_variable_says(folder, monkeypatch):
    with pytest.raises(InputError, match="not on this machine; run `impasto datasets fetch toy`"):
        collect("toy")
    monkeypatch.setenv("IMPASTO_TOY", str(folder))
    assert len(collect("toy").items) == 3
    monkeypatch.setenv("IMPASTO_TOY", str(folder / "nowhere"))
    with pytest.raises(InputError, match="is no folder and no zip"):
        collect("toy")


@pytest.mark.usefixtures("toy")
def test_a_folder_without_its_pictures_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"has none of the pictures of Toy, such as cat1024\.jpg"):
        collect("toy", tmp_path)


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.mark.usefixtures("toy")
def test_a_zip_is_unpacked_once_and_never_outside_the_cache(tmp_path):
    members = {f"set/{name}": data for name, data in FILES.items()}
    members |= {"../../evil.jpg": b"x", "/abs.jpg": b"x", "set/readme.txt": b"x", "__MACOSX/set/._cat1024.jpg": b"x"}
    path = zipped(tmp_path / "set.zip", members)
    found = collect("toy", path)
    assert [item.path.read_bytes() for item in found.items] == list(FILES.values())
    cache = tmp_path / "cache"
    inside = sorted(each.name for each in cache.rglob("*") if each.is_file())
    assert inside == sorted([*FILES, "abs.jpg", "evil.jpg"])
    assert not list(tmp_path.glob("evil*"))
    times = {item.path: item.path.stat().st_mtime_ns for item in found.items}
    (damaged := found.items[0].path).write_bytes(b"half")
    again = collect("toy", path)
    assert damaged.read_bytes() == FILES["cat1024.jpg"]
    assert all(item.path.stat().st_mtime_ns == times[item.path] for item in again.items[1:])


@pytest.mark.usefixtures("toy")
def test_zips_that_are_none_or_bombs_are_refused(tmp_path, monkeypatch):
    (tmp_path / "no.zip").write_bytes(b"hello")
    with pytest.raises(ImageError, match="is no zip that can be read"):
        collect("toy", tmp_path / "no.zip")
    whole = zipped(tmp_path / "cut.zip", FILES).read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ImageError, match="is no zip that can be read"):
        collect("toy", tmp_path / "cut.zip")
    with zipfile.ZipFile(tmp_path / "lzma.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("cat1024.jpg", FILES["cat1024.jpg"])
    packed = bytearray((tmp_path / "lzma.zip").read_bytes())
    packed[60:120] = bytes(255 - byte for byte in packed[60:120])
    (tmp_path / "lzma.zip").write_bytes(packed)
    with pytest.raises(ImageError, match="is no zip that can be read"):
        collect("toy", tmp_path / "lzma.zip")
    monkeypatch.setattr("impasto.datasets.collection.MOST_BYTES", 1000)
    with pytest.raises(InputError, match="no picture of the set"):
        collect("toy", zipped(tmp_path / "bomb.zip", {"cat1024.jpg": bytes(100_000)}))
    with pytest.raises(InputError, match="has no pictures"):
        collect("toy", zipped(tmp_path / "empty.zip", {"a.txt": b""}))


@pytest.fixture
def portraits(tmp_path):
    """Two levels as people have them: one plain, one with the archive's longer names."""
    known = lookup("nprportrait")
    root = tmp_path / "portraits"
    mask = Image.new("RGB", (40, 40), known.regions["background"])
    mask.paste(known.regions["skin"], (5, 5, 35, 30))
    mask.paste(known.regions["hair"], (5, 30, 35, 38))
    for name in ("level1/01.jpg", "level1/02.jpg", "NPRportrait2/07-1234_abc_o.jpg"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 40), (200, 150, 120)).save(root / name)
    mask.save(root / "level1/01_regions.png")
    return root


def test_portraits_are_known_by_level_and_number(portraits):
    found = collect("nprportrait", portraits)
    assert [item.entry.name for item in found.items] == ["level1-01", "level1-02", "level2-07"]
    assert len(found.missing) == 18 + 19
    assert [item.mask is not None for item in found.items] == [True, False, False]
    assert [item.entry.name for item in collect("nprportrait", portraits / "NPRportrait2").items] == ["level2-07"]


def test_a_portrait_s_mask_gives_regions_by_the_set_s_names(portraits):
    found = collect("nprportrait", portraits)
    regions = present(read_regions(found.dataset, found.items[0]))
    share = dict(zip(regions.names, regions.content.mean((1, 2)).tolist(), strict=True))
    assert share == pytest.approx({"background": 1 - 30 * 33 / 1600, "skin": 30 * 25 / 1600, "hair": 30 * 8 / 1600})
    assert set(share) == {"background", "skin", "hair"}
    assert read_regions(found.dataset, found.items[1]) is None


class Mirror(http.server.ThreadingHTTPServer):
    """A server of the files at `url`: `wrong` are the bytes it sends instead, `asked` the names it was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.wrong: dict[str, bytes | None] = {}
        self.asked: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}/files/{{file}}"


class Handler(http.server.BaseHTTPRequestHandler):
    """Sends the files, or what `wrong` says of them."""

    server: Mirror

    def do_GET(self):
        name = self.path.rpartition("/")[2]
        data = self.server.wrong.get(name, FILES.get(name))
        self.server.asked.append(name)
        self.send_response(200 if data is not None else 404)
        self.send_header("Content-Length", str(len(data or b"")))
        self.end_headers()
        self.wfile.write(data or b"")

    def log_message(self, *words):
        pass


@pytest.fixture
def mirror():
    server = Mirror()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("toy")
def test_a_set_is_fetched_verified_and_found_again(mirror, tmp_path):
    place = fetch("toy", mirrors=[mirror.url])
    assert place == tmp_path / "cache" / "datasets" / "toy"
    assert {path.name: path.read_bytes() for path in place.iterdir()} == FILES
    assert all(item.verified for item in collect("toy").items)
    fetch("toy", mirrors=[mirror.url])
    assert sorted(mirror.asked) == sorted(FILES)


@pytest.mark.usefixtures("toy")
def test_wrong_bytes_are_never_put_in_place_and_the_next_call_goes_on(mirror, tmp_path):
    mirror.wrong["arch1024.jpg"] = b"x" * len(FILES["arch1024.jpg"])
    with pytest.raises(InputError, match=r"arch1024\.jpg: could not be .* sent a file that is not md5"):
        fetch("toy", mirrors=[mirror.url])
    place = tmp_path / "cache" / "datasets" / "toy"
    assert [path.name for path in place.iterdir()] == ["cat1024.jpg"]
    mirror.wrong.clear()
    fetch("toy", mirrors=[mirror.url])
    assert mirror.asked.count("cat1024.jpg") == 1
    assert {path.name for path in place.iterdir()} == set(FILES)


@pytest.mark.usefixtures("toy")
def test_an_absent_server_names_the_file_and_the_folder():
    with pytest.raises(InputError, match=r"cat1024\.jpg: could not be downloaded .* put the file into .*toy"):
        fetch("toy")


@pytest.mark.parametrize("address", ["ftp://x/{file}", "file:///etc/{file}", "http://x/fixed.jpg", "x"])
@pytest.mark.usefixtures("toy")
def test_mirrors_are_web_addresses_with_a_place_for_the_name(address):
    with pytest.raises(UsageError, match="give a web address"):
        fetch("toy", mirrors=[address])


def test_what_has_no_digest_is_not_downloaded():
    with pytest.raises(UsageError, match="no published digests"):
        fetch("nprportrait")


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the sets themselves")
def test_the_real_sets_are_what_the_package_says():
    general = collect("nprgeneral", SHARED / "nprgeneral")
    assert len(general.items) == 20
    assert all(item.verified and item.path.stat().st_size == item.entry.size_bytes for item in general.items)
    portraits = collect("nprportrait", SHARED / "nprportrait")
    assert len(portraits.items) == 40
    assert all(item.mask is not None for item in portraits.items)
    regions = present(read_regions(portraits.dataset, portraits.items[0]))
    assert {"background", "skin", "hair", "lips"} <= set(regions.names) <= set(portraits.dataset.regions)
