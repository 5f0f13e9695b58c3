"""The view that finds the best of several paintings."""

import pytest

from tests.studio.browser.browser_helpers import TINY


@pytest.fixture(scope="module")
def past(studio):
    """Three finished paintings."""
    jobs = [studio.paint({**TINY, "seed": seed, "iterations": 2}, title=f"number {seed}") for seed in range(3)]
    for job in jobs:
        studio.wait(job, "done")
    return jobs


def sides(page):
    """Ids of the two that are shown."""
    page.locator(".best-pair img").nth(1).wait_for()
    return [node.get_attribute("src").split("/")[3] for node in page.locator(".best-pair img").all()]


def test_the_best_is_found_by_keys_from_the_gallery(look, studio, past):
    page = look.page
    look.open("#gallery")
    page.get_by_role("button", name="Select").click()
    for job in past:
        page.locator(f"[data-card='{job}']").click()
    page.get_by_role("button", name="Find the best").click()
    for number in range(15):
        page.get_by_text(f"Question {number + 1} of 15 at most").wait_for()
        left, right = sides(page)
        assert "number" not in page.locator("#view-best").inner_text(), "nothing says whose a painting is"
        page.keyboard.press("1" if past.index(left) > past.index(right) else "2")
        page.locator(f"text=Question {number + 2} of 15 at most").or_(
            page.get_by_text("This one is the best")
        ).wait_for()
        if page.get_by_text("This one is the best").is_visible():
            break
    assert page.locator(".best-ranking li").first.inner_text().startswith("number 2")
    assert "% certainty" in page.locator("#view-best").inner_text()
    page.get_by_role("button", name="Star it").click()
    page.get_by_text("It has a star.").wait_for()
    assert studio.job(past[2])["starred"]
    page.get_by_role("button", name="Take the last answer back").click()
    page.get_by_text("Which is the better painting?").wait_for()
    page.get_by_role("button", name="That is enough").click()
    page.get_by_role("button", name="Use these settings").click()
    page.wait_for_url("**/#paint")


def test_the_two_fit_every_screen(visit, studio, past):
    for width, height in ((1280, 800), (390, 844), (640, 400)):
        look = visit(studio, width=width, height=height, path=f"#best/{past[0]}/{past[1]}")
        sides(look.page)
        wide = look.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide[0] <= wide[1]
        boxes = [node.bounding_box() for node in look.page.locator(".best-side").all()]
        assert all(box["height"] >= 70 and box["width"] >= 70 for box in boxes)


def test_a_grid_asks_which_is_the_best(visit, studio, uploaded):
    look = visit(studio)
    base = {"content": uploaded[0], "styles": [uploaded[1]], "recipe": {**TINY, "iterations": 2}}
    made = studio.call("/api/sweeps", {"job": base, "axes": {"seed": [1, 2]}}).json
    for job in made["jobs"]:
        studio.wait(job["id"], "done")
    look.open(f"#sweep/{made['sweep']}")
    look.page.get_by_role("link", name="Which is the best?").click()
    assert set(sides(look.page)) == {job["id"] for job in made["jobs"]}


def test_a_draft_by_each_method_is_a_grid_to_choose_from(visit, studio, uploaded):
    look = visit(studio)
    look.draft(*uploaded)
    look.page.get_by_role("button", name="See what each method paints").click()
    with look.page.expect_response(lambda answer: answer.url.endswith("/api/sweeps")) as made:
        look.page.get_by_role("button", name="Paint a draft by each").click()
    assert made.value.status == 201, made.value.text()
    jobs = made.value.json()["jobs"]
    assert len({job["recipe"]["method"] for job in jobs}) == len(jobs) >= 5
    look.page.locator("table.grid th", has_text="Crisp strokes").wait_for()
    assert look.page.get_by_role("link", name="Which is the best?").count() == 0, "nothing is finished yet"
