"""`impasto compare` in a browser: pairs are judged by keys, every vote is kept, and the end is a table."""

import json
import os
import signal
import subprocess
import sys
import urllib.parse

import pytest

from tests.studio.browser.browser_helpers import Look
from tests.studio.studio_helpers import SOURCE, Answer, Server, png
from tests.type_helpers import present


class Page(Server):
    """`impasto compare` in a process of its own."""

    def __init__(self, *arguments):
        environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
        command = [sys.executable, "-m", "impasto", "compare", *map(str, arguments), "--no-browser", "--port", "0"]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        for line in present(self.process.stderr):
            if line.startswith("http"):
                self.url = line.strip()
                break
        parts = urllib.parse.urlsplit(self.url)
        self.port, self.host = parts.port, parts.netloc

    def end(self, signum=signal.SIGINT):
        """End it; give what it printed."""
        if self.process.poll() is None:
            self.process.send_signal(signum)
        out, self.err = self.process.communicate(timeout=20)
        return out


class Judge(Look):
    """The page under a judge's hands."""

    def there(self):
        self.until(0)

    def until(self, number):
        self.page.locator(f"html[data-number='{number}']").wait_for()

    def calm(self):
        pass


@pytest.fixture
def folders(tmp_path):
    for seed, side in enumerate(("one", "two")):
        (tmp_path / side).mkdir()
        for number, name in enumerate(("x", "y")):
            (tmp_path / side / f"{name}.png").write_bytes(png(seed=10 * seed + number))
    return tmp_path / "one", tmp_path / "two"


@pytest.fixture
def begin(chromium, folders, tmp_path):
    """`begin(...)` runs a comparison and opens its page."""
    begun = []

    def begin(*options, at=0, forgiven=()):
        server = Page(*folders, "--votes", tmp_path / "votes.jsonl", *options)
        page = chromium.new_context(viewport={"width": 1100, "height": 700}).new_page()
        page.set_default_timeout(30_000)
        judge = Judge(page, server, forgiven)
        begun.append(judge)
        page.goto(server.url)
        judge.until(at)
        return judge

    yield begin
    for judge in begun:
        judge.page.context.close()
        judge.server.end(signal.SIGKILL)
        assert not judge.complaints


def lines(tmp_path):
    return [json.loads(line) for line in (tmp_path / "votes.jsonl").read_text().splitlines()[1:]]


def shown(judge, side):
    """Bytes of the picture at a side."""
    return judge.server.call(urllib.parse.urlsplit(judge.page.locator(f"#{side}").get_attribute("src")).path).data


def test_keys_choose_what_is_shown_and_the_end_is_a_table(begin, folders, tmp_path):
    judge = begin()
    for number, (key, choice) in enumerate((("1", "left"), ("2", "right"), ("0", "tie"), ("1", "left"))):
        left, right = shown(judge, "left"), shown(judge, "right")
        judge.page.keyboard.press(key)
        judge.until(number + 1 if number < 3 else "over")
        vote = lines(tmp_path)[-1]
        assert vote["choice"] == choice
        folder = dict(zip(("one", "two"), folders, strict=True))
        assert left == (folder[vote["left"]] / f"{vote['picture']}.png").read_bytes()
        assert right == (folder[vote["right"]] / f"{vote['picture']}.png").read_bytes()
        assert vote["seconds"] >= 0
    rows = judge.page.locator("tbody tr").all_inner_texts()
    assert sorted(row.split()[0] for row in rows) == ["one", "two"]
    judge.page.get_by_role("button", name="Close").click()
    assert judge.server.process.wait(20) == 0
    table = judge.server.end()
    assert "4 votes, 2 of them for the left side" in table


def test_a_vote_is_taken_back_and_the_pair_comes_again(begin, tmp_path):
    judge = begin()
    first = shown(judge, "left")
    judge.page.keyboard.press("1")
    judge.until(1)
    judge.page.keyboard.press("Backspace")
    judge.until(0)
    assert shown(judge, "left") == first
    judge.page.get_by_role("button", name="Right").click()
    judge.until(1)
    assert [line.get("choice", "undo") for line in lines(tmp_path)] == ["left", "undo", "right"]


def test_a_killed_comparison_goes_on_with_the_next_pair(begin, tmp_path):
    judge = begin(forgiven=("ERR_CONNECTION_REFUSED",))
    judge.page.keyboard.press("1")
    judge.until(1)
    next_pair = shown(judge, "left")
    judge.server.end(signal.SIGKILL)
    judge.page.keyboard.press("2")
    judge.page.get_by_text("does not answer; every vote so far is kept").wait_for()
    assert len(lines(tmp_path)) == 1
    again = begin(at=1)
    assert shown(again, "left") == next_pair


def test_two_pages_cannot_vote_twice_on_one_pair(begin, tmp_path):
    judge = begin(forgiven=("409",))
    answer = judge.server.call("/api/ballot/vote", {"number": 0, "choice": "left", "seconds": 1})
    assert answer.status == 200
    judge.page.keyboard.press("2")
    judge.until(1)
    judge.page.get_by_text("another page has voted").wait_for()
    assert [line["choice"] for line in lines(tmp_path)] == ["left"]


def test_the_page_does_not_say_whose_a_picture_is_and_answers_no_strangers(begin, folders):
    judge = begin("--content", folders[0])
    judge.page.locator("#content").wait_for()
    text = judge.page.content() + judge.server.call("/api/ballot").data.decode()
    assert "one" not in text.replace('"', " ").replace("/", " ").split()
    assert str(folders[0]) not in text
    call = judge.server.call
    vote = {"number": 0, "choice": "left", "seconds": 1}
    refused: list[tuple[Answer, int]] = [
        (call("/api/ballot/vote", vote, Origin="http://evil.example"), 403),
        (call("/api/ballot/vote", vote, Sec_Fetch_Site="cross-site"), 403),
        (call("/api/ballot", Host="evil.example"), 403),
        (call("/api/ballot/vote", b"choice=left", Content_Type="text/plain"), 415),
        (call("/api/ballot/vote", {**vote, "choice": "both"}), 422),
        (call("/api/ballot/vote", {**vote, "seconds": "x"}), 422),
        (call("/api/ballot/vote", {**vote, "number": 3}), 409),
        (call("/api/ballot/3/left"), 404),
        (call("/api/ballot/0/middle"), 404),
        (call("/static/../app.py"), 404),
    ]
    assert [answer.status for answer, _ in refused] == [status for _, status in refused]
    headers = call("/api/ballot/0/left").headers
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["x-content-type-options"] == "nosniff"


def test_the_page_fits_windows_and_stays_within_them(begin):
    judge = begin()
    for width, height in ((1100, 700), (390, 844)):
        judge.page.set_viewport_size({"width": width, "height": height})
        wide = judge.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        assert wide[0] <= width
        assert wide[1] <= height
        boxes = [judge.page.locator(f"#{side}").bounding_box() for side in ("left", "right")]
        assert all(box["width"] > 100 and box["height"] > 100 for box in boxes)
        assert boxes[0]["width"] == boxes[1]["width"]
