"""What goes wrong is one line near its cause, and harms nothing."""

import pytest

from tests.studio.browser.browser_helpers import TINY
from tests.studio.studio_helpers import png

HOSTILE = "<img src=x onerror=document.title='broken'>.png"


def test_a_hostile_file_name_is_text(look, studio):
    page = look.page
    page.locator("#sources").get_by_role("button", name="Choose a photograph").click()
    page.locator("dialog input[type=file]").set_input_files(
        {"name": HOSTILE, "mimeType": "image/png", "buffer": png(48, 64, seed=7)}
    )
    page.locator("dialog").wait_for(state="detached")
    assert page.locator("#sources figcaption .name").inner_text() == HOSTILE
    job = studio.paint(TINY, title=HOSTILE)
    studio.wait(job, "done")
    look.open(f"#picture/{job}")
    look.reload()
    assert page.locator("#view-picture h1").inner_text() == HOSTILE
    page.get_by_role("button", name="Command").click()
    page.locator(".code", has_text="impasto").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Gallery").first.click()
    page.locator(".card-title", has_text=HOSTILE).first.wait_for()
    assert page.locator("img[src=x]").count() == 0
    assert "broken" not in page.title()


def test_what_is_no_picture_is_refused_in_the_dialog(visit, studio):
    look = visit(studio, forgiven=["415"])
    look.page.locator("#sources").get_by_role("button", name="Choose a photograph").click()
    look.page.locator("dialog input[type=file]").set_input_files(
        {"name": "page.png", "mimeType": "image/png", "buffer": b"<html><script>alert(1)</script></html>"}
    )
    line = look.page.locator("dialog .error-line")
    line.wait_for()
    assert "page.png" in line.inner_text()
    assert look.page.locator("dialog").is_visible()


def test_a_painting_that_is_not_here_leads_back(visit, studio):
    look = visit(studio, forgiven=["404"], path="#picture/0123456789abcdef")
    look.page.locator("#view-picture .error-line").wait_for()
    look.page.get_by_role("link", name="To the gallery").click()
    look.page.get_by_role("heading", name="Gallery").wait_for()


def test_a_failed_painting_says_why(visit, studio, uploaded):
    # Names of layers are looked at by whoever paints.
    look = visit(studio, forgiven=["422"])
    look.draft(*uploaded, style_layers={"relu9_1": 1})
    with look.page.expect_response(lambda answer: answer.url.endswith("/api/jobs") and answer.request.method == "POST"):
        look.page.locator("#dock .primary").click()
    line = look.page.locator(".progress-line", has_text="It failed").or_(look.page.locator("#dock .error-line:visible"))
    line.first.wait_for()
    assert "relu9_1" in line.first.inner_text()


@pytest.mark.usefixtures("chromium")
def test_a_server_that_restarts_is_waited_for(visit, start):
    first = start()
    port = first.port
    look = visit(first, forgiven=["ERR_", "Failed to load resource"])
    job = first.paint({**TINY, "iterations": 20_000})
    look.reload()
    look.until_shown("/preview")
    first.wait(job, until=lambda found: found["step"] > 50)
    first.kill()
    banner = look.page.locator("#banner", has_text="does not answer")
    banner.wait_for()
    second = start(port=port)
    assert second.port == port
    banner.wait_for(state="hidden")
    step = second.wait(job, until=lambda found: found["state"] == "running" and found["step"] > 0)["step"]
    second.wait(job, until=lambda found: found["step"] > step)
    look.status("left")
    look.server = second
    look.page.get_by_role("button", name="Stop and keep").click()
    look.status("Stopped")
