"""The report of a benchmark in a browser: it sorts, compares and zooms, and asks nothing of any network."""

import base64
import math
from typing import Any

import pytest

from impasto.series import report
from tests.studio.studio_helpers import png


def estimate(median, **more):
    return {"median": median, "low": median - 0.1, "high": median + 0.1, "count": 4, **more}


METRICS = [
    {"id": "seconds", "group": "cost", "direction": "lower", "range": [0, None], "summary": "seconds to paint"},
    {"id": "kept/1", "group": "content", "direction": "higher", "range": [0, 1], "summary": "what is kept"},
    {"id": "reached/1", "group": "style", "direction": "lower", "range": [0, 1], "summary": "how far the style is"},
]
LABELS = ["gatys", "wct", "<b>theirs</b>"]


@pytest.fixture
def found():
    """A small benchmark: three methods, two photographs, two styles; one picture failed."""
    values: dict[str, list[float]] = {"seconds": [9, 1, 5], "kept/1": [0.5, 0.9, 0.7], "reached/1": [0.2, 0.6, 0.4]}
    pictures: list[dict[str, Any]] = [
        {
            "method": method,
            "content": content,
            "style": style,
            "file": f"m{index}/{content}_{style}.png",
            "state": "done",
            "note": "",
            "width": 64,
            "height": 48,
            "values": {key: each[index] for key, each in values.items()},
            "reasons": {},
        }
        for content in ("cat", "barn")
        for style in ("swirls", "cubism")
        for index, method in enumerate(LABELS)
    ]
    pictures[0] |= {"state": "failed", "note": "not enough memory", "values": {}}
    return {
        "impasto": "0",
        "machine": {"processor": "some", "threads": 1, "torch": "2"},
        "about": {},
        "against": "gatys",
        "measured_with": {"first": {"name": "petite"}, "second": {"name": "petite", "layers": ["relu1_2"]}},
        "metrics": METRICS,
        "methods": [{"label": label, "method": "gatys", "note": "", "recipe": {}} for label in LABELS],
        "contents": [{"name": name, "file": f"{name}.jpg", "credit": "somebody"} for name in ("cat", "barn")],
        "styles": [{"name": name, "file": f"{name}.jpg", "credit": ""} for name in ("swirls", "cubism")],
        "pictures": pictures,
        "medians": {
            label: {key: estimate(each[index]) for key, each in values.items()} for index, label in enumerate(LABELS)
        },
        "differences": {
            one: {
                other: {key: estimate(each[b] - each[a], better=0.75) for key, each in values.items()}
                for b, other in enumerate(LABELS)
                if other != one
            }
            for a, one in enumerate(LABELS)
        },
        "problems": [{"file": "broken.jpg", "note": "cannot be read"}],
        "left_out": [],
    }


@pytest.fixture
def page(chromium, found, tmp_path):
    """The report, opened from its file, with one of its pictures beside it."""
    address = "data:image/png;base64," + base64.b64encode(png()).decode()
    thumbnails = {picture["file"]: address for picture in found["pictures"] if picture["state"] == "done"}
    thumbnails |= {f"content:{name}": address for name in ("cat", "barn")}
    thumbnails |= {f"style:{name}": address for name in ("swirls", "cubism")}
    (tmp_path / "m1").mkdir()
    (tmp_path / "m1" / "cat_swirls.png").write_bytes(png(height=96, width=128))
    (tmp_path / "report.html").write_text(report.page(found, thumbnails))
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(30_000)
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto((tmp_path / "report.html").as_uri())
    page.locator("html[data-ready=yes]").wait_for()
    yield page
    context.close()
    assert all(url.startswith(("file:", "data:")) for url in asked)
    # A picture that is no longer beside the report is the test's own doing.
    assert [text for text in complaints if "ERR_FILE_NOT_FOUND" not in text] == []


def rows(page):
    return page.locator("#table tbody th").all_inner_texts()


def test_a_heading_sorts_with_the_better_end_first(page):
    assert rows(page) == LABELS
    page.get_by_role("button", name="kept").click()
    assert rows(page) == ["wct", "<b>theirs</b>", "gatys"]
    page.get_by_role("button", name="seconds").click()
    assert rows(page) == ["wct", "<b>theirs</b>", "gatys"]
    page.get_by_role("button", name="seconds").click()
    assert rows(page) == ["gatys", "<b>theirs</b>", "wct"]
    assert page.locator("#table .best").count() == len(METRICS)


def test_differences_are_against_a_chosen_method(page):
    page.locator("#against").select_option("gatys")
    line = page.locator("#table tbody tr", has_text="wct")
    assert line.locator("td").nth(1).inner_text().split()[0] == "+0.4"
    assert "better in 75 %" in line.inner_text()
    # More of what is kept is better, more distance is worse.
    assert line.locator("td").nth(1).get_attribute("class") == "good"
    assert line.locator("td").nth(2).get_attribute("class") == "bad"
    assert page.locator("#table tbody tr", has_text="gatys").locator("td").first.inner_text() == "–"


def test_sheets_show_every_picture_and_what_failed(page):
    assert page.locator("#sheet tbody tr").count() == 2
    assert page.locator("#sheet button").count() == 5
    assert page.locator("#sheet .none").inner_text() == "not enough memory"
    page.locator("#by").select_option("method")
    page.locator("#which").select_option("wct")
    assert page.locator("#sheet button").count() == 4
    assert page.locator("#which option").all_inner_texts() == LABELS


def test_a_picture_is_shown_as_large_as_it_is_and_arrows_change_the_method(page):
    expect = pytest.importorskip("playwright.sync_api").expect
    page.get_by_role("button", name="wct: cat in swirls").click()
    assert page.locator("#view-title").inner_text() == "wct · cat in swirls"
    expect(page.locator("#view-picture")).to_have_js_property("naturalWidth", 128)
    assert "0.9" in page.locator("#view-values").inner_text()
    page.keyboard.press("ArrowRight")
    assert page.locator("#view-title").inner_text() == "<b>theirs</b> · cat in swirls"
    expect(page.locator("#view-picture")).to_have_js_property("naturalWidth", 64)
    assert "is not beside this report" in page.locator("#view-note").inner_text()
    page.keyboard.press("Escape")
    assert not page.locator("#view").is_visible()


def test_the_plot_has_a_point_for_each_method_in_its_place(page):
    places = {
        label: page.evaluate(
            "index => { const c = document.querySelectorAll('#plot circle')[index]; return [+c.getAttribute('cx'), "
            "+c.getAttribute('cy')]; }",
            index,
        )
        # Drawn from the top down.
        for index, label in enumerate(["wct", "<b>theirs</b>", "gatys"])
    }
    across = [places[label][0] for label in ("gatys", "<b>theirs</b>", "wct")]
    assert across == sorted(across)
    middle = (places["gatys"][0] + places["wct"][0]) / 2
    assert math.isclose(places["<b>theirs</b>"][0], middle, abs_tol=0.01)


def test_what_went_wrong_is_listed_and_nothing_is_wider_than_the_window(page):
    text = page.locator("#more").inner_text()
    assert "broken.jpg: cannot be read" in text
    assert "cat.jpg: somebody" in text
    for width in (1280, 400):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
