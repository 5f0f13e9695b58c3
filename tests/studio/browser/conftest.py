"""A real studio, and a real browser that looks at it; whatever the page complains of fails the test."""

import io
import shutil
from contextlib import contextmanager

import pytest
from PIL import Image

from tests.studio.browser.browser_helpers import Look
from tests.studio.studio_helpers import Server, png

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")


def pytest_collection_modifyitems(items):
    """Whatever is in this folder needs Chromium."""
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium():
    """A browser without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        pytest.skip("needs Chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def studio(chromium, tmp_path_factory):  # noqa: ARG001 (it is skipped where there is no Chromium)
    """A studio that all tests of the page share; none leaves a painting behind that is not over."""
    server = Server(tmp_path_factory.mktemp("studio") / "data")
    yield server
    assert server.end() is not None


@pytest.fixture
def visit(chromium):
    """`visit(server, **options)` opens the page in a browser of its own and gives a `Look`.

    `forgiven`: parts of messages of the browser that belong to the test, such as an answer of 422.
    """
    with pages() as opened:
        yield lambda server, **options: opened(chromium, server, **options)


@contextmanager
def pages():
    """Open pages; in the end, stop what they started, close them, and fail for what they complained of."""
    looks = []

    def open_page(chromium, server, *, width=1280, height=800, path="", forgiven=(), **options):
        options = {"viewport": {"width": width, "height": height}, "locale": "en-GB", **options}
        context = chromium.new_context(**options)
        context.set_default_timeout(30_000)
        look = Look(context.new_page(), server, forgiven)
        looks.append(look)
        look.open(path)
        return look

    yield open_page
    for look in looks:
        look.page.context.close()
    for look in looks:
        look.calm()
    for look in looks:
        assert not look.complaints


@pytest.fixture
def look(studio, visit):
    """The page of the shared studio."""
    return visit(studio)


@pytest.fixture
def pictures(tmp_path):
    """Two small files: a photograph, 64 x 48, and a painting, 56 x 40."""
    files = tmp_path / "photo.png", tmp_path / "painting.png"
    files[0].write_bytes(png(48, 64, seed=1))
    files[1].write_bytes(png(40, 56, seed=2))
    return files


@pytest.fixture(scope="session")
def uploaded(studio):
    """Ids of the same two pictures, in the shared studio."""
    return studio.upload(1, name="photo.png"), studio.upload(2, "style", name="painting.png", height=40, width=56)


@pytest.fixture
def ready(look, uploaded):
    """The page with a photograph and a painting chosen, and settings that paint in a moment."""
    look.draft(*uploaded)
    return look


@pytest.fixture
def read():
    """`read(bytes)` decodes a picture to RGB."""
    return lambda data: Image.open(io.BytesIO(data)).convert("RGB")
