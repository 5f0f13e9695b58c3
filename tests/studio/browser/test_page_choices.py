"""What the form offers follows what is chosen, what is typed is what is painted, and what was refused stays said."""

from typing import Any

import pytest

from impasto.recipe.catalogue import METHODS
from tests.studio.browser.browser_helpers import TINY


def sent(look, path="jobs"):
    """Return the bodies that were posted to a path."""
    return [body for to, body in look.sent if to == path]


def test_a_learnt_style_is_painted_from_a_fresh_page(ready, studio):
    # The networks were listed once, for the method that the page began with.
    page = ready.page
    page.get_by_role("button", name="Draft").click()
    page.locator("#field-method").select_option("johnson")
    group = page.get_by_role("radiogroup", name="Network")
    assert group.get_by_role("radio").count() == 3
    assert group.locator("img").count() == 3
    group.get_by_text("Woodblock").click()
    # The painting that is chosen is not used, and not sent.
    page.get_by_text("learnt, which is chosen under Settings").wait_for()
    assert page.locator(".unused figcaption .name").inner_text() == "painting.png"
    page.locator(".estimate", has_text="64 × 48 pixels").wait_for()
    job = ready.start()
    ready.status("Finished")
    assert sent(ready)[-1]["styles"] == []
    assert studio.job(job)["recipe"]["network"] == "woodblock"
    page.locator("#field-method").select_option("texture_net")
    assert group.get_by_role("radio").count() == 1
    page.locator("#field-method").select_option("gatys")
    assert page.locator(".unused").count() == 0


def test_colours_are_offered_as_far_as_there_is_something_to_take_them_from(ready):
    options = ready.page.locator("#field-color option")
    assert options.all_inner_texts() == ["style", "content", "luminance", "match"]
    ready.set(color="match")
    ready.page.locator("#field-method").select_option("johnson")
    assert options.all_inner_texts() == ["style", "content"]
    ready.page.locator("#field-method").select_option("gatys")
    assert ready.page.locator("#field-color").input_value() == "match"


def test_what_is_typed_and_not_left_is_painted(ready, studio):
    ready.page.locator("details.group summary", has_text="Basics").click()
    ready.page.locator("#field-iterations").fill("5")
    ready.page.keyboard.press("Control+Enter")
    ready.status("Finished")
    assert sent(ready)[-1]["recipe"]["iterations"] == 5
    assert studio.call("/api/jobs?limit=1").json[0]["recipe"]["iterations"] == 5


def test_what_cannot_be_read_is_not_painted_without(ready):
    ready.page.locator("#field-size").fill("3")
    ready.page.keyboard.press("Control+Enter")
    ready.page.locator("#dock .error-line", has_text="Size cannot be read").wait_for()
    assert ready.page.locator("#field-size").get_attribute("aria-invalid") == "true"
    assert ready.page.evaluate("document.activeElement.id") == "field-size"
    # Left and pressed again: still nothing of the earlier value.
    ready.page.locator("#dock .primary").click()
    assert sent(ready) == []
    ready.page.locator("[data-field=size]").get_by_role("button", name="Reset").click()
    assert ready.page.locator("#dock .error-line:visible").count() == 0
    assert ready.page.locator("#field-size").get_attribute("aria-invalid") is None


@pytest.mark.usefixtures("studio")
def test_a_refusal_stays_until_something_else_is_chosen(visit, studio, uploaded):
    look = visit(studio, forgiven=["429"])
    look.draft(*uploaded)
    body = '{"error": "500 paintings may wait at once; let some finish, or cancel some"}'
    look.page.route("**/api/jobs", lambda route: route.fulfill(status=429, content_type="application/json", body=body))
    look.page.locator(".estimate", has_text="About").wait_for()
    with look.page.expect_response("**/api/estimate"):
        look.set(seed=3)
        look.page.locator("#dock .primary").click()
    line = look.page.locator("#dock .error-line", has_text="may wait at once")
    line.wait_for()
    look.page.locator(".estimate", has_text="About").wait_for()
    assert line.is_visible()
    look.set(seed=4)
    assert line.is_hidden()


def test_an_estimate_of_what_is_no_longer_chosen_is_not_shown(ready):
    estimate = ready.page.locator(".estimate")
    ready.page.locator(".estimate", has_text="64 × 48").wait_for()
    held: list[Any] = []

    def hold(route):
        if held:
            route.continue_()
        else:
            held.append(route)

    ready.page.route("**/api/estimate", hold)
    ready.set(size=96)
    assert not estimate.inner_text().startswith("About")
    ready.page.wait_for_timeout(900)
    ready.set(size=128)
    held[0].continue_()
    ready.page.locator(".estimate", has_text="About").wait_for()
    assert "128 × 96" in estimate.inner_text()


def test_the_shares_of_a_mixture_are_hidden_where_they_count_for_nothing(ready, studio):
    ready.page.locator("#sources").get_by_role("button", name="Add a painting").click()
    ready.page.locator("dialog .thumb").first.click()
    assert ready.page.locator(".mixer").count() == 2
    ready.page.locator(".mixer input").first.fill("25")
    ready.page.locator("#field-method").select_option("nnst_fast")
    assert ready.page.locator(".mixer").count() == 0
    job = ready.start()
    ready.status("Finished")
    assert studio.job(job)["recipe"]["style_weights"] == []
    assert TINY["size"] == studio.job(job)["recipe"]["size"]


def test_a_method_is_chosen_by_what_it_paints(ready):
    page = ready.page
    page.get_by_role("button", name="See what each method paints").click()
    cards = page.locator("dialog .method")
    assert cards.count() == len(METHODS)
    for picture in cards.locator("img").all():
        picture.scroll_into_view_if_needed()
        picture.evaluate("node => node.decode()")
    size = page.evaluate(
        "performance.getEntriesByType('resource').filter((entry) => entry.name.includes('/static/'))"
        ".reduce((sum, entry) => sum + entry.decodedBodySize, 0)"
    )
    assert 100_000 < size < 500_000
    cards.filter(has_text="Quick and calm").click()
    page.locator("dialog").wait_for(state="detached")
    assert page.locator("#field-method").input_value() == "adain"
    assert "adain" in page.locator(".method-look img").get_attribute("src")


def test_one_slider_says_how_strong_the_style_is(ready, studio):
    page = ready.page
    page.locator("#field-strength").fill("0.3")
    assert page.locator(".strength output").inner_text() == "30 %"
    # It decides on these, and both at once are refused.
    assert page.locator("[data-field=content_weight]").is_hidden()
    page.locator("#field-method").select_option("adain")
    assert page.locator("[data-field=alpha]").is_hidden()
    job = ready.start()
    ready.status("Finished")
    assert studio.job(job)["recipe"]["strength"] == 0.3
    page.locator("[data-field=strength]").get_by_role("button", name="Reset").click()
    assert page.locator(".strength output").inner_text() == "as it comes"
    assert page.locator("[data-field=alpha]").count() == 1
    page.locator("#field-method").select_option("johnson")
    assert page.locator("[data-field=strength]").is_hidden()


def test_points_of_both_faces_are_placed_by_hand(ready, studio):
    page = ready.page
    assert page.get_by_role("button", name="Place points").count() == 0
    page.locator("#field-method").select_option("portrait")
    page.get_by_role("button", name="Place points").click()
    points = page.locator(".landmark")
    assert points.count() == 10
    nose = page.get_by_role("button", name="nose, painting")
    page.locator("section[aria-label=Painting] .after").wait_for()
    box = nose.bounding_box()
    page.mouse.move(box["x"] + 13, box["y"] + 13)
    page.mouse.down()
    page.mouse.move(box["x"] + 53, box["y"] + 13, steps=4)
    page.mouse.up()
    moved = nose.bounding_box()
    assert abs(moved["x"] - box["x"] - 40) < 2
    page.keyboard.press("ArrowDown")
    assert nose.bounding_box()["y"] > moved["y"]
    page.get_by_role("button", name="Add a point").click()
    assert points.count() == 12
    page.get_by_role("button", name="Use these points").click()
    page.get_by_text("6 points say where both faces are").wait_for()
    ready.reload()
    job = ready.start()
    given = studio.job(job)["landmarks"]
    assert len(given["content"]) == len(given["style"]) == 6
    assert given["style"][2][0] > given["content"][2][0] + 0.02
    ready.status("Finished")
    # Another method looks at no faces, and is sent none.
    page.locator("#field-method").select_option("gatys")
    ready.start()
    ready.status("Finished")
    assert sent(ready)[-1]["landmarks"] is None


def test_settings_are_found_reset_by_group_and_kept_under_a_name(ready):
    page = ready.page
    page.get_by_label("Search all settings").fill("seed of everything")
    assert page.locator("[data-field=seed]").is_visible()
    assert page.locator("[data-field]:visible", has=page.locator("#field-tv_weight")).count() == 0
    page.locator("#field-seed").fill("7")
    page.get_by_label("Search all settings").fill("")
    assert page.locator("[data-field=seed]").is_hidden()

    page.get_by_role("button", name="Keep these settings").click()
    page.get_by_label("Name of the settings").fill("<b>oil</b>")
    page.keyboard.press("Enter")
    page.locator("dialog").wait_for(state="detached")
    page.locator("details.group summary", has_text="Basics").click()
    page.get_by_role("button", name="Reset basics").click()
    assert page.locator("#field-seed").input_value() == "0"
    steps = page.locator("#field-iterations")
    assert steps.input_value() == "auto"
    steps.fill("many")
    page.keyboard.press("Enter")
    page.get_by_text("Type a whole number from 0 to 1000000, or auto.").wait_for()
    ready.reload()
    page.get_by_label("Preset").select_option(label="<b>oil</b>")
    assert page.locator("#field-iterations").input_value() == "8"
    page.get_by_role("button", name="Keep these settings").click()
    page.get_by_role("button", name="Forget <b>oil</b>").click()
    page.keyboard.press("Escape")
    assert page.locator("option", has_text="oil").count() == 0
