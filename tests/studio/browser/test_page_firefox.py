"""The page in the system's Firefox: it is there, paints, keeps masks, shows the camera, and complains of nothing."""

import json
import shutil

import pytest

from tests.studio.browser.browser_helpers import TINY
from tests.studio.browser.firefox import Firefox

PROGRAM = shutil.which("firefox-esr") or shutil.which("firefox")
CAMERA = (
    ("media.navigator.streams.fake", True),
    ("media.navigator.permission.disabled", True),
)
"""Firefox's own fake camera, which asks nobody."""

pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason="needs Firefox: apt-get install firefox-esr"),
    pytest.mark.slow,
]


@pytest.fixture
def firefox(tmp_path):
    """A Firefox of the test's own; whatever it complains of fails the test."""
    browser = Firefox(PROGRAM, tmp_path / "profile", *CAMERA)
    yield browser
    browser.close()
    assert browser.complaints == []


def ready(firefox, studio, uploaded):
    """Open the page with a photograph and a painting chosen."""
    firefox.open(studio.url)
    firefox.until("document.documentElement.dataset.ready")
    kept = {
        "content": uploaded[0],
        "styles": [{"id": uploaded[1], "mask": None, "weight": 1}],
        "preset": "standard",
        "changed": TINY,
    }
    firefox.run(f"localStorage.setItem('impasto.draft', {json.dumps(json.dumps(kept))});")
    firefox.open(studio.url)
    firefox.until("document.documentElement.dataset.ready && !document.querySelector('#dock .primary').disabled")


def test_a_picture_is_painted_and_is_in_the_gallery(firefox, studio, uploaded):
    ready(firefox, studio, uploaded)
    firefox.click("#dock .primary")
    firefox.until("document.querySelector('.progress-line').textContent.startsWith('Finished')")
    firefox.until("document.querySelector('#stage .after').naturalWidth === 64")
    firefox.click(".tabs a[data-view=gallery]")
    firefox.until("document.querySelector('.card img')?.naturalWidth > 0")
    assert firefox.run("return document.documentElement.scrollWidth <= innerWidth;")


def test_masks_are_painted_and_used(firefox, studio, uploaded):
    ready(firefox, studio, uploaded)
    firefox.click("[data-keep=masks]")
    firefox.until("document.querySelectorAll('.pane .overlay').length === 2")
    firefox.until("document.querySelector('.mask-hint').textContent.startsWith('Paint sky')")
    for pane in (0, 1):
        firefox.run(f"document.querySelectorAll('.pane')[{pane}].dataset.test = 'pane{pane}';")
        firefox.click(f"[data-test=pane{pane}]")
    firefox.until("document.querySelector('.mask-hint').textContent.startsWith('Percentages')")
    firefox.click(".mask-foot .primary")
    firefox.until("!document.querySelector('dialog')")
    regions = firefox.run("return [...document.querySelectorAll('.region')].map((node) => node.textContent);")
    assert sorted(regions) == ["black", "red"]


def test_the_camera_is_painted(firefox, studio):
    firefox.open(f"{studio.url}#live")
    firefox.until("document.documentElement.dataset.ready")
    firefox.click("#view-live .primary")
    firefox.until("/frames a second/.test(document.querySelector('.live-rate').textContent)")
    assert firefox.run("return document.querySelector('.live-picture').width;") == 256
    firefox.run("location.hash = '#paint';")
    firefox.until("document.querySelector('.live-camera').srcObject === null")
