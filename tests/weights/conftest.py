"""A machine without any weights, and a loopback web server that misbehaves on request."""

import hashlib
import http.server
import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from impasto.weights.registry import REGISTRY, WeightFile
from impasto.weights.sniff import Container

PAYLOAD = b"\x89HDF\r\n\x1a\n" + random.Random(0).randbytes(300_000)
ETAG = '"v1"'


@pytest.fixture(autouse=True, scope="package")
def one_thread() -> Iterator[None]:
    """These tensors are too small to share between threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No caches, no proxies, own home and own temporary folder."""
    for variable in ("IMPASTO_VGG16", "IMPASTO_VGG19", "TORCH_HOME", "XDG_CACHE_HOME", "KERAS_HOME"):
        monkeypatch.delenv(variable, raising=False)
    for variable in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "home").mkdir()
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path


@pytest.fixture
def cache(bare_machine: Path) -> Path:
    """impasto's cache folder, which does not exist yet."""
    return bare_machine / "cache"


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> WeightFile:
    """A registered file of 300 kB."""
    entry = WeightFile(
        name="toy",
        filename="toy.h5",
        urls=(),
        size_bytes=len(PAYLOAD),
        layout="keras",
        containers=(Container.HDF5,),
        licence="none",
        citation="none",
        sha256=hashlib.sha256(PAYLOAD).hexdigest(),
    )
    monkeypatch.setitem(REGISTRY, "toy", entry)
    return entry


class Handler(http.server.BaseHTTPRequestHandler):
    """Each path is one behaviour; `?n` after it is the number of requests that misbehave (default: all)."""

    server: "Loopback"

    def do_GET(self) -> None:
        path, _, count = self.path.partition("?")
        with self.server.guard:
            self.server.seen.append((path, self.headers.get("Range"), self.headers.get("If-Range")))
            self.server.count[path] += 1
            turn = self.server.count[path]
        misbehave = not count or turn <= int(count)
        behaviour = getattr(self, "on_" + path.strip("/").replace("-", "_"))
        if misbehave:
            behaviour()
        else:
            self.on_good()

    def body(self, data: bytes) -> None:
        """Send some bytes and count them: before, since who reads the last of them may look at the count at once."""
        self.count(len(data))
        try:
            self.wfile.write(data)
            self.wfile.flush()
        except OSError:
            self.count(-len(data))

    def count(self, number: int) -> None:
        with self.server.guard:
            self.server.sent += number

    def head(self, status: int, **headers: object) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def start(self) -> int:
        """Answer the head as a good server does; return where the body begins."""
        wanted, condition = self.headers.get("Range"), self.headers.get("If-Range")
        size = len(PAYLOAD)
        if wanted is None or (condition is not None and condition != ETAG):
            self.head(200, Content_Length=size, ETag=ETAG)
            return 0
        first = int(wanted.removeprefix("bytes=").rstrip("-"))
        span = f"bytes {first}-{size - 1}/{size}"
        self.head(206, Content_Length=size - first, Content_Range=span, ETag=ETAG)
        return first

    def on_good(self) -> None:
        self.body(PAYLOAD[self.start() :])

    def on_slow(self) -> None:
        first = self.start()
        for begin in range(first, len(PAYLOAD), 20_000):
            self.body(PAYLOAD[begin : begin + 20_000])
            time.sleep(0.05)

    def on_cut(self) -> None:
        first = self.start()
        self.body(PAYLOAD[first : first + 100_000])

    def on_cut_early(self) -> None:
        first = self.start()
        self.body(PAYLOAD[first : first + 10])

    def on_no_range(self) -> None:
        self.head(200, Content_Length=len(PAYLOAD))
        self.body(PAYLOAD)

    def on_no_range_cut(self) -> None:
        self.head(200, Content_Length=len(PAYLOAD))
        self.body(PAYLOAD[:150_000] if self.server.count["/no-range-cut"] == 1 else PAYLOAD)

    def on_range_refused(self) -> None:
        if self.headers.get("Range"):
            self.head(416, Content_Length=0)
        else:
            self.on_good()

    def on_wrong_offset(self) -> None:
        size = len(PAYLOAD)
        self.head(206, Content_Length=size - 5, Content_Range=f"bytes 5-{size - 1}/{size}")
        self.body(PAYLOAD[5:])

    def on_page(self) -> None:
        self.head(200, Content_Type="text/html; charset=utf-8")
        self.body(b"<!doctype html><title>Sign in</title>")

    def on_page_unlabelled(self) -> None:
        self.head(200)
        self.body(b"<!doctype html><title>Sign in to use this network</title>")

    def on_wrong(self) -> None:
        self.head(200, Content_Length=len(PAYLOAD))
        self.body(PAYLOAD[:-1] + bytes([PAYLOAD[-1] ^ 1]))

    def on_wrong_cut(self) -> None:
        self.head(200, Content_Length=len(PAYLOAD))
        self.body(PAYLOAD[:40] + b"?" * 100_000)

    def on_other_length(self) -> None:
        self.head(200, Content_Length=len(PAYLOAD) * 1000)
        self.body(PAYLOAD)

    def on_endless(self) -> None:
        self.head(200)
        for _ in range(100):
            self.body(PAYLOAD)

    def on_busy(self) -> None:
        self.head(503, Content_Length=0)

    def on_missing(self) -> None:
        self.head(404, Content_Length=0)

    def on_redirect(self) -> None:
        self.head(302, Location="/good", Content_Length=0)

    def on_to_file(self) -> None:
        self.head(302, Location=f"file://{self.server.secret}", Content_Length=0)

    def on_to_ftp(self) -> None:
        self.head(302, Location="ftp://127.0.0.1/toy.h5", Content_Length=0)

    def on_circle(self) -> None:
        self.head(302, Location="/circle", Content_Length=0)

    def on_stall(self) -> None:
        first = self.start()
        self.body(PAYLOAD[first : first + 1000])
        self.server.over.wait(5)

    def on_drip(self) -> None:
        first = self.start()
        for index in range(first, first + 40):
            self.body(PAYLOAD[index : index + 1])
            if self.server.over.wait(0.05):
                return

    def on_silent(self) -> None:
        self.server.over.wait(5)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class Loopback(http.server.ThreadingHTTPServer):
    """The server, with what it saw."""

    daemon_threads = True

    def __init__(self, secret: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.guard = threading.Lock()
        self.over = threading.Event()
        self.seen: list[tuple[str, str | None, str | None]] = []
        self.count: Counter[str] = Counter()
        self.sent = 0
        self.secret = secret

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are the point of these tests."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Loopback]:
    secret = tmp_path / "secret.h5"
    secret.write_bytes(PAYLOAD)
    loopback = Loopback(secret)
    thread = threading.Thread(target=loopback.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield loopback
    loopback.over.set()
    loopback.shutdown()
    thread.join()
    loopback.server_close()
