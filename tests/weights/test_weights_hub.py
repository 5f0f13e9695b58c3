"""`hf:` addresses: read, fetched by the Hub's own client from a hub of this test, and pinned to a digest."""

import hashlib
import http.server
import sys
import threading

import pytest

from impasto.errors import ResourceError, UsageError, WeightsError
from impasto.weights import hub

pytest.importorskip("huggingface_hub", reason="needs pip install 'impasto[hf]'")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
ADDRESS = "hf:owner/name/nets/style.safetensors"


class FakeHub:
    """A hub with one repository, as its client sees one: the head of a file tells commit, digest and size."""

    def __init__(self):
        self.files = {"nets/style.safetensors": b"eight by" * 100}
        self.asked: list[tuple[str, str]] = []
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self):
                self._answer(body=False)

            def do_GET(self):
                self._answer(body=True)

            def _answer(self, *, body):
                fake.asked.append((self.command, self.path))
                _, _, name = self.path.partition("/resolve/")
                data = fake.files.get(name.partition("/")[2])
                if data is None or not self.path.startswith("/owner/name/"):
                    self.send_response(404)
                    self.send_header("X-Error-Code", "EntryNotFound" if "/owner/name/" in self.path else "RepoNotFound")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self.send_response(200)
                self.send_header("X-Repo-Commit", COMMIT)
                self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if body:
                    self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def sha256(self):
        return hashlib.sha256(self.files["nets/style.safetensors"]).hexdigest()


@pytest.fixture
def fake(monkeypatch, tmp_path):
    made = FakeHub()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{made.server.server_address[1]}")
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "cache"))
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_addresses_are_read():
    digest = "ab" * 32
    address = hub.HubAddress.parse(f"hf:owner/name/a/b.safetensors@v1.0#{digest}")
    assert (address.repository, address.filename, address.revision) == ("owner/name", "a/b.safetensors", "v1.0")
    assert address.sha256 == digest
    assert str(address) == f"hf:owner/name/a/b.safetensors@v1.0#{digest}"
    assert hub.HubAddress.parse(ADDRESS).revision == "main"


@pytest.mark.parametrize(
    "text",
    [
        "hf:", "hf:owner", "hf:owner/name", "hf:owner/name/model.pth", "hf:owner/name/../x.safetensors",
        "hf:owner/name/a.safetensors#abc", "hf:owner/name/a.safetensors#" + "AB" * 32,
        "hf:../name/a.safetensors", "hf:owner/name//a.safetensors", "hf:owner/name/a.safetensors@",
        "hf:owner/na me/a.safetensors", "hf:owner/name/.a.safetensors", "hf://owner/name/a.safetensors",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(text):
    with pytest.raises(UsageError, match="is no address on the Hub"):
        hub.HubAddress.parse(text)


def test_a_file_of_that_name_is_a_file(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert hub.is_address("hf:net")
    (tmp_path / "hf:net").touch()
    assert not hub.is_address("hf:net")


def test_it_is_fetched_once_and_then_there(fake):
    path = hub.fetch(f"{ADDRESS}#{fake.sha256}")
    assert path.read_bytes() == fake.files["nets/style.safetensors"]
    asked = len(fake.asked)
    assert asked > 0
    assert hub.fetch(f"{ADDRESS}#{fake.sha256}") == path
    assert len(fake.asked) == asked, "what is here and pinned is not asked for"


def test_another_file_than_the_digest_tells_is_not_used(fake):
    with pytest.raises(WeightsError, match="is another file") as refused:
        hub.fetch(f"{ADDRESS}#{'ab' * 32}")
    assert fake.sha256 in str(refused.value)


def test_the_first_download_is_remembered(fake, caplog):
    hub.fetch(ADDRESS)
    assert f"{ADDRESS}@main#{fake.sha256}" in caplog.text
    asked = len(fake.asked)
    hub.fetch(ADDRESS)
    assert len(fake.asked) == asked
    # Whoever changes the file later does not change what is used here, nor does an emptied cache.
    before = fake.sha256
    fake.files["nets/style.safetensors"] = b"another"
    assert hashlib.sha256(hub.fetch(ADDRESS).read_bytes()).hexdigest() == before
    hub.fetch(ADDRESS).unlink()
    with pytest.raises(WeightsError, match="was there first"):
        hub.fetch(ADDRESS)


@pytest.mark.parametrize("text", ["hf:owner/name/none.safetensors", "hf:nobody/name/a.safetensors"])
@pytest.mark.usefixtures("fake")
def test_what_is_not_there_is_told(text):
    with pytest.raises(WeightsError, match="is not there; check owner, name and file"):
        hub.fetch(text)


@pytest.mark.usefixtures("fake")
def test_what_the_client_complains_of_is_one_line(monkeypatch):
    def fail(*_args, **_options):
        raise OSError("a long\ncomplaint")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", fail)
    with pytest.raises(WeightsError, match=r"cannot be downloaded \(a long complaint\)"):
        hub.fetch(ADDRESS)


@pytest.mark.slow  # the client tries five times
def test_without_a_network_it_is_told(fake, monkeypatch):
    fake.server.shutdown()
    fake.server.server_close()
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(WeightsError, match="cannot be downloaded"):
        hub.fetch(ADDRESS)


def test_without_the_extra_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ResourceError, match=r"pip install 'impasto\[hf\]'"):
        hub.fetch(ADDRESS)
