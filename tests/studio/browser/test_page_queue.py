"""What waits is seen and ordered, what is finished stays, and nothing that was refused or deleted is silent."""

import base64
import re

import pytest

from tests.studio.browser.browser_helpers import Look
from tests.studio.studio_helpers import Server, png


def test_what_is_finished_stays_while_the_next_one_is_painted(ready, studio):
    expect = pytest.importorskip("playwright.sync_api").expect
    page = ready.page
    ready.set(iterations=20_000)
    first = ready.start()
    ready.until_shown("/preview")
    others = []
    for seed in (2, 3):
        ready.set(seed=seed)
        others.append(ready.start())
    items = page.locator(".queue-item")
    items.nth(2).wait_for()
    expect(page).to_have_title(re.compile(r"^\d+ % · impasto studio$"))
    # The last one is let before the second one.
    items.nth(2).get_by_role("button", name="next").click()
    expect(items).to_have_count(3)
    places = {job: studio.job(job)["place"] for job in others}
    studio.wait(others[1], until=lambda job: job["place"] < places[others[0]])

    page.get_by_role("button", name="Stop and keep").click()
    ready.status("Stopped")
    ready.until_shown(f"/api/jobs/{first}/result")
    studio.wait(others[1], "running")
    page.wait_for_timeout(2000)
    assert f"/api/jobs/{first}/result" in ready.shown()
    # A press as long as a person's, while the line tells of every step.
    page.locator(".queue-show").first.hover()
    page.mouse.down()
    page.wait_for_timeout(600)
    page.mouse.up()
    ready.until_shown(f"/api/jobs/{others[1]}")
    items.nth(1).get_by_role("button", name="Cancel").click()
    # The one that is left is shown, and has its own line.
    page.locator(".queue").wait_for(state="hidden")
    page.get_by_role("button", name="Cancel", exact=True).click()
    ready.status("Cancelled")


def test_a_bad_file_among_good_ones_is_named(visit, studio):
    look = visit(studio, forgiven=["415"])
    look.run(
        "const { take } = await import('/static/js/picker.js');"
        "const { errorLine } = await import('/static/js/dom.js');"
        "const line = errorLine(); document.body.append(line.node); window.line = line.node;"
        "const good = Uint8Array.from(atob(values[0]), (c) => c.charCodeAt(0));"
        "await take([new File(['<html>'], 'bad.png', { type: 'image/png' }),"
        " new File([good], 'good.png', { type: 'image/png' })], 'content', line);",
        base64.b64encode(png(seed=5)).decode(),
    )
    assert "bad.png" in look.page.evaluate("window.line.hidden ? '' : window.line.textContent")
    assert look.page.locator("#sources figcaption .name").inner_text() == "good.png"


def test_an_upload_is_deleted_in_the_dialog(ready, studio):
    page = ready.page
    gone = studio.upload(77, name="gone.png")
    ready.reload()
    page.locator("#sources [data-keep=content]").click()
    page.locator(".folder-line", has_text="GB").wait_for()
    page.get_by_role("button", name="Delete gone.png").click()
    page.get_by_role("button", name="Delete gone.png for good").click()
    page.locator(".owned", has_text="gone.png").wait_for(state="detached")
    assert studio.call(f"/api/pictures/{gone}").status == 404


def test_the_gallery_is_where_it_was_left(visit, studio, uploaded):
    recipe = {"size": 64, "method": "johnson", "network": "swirls"}
    body = {"content": uploaded[0], "styles": [], "recipe": recipe}
    jobs = [studio.call("/api/jobs", {**body, "title": f"number {n}"}).json["id"] for n in range(14)]
    for job in jobs:
        studio.wait(job, "done")
    look = visit(studio, path="#gallery", width=390, height=500)
    card = look.page.locator(f"[data-card='{jobs[2]}']")
    card.scroll_into_view_if_needed()
    before = look.page.evaluate("scrollY")
    assert before > 300
    # Those that scrolled into view are there, and none is fetched again.
    look.page.wait_for_timeout(1000)
    asked = []
    look.page.on("request", lambda request: asked.append(request.url))
    card.click()
    look.page.get_by_role("heading", name="number 2").wait_for()
    look.page.go_back()
    look.page.locator("#view-gallery").wait_for()
    look.page.wait_for_timeout(300)
    assert abs(look.page.evaluate("scrollY") - before) < 60
    assert not [url for url in asked if "size=384" in url]


def test_two_studios_with_tokens_and_a_link_from_elsewhere(chromium, tmp_path):
    token = "a-token-of-a-test-0123"
    servers = [Server(tmp_path / name, token=token) for name in ("one", "two")]
    context = chromium.new_context()
    pages = [context.new_page() for _ in servers]
    try:
        for page, server in zip(pages, servers, strict=True):
            page.goto(f"http://{server.host}/")
            page.get_by_label("Token").fill(token)
            page.get_by_role("button", name="Go in").click()
            page.locator("html[data-ready=yes]").wait_for()
            assert "token" not in page.url
        # The second one has not logged the first one out.
        Look(pages[0], servers[0]).reload()
        # A link on another site, and a reload of where it leads.
        fresh = chromium.new_context()
        page = fresh.new_page()
        page.goto("data:text/html,<a href='" + servers[0].url + "'>studio</a>")
        page.get_by_role("link").click()
        page.locator("html[data-ready=yes]").wait_for()
        page.reload()
        page.locator("html[data-ready=yes]").wait_for()
        fresh.close()
    finally:
        context.close()
        for server in servers:
            server.end()
