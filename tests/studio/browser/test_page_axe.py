"""No view, dialog or state of the page has a violation of accessibility that axe finds.

Needs axe-core, which the page does not: `npm install --no-save axe-core` in the folder of the clone, or its file in the
environment variable IMPASTO_AXE.
"""

import os
import re
from pathlib import Path

import pytest

from tests.studio.browser.browser_helpers import TINY
from tests.studio.browser.conftest import pages

AXE = Path(os.environ.get("IMPASTO_AXE", Path(__file__).parents[3] / "node_modules" / "axe-core" / "axe.min.js"))
LOOK = """async () => {
    const { violations } = await axe.run(document, { resultTypes: ['violations'] });
    return violations.map(({ id, help, nodes }) => [
        id, help, nodes.slice(0, 3).map((node) => node.html.slice(0, 160)),
    ]);
}"""
OPEN = "() => { for (const group of document.querySelectorAll('details')) group.open = true; }"
SCREENS = {
    ("light", "desktop"): {"width": 1280, "height": 800},
    ("dark", "phone"): {"width": 390, "height": 844, "has_touch": True, "is_mobile": True},
    ("dark", "desktop"): {"width": 1280, "height": 800},
    ("light", "zoomed"): {"width": 640, "height": 400},
}

pytestmark = [
    pytest.mark.skipif(not AXE.is_file(), reason="needs axe-core: npm install --no-save axe-core"),
    pytest.mark.slow,
]


class Checked:
    """A page that axe looks at, again and again."""

    def __init__(self, look):
        self.look, self.page = look, look.page
        self.found = []

    def check(self, state):
        """Let what moves come to rest, and look."""
        self.page.wait_for_timeout(250)
        found = self.page.evaluate(LOOK)
        self.found += [(state, *each) for each in found]

    def view(self, path, ready, state):
        self.look.open(path)
        self.page.locator(ready).first.wait_for()
        self.check(state)

    def dialog(self, button, state, close=True):
        """Open a dialog by its button, look, and close it."""
        self.page.get_by_role("button", name=button).first.click()
        self.page.locator("dialog[open]").wait_for()
        self.check(state)
        if close:
            self.page.keyboard.press("Escape")
            self.page.locator("dialog[open]").wait_for(state="detached")


@pytest.fixture(scope="module")
def past(studio):
    """Two finished paintings, and a grid of two."""
    content, style = studio.upload(1), studio.upload(2, "style")
    base = {"content": content, "styles": [style], "recipe": {**TINY, "iterations": 2}}
    jobs = [studio.call("/api/jobs", {**base, "title": f"number {number}"}).json["id"] for number in range(2)]
    grid = studio.call("/api/sweeps", {"job": base, "axes": {"seed": [1, 2]}}).json
    for job in (*jobs, *(each["id"] for each in grid["jobs"])):
        studio.wait(job, "done")
    return jobs, grid["sweep"]


@pytest.fixture
def open_page(chromium, studio):
    """`open_page(scheme, screen)` opens the page with axe in it."""
    with pages() as opened:

        def start(scheme, screen, path=""):
            look = opened(chromium, studio, color_scheme=scheme, path=path, **SCREENS[scheme, screen])
            look.page.context.add_init_script(path=AXE)
            look.reload()
            return Checked(look)

        yield start


@pytest.mark.parametrize(("scheme", "screen"), SCREENS)
def test_views_have_no_violations(scheme, screen, open_page, uploaded, past):
    jobs, grid = past
    checked = open_page(scheme, screen)
    checked.check("welcome")
    checked.look.draft(*uploaded)
    checked.page.evaluate(OPEN)
    checked.check("pictures and all settings")
    checked.view("#gallery", ".card", "gallery")
    checked.page.get_by_role("button", name="Select").click()
    checked.page.locator(".card").first.click()
    checked.check("gallery, selecting")
    checked.view(f"#picture/{jobs[0]}", ".detail-side", "picture")
    checked.page.get_by_role("button", name="How good is it?").click()
    checked.page.locator(".figure-group").first.wait_for()
    checked.page.evaluate(OPEN)
    checked.check("figures")
    checked.view(f"#compare/{jobs[0]}/{jobs[1]}", ".pair", "compare")
    checked.view(f"#sweep/{grid}", "table.grid", "grid")
    state = checked.look.server.call("/api/choices", {"jobs": jobs}).json
    for _ in range(state["number"]):
        checked.look.server.call(f"/api/choices/{state['choice']}/undo", {})
    checked.view(f"#best/{jobs[0]}/{jobs[1]}", ".best-pair", "best, asking")
    checked.page.locator(".best-foot .primary").first.click()
    checked.page.get_by_role("button", name="That is enough").or_(
        checked.page.get_by_text("This one is the best")
    ).first.wait_for()
    if checked.page.get_by_role("button", name="That is enough").count():
        checked.page.get_by_role("button", name="That is enough").click()
    checked.check("best, found")
    checked.view("#live", ".live-styles .thumb", "live")
    checked.page.goto(f"{checked.look.server.url}docs")
    checked.page.locator(".docs details").nth(4).locator("summary").click()
    checked.check("docs")
    assert checked.found == []


@pytest.mark.parametrize(("scheme", "screen"), SCREENS)
def test_dialogs_have_no_violations(scheme, screen, open_page, uploaded):
    checked = open_page(scheme, screen)
    checked.look.draft(*uploaded)
    checked.dialog(re.compile("photo.png: choose another"), "picker of photographs")
    checked.dialog(re.compile("painting.png: choose another"), "picker of paintings")
    checked.dialog("Crop photo.png", "crop")
    checked.dialog("Several at once", "several at once")
    checked.page.locator("body").click(position={"x": 3, "y": 300})
    checked.page.keyboard.press("?")
    checked.page.locator("dialog[open]").wait_for()
    checked.check("help")
    checked.page.keyboard.press("Escape")
    checked.dialog("See what each method paints", "methods")
    checked.page.get_by_role("button", name="Paint masks").click()
    checked.page.get_by_text("Paint sky in one colour").wait_for()
    checked.check("mask painter")
    checked.page.locator(".pane").first.click()
    checked.page.keyboard.press("Escape")
    checked.page.get_by_text("not in use yet").wait_for()
    checked.check("mask painter, leaving")
    assert checked.found == []


def test_a_painting_that_runs_and_one_that_failed_have_no_violations(open_page, uploaded, studio):
    checked = open_page("light", "desktop")
    checked.look.draft(*uploaded, iterations=20_000)
    job = checked.look.start()
    checked.look.status("left")
    checked.page.get_by_role("button", name="Losses").click()
    checked.check("painting")
    studio.act(job, "cancel")
    checked.look.status("Cancelled")
    checked.check("cancelled")
    failed = studio.paint({**TINY, "levels": 6})
    studio.wait(failed, "failed")
    checked.view(f"#picture/{failed}", ".error-line:visible", "failed")
    checked.view("#picture/nothing", ".error-line:visible", "not there")
    checked.look.complaints = [each for each in checked.look.complaints if "404" not in each]
    assert checked.found == []
