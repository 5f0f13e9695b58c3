"""How the page lies on a screen: nothing beyond its edge, everything named, nothing from outside."""

import pytest

from tests.studio.browser.browser_helpers import TINY

UNNAMED = """nodes => nodes
    .filter((node) => node.checkVisibility() && node.type !== 'file' && node.getAttribute('aria-hidden') !== 'true')
    .filter((node) => !node.getAttribute('aria-label') && !node.textContent.trim() && !node.labels?.length)
    .map((node) => node.outerHTML.slice(0, 120))"""
SCREENS = {
    "desktop": {"width": 1280, "height": 800},
    "phone": {"width": 390, "height": 844, "has_touch": True, "is_mobile": True},
}


@pytest.fixture(scope="module")
def past(studio, uploaded):  # noqa: ARG001 (the pictures are there first)
    """A finished painting."""
    job = studio.paint(TINY)
    studio.wait(job, "done")
    return job


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_views_fit_and_all_controls_have_names(screen, scheme, visit, studio, uploaded, past):
    look = visit(studio, color_scheme=scheme, **SCREENS[screen])
    look.draft(*uploaded)
    for view in ("#paint", "#gallery", f"#picture/{past}", f"#compare/{past}/{past}"):
        look.open(view)
        look.reload()
        look.page.locator("main:visible :is(h1, h2)").first.wait_for(state="attached")
        look.page.wait_for_timeout(200)
        wide = look.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide[0] <= wide[1], view
        assert look.page.locator("button, input, select, a, canvas").evaluate_all(UNNAMED) == []


def test_the_mask_painter_fits_a_phone(visit, studio, uploaded):
    look = visit(studio, **SCREENS["phone"])
    look.draft(*uploaded)
    look.page.get_by_role("button", name="Paint masks").click()
    look.page.get_by_text("Paint sky in one colour").wait_for()
    for pane in look.page.locator(".pane").all():
        box = pane.bounding_box()
        assert box["height"] > 150
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    done = look.page.get_by_role("button", name="Use these masks").bounding_box()
    assert done["y"] + done["height"] <= 844


def test_nothing_comes_from_outside(look, studio):
    asked = []
    look.page.on("request", lambda request: asked.append(request.url))
    look.reload()
    assert asked
    assert all(url.startswith(studio.url.rstrip("/")) for url in asked)


def test_script_in_the_page_is_refused(visit, studio):
    look = visit(studio, forgiven=["Content Security Policy"])
    look.run(
        "const script = document.createElement('script');"
        "script.textContent = 'document.title = \"run\"'; document.body.append(script);"
    )
    assert look.page.title() != "run"


def test_words_can_be_read_on_their_ground(visit, studio):
    ratio = """node => {
        const level = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(Number).map((v) => v / 255)
            .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
            .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
        let ground = node;
        const clear = (node) => /, 0\\)$|transparent/.test(getComputedStyle(node).backgroundColor);
        while (ground && clear(ground)) ground = ground.parentElement;
        const [a, b] = [getComputedStyle(node).color, getComputedStyle(ground).backgroundColor].map(level);
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    }"""
    for scheme in ("light", "dark"):
        look = visit(studio, color_scheme=scheme)
        for selector in (".hint", "h2", ".tabs a", ".segment", ".welcome .button.primary", ".welcome-line"):
            for node in look.page.locator(selector).all():
                if node.is_visible():
                    assert node.evaluate(ratio) >= 4.5, (scheme, selector, node.inner_text())
