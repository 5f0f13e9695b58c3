"""A page of the studio under a test's hands."""

import json
import re

TINY = {"size": 64, "precision": "float32", "encoder": "petite", "levels": 1, "iterations": 8, "finishing_steps": 0}
"""Settings that paint in a moment."""


class Look:
    """An open page: `page` is Playwright's, `complaints` is what the browser found wrong."""

    def __init__(self, page, server, forgiven=()):
        self.page = page
        self.server = server
        self.complaints: list[str] = []
        self.sent = []
        page.on("console", lambda message: self._hear(message, forgiven))
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("request", self._note)

    def _hear(self, message, forgiven):
        if message.type in ("error", "warning") and not any(part in message.text for part in forgiven):
            self.complaints.append(f"{message.type}: {message.text}")

    def _note(self, request):
        if request.method == "POST" and "application/json" in request.headers.get("content-type", ""):
            self.sent.append((request.url.partition("/api/")[2], request.post_data_json))

    def open(self, path=""):
        """Go to a view, and wait until the page is there."""
        self.page.goto(f"{self.server.url}{path}")
        self.there()

    def there(self):
        """Wait until the page has everything that it begins with."""
        self.page.locator("html[data-ready=yes]").wait_for()

    def reload(self):
        """Load it again."""
        self.page.reload()
        self.there()

    def calm(self):
        """Cancel whatever is not over in the studio."""
        if self.server.process.poll() is not None:
            return
        for job in self.server.call("/api/jobs").json:
            if job["state"] in ("queued", "running", "paused", "stopping"):
                self.server.act(job["id"], "cancel")
                self.server.wait(job["id"], "cancelled", "done", "stopped", "failed")

    def choose(self, photo, *paintings):
        """Upload a photograph and paintings through the dialogs."""
        self._upload("Choose a photograph", photo)
        for painting in paintings:
            self._upload(re.compile("^(Choose|Add) a painting"), painting)

    def _upload(self, label, path):
        self.page.locator("#sources").get_by_role("button", name=label).click()
        self.page.locator("dialog input[type=file]").set_input_files(path)
        self.page.locator("dialog").wait_for(state="detached")

    def set(self, **values):
        """Type settings into the form, opening their groups."""
        for key, value in values.items():
            field = self.page.locator(f"[data-field={key}]")
            group = self.page.locator("details.group", has=field)
            if group.count() and group.get_attribute("open") is None:
                group.locator("summary").click()
            control = self.page.locator(f"#field-{key}")
            if control.evaluate("node => node.tagName") == "SELECT":
                control.select_option(str(value))
            else:
                control.fill(str(value))
                control.press("Tab")

    def draft(self, content, *styles, **recipe):
        """Have pictures of the studio and settings that paint in a moment chosen, as a reload brings them back."""
        kept = {
            "content": content,
            "styles": [{"id": style, "mask": None, "weight": 1} for style in styles],
            "preset": "standard",
            "changed": {**TINY, **recipe},
        }
        self.page.evaluate("kept => localStorage.setItem('impasto.draft', kept)", json.dumps(kept))
        self.reload()

    def start(self):
        """Press the button, and give the job."""
        with self.page.expect_response(
            lambda answer: answer.url.endswith("/api/jobs") and answer.request.method == "POST"
        ) as found:
            self.page.locator("#dock .primary").click()
        assert found.value.status == 201, found.value.text()
        return found.value.json()["id"]

    def status(self, text):
        """Wait until the line under the picture says something."""
        self.page.locator(".progress-line", has_text=text).wait_for()

    def shown(self):
        """Address of the painting that is shown."""
        return self.page.locator("#stage .after").get_attribute("src") or ""

    def until_shown(self, part):
        """Wait until the painting that is shown has an address with a part."""
        self.page.locator(f"#stage .after[src*='{part}']").wait_for()

    def drag(self, where, *points):
        """Press, move and let go: points in parts of an element's width and height."""
        box = where.bounding_box()
        places = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in points]
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*place, steps=6)
        self.page.mouse.up()

    def run(self, script, *values):
        """Run a function of the page's modules: `script` is the body of an async function of `values`."""
        return self.page.evaluate(f"async (values) => {{ {script} }}", list(values))
