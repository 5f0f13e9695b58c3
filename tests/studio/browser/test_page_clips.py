"""Clips on the page: brought in like a photograph, painted, played."""

import pytest

from tests.studio.test_studio_clips import QUICK, gif

PLAYS = """node => new Promise((resolve) => {
    const look = () => resolve([node.duration, node.videoWidth, node.videoHeight, node.currentTime > 0]);
    if (node.readyState >= 2) setTimeout(look, 300);
    else node.addEventListener('loadeddata', () => setTimeout(look, 300));
    node.addEventListener('error', () => resolve(['error', node.error.message]));
})"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "holiday.gif"
    path.write_bytes(gif())
    return path


def test_a_clip_is_painted_and_plays(visit, studio, uploaded, file):
    look = visit(studio)
    page = look.page
    look.draft(*uploaded, **QUICK)
    page.locator("#sources").get_by_role("button", name="photo.png: choose another").click()
    page.locator("dialog input[type=file]").set_input_files(file)
    page.locator("dialog").wait_for(state="detached")
    card = page.locator("#sources .source").first
    assert "6 frames, 0.6 s" in card.inner_text()
    assert page.get_by_role("button", name="Crop holiday.gif").count() == 0
    assert page.get_by_role("button", name="Paint masks").count() == 0
    page.locator(".estimate", has_text="About").wait_for()
    job = look.start()
    look.status("Finished")
    video = page.locator("#stage video")
    video.wait_for()
    duration, width, height, moves = video.evaluate(PLAYS)
    assert duration == pytest.approx(0.6, abs=0.11)
    assert [height, width] == studio.job(job)["size"]
    assert moves
    look.open(f"#picture/{job}")
    page.locator("#view-picture video").wait_for()
    with page.expect_download() as found:
        page.get_by_role("link", name="Download MP4").last.click()
    assert found.value.suggested_filename.endswith(".mp4")
    look.open("#gallery")
    assert page.locator(f"[data-card='{job}'] .clip-badge").inner_text() == "Clip"
    look.reload()
    look.open("#paint")
    page.locator("#sources", has_text="6 frames").wait_for()


def test_an_animation_of_one_frame_is_a_photograph(visit, studio, uploaded, tmp_path):
    look = visit(studio, forgiven=["422"])
    look.draft(*uploaded)
    path = tmp_path / "still.gif"
    path.write_bytes(gif(1))
    look.page.locator("#sources").get_by_role("button", name="photo.png: choose another").click()
    look.page.locator("dialog input[type=file]").set_input_files(path)
    look.page.locator("dialog").wait_for(state="detached")
    assert "48 × 34" in look.page.locator("#sources .source").first.inner_text()


def test_a_damaged_clip_is_told(visit, studio, uploaded, tmp_path):
    look = visit(studio, forgiven=["422"])
    look.draft(*uploaded)
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"nothing that plays")
    look.page.locator("#sources").get_by_role("button", name="photo.png: choose another").click()
    look.page.locator("dialog input[type=file]").set_input_files(path)
    look.page.locator("dialog .error-line", has_text="broken.mp4").wait_for()
