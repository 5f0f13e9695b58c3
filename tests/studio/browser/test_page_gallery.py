"""What was painted before: looked at, used again, compared, swept, deleted."""

import pytest

from tests.studio.browser.browser_helpers import TINY


@pytest.fixture
def past(studio, uploaded):  # noqa: ARG001 (the pictures are there first)
    """Two finished paintings."""
    jobs = []
    for weight in (10, 1000):
        job = studio.paint({**TINY, "style_weight": weight}, title=f"weight {weight}")
        studio.wait(job, "done")
        jobs.append(job)
    return jobs


def test_settings_of_a_past_painting_are_used_again(past, look, studio):
    page = look.page
    page.get_by_role("link", name="Gallery").click()
    page.locator(f"[data-card='{past[0]}']").click()
    page.get_by_role("heading", name="weight 10").wait_for()
    row = page.locator(".recipe div", has_text="Style weight")
    assert row.locator("dd").inner_text() == "10"
    page.get_by_role("button", name="Use these settings").click()
    look.set(iterations=9)
    assert page.locator("#field-style_weight").input_value() == "10"
    job = look.start()
    again = studio.job(job)
    was = studio.job(past[0])
    assert {**again["recipe"], "iterations": 8} == was["recipe"]
    assert (again["content"], again["styles"]) == (was["content"], was["styles"])
    look.status("Finished")


def test_the_command_line_is_shown_and_copied(past, visit, studio):
    look = visit(studio, permissions=["clipboard-read", "clipboard-write"], path=f"#picture/{past[1]}")
    look.page.get_by_role("button", name="Command").click()
    code = look.page.locator(".code", has_text="impasto paint")
    code.wait_for()
    assert "--style-weight 1000" in code.inner_text()
    look.page.get_by_role("button", name="Copy").click()
    look.page.get_by_role("button", name="Copied").wait_for()
    assert look.run("return navigator.clipboard.readText()") == code.inner_text()


def test_two_are_compared_with_one_zoom(past, look):
    page = look.page
    page.get_by_role("link", name="Gallery").click()
    page.get_by_role("button", name="Select").click()
    for job in past:
        page.locator(f"[data-card='{job}']").click()
    page.get_by_role("button", name="Compare").click()
    pictures = page.locator("#view-compare .after")
    pictures.nth(1).wait_for()
    page.locator("#view-compare figcaption .hint", has_text="style weight 1000").wait_for()
    box = page.locator("#view-compare .viewer").nth(0).bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.wheel(0, -600)
    first, second = (pictures.nth(index).evaluate("node => node.style.transform") for index in (0, 1))
    assert first == second
    page.get_by_role("button", name="1 : 1").click()
    assert pictures.nth(1).bounding_box()["width"] == pytest.approx(64)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WebP"])
def test_downloads_in_three_formats(past, look, kind, read):
    look.open(f"#picture/{past[0]}")
    look.reload()
    with look.page.expect_download() as found:
        look.page.get_by_role("link", name=f"Download {kind.upper()}").click()
    data = found.value.path().read_bytes()
    starts = {"PNG": b"\x89PNG", "JPEG": b"\xff\xd8", "WebP": b"RIFF"}
    assert data.startswith(starts[kind])
    assert read(data).size == (64, 48)


@pytest.mark.usefixtures("studio")
def test_a_sweep_is_a_grid(ready):
    page = ready.page
    page.get_by_role("button", name="Sweep over settings").click()
    page.get_by_label("Rows: values").fill("10, 100")
    page.get_by_label("Columns", exact=True).select_option("color")
    page.get_by_label("Columns: values").fill("style, content")
    assert page.get_by_text("4 pictures").is_visible()
    page.get_by_role("button", name="Paint them all").click()
    page.locator(".grid .cell img[src*='/result']").nth(3).wait_for()
    cells = page.locator(".grid .cell").evaluate_all("nodes => nodes.map(node => node.getAttribute('aria-label'))")
    assert cells == [f"Style weight {weight}, Colour {color}" for weight in (10, 100) for color in ("style", "content")]
    page.get_by_role("link", name="Gallery", exact=False).first.click()
    page.get_by_text("4 of 4 pictures").first.wait_for()


def test_too_large_a_sweep_cannot_be_started(ready):
    page = ready.page
    page.get_by_role("button", name="Sweep over settings").click()
    page.get_by_label("Rows: values").fill(", ".join(map(str, range(1, 39))))
    assert page.get_by_text("38 pictures; at most 36 at once").is_visible()
    assert page.get_by_role("button", name="Paint them all").is_disabled()


def test_deleting_asks_twice(past, look, studio):
    look.open(f"#picture/{past[0]}")
    look.reload()
    delete = look.page.get_by_role("button", name="Delete")
    delete.click()
    assert studio.job(past[0])["kept"]
    look.page.get_by_role("button", name="Delete for good?").click()
    look.page.get_by_role("heading", name="Gallery").wait_for()
    look.page.locator(f"[data-card='{past[0]}']").wait_for(state="detached")
    assert studio.call(f"/api/jobs/{past[0]}").status == 404


def test_paintings_are_starred_renamed_filtered_and_taken_along(past, look, studio):
    page = look.page
    recipe = {"method": "johnson", "network": "swirls", "size": 64}
    other = studio.call("/api/jobs", {"content": "photo-cat", "styles": [], "recipe": recipe})
    studio.wait(other.json["id"], "done")
    page.get_by_role("link", name="Gallery").click()
    card = page.locator(f"[data-card='{past[0]}']")
    assert "Classic" in card.locator(".card-line").first.inner_text()
    page.get_by_label("All methods").select_option("Learnt style")
    learnt = [job for job in studio.call("/api/jobs").json if job["recipe"]["method"] == "johnson"]
    assert page.locator(".card").count() == len(learnt)
    page.get_by_label("All methods").select_option("")
    page.get_by_label("Search by name").fill("weight 10")
    page.locator(f"[data-card='{other.json['id']}']").wait_for(state="detached")
    card.click()
    page.get_by_role("button", name="Star", exact=True).click()
    page.get_by_role("button", name="Rename").click()
    page.get_by_label("Name of the painting").fill("Dusk")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Dusk").wait_for()
    assert studio.job(past[0])["starred"]
    page.go_back()
    page.get_by_label("Search by name").fill("")
    card.locator(".card-star").wait_for()
    page.get_by_role("button", name="Starred only").click()
    assert page.locator(".card").count() == len([job for job in studio.call("/api/jobs").json if job["starred"]])
    page.get_by_role("button", name="Starred only").click()

    # From one to the next and back, by keys.
    page.locator(f"[data-card='{past[1]}']").click()
    page.get_by_role("heading", name="weight 1000").wait_for()
    page.keyboard.press("ArrowRight")
    page.get_by_role("heading", name="Dusk").wait_for()
    page.keyboard.press("ArrowLeft")
    page.get_by_role("heading", name="weight 1000").wait_for()

    page.get_by_role("link", name="Gallery").first.click()
    page.get_by_role("button", name="Select").click()
    for job in past:
        page.locator(f"[data-card='{job}']").click()
    with page.expect_download() as found:
        page.get_by_role("link", name="Download").click()
    assert found.value.suggested_filename == "paintings.zip"
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete 2 for good?").click()
    card.wait_for(state="detached")
    assert studio.call(f"/api/jobs/{past[0]}").status == 404


def test_a_painting_is_painted_with_varied_and_made_larger(past, look, studio):
    page = look.page
    look.open(f"#picture/{past[0]}")
    look.reload()
    page.get_by_role("button", name="Use as painting").click()
    page.locator("#sources figcaption .name", has_text="weight 10.png").wait_for()
    look.open(f"#picture/{past[0]}")
    page.get_by_role("button", name="Paint it at 128 pixels").click()
    page.locator("#view-paint").wait_for()
    larger = studio.wait(studio.call("/api/jobs?limit=1").json[0]["id"], "done")
    assert (larger["title"], larger["size"], larger["recipe"]["init"]) == ("weight 10, larger", [96, 128], "file")
    look.open(f"#picture/{past[0]}")
    page.get_by_role("button", name="4 variations").click()
    page.locator(".grid .cell img[src*='/result']").nth(3).wait_for()
    seeds = {job["recipe"]["seed"] for job in studio.call("/api/jobs?limit=4").json}
    assert seeds == {1, 2, 3, 4}


def test_several_photographs_are_painted_with_several_paintings(ready, studio):
    page = ready.page
    page.get_by_role("button", name="Several at once").click()
    for name in ("cat.jpg", "swirls.jpg"):
        page.get_by_role("checkbox", name=name, exact=True).check()
    assert page.get_by_text("2 × 2 = 4 pictures").is_visible()
    page.get_by_role("button", name="Paint them all").click()
    page.locator(".grid .cell img[src*='/result']").nth(3).wait_for()
    rows = page.locator(".grid th[scope=row]").all_inner_texts()
    assert sorted(rows) == ["cat.jpg", "photo.png"]
    jobs = studio.call("/api/jobs?limit=4").json
    made = {(job["content"], *job["styles"]) for job in jobs}
    assert len(made) == 4
    assert ("photo-cat", "style-swirls") in made


def test_a_painting_says_how_good_it_is(look, studio):
    job = studio.paint(TINY)
    studio.wait(job, "done")
    look.open(f"#picture/{job}")
    look.page.get_by_role("button", name="How good is it?").click()
    groups = look.page.locator(".figure-group")
    groups.first.wait_for()
    assert groups.count() == 3
    groups.nth(0).locator("summary").click()
    row = groups.nth(0).locator(".figure-rows > div", has_text="Outlines")
    assert row.locator(".number").inner_text()
    assert row.locator(".grade").inner_text() in ("kept", "loosened", "lost")
