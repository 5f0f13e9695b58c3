"""Studios to test: one that a module shares, ones of a test's own, and one in this process."""

import asyncio

import httpx
import pytest

from tests.studio.studio_helpers import Server


@pytest.fixture(scope="session")
def studio(tmp_path_factory):
    """A studio that runs, for all tests that need nothing of their own."""
    server = Server(tmp_path_factory.mktemp("studio") / "data")
    yield server
    assert server.end() is not None


@pytest.fixture
def start(tmp_path):
    """`start(**settings)` runs a studio on the test's own folder; again, after it was killed."""
    servers = []

    def start(**settings):
        servers.append(Server(tmp_path / "data", **settings))
        return servers[-1]

    yield start
    for server in servers:
        if not server.out.closed:
            server.end()


class Client:
    """A studio in this process, asked without a network. It runs while it is asked."""

    def __init__(self, studio):
        from impasto.studio.app import create

        self.studio = studio
        self.app = create(studio)
        self._runner = asyncio.Runner()
        self._http = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://127.0.0.1:8765")
        self._running = studio.running()
        self._runner.run(self._running.__aenter__())

    def get(self, path, **options):
        """Send a GET."""
        return self._runner.run(self._http.get(path, **options))

    def post(self, path, **options):
        """Send a POST."""
        return self._runner.run(self._http.post(path, **options))

    def delete(self, path, **options):
        """Send a DELETE."""
        return self._runner.run(self._http.delete(path, **options))

    def close(self):
        """End it."""
        self._runner.run(self._http.aclose())
        self._runner.run(self._running.__aexit__(None, None, None))
        self._runner.close()
        self.studio.close()


@pytest.fixture
def client(tmp_path):
    """`client(**settings)` gives a studio in this process."""
    from impasto.studio.settings import Settings
    from impasto.studio.studio import Studio

    opened = []

    def client(**settings):
        opened.append(Client(Studio(Settings(tmp_path / "data", threads=1, **settings))))
        return opened[-1]

    yield client
    for each in opened:
        each.close()
