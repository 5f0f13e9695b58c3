"""`impasto tune`: what it refuses, what it leaves, how it ends and goes on."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
import webbrowser
from pathlib import Path

import pytest

from impasto.recipe import Recipe, read_preset
from impasto.tuning.draft import Drafter
from tests.cli.cli_helpers import draw, look

SOURCE = Path(__file__).resolve().parents[2] / "src"

QUICK = ("--fix", "precision=float32", "--fix", "iterations=2", "--fix", "size=64", "--draft-size", "64")


@pytest.fixture
def tune(run, photo, style):
    """`tune("--budget", 2, ...)` searches a small pair between two quick methods into `out`."""

    def tune(*arguments, methods="gatys,mrf", output="out"):
        return run("tune", photo, style, "-o", output, "--methods", methods, *QUICK, *arguments)

    return tune


def table(folder="out"):
    with Path(folder, "drafts.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_search_leaves_drafts_a_sheet_recipes_and_the_chosen_painting(tune, run):
    done = tune("--budget", 3)
    assert done.status == 0
    assert [row["state"] for row in table()] == ["complete"] * 3
    assert "draft 3/3" in done.err
    assert "balanced 0." in done.err
    assert sorted(path.name for path in Path("out/drafts").iterdir()) == ["0000.png", "0001.png", "0002.png"]
    assert look("out/balanced.png")[1] == (64, 49)
    for name in ("balanced", "faithful", "bold"):
        assert Recipe.parse(read_preset(f"out/{name}.toml")).size == 64
    # A recipe of the folder paints the same picture, by either option.
    for option, name in (("--recipe", "a.png"), ("--preset", "b.png")):
        assert run("paint", "photo.png", "--style", "style.png", option, "out/balanced.toml", "-o", name).status == 0
        shown = run("show", name, "--json").json["recipe"]
        assert shown == run("show", "out/balanced.png", "--json").json["recipe"]


def test_the_same_command_goes_on_and_paints_nothing_twice(tune):
    assert tune("--budget", 2, "--paint", "none").status == 0
    stamps = [Path(f"out/drafts/000{n}.png").stat().st_mtime_ns for n in range(2)]
    assert not Path("out/balanced.png").exists()
    again = tune("--budget", 3)
    assert again.status == 0
    assert "2 drafts are there already" in again.err
    assert [Path(f"out/drafts/000{n}.png").stat().st_mtime_ns for n in range(2)] == stamps
    assert len(table()) == 3
    once = tune("--budget", 3, "--json")
    assert once.json["finished"] is True
    assert [row["draft"] for row in once.json["drafts"]] == [0, 1, 2]
    assert once.json["chosen"]["balanced"]["recipe"]["size"] == 64
    assert once.json["painted"] == str(Path("out/balanced.png"))


def test_a_plan_paints_nothing(tune):
    told = tune("--budget", 7, "--dry-run", "--json").json
    assert told["budget"] == {"drafts": 7, "seconds": None}
    assert told["methods"] == ["gatys", "mrf"]
    assert told["searched"] == ["style_scale", "method", "strength", "layers", "color", "statistic"]
    assert not Path("out").exists()
    text = tune("--budget", "5min", "--dry-run", "--fix", "color=match").out
    assert "300 s of drafts, 64 px each" in text
    assert "color" not in text.splitlines()[1]


def test_ctrl_c_ends_in_order_with_what_there_is(tune, monkeypatch):
    paint, calls = Drafter.paint, []

    def paint_and_stop(self, order, watch=None):
        calls.append(order.number)
        if len(calls) == 3:
            signal.raise_signal(signal.SIGINT)
        return paint(self, order, watch)

    monkeypatch.setattr(Drafter, "paint", paint_and_stop)
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        stopped = tune("--budget", 5)
        assert stopped.status == 130
        assert "stopped after 2 drafts; the same command goes on from there" in stopped.err
        assert len(table()) == 2
        assert Path("out/balanced.toml").exists()
        assert Path("out/sheet.png").exists()
        assert not Path("out/balanced.png").exists()
        assert tune("--budget", 3).status == 0
    finally:
        signal.signal(signal.SIGINT, handler)
    # The one that was stopped was painted again, under another number; then the three were looked at a second time.
    assert len(table()) == 3
    assert calls == [0, 1, 2, 3, 0, 1, 3]


def test_like_is_near_to_a_reference(tune):
    draw("reference.png", 5)
    done = tune("--budget", 2, "--like", "reference.png", "--json")
    assert done.status == 0
    assert set(done.json["chosen"]) == {"balanced", "faithful", "bold", "like"}
    assert done.json["painted"] == str(Path("out/like.png"))
    best = max(done.json["drafts"], key=lambda row: row["style"])
    assert done.json["chosen"]["like"]["draft"] == best["draft"]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("--budget", "0"), 2, "--budget 0: give 1 to"),
        (("--budget", "soon"), 2, "--budget soon"),
        (("--fix", "styl_scale=1"), 2, "--fix: unknown recipe key 'styl_scale'; did you mean 'style_scale'?"),
        (("--fix", "tv"), 2, "--fix tv: name a setting and its value"),
        (("--fix", "tv=l1", "--fix", "tv=l2"), 2, "--fix tv is there twice"),
        (("--fix", "tv=l9"), 2, "tv"),
        (("--paint", "bolder"), 2, "--paint bolder: choose from balanced, faithful, bold, none"),
        (("--paint", "like"), 2, "--paint like: choose from"),
        (("--methods", "gatyz"), 2, "did you mean 'gatys'"),
        (("--like", "absent.png"), 3, "absent.png: does not exist"),
        (("--preset", "absent.toml"), 3, "absent.toml: cannot be read"),
        (("--recipe", "absent.toml"), 3, "absent.toml: cannot be read"),
        (("--preset", "draft", "--recipe", "x.json"), 2, "exclude each other"),
    ],
)
def test_what_is_refused(run, photo, style, arguments, status, message):
    refused = run("tune", photo, style, "-o", "out", *arguments)
    assert refused.status == status
    assert message in refused.error
    assert not Path("out/search.journal").exists()


def test_pictures_that_cannot_be_read_are_refused(run, photo):
    Path("broken.png").write_bytes(b"<html>")
    for names in (("broken.png", photo), (photo, "broken.png"), (photo, "absent.png")):
        refused = run("tune", *names, "-o", "out")
        assert refused.status == 3
        assert names[0 if names[0] != photo else 1] in refused.error
    assert run("tune", "-", photo, "-o", "out").status == 2


def test_a_search_for_other_pictures_is_refused_unless_forced(tune, run, photo):
    assert tune("--budget", 1, "--paint", "none").status == 0
    draw("other.png", 9)
    refused = run("tune", photo, "other.png", "-o", "out", "--methods", "gatys,mrf", *QUICK)
    assert refused.status == 3
    assert "holds a search for another style; name another folder, or pass --force to begin anew" in refused.error
    # Something else that changes what drafts are.
    assert "methods" in tune("--budget", 1, methods="gatys").error
    assert tune("--budget", 1, "--paint", "none", "--force", methods="gatys").status == 0


def test_a_folder_of_its_own_is_named_after_the_pair(run, photo, style):
    done = run("tune", photo, style, "--budget", 1, "--methods", "gatys", "--paint", "none", *QUICK)
    assert done.status == 0
    assert Path("photo_style_tuned/search.journal").exists()


def test_drafts_that_all_fail_end_with_1(tune, monkeypatch):
    def measure(_self, _picture):
        raise ValueError("weave has no value")

    monkeypatch.setattr(Drafter, "measure", measure)
    done = tune("--budget", 2)
    assert done.status == 1
    assert "none of 2 drafts could be measured" in done.err
    assert [row["note"] for row in table()] == ["weave has no value"] * 2


@pytest.mark.slow
def test_several_workers_paint_each_draft_once(tune):
    """Processes of their own, with petite itself: the whole way, as it is called."""
    began = time.monotonic()
    done = tune("--budget", 6, "--workers", 2, "--paint", "none", "--json")
    assert done.status == 0
    assert [row["state"] for row in done.json["drafts"]] == ["complete"] * 6
    points = {tuple(row[name] for name in ("style_scale", "method", "strength")) for row in done.json["drafts"]}
    assert len(points) == 6
    assert time.monotonic() - began < 300


OPENED: list[str] = []
"""Addresses of the pictures that were opened."""


@pytest.fixture
def says(monkeypatch):
    """`says("1", "u", "q")`: what is typed, line by line; then the input ends."""

    def typed(*lines):
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))

    monkeypatch.setattr(webbrowser, "open", OPENED.append)
    OPENED.clear()
    return typed


def test_questions_in_the_terminal_lead_to_a_recipe_and_a_painting(tune, says):
    says("x", "1", "2", "u", "0", *["1"] * 20)
    done = tune("--budget", 4, "--ask", "--json")
    assert done.status == 0
    assert "question 1 of at most 15: out/question.png" in done.err
    assert "give 1, 2, 0, u or q" in done.err
    assert done.json["painted"] == str(Path("out/asked.png"))
    asked = done.json["chosen"]["asked"]
    assert Recipe.parse(read_preset(asked["file"])).model_dump(mode="json") == asked["recipe"]
    assert "asked" in next(row for row in table() if int(row["draft"]) == asked["draft"])["chosen"]
    assert OPENED[0].endswith("/out/question.png")
    # The answers are kept: nothing is asked again, and the same draft is preferred.
    says()
    again = tune("--budget", 4, "--ask", "--json")
    assert "answers are there already, and enough" in again.err
    assert again.json["chosen"]["asked"]["draft"] == asked["draft"]


def test_whoever_had_enough_gets_what_they_said_so_far(tune, says):
    says("1", "q")
    done = tune("--budget", 3, "--ask", "--paint", "none", "--no-browser")
    assert done.status == 0
    assert "1 answers: draft" in done.err
    assert Path("out/asked.toml").exists()
    assert OPENED == []


def test_without_answers_the_balanced_recipe_is_painted(tune, says):
    says()
    done = tune("--budget", 2, "--ask")
    assert done.status == 0
    assert "no question was answered" in done.err
    assert Path("out/balanced.png").exists()
    assert not Path("out/asked.toml").exists()
    says("1")
    refused = tune("--budget", 1, "--ask", "--force", methods="gatys")
    assert refused.status == 2
    assert "questions need two" in refused.error


def test_questions_on_the_page_are_the_same(tune, monkeypatch):
    """The page's server is another test's; here it is what answers."""
    shown = []

    def serve(ballot, _say, *, port, browser):
        shown.append((ballot.title, ballot.total, port, browser))
        ballot.vote("left", 2.0)

    monkeypatch.setattr("impasto.studio.ballot.serve", serve)
    done = tune("--budget", 3, "--ask", "--page", "--port", 9000, "--no-browser", "--paint", "none")
    assert done.status == 0
    assert shown == [("Which is the better painting?", 15, 9000, False)]
    assert "1 answers" in done.err
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    refused = tune("--budget", 3, "--page")
    assert refused.status == 2
    assert "pip install 'impasto[studio]'" in refused.error


@pytest.mark.slow
def test_a_search_that_is_killed_goes_on_with_the_draft_in_hand(photo, style):
    """kill -9 in mid-draft, as it happens: in a process of its own, with petite itself."""
    command = [sys.executable, "-m", "impasto", "tune", photo, style, "-o", "out", "--methods", "gatys", *QUICK]
    command += ["--paint", "none", "--quiet", "--budget"]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    subprocess.run([*command, "2"], check=True, env=environment, timeout=200)
    stamps = {path.name: path.stat().st_mtime_ns for path in Path("out/drafts").iterdir()}
    began = Path("out/search.journal").stat().st_size
    killed = subprocess.Popen([*command, "5"], env=environment)
    deadline = time.monotonic() + 200
    while Path("out/search.journal").stat().st_size == began and time.monotonic() < deadline:
        time.sleep(0.01)
    killed.kill()
    killed.wait()
    done = subprocess.run([*command, "5", "--json"], check=True, env=environment, timeout=200, capture_output=True)
    rows = json.loads(done.stdout)["drafts"]
    assert [row["state"] for row in rows] == ["complete"] * 5
    points = [(row["style_scale"], row["strength"]) for row in rows]
    assert len(set(points)) == 5
    for name, stamp in stamps.items():
        assert Path("out/drafts", name).stat().st_mtime_ns == stamp
