"""Take the strip of the studio that the README shows: `python scripts/readme_strip.py`; needs Chromium.

The page is driven as the tests of it drive it: two sample pictures are chosen, the masks are opened, and a painting is
looked at while it grows and when it is done. The three are put side by side in docs/figures/studio_strip.jpg.
"""

import importlib
import io
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
STRIP = ROOT / "docs" / "figures" / "studio_strip.jpg"
PHOTO, PAINTING = ROOT / "assets" / "photos" / "cat.jpg", ROOT / "assets" / "styles" / "woodblock.jpg"
WIDTH = 560
"""Pixels of one picture in the strip: three of them are as wide as a page of the README."""
GAP = 8
"""White pixels between two of them."""
SETTINGS = {"size": 256, "iterations": 60, "encoder": "petite", "precision": "float32"}


def take() -> list[Image.Image]:
    """Return pictures of the page: while it paints, when it is done, and the masks."""
    from playwright.sync_api import sync_playwright

    # Tests need not say their types, and this need not know them.
    hands: Any = importlib.import_module("tests.studio.browser.browser_helpers")
    helpers: Any = importlib.import_module("tests.studio.studio_helpers")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    shots = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        server: Any = helpers.Server(Path(folder) / "data")
        try:
            browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page(viewport={"width": 1120, "height": 720}, locale="en-GB")
            page.set_default_timeout(240_000)
            look: Any = hands.Look(page, server)
            look.open()
            look.choose(PHOTO, PAINTING)
            look.set(**SETTINGS)
            look.start()
            look.until_shown("/preview")
            page.wait_for_timeout(8000)
            shots.append(page.screenshot())
            look.status("Finished")
            look.until_shown("/result")
            page.wait_for_timeout(1000)
            shots.append(page.screenshot())
            page.get_by_role("button", name="Paint masks").click()
            page.get_by_text("Paint sky in one colour").wait_for()
            sheets = page.locator(".pane .overlay")
            for sheet in (0, 1):
                for key, far in (("1", -0.2), ("2", 1.2)):
                    page.keyboard.press(key)
                    page.keyboard.press("l")
                    look.drag(sheets.nth(sheet), (0.5, 0.5), (-0.2, 0.45), (-0.2, far), (1.2, far), (1.2, 0.45))
            page.wait_for_timeout(500)
            shots.append(page.screenshot())
            browser.close()
        finally:
            server.end()
    return [Image.open(io.BytesIO(shot)).convert("RGB") for shot in shots]


def strip(pictures: list[Image.Image]) -> Image.Image:
    """Put pictures side by side."""
    height = round(WIDTH * pictures[0].height / pictures[0].width)
    sheet = Image.new("RGB", (len(pictures) * (WIDTH + GAP) - GAP, height), "white")
    for number, picture in enumerate(pictures):
        sheet.paste(picture.resize((WIDTH, height), Image.Resampling.LANCZOS), (number * (WIDTH + GAP), 0))
    return sheet


if __name__ == "__main__":
    strip(take()).save(STRIP, quality=85)
