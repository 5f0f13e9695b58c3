"""Folders and archives of training pictures that somebody else has filled: skipped, counted, bounded."""

import bz2
import contextlib
import gzip
import io
import lzma
import os
import random
import resource
import socket
import tarfile
import time
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from PIL import Image

from impasto.errors import ImageError, InputError
from impasto.training import archive, held_out, sources
from impasto.training.data import PictureStream
from impasto.training.sources import pictures

QUICK_S = 15.0
MODEST_MIB = 300
GOOD = ["0.png", "1.png", "2.png"]
END = bytes(1024)

Pack = Callable[[bytes], bytes]


@pytest.fixture(autouse=True)
def modest() -> Iterator[None]:
    """Fails a test that took long or much."""
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert time.monotonic() - began < QUICK_S
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MODEST_MIB << 10


def png(color: int = 0) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (20, 20), (color, 90, 200)).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "pictures"
    path.mkdir()
    for number in range(3):
        (path / f"{number}.png").write_bytes(png(number))
    return path


def names(source: Path) -> list[str]:
    return [picture.name for picture in pictures(source)]


def left_out(notices: list[str], *words: str) -> None:
    assert len(notices) == 1
    assert "left out" in notices[0]
    for word in words:
        assert word in notices[0]


def test_what_is_no_file_of_the_folder_is_counted(
    folder: Path, tmp_path: Path, notices: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(folder / "pipe.jpg")
    (folder / "zero.png").symlink_to("/dev/zero")
    (folder / "gone.png").symlink_to("nowhere.png")
    (folder / "round.png").symlink_to("round.png")
    (tmp_path / "secret.png").write_bytes(png())
    (folder / "out.png").symlink_to(tmp_path / "secret.png")
    (folder / "up.png").symlink_to("../secret.png")
    (folder / "named.png").mkdir()
    (folder / "empty.png").touch()
    with (folder / "huge.tif").open("wb") as stream:
        stream.truncate(1 << 40)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x.png").write_bytes(png())
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "around").symlink_to(folder)
    monkeypatch.chdir(folder)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("s.png")
        assert names(folder) == GOOD
    left_out(
        notices,
        "3 pictures",
        "3 links out of the folder",
        "2 broken links",
        "2 pipes, sockets, devices",
        "1 empty",
        "1 files over 256 MiB",
        "2 links to folders",
    )


def test_links_within_the_folder_are_its_own(folder: Path, notices: list[str]) -> None:
    (folder / "again.png").symlink_to("0.png")
    assert len(names(folder)) == 4
    link = folder.parent / "link"
    link.symlink_to(folder)
    assert len(names(link)) == 4
    assert notices == []


def test_a_clean_folder_and_archive_say_nothing(folder: Path, tmp_path: Path, notices: list[str]) -> None:
    (folder / "notes.txt").write_text("of no interest")
    assert names(folder) == GOOD
    assert names(tar(tmp_path, folder)) == GOOD
    assert notices == []


def test_names_that_are_not_text(folder: Path) -> None:
    (folder / os.fsdecode(b"caf\xe9\n.png")).write_bytes(png())
    assert len(names(folder)) == 4
    assert all(name.isprintable() for name in names(folder))
    assert PictureStream([folder], crop=16)(0).shape == (4, 3, 16, 16)


@pytest.mark.parametrize("what", ["pipe", "device", "link to a device", "missing", "broken link", "NUL"])
def test_sources_that_are_neither_folder_nor_file(tmp_path: Path, what: str) -> None:
    path = tmp_path / "source"
    if what == "pipe":
        os.mkfifo(path)
    elif what == "device":
        path = Path("/dev/zero")
    elif what == "link to a device":
        path.symlink_to("/dev/zero")
    elif what == "broken link":
        path.symlink_to("nowhere")
    elif what == "NUL":
        path = Path("a\0b")
    with pytest.raises(InputError) as caught:
        pictures(path)
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError):
        held_out.pictures(path)


def test_only_bad_entries_are_an_error_that_counts_them(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"holds no picture .*1 pipes"):
        pictures(tmp_path)


def test_a_folder_without_end_is_left(folder: Path, monkeypatch: pytest.MonkeyPatch, notices: list[str]) -> None:
    monkeypatch.setattr(sources, "MAX_ENTRIES", 2)
    assert len(pictures(folder)) == 2
    left_out(notices, "beyond 2 entries")


def test_what_changes_after_it_was_found_is_skipped(folder: Path, notices: list[str]) -> None:
    stream = PictureStream([folder], crop=16, batch=2)
    (folder / "0.png").unlink()
    os.mkfifo(folder / "0.png")
    (folder / "1.png").unlink()
    (folder / "1.png").symlink_to("/dev/zero")
    for step in range(8):
        assert stream(step).shape == (2, 3, 16, 16)
    assert len(notices) == 1


def test_many_broken_pictures_are_few_notices(folder: Path, notices: list[str]) -> None:
    for number in range(150):
        (folder / f"broken{number}.png").write_bytes(png()[:50])
    stream = PictureStream([folder], crop=8, batch=4)
    for step in range(60):
        stream(step)
    assert 2 <= len(notices) <= 3
    assert "10 by now" in notices[1]


def test_one_sound_picture_among_hundreds_is_found(tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / f"broken{number}.png").write_bytes(png()[:50])
    (tmp_path / "good.png").write_bytes(png())
    one, other = PictureStream([tmp_path], crop=8, batch=1), PictureStream([tmp_path], crop=8, batch=1)
    for step in range(5):
        one(step)
    # What was learnt about broken ones changes no batch.
    assert one(5).equal(other(5))


def test_pictures_of_too_many_pixels_are_skipped(
    folder: Path, monkeypatch: pytest.MonkeyPatch, notices: list[str]
) -> None:
    monkeypatch.setattr(sources, "MAX_PIXELS", 1000)
    Image.new("1", (9000, 9000)).save(folder / "bomb.png")
    stream = PictureStream([folder], crop=8, batch=8)
    for step in range(4):
        stream(step)
    assert len(notices) == 1
    assert "bomb.png" in notices[0]


def test_held_out_pictures_are_skipped_alike(folder: Path, notices: list[str]) -> None:
    (folder / "gone.png").symlink_to("nowhere.png")
    (folder / "1.png").write_bytes(png()[:50])
    assert len(held_out.pictures(folder)) == 2
    assert len(notices) == 2
    for number in (0, 2):
        (folder / f"{number}.png").write_bytes(b"nothing")
    with pytest.raises(InputError, match="none of its 3 pictures"):
        held_out.pictures(folder)


# Archives.


def tar(tmp_path: Path, folder: Path, form: int = tarfile.PAX_FORMAT) -> Path:
    path = tmp_path / "pictures.tar"
    with tarfile.open(path, "w", format=form) as stream:
        for each in sorted(folder.iterdir()):
            stream.add(each, f"some/{each.name}")
    return path


def member(name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, size: int | None = None) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname = kind, len(data) if size is None else size, "/dev/zero"
    return info.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % 512)


def summed(head: bytes | bytearray) -> bytes:
    """A header with its sum set right again."""
    return bytes(head[:148]) + b"%06o\0 " % (sum(head[:148]) + 8 * 32 + sum(head[156:512])) + bytes(head[156:])


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_every_kind_of_tar_file_is_read(
    folder: Path, tmp_path: Path, form: int, pack: Pack, notices: list[str]
) -> None:
    deep = folder / ("x" * 120) / ("y" * 60)
    deep.mkdir(parents=True)
    (deep / "é.png").write_bytes(png(8))
    if form != tarfile.USTAR_FORMAT:
        (deep / ("z" * 200 + "é.png")).write_bytes(png(9))
    path = tar(tmp_path, folder, form)
    with tarfile.open(path) as stream:
        wanted = [stream.extractfile(each).read() for each in stream if each.isfile()]  # type: ignore[union-attr]
    path.write_bytes(pack(path.read_bytes()))
    found = pictures(path)
    assert [picture.read() for picture in found] == wanted
    assert len(found) == (4 if form == tarfile.USTAR_FORMAT else 5)
    assert all(picture.name.endswith(".png") and "/" not in picture.name for picture in found)
    assert notices == []


def test_several_packed_streams_are_one(folder: Path, tmp_path: Path) -> None:
    path = tar(tmp_path, folder)
    data = path.read_bytes()
    for pack in (gzip.compress, bz2.compress, lzma.compress):
        path.write_bytes(pack(data[:700]) + pack(data[700:]) + bytes(12))
        assert names(path) == GOOD


def test_links_devices_and_pipes_of_an_archive_are_counted(tmp_path: Path, notices: list[str]) -> None:
    parts = [
        member("good.png", png()),
        member("hard.png", kind=tarfile.LNKTYPE, size=1 << 30),
        member("soft.png", kind=tarfile.SYMTYPE),
        member("device.png", kind=tarfile.CHRTYPE),
        member("pipe.png", kind=tarfile.FIFOTYPE),
        member("folder.png", kind=tarfile.DIRTYPE),
        member("empty.png"),
        member("../../up.png", png(1)),
    ]
    (tmp_path / "a.tar").write_bytes(b"".join(parts) + END)
    assert names(tmp_path / "a.tar") == ["good.png", "up.png"]
    left_out(notices, "2 links", "2 pipes and devices", "1 empty")


@pytest.mark.parametrize("packed", [False, True])
def test_sparse_members_are_not_filled(tmp_path: Path, packed: bool, notices: list[str]) -> None:
    # The old form says so in its header, the newer ones in their settings.
    head = bytearray(member("old.png", kind=b"S", size=512))
    head[386:410] = b"00000000000\0" + b"00000001000\0"
    head[483:495] = b"17777777777\0"
    settings = b""
    for key, value in (("GNU.sparse.major", "1"), ("GNU.sparse.realsize", str(1 << 40)), ("path", "new.png")):
        line = f" {key}={value}\n"
        settings += f"{len(line) + 2}{line}".encode()
    parts = [
        summed(head) + bytes(512),
        member("x", settings, kind=b"x") + member("new.png", b"1\n0\n512\n" + bytes(503)),
        member("good.png", png()),
    ]
    data = b"".join(parts) + END
    (tmp_path / "a.tar").write_bytes(gzip.compress(data) if packed else data)
    assert names(tmp_path / "a.tar") == ["good.png"]
    left_out(notices, "2 sparse members")


def test_members_larger_than_any_picture(tmp_path: Path, notices: list[str]) -> None:
    path = tmp_path / "a.tar"
    with path.open("wb") as stream:
        stream.write(member("huge.png", size=4 << 30))
        stream.seek(4 << 30, 1)
        stream.write(member("good.png", png()) + END)
    assert names(path) == ["good.png"]
    left_out(notices, "1 files over")


@pytest.mark.parametrize("kind", [b"x", b"g", b"L", b"K"])
def test_headers_of_any_size_are_not_read(tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "a.tar"
    with path.open("wb") as stream:
        stream.write(member("x", kind=kind, size=4 << 30))
        stream.seek(4 << 30, 1)
        stream.write(member("good.png", png()) + END)
    assert names(path) == ["good.png"]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_cut_archives_keep_what_came_before(folder: Path, tmp_path: Path, pack: Pack, notices: list[str]) -> None:
    path = tar(tmp_path, folder)
    whole = pack(path.read_bytes())
    for length in range(0, len(whole), max(1, len(whole) // 40)):
        notices.clear()
        path.write_bytes(whole[:length])
        found = []
        with contextlib.suppress(InputError):
            found = pictures(path)
        assert [picture.read() for picture in found] == [png(number) for number in range(len(found))]
        # What is missing may be the zeros at the end alone.
        assert len(notices) == 1 or len(found) in (0, 3)


def test_damaged_archives_keep_what_came_before(folder: Path, tmp_path: Path, notices: list[str]) -> None:
    path = tar(tmp_path, folder)
    data = bytearray(path.read_bytes())
    data[data.rindex(b"some/2.png")] ^= 1
    path.write_bytes(data)
    assert names(path) == ["0.png", "1.png"]
    left_out(notices, "damaged at")


@cache
def packed_zeros(pack: Pack) -> bytes:
    return pack(bytes(32 << 20))


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("name", ["notes.txt", "bomb.png"])
def test_bombs(tmp_path: Path, pack: Pack, name: str, notices: list[str]) -> None:
    # Streams in a row: what takes long to pack is packed once.
    filler = packed_zeros(pack)
    path = tmp_path / "a.tar"
    start = pack(member("good.png", png())) + pack(member(name, size=200 << 20 if name == "bomb.png" else 7 << 30))
    path.write_bytes(start + filler * 224)
    assert path.stat().st_size < 20 << 20
    assert names(path) == ["good.png"]
    left_out(notices, "a bomb")


def test_an_xz_that_asks_for_memory(tmp_path: Path) -> None:
    data = bytearray(lzma.compress(member("good.png", png()) + END))
    # The size of the dictionary is one byte of the block's header, which ends in its own checksum.
    end = 12 + (data[12] + 1) * 4
    data[data.index(b"\x21\x01", 12, end) + 2] = 40  # 4 GiB
    data[end - 4 : end] = zlib.crc32(data[12 : end - 4]).to_bytes(4, "little")
    (tmp_path / "a.tar").write_bytes(data)
    with pytest.raises(InputError, match=r"[Mm]emory"):
        pictures(tmp_path / "a.tar")


def test_packed_pictures_beyond_what_is_kept(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, notices: list[str]
) -> None:
    path = tar(tmp_path, folder)
    path.write_bytes(gzip.compress(path.read_bytes()))
    monkeypatch.setattr(sources, "MAX_KEPT_BYTES", 2 * len(png()) + 10)
    assert len(pictures(path)) == 2
    left_out(notices, "unpack it into a folder")


@pytest.mark.parametrize(
    "data", [b"", b"<html>", bytes(10_000), b"\x1f\x8b", b"\x1f\x8b" + bytes(3000), b"BZh9", b"x" * 600]
)
def test_files_that_are_no_archives(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.tar").write_bytes(data)
    with pytest.raises(InputError, match=r"a\.tar"):
        pictures(tmp_path / "a.tar")


def test_changed_bytes_escape_as_nothing_else(folder: Path, tmp_path: Path) -> None:
    path = tar(tmp_path, folder, tarfile.GNU_FORMAT)
    whole = path.read_bytes()[:4096]
    generator = random.Random(0)
    for _ in range(600):
        data = bytearray(whole)
        for _ in range(generator.randint(1, 4)):
            data[generator.randrange(len(data))] = generator.randrange(256)
        for start in range(0, len(data), 512):
            # Sums that are right again, so that what they guard is believed.
            if data[start + 257 : start + 262] == b"ustar":
                data[start : start + 512] = summed(data[start : start + 512])
        path.write_bytes(data)
        with contextlib.suppress(InputError, ImageError):
            for picture in pictures(path):
                picture.read()


def test_a_size_in_the_settings_is_bounded(tmp_path: Path) -> None:
    line = b"30 size=" + b"9" * 21 + b"\n"
    (tmp_path / "a.tar").write_bytes(member("x", line, kind=b"x") + member("a.png", png()) + END)
    with pytest.raises(InputError):
        pictures(tmp_path / "a.tar")
    assert archive._settings(b"5 =\n" + b"x" * 10) == {}
