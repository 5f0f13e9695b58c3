"""The mask painter: the same flat colours on both pictures, there and in the files."""

import io

import numpy as np
import pytest
from PIL import Image

RED, BLUE, BLACK = (255, 0, 0), (0, 0, 255), (0, 0, 0)


@pytest.fixture
def painter(ready):
    """The page with the mask painter open."""
    ready.page.get_by_role("button", name="Paint masks").click()
    ready.panes = ready.page.locator(".pane")
    ready.page.get_by_text("Paint sky in one colour").wait_for()
    # Where each picture lies in its pane.
    ready.sheets = ready.page.locator(".pane .overlay")
    return ready


def colors(data):
    """Count the colours of a picture's bytes."""
    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).reshape(-1, 3)
    found, counts = np.unique(pixels, axis=0, return_counts=True)
    return {tuple(int(level) for level in color): int(count) for color, count in zip(found, counts, strict=True)}


def exported(painter, side):
    """Export one mask; give its bytes and the file's name."""
    with painter.page.expect_download() as found:
        painter.page.get_by_role("button", name=f"Export the mask of the {side}").click()
    return found.value.path().read_bytes(), found.value.suggested_filename


def half(painter, sheet, *, lower=False):
    """Run the lasso around the upper or lower half of a picture."""
    far = 1.2 if lower else -0.2
    painter.page.keyboard.press("l")
    painter.drag(painter.sheets.nth(sheet), (0.5, 0.5), (-0.2, 0.5), (-0.2, far), (1.2, far), (1.2, 0.5))


def test_masks_on_both_pictures_paint_by_region(painter, studio):
    keys = painter.page.keyboard.press
    for sheet in (0, 1):
        keys("1")
        half(painter, sheet)
        keys("2")
        half(painter, sheet, lower=True)
    painter.page.get_by_role("button", name="Use these masks").click()
    painter.page.locator("dialog").wait_for(state="detached")
    assert sorted(painter.page.locator(".region").all_inner_texts()) == ["blue", "red"]

    painter.page.get_by_label("blue stays as photographed").check()
    job = painter.start()
    found = studio.job(job)
    assert found["recipe"]["keep"] == ["blue"]
    masks = [studio.call(f"/api/pictures/{each}").data for each in (found["content_mask"], *found["style_masks"])]
    for data, (width, height) in zip(masks, ((64, 48), (56, 40)), strict=True):
        assert colors(data) == {RED: width * height // 2, BLUE: width * height // 2}
    painter.status("Finished")


def test_a_brush_leaves_no_colour_between_two(painter):
    painter.page.keyboard.press("]")
    painter.drag(painter.sheets.nth(0), (0.1, 0.2), (0.9, 0.7))
    data, name = exported(painter, "photograph")
    assert name == "photo_mask.png"
    found = colors(data)
    assert set(found) == {RED, BLACK}
    assert Image.open(io.BytesIO(data)).size == (64, 48)
    assert Image.open(io.BytesIO(data)).mode == "P"


def test_undo_and_redo_go_through_both_pictures(painter):
    keys = painter.page.keyboard.press
    painter.drag(painter.sheets.nth(0), (0.2, 0.2), (0.8, 0.2))
    before = colors(exported(painter, "photograph")[0])
    painter.drag(painter.sheets.nth(1), (0.2, 0.2), (0.8, 0.2))
    painter.drag(painter.sheets.nth(0), (0.2, 0.8), (0.8, 0.8))
    keys("Control+z")
    assert colors(exported(painter, "photograph")[0]) == before
    assert RED in colors(exported(painter, "painting")[0])
    keys("Control+z")
    assert set(colors(exported(painter, "painting")[0])) == {BLACK}
    keys("Control+z")
    assert set(colors(exported(painter, "photograph")[0])) == {BLACK}
    for _ in range(3):
        keys("Control+Shift+z")
    assert colors(exported(painter, "photograph")[0])[RED] > before[RED]
    assert RED in colors(exported(painter, "painting")[0])


def test_fill_and_eraser(painter):
    keys = painter.page.keyboard.press
    keys("g")
    keys("2")
    painter.page.get_by_label("Spread").fill("255")
    painter.sheets.nth(0).click()
    assert colors(exported(painter, "photograph")[0]) == {BLUE: 64 * 48}
    keys("e")
    painter.drag(painter.sheets.nth(0), (0.5, 0.5), (0.6, 0.5))
    found = colors(exported(painter, "photograph")[0])
    assert set(found) == {BLUE, BLACK}
    assert found[BLACK] < found[BLUE]


def test_the_size_of_the_brush_follows_its_keys(painter):
    def painted(size_key):
        for _ in range(3):
            painter.page.keyboard.press(size_key)
        painter.sheets.nth(0).click()
        count = colors(exported(painter, "photograph")[0])[RED]
        painter.page.keyboard.press("Control+z")
        return count

    smaller = painted("[")
    assert painted("]") > smaller
    assert painted("]") > 2 * smaller


def test_the_keyboard_paints(painter):
    painter.panes.nth(0).focus()
    for key in ("ArrowLeft", "ArrowLeft", "Enter", "ArrowUp", "Enter"):
        painter.page.keyboard.press(key)
    assert RED in colors(exported(painter, "photograph")[0])


def test_an_exported_mask_can_be_imported_on_the_other_side_too(painter, tmp_path):
    half(painter, 0)
    data, _ = exported(painter, "photograph")
    path = tmp_path / "mask.png"
    path.write_bytes(data)
    painter.page.get_by_label("Mask file of the painting").set_input_files(path)
    painter.page.get_by_text("Percentages").wait_for()
    assert colors(exported(painter, "painting")[0]) == {RED: 56 * 20, BLACK: 56 * 20}


def test_a_compressed_mask_of_another_size_and_colours_becomes_flat(painter, tmp_path):
    sheet = Image.new("RGB", (200, 150), (250, 8, 6))
    sheet.paste((90, 60, 30), (0, 75, 200, 150))
    path = tmp_path / "mask.jpg"
    sheet.save(path, quality=60)
    painter.page.get_by_label("Mask file of the photograph").set_input_files(path)
    painter.page.get_by_text("lends all of itself").wait_for()
    found = colors(exported(painter, "photograph")[0])
    assert len(found) == 2
    assert found[RED] == 64 * 24


def test_a_photograph_is_no_mask(painter, tmp_path):
    path = tmp_path / "noise.png"
    noise = np.random.default_rng(0).integers(0, 256, (150, 200, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    painter.page.get_by_label("Mask file of the photograph").set_input_files(path)
    # Decoding takes a while, and more of it on a busy machine.
    painter.page.locator("dialog .error-line", has_text="rather than a mask").wait_for()


def test_regions_are_found_as_a_start(visit, studio):
    look = visit(studio)
    look.draft("photo-rocket", "style-watercolour")
    page = look.page
    page.get_by_role("button", name="Paint masks").click()
    page.get_by_label("How many regions").select_option("2")
    page.get_by_role("button", name="Find regions").click()
    page.locator(".swatch-fractions").nth(1).wait_for()
    assert page.locator(".swatch-fractions").count() == 2
    assert set(colors(exported(look, "photograph")[0])) == {RED, BLUE}
    page.get_by_role("button", name="Undo").click()
    assert set(colors(exported(look, "painting")[0])) == {BLACK}


def test_what_the_painting_lacks_is_said_beside_the_button(visit, studio, uploaded):
    look = visit(studio, forgiven=["422"])
    look.draft(*uploaded)
    look.page.get_by_role("button", name="Paint masks").click()
    look.page.get_by_text("Paint sky in one colour").wait_for()
    look.sheets = look.page.locator(".pane .overlay")
    half(look, 0)
    look.page.keyboard.press("2")
    half(look, 1)
    look.page.get_by_role("button", name="Use these masks").click()
    line = look.page.locator("dialog .error-line", has_text="red")
    line.wait_for()
    assert look.page.locator("dialog").is_visible()


def test_touch_paints_and_two_fingers_do_not(visit, studio, uploaded):
    look = visit(studio, width=390, height=844, has_touch=True, is_mobile=True)
    look.draft(*uploaded)
    look.page.get_by_role("button", name="Paint masks").click()
    look.page.get_by_text("Paint sky in one colour").wait_for()
    box = look.page.locator(".pane .overlay").nth(0).bounding_box()
    touch = look.page.context.new_cdp_session(look.page)

    def point(x, y, number):
        return {"x": box["x"] + box["width"] * x, "y": box["y"] + box["height"] * y, "id": number}

    def send(kind, *points):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    send("touchStart", point(0.3, 0.4, 1))
    send("touchMove", point(0.5, 0.4, 1))
    send("touchEnd")
    painted = colors(exported(look, "photograph")[0])
    assert set(painted) == {RED, BLACK}
    send("touchStart", point(0.3, 0.8, 1))
    send("touchStart", point(0.3, 0.8, 1), point(0.7, 0.8, 2))
    send("touchMove", point(0.2, 0.8, 1), point(0.8, 0.8, 2))
    send("touchEnd")
    assert colors(exported(look, "photograph")[0]) == painted
    assert look.page.locator(".pane .overlay").nth(0).bounding_box()["width"] > 1.2 * box["width"]


def test_feathered_edges_are_shown_soft_and_painted_so(painter, studio):
    half(painter, 0)
    half(painter, 1)
    sheet = painter.sheets.nth(0)
    assert sheet.evaluate("node => node.style.filter") == ""
    painter.page.locator("dialog").get_by_label("Feather").fill("120")
    assert "blur" in sheet.evaluate("node => node.style.filter")
    painter.page.get_by_role("button", name="Use these masks").click()
    painter.page.locator("dialog").wait_for(state="detached")
    job = painter.start()
    assert studio.job(job)["recipe"]["feather"] == 0.12
    # What is said of edges stays with the masks.
    painter.page.locator("[data-keep=masks]").click()
    painter.page.get_by_text("Percentages").wait_for()
    assert painter.page.locator("dialog").get_by_label("Feather").input_value() == "120"
