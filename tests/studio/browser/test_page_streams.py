"""News reach every page, however many there are: one stream does for all of them."""

from tests.studio.browser.browser_helpers import TINY, Look

PAGES = 8
"""More than a browser has connections to one host."""


def test_many_pages_follow_one_painting_and_all_answer(ready, studio):
    ready.set(iterations=20_000)
    job = ready.start()
    pages = [ready]
    for _ in range(PAGES - 1):
        pages.append(Look(ready.page.context.new_page(), studio))
        pages[-1].open()
    for look in pages:
        look.until_shown(f"/api/jobs/{job}/preview")
        look.status("left")
    # A page that is loaded when all others listen still gets its answers, and one that goes takes nothing along.
    pages[-1].reload()
    pages[0].page.close()
    pages[-1].page.get_by_role("button", name="Stop and keep").click()
    for look in pages[1:]:
        look.status("Stopped")
        look.until_shown("/result")
    assert all(not look.complaints for look in pages)


def test_a_page_that_comes_back_has_not_missed_the_end(ready, studio):
    ready.set(iterations=20_000)
    job = ready.start()
    ready.until_shown("/preview")
    ready.page.context.set_offline(True)
    ready.complaints.clear()
    studio.act(job, "stop")
    studio.wait(job, "stopped")
    ready.page.context.set_offline(False)
    ready.status("Stopped")
    ready.until_shown("/result")
    ready.complaints[:] = [text for text in ready.complaints if "ERR_INTERNET_DISCONNECTED" not in text]
    assert TINY["size"] == 64
