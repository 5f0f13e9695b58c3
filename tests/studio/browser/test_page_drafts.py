"""An hour of drawing is not lost: by a reload, a cross, a crop, or a photograph that is taken out."""

import io
import itertools

import numpy as np
import pytest
from PIL import Image

from tests.studio.browser.test_page_masks import BLUE, RED, colors, exported, half, painter
from tests.studio.studio_helpers import png

__all__ = ["painter"]


def reopened(look):
    """Open the mask painter again, and wait until it has its pictures."""
    look.page.get_by_role("button", name="Paint masks").click()
    look.page.locator(".swatch-fractions").first.wait_for()


def test_unfinished_masks_are_there_again_after_a_reload(painter):
    page = painter.page
    warned: list[str] = []

    def accept(dialog) -> None:
        warned.append(dialog.type)
        dialog.accept()

    page.on("dialog", accept)
    half(painter, 0)
    before = exported(painter, "photograph")[0]
    page.wait_for_timeout(900)
    page.reload()
    painter.there()
    assert warned == ["beforeunload"]
    reopened(painter)
    assert exported(painter, "photograph")[0] == before

    # The cross, Escape and Discard ask; nothing is thrown away but on request.
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Go on painting").click()
    page.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Keep for later").click()
    reopened(painter)
    assert exported(painter, "photograph")[0] == before
    page.get_by_role("button", name="Discard").click()
    page.locator("dialog .delete").click()
    page.locator("dialog").first.wait_for(state="detached")
    page.get_by_role("button", name="Paint masks").click()
    page.get_by_text("Paint sky in one colour").wait_for()


def test_masks_are_cropped_along_and_a_removal_can_be_undone(painter, studio):
    page = painter.page
    for sheet in (0, 1):
        page.keyboard.press("1")
        half(painter, sheet)
        page.keyboard.press("2")
        half(painter, sheet, lower=True)
    page.get_by_role("button", name="Use these masks").click()
    page.locator("dialog").wait_for(state="detached")
    page.get_by_role("button", name="Crop photo.png").click()
    page.get_by_role("button", name="1 : 1").click()
    page.get_by_role("button", name="Crop", exact=True).click()
    page.locator("dialog").wait_for(state="detached")
    assert "48 × 48" in page.locator("#sources figcaption .size").first.inner_text()
    page.get_by_role("button", name="Remove photo.png").click()
    assert page.locator(".mask-thumb").count() == 0
    page.get_by_role("button", name="Undo").click()
    assert page.locator(".mask-thumb").count() == 2
    job = painter.start()
    painter.status("Finished")
    mask = studio.call(f"/api/pictures/{studio.job(job)['content_mask']}").data
    assert colors(mask) == {RED: 48 * 24, BLUE: 48 * 24}


def test_a_doodle_is_drawn_and_painted(look, uploaded, studio):
    look.draft(None, uploaded[1])
    page = look.page
    page.get_by_role("button", name="Draw a doodle instead").click()
    page.get_by_role("button", name="Square").click()
    page.get_by_text("Draw with flat colours").wait_for()
    look.sheets = page.locator(".pane .overlay")
    for sheet in (0, 1):
        page.keyboard.press("1")
        half(look, sheet)
        page.keyboard.press("2")
        half(look, sheet, lower=True)
    page.get_by_role("button", name="Use these masks").click()
    page.locator("dialog").wait_for(state="detached")
    assert page.locator("#dock .primary").inner_text() == "Paint the doodle"
    page.reload()
    look.there()
    page.get_by_role("button", name="Doodle: go on drawing").wait_for()
    job = look.start()
    look.status("Finished")
    found = studio.job(job)
    assert (found["content"], found["size"]) == (None, [64, 64])
    assert found["recipe"]["method"] == "doodle"


def test_names_lines_and_the_inverse(painter, studio):
    page = painter.page
    page.get_by_label("Name of the region").fill("sky")
    page.keyboard.press("Enter")
    half(painter, 0)
    half(painter, 1)
    page.keyboard.press("2")
    # Inverted, what was painted is bare, and the bare rest is painted.
    page.keyboard.press("i")
    assert colors(exported(painter, "painting")[0]) == {BLUE: 56 * 40}
    page.keyboard.press("Control+z")
    page.keyboard.press("b")
    page.get_by_role("slider", name="Size").fill("100")
    box = painter.sheets.nth(0).bounding_box()
    y = box["y"] + 0.8 * box["height"]
    page.mouse.click(box["x"] + 0.1 * box["width"], y)
    page.keyboard.down("Shift")
    page.mouse.click(box["x"] + 0.9 * box["width"], y)
    page.keyboard.up("Shift")
    pixels = np.asarray(Image.open(io.BytesIO(exported(painter, "photograph")[0])).convert("RGB"))
    assert (pixels[38, 8:56] == BLUE).all()
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Use these masks").click()
    page.locator("dialog").wait_for(state="detached")
    assert sorted(page.locator(".region").all_inner_texts()) == ["black", "sky"]
    job = painter.start()
    assert studio.job(job)["region_names"] == {"#ff0000": "sky"}
    painter.status("Finished")


def test_the_space_bar_moves_the_view_and_fit_brings_it_back(painter):
    page = painter.page
    painter.panes.nth(0).hover()
    page.mouse.wheel(0, -600)
    level = page.locator(".zoom-level").first
    zoomed = level.inner_text()
    before = painter.sheets.nth(0).bounding_box()
    page.keyboard.down(" ")
    painter.drag(painter.panes.nth(0), (0.5, 0.5), (0.6, 0.6))
    page.keyboard.up(" ")
    assert painter.sheets.nth(0).bounding_box()["x"] > before["x"] + 10
    page.get_by_role("button", name="Fit the photograph").click()
    assert level.inner_text() != zoomed
    assert set(colors(exported(painter, "photograph")[0])) == {(0, 0, 0)}


@pytest.mark.parametrize("size", [(200, 150), (200, 60)])
def test_a_photograph_and_a_mask_of_another_shape_are_refused(painter, tmp_path, size):
    path = tmp_path / "mask.png"
    if size[1] == 150:
        path.write_bytes(png(150, 200, seed=3))
    else:
        Image.new("RGB", size, RED).save(path)
    painter.page.get_by_label("Mask file of the photograph").set_input_files(path)
    said = "rather than a mask" if size[1] == 150 else "another shape"
    painter.page.locator("dialog .error-line", has_text=said).wait_for()
    assert set(colors(exported(painter, "photograph")[0])) == {(0, 0, 0)}


@pytest.mark.parametrize("window", [(640, 400), (844, 390)])
def test_the_mask_painter_is_usable_with_little_height(visit, studio, uploaded, window):
    look = visit(studio, width=window[0], height=window[1])
    look.draft(*uploaded)
    look.page.get_by_role("button", name="Paint masks").click()
    look.page.get_by_text("Paint sky in one colour").wait_for()
    boxes = [each.bounding_box() for each in look.page.locator(".toolbar, .panes, .mask-foot").all()]
    for above, below in itertools.pairwise(boxes):
        assert above["y"] + above["height"] <= below["y"] + 1
    assert all(pane.bounding_box()["height"] >= 180 for pane in look.page.locator(".pane").all())
    look.page.get_by_role("button", name="Use these masks").scroll_into_view_if_needed()
    assert look.page.evaluate("[document.documentElement.scrollWidth <= innerWidth][0]")
