"""`impasto tune`: what it refuses, what it leaves, how it ends and goes on."""

import csv
import signal
import time
from pathlib import Path

import pytest

from impasto.recipe import Recipe, read_preset
from impasto.tuning.draft import Drafter
from tests.cli.cli_helpers import draw, look

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
    # The one that was stopped was painted again, under another number.
    assert len(table()) == 3
    assert len(calls) == 4


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
