"""The page that describes the API: every request of it, drawn here, with nothing from outside."""


def test_the_page_describes_every_request(visit, studio):
    look = visit(studio)
    asked = []
    look.page.on("request", lambda request: asked.append(request.url))
    look.page.goto(f"{studio.url}docs")
    rows = look.page.locator(".docs details")
    rows.first.wait_for()
    paths = studio.call("/api/openapi.json").json["paths"]
    assert rows.count() == sum(map(len, paths.values()))
    job = look.page.locator("details", has_text="POST/api/jobsQueue")
    job.locator("summary").click()
    for key in ("content", "styles", "recipe", "region_names"):
        assert job.locator("dt", has_text=key).first.is_visible()
    assert "one line" in look.page.locator(".docs p").first.inner_text()
    assert f"curl -X POST {studio.url}api/jobs" in job.locator("pre").inner_text()
    assert all(url.startswith(studio.url) for url in asked)


def test_the_page_fits_a_phone(visit, studio):
    look = visit(studio, width=390, height=844)
    look.page.goto(f"{studio.url}docs")
    look.page.locator(".docs details").nth(5).locator("summary").click()
    wide = look.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1]
