"""From two files to a picture: the way a painter goes, by mouse and by keyboard alone."""

import pytest

from tests.studio.browser.browser_helpers import TINY
from tests.studio.studio_helpers import png


def test_upload_paint_watch_stop_download_and_restore(look, pictures, tmp_path, studio, read):
    # Found again by its content, under the name of its last upload: no other test has this one.
    pictures[0].write_bytes(png(48, 64, seed=77))
    look.choose(*pictures)
    look.set(**{**TINY, "iterations": 20_000, "tv_weight": 2})
    job = look.start()
    look.until_shown("/preview?v=")
    first = look.shown()
    look.page.locator(f"#stage .after:not([src='{first}'])[src*='/preview']").wait_for()
    look.page.get_by_role("button", name="Losses").click()
    look.page.locator(".legend-item", has_text="style").wait_for()
    assert "logarithmic" in look.page.locator(".curves-canvas").get_attribute("aria-label")

    look.page.get_by_role("button", name="Stop and keep").click()
    look.status("Stopped")
    look.until_shown("/result")
    assert studio.job(job)["state"] == "stopped"
    with look.page.expect_download() as found:
        look.page.get_by_role("link", name="Download PNG").click()
    path = tmp_path / found.value.suggested_filename
    found.value.save_as(path)
    assert read(path.read_bytes()).size == (64, 48)

    look.page.get_by_role("button", name="Fine").click()
    look.page.get_by_role("button", name="Reset all").click()
    assert look.page.locator("#field-tv_weight").input_value() == "auto"
    look.page.locator("#sources [data-keep=content]").click()
    look.page.locator("dialog input[type=file]").set_input_files(path)
    look.page.get_by_role("button", name="Use its settings").click()
    look.page.locator("dialog").wait_for(state="detached")
    assert look.page.locator("#field-tv_weight").input_value() == "2"
    assert look.page.locator("#field-size").input_value() == "64"
    assert look.page.locator("#sources figcaption .name").all_inner_texts() == ["photo.png", "painting.png"]


def test_only_what_was_changed_is_sent(ready):
    ready.page.get_by_role("button", name="Draft").click()
    ready.start()
    ready.status("Finished")
    (sent,) = [body for path, body in ready.sent if path == "jobs"]
    assert sent["preset"] == "draft"
    assert sent["recipe"] == TINY
    assert ready.page.locator(".progress-line").inner_text().endswith("64 × 48")


def test_an_estimate_comes_before_the_start(ready):
    line = ready.page.locator(".estimate", has_text="64 × 48 pixels")
    line.wait_for()
    assert line.inner_text().startswith("About ")


def test_pause_and_go_on(ready, studio):
    ready.set(iterations=20_000)
    job = ready.start()
    ready.until_shown("/preview")
    ready.page.get_by_role("button", name="Pause").click()
    ready.status("Paused")
    step = studio.wait(job, "paused")["step"]
    ready.page.get_by_role("button", name="Go on").click()
    ready.status("left")
    studio.wait(job, until=lambda found: found["step"] > step)
    ready.page.get_by_role("button", name="Cancel", exact=True).click()
    ready.status("Cancelled")


def test_a_reload_in_mid_run_goes_on_watching(ready, studio):
    ready.set(iterations=20_000)
    job = ready.start()
    ready.until_shown("/preview")
    ready.reload()
    ready.until_shown(f"/api/jobs/{job}/preview")
    step = studio.job(job)["step"]
    first = ready.shown()
    ready.page.locator(f"#stage .after:not([src='{first}'])[src*='/preview']").wait_for()
    studio.wait(job, until=lambda found: found["step"] > step)
    assert ready.page.locator("#sources figcaption .name").all_inner_texts() == ["photo.png", "painting.png"]
    assert ready.page.locator("#field-iterations").input_value() == "20000"


def test_two_paintings_are_mixed_by_their_sliders(ready, pictures, tmp_path, studio):
    other = tmp_path / "other.png"
    other.write_bytes(pictures[0].read_bytes())
    ready.page.locator("#sources").get_by_role("button", name="Add a painting").click()
    ready.page.locator("dialog input[type=file]").set_input_files(other)
    ready.page.locator("dialog").wait_for(state="detached")
    ready.page.get_by_label("Weight of other.png").fill("25")
    assert ready.page.locator(".mixer output").all_inner_texts() == ["80 %", "20 %"]
    job = ready.start()
    assert studio.job(job)["recipe"]["style_weights"] == [1, 0.25]
    ready.status("Finished")


@pytest.mark.usefixtures("studio")
def test_the_whole_way_by_keyboard(look):
    page = look.page
    press = page.keyboard.press

    def tab_to(selector):
        for _ in range(80):
            if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
            press("Tab")
        raise AssertionError(f"Tab does not reach {selector}")

    tab_to("[data-keep=content]")
    press("Enter")
    tab_to("dialog .thumb")
    press("Enter")
    page.locator("dialog").wait_for(state="detached")
    tab_to("[data-keep=add-style]")
    press("Enter")
    tab_to("dialog .thumb")
    press("Enter")
    page.locator("dialog").wait_for(state="detached")
    tab_to("#field-size")
    press("Control+a")
    page.keyboard.type("64")
    press("Tab")
    press("Control+Enter")
    look.until_shown("/preview")
    press("Escape")
    tab_to("#dock [data-action=stop]")
    press("Enter")
    look.status("Stopped")
    press("?")
    assert page.get_by_role("dialog", name="Shortcuts").is_visible()
    press("Escape")
    assert page.get_by_role("dialog").count() == 0


def test_before_and_after_and_zoom(ready):
    ready.start()
    ready.until_shown("/result")
    page = ready.page
    page.get_by_role("button", name="Before / after").click()
    slider = page.get_by_label("Before and after")
    slider.fill("0")
    assert "0px" in page.locator("#stage .after").evaluate("node => node.style.clipPath")
    slider.fill("1000")
    assert "64px" in page.locator("#stage .after").evaluate("node => node.style.clipPath")

    viewer = page.locator("#stage .viewer")
    viewer.focus()
    page.keyboard.press("1")
    assert page.locator("#stage .percent").inner_text() == "100 %"
    viewer.hover()
    page.mouse.wheel(0, -400)
    page.locator("#stage .percent", has_text="272 %").wait_for()
    page.keyboard.press("0")
    whole = page.locator("#stage .after").bounding_box()
    room = viewer.bounding_box()
    assert abs(whole["width"] - room["width"]) < 1 or abs(whole["height"] - room["height"]) < 1


def test_layers_are_written_as_on_the_command_line(ready, studio):
    ready.set(style_layers="relu1_1=0.5, relu2_1")
    job = ready.start()
    assert studio.job(job)["recipe"]["style_layers"] == {"relu1_1": 0.5, "relu2_1": 1}
    ready.status("Finished")


def test_a_size_after_the_photographs_paints_at_that_size(ready):
    ready.set(size="content")
    assert ready.page.locator("[data-field=size] .error-line").is_hidden()
    ready.set(size="150%")
    ready.page.locator("#dock", has_text="96 × 72").wait_for()
    job = ready.start()
    ready.status("Finished")
    (sent,) = [body for path, body in ready.sent if path == "jobs"]
    assert sent["recipe"]["size"] == "150%"
    assert ready.server.job(job)["size"] == [72, 96]
