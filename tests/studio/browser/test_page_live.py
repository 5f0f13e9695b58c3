"""The camera on the page: Chromium's fake camera, painted, recorded, and what is said where there is none."""

import re

import pytest

from tests.studio.browser.conftest import CHROMIUM, pages
from tests.studio.test_studio_clips import gif, look

FAKE = ["--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
MEAN = """node => {
    const { width, height } = node;
    const data = node.getContext('2d').getImageData(0, 0, width, height).data;
    return [width, height, [...data].reduce((sum, value) => sum + value, 0) / data.length];
}"""


@pytest.fixture(scope="module")
def camera(chromium):
    """A browser with a camera that shows a moving picture, and asks nobody."""
    with_camera = chromium.browser_type.launch(executable_path=path_of(), args=FAKE)
    yield with_camera
    with_camera.close()


def path_of():
    import shutil

    return next(filter(None, map(shutil.which, CHROMIUM)))


@pytest.fixture
def live(camera, studio):
    """The view of the camera."""
    with pages() as opened:
        found = opened(camera, studio, path="#live")
        yield found


def painted(page, least):
    """Wait until a frame rate is told and so many frames were painted."""
    line = page.locator(".live-rate", has_text=re.compile(r"[1-9]\d*\.\d frames a second|0\.[1-9] frames a second"))
    line.wait_for(timeout=60_000)
    page.wait_for_function("least => document.querySelector('.live-picture').width > least", arg=least)


def test_the_camera_is_painted_and_stops(live):
    page = live.page
    page.get_by_label("Size in pixels").select_option("192")
    page.get_by_role("button", name="Start the camera").click()
    painted(page, 100)
    width, height, mean = page.locator(".live-picture").evaluate(MEAN)
    assert max(width, height) == 192
    assert 20 < mean < 240
    rate = page.locator(".live-rate").inner_text()
    assert "dropped" in rate
    # Another style while it paints is painted from then on.
    page.locator(".live-styles .thumb").nth(1).click()
    painted(page, 100)
    page.get_by_role("button", name="Stop").click()
    assert page.locator(".live-picture").is_hidden()
    assert page.locator(".live-camera").evaluate("node => node.srcObject") is None
    page.get_by_role("button", name="Start the camera").wait_for()


def test_styles_that_are_chosen_one_after_another_leave_it_painting(live):
    """Whatever frames and sessions are on their way: the last choice is painted, and nothing is said of the others."""
    page = live.page
    page.get_by_label("Size in pixels").select_option("192")
    page.get_by_role("button", name="Start the camera").click()
    painted(page, 100)
    for number in (1, 2, 0, 1, 2, 0, 2, 1):
        page.locator(".live-styles .thumb").nth(number).click()
    painted(page, 100)
    for number in (2, 0, 1):
        # While frames come and go.
        page.wait_for_timeout(150)
        page.locator(".live-styles .thumb").nth(number).click()
        painted(page, 100)
    assert page.locator(".live-picture").is_visible()
    assert page.locator("#live .error-line:visible").count() == 0


def test_leaving_the_view_turns_the_camera_off(live):
    page = live.page
    page.get_by_role("button", name="Start the camera").click()
    painted(page, 100)
    page.get_by_role("link", name="Gallery").click()
    page.wait_for_function("document.querySelector('.live-camera').srcObject === null")


def test_what_is_painted_is_recorded_as_a_film(live):
    pytest.importorskip("av", reason="looks into the film")
    page = live.page
    page.get_by_label("Size in pixels").select_option("192")
    page.get_by_role("button", name="Start the camera").click()
    painted(page, 100)
    page.get_by_role("button", name="Record").click()
    page.wait_for_timeout(2500)
    with page.expect_download() as found:
        page.get_by_role("button", name="Stop and save").click()
    assert re.fullmatch(r"live\.(webm|mp4)", found.value.suggested_filename)
    import av

    with av.open(str(found.value.path()), "r") as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(film.streams.video[0])]
    assert len(frames) >= 2
    assert max(frames[0].shape[:2]) == 192


def test_a_clip_is_painted_too(live, tmp_path, studio, uploaded):
    job = studio.call(
        "/api/jobs",
        {
            "content": studio.call("/api/clips", gif(30), X_Name="x.gif", Content_Type="image/gif").json["id"],
            "styles": [uploaded[1]],
            "recipe": {"method": "linear", "size": 64, "encoder": "petite"},
        },
    ).json["id"]
    studio.wait(job, "done")
    film = studio.call(f"/api/jobs/{job}/clip").data
    assert look(film)
    path = tmp_path / "film.mp4"
    path.write_bytes(film)
    live.page.locator("#view-live input[type=file]").set_input_files(path)
    painted(live.page, 100)
    live.page.get_by_role("button", name="Stop").click()


def test_without_a_camera_it_is_said(visit, studio):
    found = visit(studio, path="#live")
    found.page.get_by_role("button", name="Start the camera").click()
    line = found.page.locator("#view-live .error-line:visible")
    line.wait_for()
    assert re.search("There is no camera|was not allowed", line.inner_text())
    found.run("Object.defineProperty(navigator, 'mediaDevices', { value: undefined });")
    found.run("Object.defineProperty(window, 'isSecureContext', { value: false });")
    found.page.get_by_role("button", name="Start the camera").click()
    found.page.get_by_text("SSH tunnel").wait_for()


def test_what_plays_not_is_told(live, tmp_path):
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"nothing that plays")
    live.page.locator("#view-live input[type=file]").set_input_files(path)
    live.page.get_by_text("broken.mp4: is no clip that this browser plays").wait_for()
