"""Rows 29 to 32 and 45: downloads that are cut, lied to, redirected, shared, or impossible."""

import http.client
import io
import logging
import os
import subprocess
import sys
import urllib.request
from dataclasses import replace
from pathlib import Path

import filelock
import pytest

import impasto
from impasto.errors import ResourceError, UsageError, WeightsError
from impasto.weights import REGISTRY, Patience, WeightFile, fetch, missing_error
from impasto.weights.transfer import MirrorError, _Redirects

from .conftest import ETAG, PAYLOAD, Loopback

QUICK = Patience(attempts=3, backoff_s=0.001, timeout_s=0.3, worthwhile_bytes=50_000)


def get(server: Loopback, *paths: str) -> Path:
    return fetch("toy", mirrors=[server.url(path) for path in paths], patience=QUICK)


def leftovers(cache: Path) -> set[str]:
    return {path.name for path in cache.iterdir()} - {"toy.h5", "toy.h5.lock"}


@pytest.mark.usefixtures("toy")
def test_good_download_is_whole_counted_and_not_repeated(server: Loopback, cache: Path):
    seen: list[tuple[int, int | None]] = []
    path = fetch(
        "toy",
        mirrors=[server.url("good")],
        patience=QUICK,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert path == cache / "toy.h5"
    assert path.read_bytes() == PAYLOAD
    assert leftovers(cache) == set()
    assert seen[0] == (0, len(PAYLOAD))
    assert seen[-1] == (len(PAYLOAD), len(PAYLOAD))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert get(server, "good") == path
    assert server.count["/good"] == 1


@pytest.mark.usefixtures("toy")
def test_cut_connection_is_gone_on_with(server: Loopback):
    assert get(server, "cut").read_bytes() == PAYLOAD
    ranges = [wanted for _, wanted, _ in server.seen]
    assert ranges == [None, "bytes=100000-", "bytes=200000-", "bytes=300000-"]
    assert {condition for _, _, condition in server.seen[1:]} == {ETAG}
    assert server.sent == len(PAYLOAD)


@pytest.mark.usefixtures("toy")
def test_next_run_goes_on_where_the_last_stopped(server: Loopback, cache: Path):
    with pytest.raises(WeightsError, match="broke off at 100000 of 300008 bytes, after 1 tries"):
        fetch("toy", mirrors=[server.url("cut")], patience=Patience(attempts=1))
    assert (cache / "toy.h5.part").stat().st_size == 100_000
    assert get(server, "good").read_bytes() == PAYLOAD
    # Another address than before: its ETag does not apply, and the digest alone decides.
    assert server.seen[-1] == ("/good", "bytes=100000-", None)
    assert leftovers(cache) == set()


@pytest.mark.usefixtures("toy")
def test_tries_that_bring_next_to_nothing_are_bounded(server: Loopback):
    with pytest.raises(WeightsError, match="after 3 tries"):
        get(server, "cut-early")
    assert server.count["/cut-early"] == QUICK.attempts


@pytest.mark.usefixtures("toy")
def test_tries_that_bring_much_are_not_failures(server: Loopback):
    with pytest.raises(WeightsError, match="after 2 tries"):
        fetch("toy", mirrors=[server.url("cut")], patience=replace(QUICK, attempts=2, worthwhile_bytes=100_001))
    assert fetch("toy", mirrors=[server.url("cut")], patience=replace(QUICK, attempts=1)).read_bytes() == PAYLOAD


@pytest.mark.usefixtures("toy")
def test_changed_file_restarts_by_if_range(server: Loopback, cache: Path):
    cache.mkdir()
    (cache / "toy.h5.part").write_bytes(PAYLOAD[:50_000])
    (cache / "toy.h5.part.etag").write_text(f'{server.url("good")}\n"old"\n')
    assert get(server, "good").read_bytes() == PAYLOAD
    assert server.seen == [("/good", "bytes=50000-", '"old"')]
    assert server.sent == len(PAYLOAD)


@pytest.mark.parametrize("junk", [b"\xff\xfe", b"one line", b'http://x\n"a"\r\nX-Injected: 1\n'])
@pytest.mark.usefixtures("toy")
def test_damaged_etag_note_is_ignored(server: Loopback, cache: Path, junk: bytes):
    cache.mkdir()
    (cache / "toy.h5.part").write_bytes(PAYLOAD[:50_000])
    (cache / "toy.h5.part.etag").write_bytes(junk)
    assert get(server, "good").read_bytes() == PAYLOAD
    assert server.seen == [("/good", "bytes=50000-", None)]


@pytest.mark.usefixtures("toy")
def test_server_without_ranges_restarts(server: Loopback):
    assert get(server, "no-range-cut").read_bytes() == PAYLOAD
    assert [wanted for _, wanted, _ in server.seen] == [None, "bytes=150000-"]
    assert server.sent == 150_000 + len(PAYLOAD)


@pytest.mark.usefixtures("toy")
def test_200_to_a_range_starts_again(server: Loopback, cache: Path):
    cache.mkdir()
    (cache / "toy.h5.part").write_bytes(PAYLOAD[:50_000])
    assert get(server, "no-range").read_bytes() == PAYLOAD
    assert server.seen == [("/no-range", "bytes=50000-", None)]


@pytest.mark.usefixtures("toy")
def test_416_starts_again(server: Loopback, cache: Path):
    cache.mkdir()
    (cache / "toy.h5.part").write_bytes(PAYLOAD[:50_000])
    assert get(server, "range-refused").read_bytes() == PAYLOAD
    assert [wanted for _, wanted, _ in server.seen] == ["bytes=50000-", None]


@pytest.mark.usefixtures("toy")
def test_complete_part_is_verified_without_asking(server: Loopback, cache: Path):
    cache.mkdir()
    (cache / "toy.h5.part").write_bytes(PAYLOAD)
    assert get(server, "good").read_bytes() == PAYLOAD
    assert server.seen == []


@pytest.mark.parametrize("wrong", [PAYLOAD + b"tail", PAYLOAD[:-1] + b"?", PAYLOAD[:40] + b"?" * 5000])
@pytest.mark.usefixtures("toy")
def test_wrong_part_is_set_aside_and_the_mirror_starts_fresh(server: Loopback, cache: Path, wrong: bytes):
    cache.mkdir()
    (cache / "toy.h5.part").write_bytes(wrong)
    assert get(server, "good").read_bytes() == PAYLOAD
    assert server.seen[-1] == ("/good", None, None)
    assert leftovers(cache) == {"toy.h5.quarantine"}


@pytest.mark.usefixtures("toy")
def test_answer_to_another_range_is_not_appended(server: Loopback, cache: Path):
    cache.mkdir()
    (cache / "toy.h5.part").write_bytes(PAYLOAD[:50_000])
    assert get(server, "wrong-offset", "good").read_bytes() == PAYLOAD
    assert server.seen[-1][1] == "bytes=50000-"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("page", "web page"),
        ("page-unlabelled", "broke off"),
        ("wrong", "not sha256"),
        ("other-length", "300008000 bytes where 300008"),
        ("missing", "HTTP 404"),
        ("busy", "HTTP 503, after 3 tries"),
        ("to-file", "HTTP 302"),
        ("to-ftp", "redirects from http to ftp, which is refused"),
        ("circle", "HTTP 302"),
        ("silent", "timed out"),
        ("stall", "timed out"),
        ("drip", "stalled"),
    ],
)
@pytest.mark.usefixtures("toy")
def test_bad_mirror_is_left_for_the_next(server: Loopback, cache: Path, path: str, reason: str):
    patience = replace(QUICK, attempts=2) if path in {"silent", "stall", "drip"} else QUICK
    with pytest.raises(WeightsError, match=reason) as caught:
        fetch("toy", mirrors=[server.url(path)], patience=patience)
    assert "\n" not in str(caught.value)
    assert not (cache / "toy.h5").exists()
    mirrors = [server.url(path), server.url("good")]
    assert fetch("toy", mirrors=mirrors, patience=patience).read_bytes() == PAYLOAD
    assert leftovers(cache) <= {"toy.h5.quarantine"}


@pytest.mark.usefixtures("toy")
def test_wrong_bytes_are_quarantined(server: Loopback, cache: Path):
    with pytest.raises(WeightsError, match=r"kept as toy\.h5\.quarantine"):
        get(server, "wrong")
    assert leftovers(cache) == {"toy.h5.quarantine"}
    assert (cache / "toy.h5.quarantine").stat().st_size == len(PAYLOAD)


@pytest.mark.usefixtures("toy")
def test_bytes_of_a_lying_mirror_do_not_spoil_an_honest_one(server: Loopback, cache: Path):
    assert get(server, "wrong-cut", "good").read_bytes() == PAYLOAD
    assert leftovers(cache) == {"toy.h5.quarantine"}


@pytest.mark.usefixtures("toy")
def test_error_page_is_not_kept(server: Loopback, cache: Path):
    with pytest.raises(WeightsError):
        get(server, "page-unlabelled")
    assert leftovers(cache) == set()


@pytest.mark.usefixtures("toy")
def test_endless_answer_stops_at_the_known_size(server: Loopback):
    assert get(server, "endless").read_bytes() == PAYLOAD
    # The rest is at most what the sockets buffered: nowhere near the 30 MB on offer.
    assert server.sent < 60 * len(PAYLOAD)


@pytest.mark.usefixtures("toy")
def test_busy_server_is_asked_again(server: Loopback):
    assert get(server, "busy?2").read_bytes() == PAYLOAD
    assert server.count["/busy"] == 3


@pytest.mark.usefixtures("toy")
def test_redirect_keeps_the_range(server: Loopback, cache: Path):
    cache.mkdir()
    (cache / "toy.h5.part").write_bytes(PAYLOAD[:50_000])
    assert get(server, "redirect").read_bytes() == PAYLOAD
    assert server.seen[-1] == ("/good", "bytes=50000-", None)


def test_offline_is_told_at_once_with_everything_needed(toy: WeightFile, cache: Path, monkeypatch: pytest.MonkeyPatch):
    def no_pause(seconds: float) -> None:
        raise AssertionError(f"paused {seconds} s although nothing ever answered")

    monkeypatch.setattr("time.sleep", no_pause)
    closed = "http://127.0.0.1:9/toy.h5"
    with pytest.raises(WeightsError) as caught:
        fetch("toy", mirrors=[closed, closed])
    message = str(caught.value)
    for part in (str(cache / "toy.h5"), toy.sha256, "300008 bytes", "`impasto weights fetch toy`"):
        assert part in message
    assert "--encoder petite needs no download" in message
    assert caught.value.exit_code == 4


def test_missing_error_names_the_real_file(cache: Path):
    message = str(missing_error())
    name = "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
    assert f"at {cache / name}," in message
    assert "md5 253f8cb515780f3b799900260a226db6" in message
    assert "`impasto weights fetch vgg19`" in message


def test_unknown_name_and_mirror_are_usage_errors():
    with pytest.raises(UsageError, match=r"vgg19, vgg19-torchvision, vgg16, vgg16-torchvision; did you mean vgg19\?"):
        fetch("vg19")
    for mirror in ("file:///etc/passwd", "ftp://host/x", "/etc/passwd", "http://"):
        with pytest.raises(UsageError, match="not an http or https address"):
            fetch("vgg19", mirrors=[mirror])


@pytest.mark.usefixtures("toy")
def test_stopping_keeps_what_came(server: Loopback, cache: Path):
    def stop(done: int, _total: int | None) -> None:
        if done > 60_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch("toy", mirrors=[server.url("slow")], patience=QUICK, progress=stop)
    held = (cache / "toy.h5.part").stat().st_size
    assert held > 60_000
    assert get(server, "good").read_bytes() == PAYLOAD
    assert server.seen[-1][1] == f"bytes={held}-"


@pytest.mark.usefixtures("toy")
def test_damaged_cache_file_is_quarantined_and_replaced(
    server: Loopback, cache: Path, caplog: pytest.LogCaptureFixture
):
    cache.mkdir()
    (cache / "toy.h5").write_bytes(b"?" * len(PAYLOAD))
    with caplog.at_level(logging.WARNING, "impasto"):
        assert get(server, "good").read_bytes() == PAYLOAD
    assert (cache / "toy.h5.quarantine").read_bytes() == b"?" * len(PAYLOAD)
    assert "moved to toy.h5.quarantine" in caplog.text


@pytest.mark.usefixtures("toy")
def test_unwritable_cache_falls_back_to_a_private_temporary_folder(
    server: Loopback,
    cache: Path,
    bare_machine: Path,
    caplog: pytest.LogCaptureFixture,
):
    cache.write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING, "impasto"):
        path = get(server, "good")
    assert path.is_relative_to(bare_machine / "temporary")
    assert path.parent.stat().st_mode & 0o077 == 0
    assert "set IMPASTO_CACHE" in caplog.text
    # The next run finds it there again.
    assert get(server, "good") == path
    assert server.count["/good"] == 1


@pytest.mark.usefixtures("toy")
def test_foreign_temporary_folder_is_not_trusted(server: Loopback, cache: Path, bare_machine: Path):
    cache.write_text("a file where the folder should be")
    trap = bare_machine / "trap"
    trap.mkdir()
    (bare_machine / "temporary" / f"impasto-{os.getuid()}").symlink_to(trap)
    assert get(server, "good").read_bytes() == PAYLOAD
    assert list(trap.iterdir()) == []


@pytest.mark.usefixtures("toy")
def test_nowhere_to_write_is_a_resource_error(cache: Path, monkeypatch: pytest.MonkeyPatch):
    cache.write_text("a file where the folder should be")
    monkeypatch.setattr("tempfile.tempdir", str(cache))
    with pytest.raises(ResourceError, match="set IMPASTO_CACHE"):
        fetch("toy", mirrors=["http://127.0.0.1:9/"])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.usefixtures("toy")
def test_full_disk_is_a_resource_error(server: Loopback, cache: Path):
    def fill(done: int, _total: int | None) -> None:
        if done == 0:
            (cache / "toy.h5.part").symlink_to("/dev/full")

    with pytest.raises(ResourceError, match=r"No space left.*free some space"):
        fetch("toy", mirrors=[server.url("good")], patience=QUICK, progress=fill)


def test_redirect_to_an_unencrypted_address_is_refused():
    request = urllib.request.Request("https://a.example/toy.h5")
    with pytest.raises(MirrorError, match="from https to http"):
        _Redirects().redirect_request(
            request, io.BytesIO(), 302, "Found", http.client.HTTPMessage(), "http://a.example/toy.h5"
        )


@pytest.mark.usefixtures("toy")
def test_file_system_without_locks_still_downloads(
    server: Loopback,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    def refuse(_self: object, *_args: object, **_kwargs: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
    with caplog.at_level(logging.WARNING, "impasto"):
        assert get(server, "good").read_bytes() == PAYLOAD
    assert "cannot be locked here" in caplog.text


_CHILD = """
import sys
from impasto.weights import REGISTRY, Container, WeightFile, fetch
REGISTRY["toy"] = WeightFile(
    name="toy", filename="toy.h5", urls=(sys.argv[1],), size_bytes=int(sys.argv[2]), layout="keras",
    containers=(Container.HDF5,), licence="", citation="", sha256=sys.argv[3])
sys.stdout.write(str(fetch("toy")))
assert "torch" not in sys.modules
"""


def test_two_processes_make_one_download(server: Loopback, toy: WeightFile, cache: Path):
    environment = {**os.environ, "PYTHONPATH": str(Path(impasto.__file__).parents[1])}
    command = [sys.executable, "-c", _CHILD, server.url("slow"), str(toy.size_bytes), toy.sha256]
    children = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = [child.communicate(timeout=60) for child in children]
    assert [child.returncode for child in children] == [0, 0], answers
    assert [answer[0] for answer in answers] == [str(cache / "toy.h5")] * 2
    assert (cache / "toy.h5").read_bytes() == PAYLOAD
    assert server.count["/slow"] == 1
    assert server.sent == len(PAYLOAD)


def test_registry_is_sound():
    for name, entry in REGISTRY.items():
        assert entry.name == name
        assert entry.size_bytes > 0
        assert entry.sha256 or len(entry.md5) == 32
        assert all(url.startswith("https://") for url in entry.urls)
        assert all(url.endswith("/" + entry.filename) for url in entry.urls)
        assert entry.licence
        assert "Simonyan" in entry.citation


def test_another_file_that_passes_a_weak_check_is_not_put_in_place(
    server: Loopback, toy: WeightFile, cache: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(REGISTRY, "toy", replace(toy, sha256=toy.sha256[:8]))
    cache.mkdir()
    (cache / "toy.h5.sha256").write_text("0" * 64 + "  toy.h5\n")
    with pytest.raises(WeightsError, match=r"sha256 stands in toy\.h5\.sha256"):
        get(server, "good")
    assert not (cache / "toy.h5").exists()
    assert (cache / "toy.h5.quarantine").exists()
    (cache / "toy.h5.sha256").unlink()
    assert get(server, "good") == cache / "toy.h5"
    assert (cache / "toy.h5.sha256").read_text() == f"{toy.sha256}  toy.h5\n"
