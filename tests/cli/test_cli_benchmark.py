"""`impasto benchmark`: every pair painted and measured once, what cannot be used recorded, and a report at the end."""

import csv
import json
import re

import pytest

from impasto import images
from impasto.evaluation import METRICS
from impasto.executors.painter import Painter
from impasto.series import report
from impasto.series.measurements import Measurements
from impasto.series.paint_work import PaintWork
from tests.cli.cli_helpers import draw

FEW = ("--size", "48", "--iterations", "2", "--levels", "1", "--encoder", "petite", "--precision", "float32")
METHODS = "gatys,strong=gatys:content_weight=9,johnson"


@pytest.fixture
def folders(tmp_path):
    """Two photographs and two paintings, one of which has networks of its own."""
    for part, names in (("photos", ("cat", "barn")), ("paintings", ("swirls", "other"))):
        (tmp_path / part).mkdir()
        for seed, name in enumerate(names):
            draw(tmp_path / part / f"{name}.png", seed + 10 * len(part))
    return tmp_path


@pytest.fixture
def bench(run, folders):
    """`bench(...)` runs a small benchmark into `out`."""

    def bench(*options, methods=METHODS, content=folders / "photos", out=folders / "out", few=FEW):
        named = ("--content", content) if content is not None else ()
        return run(
            "benchmark", *named, "--style", folders / "paintings", "--methods", methods, "-o", out, *few, *options
        )

    return bench


def pictures(out):
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*.png")}


def results(out):
    return json.loads((out / "results.json").read_text())


def test_every_pair_is_painted_measured_and_reported(bench, folders):
    done = bench("--json")
    assert done.status == 0, done.err
    out = folders / "out"
    pairs = [f"{content}_{style}" for content in ("cat", "barn") for style in ("swirls", "other")]
    wanted = {f"{method}/{pair}.png" for method in ("gatys", "strong") for pair in pairs}
    wanted |= {f"johnson/{content}_swirls.png" for content in ("cat", "barn")}
    assert set(pictures(out)) == wanted
    assert done.json["pictures"] == done.json["measured"] == 10
    assert done.json["finished"]
    found = results(out)
    assert len(found["pictures"]) == 10
    assert {picture["state"] for picture in found["pictures"]} == {"done"}
    for picture in found["pictures"]:
        assert picture["values"]["seconds"] > 0
        assert set(METRICS) & set(picture["values"])
    assert [entry["note"] for entry in found["left_out"]] == ["has no network for other"]
    assert found["methods"][1]["recipe"]["content_weight"] == 9
    assert found["measured_with"]["second"]["layers"]
    with (out / "results.csv").open(newline="") as stream:
        table = list(csv.DictReader(stream))
    assert [row["file"] for row in table] == [picture["file"] for picture in found["pictures"]]
    assert set(METRICS) <= set(table[0])
    html = (out / "report.html").read_text()
    assert not re.search(r"""(?:src|href)\s*=\s*["']?https?:""", html)
    assert html.count("data:image/jpeg;base64,") == 10 + 4


def test_a_cell_is_what_paint_paints(bench, run, folders):
    bench()
    pair = (folders / "photos" / "cat.png", "--style", folders / "paintings" / "other.png")
    alone = run("paint", *pair, *FEW, "-o", "a.png")
    assert alone.status == 0
    ours, theirs = images.load(folders / "out" / "gatys" / "cat_other.png"), images.load("a.png")
    assert (ours.pixels == theirs.pixels).all()


def test_the_same_command_again_paints_and_measures_nothing(bench, folders, monkeypatch):
    bench()
    before = {path: path.read_bytes() for path in (folders / "out").rglob("*") if path.is_file()}
    monkeypatch.setattr("impasto.evaluation.Evaluator.evaluate", lambda *_, **__: pytest.fail("measured again"))
    again = bench()
    assert again.status == 0
    assert "painted" not in again.err
    assert {path: path.read_bytes() for path in (folders / "out").rglob("*") if path.is_file()} == before


def test_a_killed_benchmark_goes_on_bit_for_bit(bench, folders, monkeypatch):
    bench(out=folders / "whole")
    count = 0
    paint = PaintWork.__call__

    class Killed(BaseException):
        pass

    def killed(self, order, tell):
        nonlocal count
        count += 1
        if count == 4:
            raise Killed
        return paint(self, order, tell)

    monkeypatch.setattr(PaintWork, "__call__", killed)
    with pytest.raises(Killed):
        bench()
    monkeypatch.setattr(PaintWork, "__call__", paint)
    out = folders / "out"
    assert len(pictures(out)) == 3
    assert not (out / "report.html").exists()
    measured = out / "measured.jsonl"
    # And in the middle of a line.
    measured.write_bytes(measured.read_bytes()[:-7])
    assert bench().status == 0
    assert pictures(out) == pictures(folders / "whole")

    def values(folder):
        return [
            {**picture, "values": {key: value for key, value in picture["values"].items() if key in METRICS}}
            for picture in results(folder)["pictures"]
        ]

    assert values(out) == values(folders / "whole")


def test_files_that_cannot_be_read_are_recorded_and_the_rest_is_done(bench, folders):
    (folders / "photos" / "broken.jpg").write_bytes(b"\xff\xd8\xff hello")
    (folders / "paintings" / "page.png").write_bytes(b"<html>")
    done = bench("--json", methods="gatys")
    assert done.status == 1
    assert done.json["measured"] == done.json["pictures"] == 4
    files = {entry["file"] for entry in results(folders / "out")["problems"]}
    assert files == {"broken.jpg", "page.png"}
    assert "broken.jpg" in (folders / "out" / "report.html").read_text()


def test_pictures_of_another_program_join_by_name(bench, folders):
    theirs = folders / "theirs"
    theirs.mkdir()
    draw(theirs / "cat_swirls.png", 5, size=(40, 52))
    draw(theirs / "barn-other.png", 6, size=(80, 104))
    (theirs / "cat_other.png").write_bytes(b"no picture")
    done = bench("--add", f"theirs={theirs}", "--against", "theirs", "--json", methods="gatys")
    assert done.status == 1
    found = results(folders / "out")
    external = {picture["file"]: picture for picture in found["pictures"] if picture["method"] == "theirs"}
    assert {name for name, picture in external.items() if set(picture["values"]) & set(METRICS)} == {
        "../theirs/cat_swirls.png",
        "../theirs/barn-other.png",
    }
    assert "could not be measured" in external["../theirs/cat_other.png"]["note"]
    assert "seconds" not in external["../theirs/cat_swirls.png"]["values"]
    counts = [each["count"] for key, each in found["differences"]["theirs"]["gatys"].items() if key in METRICS and each]
    assert set(counts) == {2}
    assert found["against"] == "theirs"
    assert {entry["note"].partition(" in ")[0] for entry in found["left_out"]} == {"has no picture of barn"}
    assert (theirs / "cat_other.png").read_bytes() == b"no picture"


def test_differences_are_those_of_the_values(bench, folders):
    bench(methods="gatys,strong=gatys:content_weight=9")
    found = results(folders / "out")
    for metric in METRICS:
        by_method = {
            label: [picture["values"].get(metric) for picture in found["pictures"] if picture["method"] == label]
            for label in ("gatys", "strong")
        }
        pairs = [two - one for one, two in zip(*by_method.values(), strict=True) if None not in (one, two)]
        differences = found["differences"]
        told, back = differences["gatys"]["strong"].get(metric), differences["strong"]["gatys"].get(metric)
        if not pairs:
            assert not told
            continue
        middle = sorted(pairs)[len(pairs) // 2 - 1 : len(pairs) // 2 + 1] if len(pairs) % 2 == 0 else []
        median = sum(middle) / 2 if middle else sorted(pairs)[len(pairs) // 2]
        assert told["median"] == pytest.approx(median, rel=1e-5, abs=1e-9)
        assert back["median"] == pytest.approx(-told["median"])
        assert back["low"] == pytest.approx(-told["high"])
        assert back["better"] == pytest.approx(1 - told["better"])


def test_a_failed_painting_is_reported_and_the_others_are_done(bench, folders, monkeypatch):
    real = Painter.begin
    calls = 0

    def sometimes(self, inputs, recipe, **options):
        nonlocal calls
        calls += 1
        if calls == 6:
            raise MemoryError("no room")
        return real(self, inputs, recipe, **options)

    monkeypatch.setattr(Painter, "begin", sometimes)
    done = bench("--json", methods="gatys")
    assert done.status == 1
    states = [picture["state"] for picture in results(folders / "out")["pictures"]]
    assert sorted(states) == ["done", "done", "done", "failed"]
    assert len(done.json["failed"]) == 1


def test_a_picture_that_cannot_be_measured_is_reported_and_the_others_are(bench, folders, monkeypatch):
    from impasto.errors import ResourceError
    from impasto.evaluation import Evaluator

    real = Evaluator.evaluate
    calls = 0

    def sometimes(self, *given, **named):
        nonlocal calls
        calls += 1
        if calls == 2:
            raise ResourceError("no room to decode it")
        return real(self, *given, **named)

    monkeypatch.setattr(Evaluator, "evaluate", sometimes)
    assert bench(methods="gatys").status == 1
    found = results(folders / "out")
    assert [bool(set(METRICS) & set(picture["values"])) for picture in found["pictures"]] == [True, False, True, True]
    assert any("could not be measured: no room" in problem["note"] for problem in found["problems"])
    assert bench(methods="gatys").status == 0


def test_another_s_folder_is_refused_and_left_alone(bench, folders):
    out = folders / "out"
    out.mkdir()
    (out / "report.html").write_text("mine")
    refused = bench(methods="gatys")
    assert refused.status == 3
    assert "exists already and is of no such series" in refused.error
    assert [path.name for path in out.iterdir()] == ["report.html"]
    (out / "report.html").unlink()
    bench(methods="gatys")
    draw(folders / "photos" / "cat.png", 77)
    refused = bench(methods="gatys")
    assert refused.status == 3
    assert "painted of other pictures" in refused.error
    assert bench("--force", methods="gatys").status == 0


def test_damaged_measurements_are_refused_and_an_altered_picture_is_measured_again(bench, folders):
    bench(methods="gatys")
    out = folders / "out"
    measured = out / "measured.jsonl"
    lines = measured.read_bytes()
    measured.write_bytes(b"hello\n" + lines)
    refused = bench(methods="gatys")
    assert refused.status == 3
    assert "line 1 is no measurement" in refused.error
    assert measured.read_bytes() == b"hello\n" + lines
    measured.write_bytes(lines)
    bench(methods="gatys")
    assert measured.read_bytes() == lines


def test_a_full_disk_loses_nothing(bench, folders, monkeypatch):
    bench(methods="gatys")
    out = folders / "out"
    before = {path: path.read_bytes() for path in out.iterdir() if path.is_file()}

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        stopped = bench(methods="gatys,strong=gatys:content_weight=9")
    assert stopped.status in (1, 3)
    assert "No space left" in stopped.err
    assert {path: path.read_bytes() for path in before} == before
    assert bench(methods="gatys,strong=gatys:content_weight=9").status == 0
    assert len(pictures(out)) == 8


def test_a_plan_paints_nothing_and_makes_no_folder(bench, folders):
    assert "3, of 2 photographs x 2 styles" in bench("--dry-run", "--pairs", "3").out
    planned = bench("--dry-run")
    assert planned.status == 0
    assert "2 photographs x 2 styles" in planned.out
    assert "10, 10 to paint" in planned.out
    assert "left out   johnson: has no network for other" in planned.out
    assert not (folders / "out").exists()
    assert bench("--dry-run", "--json").json["to_paint"] == 10


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (("--against", "nobody"), 2, "is none of the methods"),
        (("--add", "theirs"), 2, "give a name and a folder"),
        (("--add", "theirs=nowhere"), 3, "has no picture of any pair"),
        (("--add", "gatys=nowhere"), 2, "both be"),
        (("--masks",), 2, "only nprportrait has masks"),
        (("--method", "gatys"), 2, "name them in --methods"),
        (("--tv-weight", "x"), 2, "--tv-weight"),
        (("--metrics-encoder", "nothing"), 4, "nothing"),
    ],
)
def test_refusals(bench, folders, options, status, said):
    refused = bench(*options, methods="gatys")
    assert refused.status == status, refused.err
    assert said in refused.error
    assert not (folders / "out" / "report.html").exists()


def test_photographs_are_named(bench, folders):
    refused = bench(content=None)
    assert refused.status == 2
    assert "no photographs are named" in refused.error
    refused = bench(content="nprgeneral")
    assert refused.status == 3
    assert "impasto datasets fetch nprgeneral" in refused.error
    refused = bench(content=folders / "nowhere")
    assert refused.status == 3


def test_two_pairs_of_one_name_are_refused(bench, folders):
    draw(folders / "photos" / "a_b.png", 1)
    draw(folders / "photos" / "a.png", 2)
    draw(folders / "paintings" / "c.png", 3)
    draw(folders / "paintings" / "b_c.png", 4)
    refused = bench(methods="gatys")
    assert refused.status == 2
    assert "would both be a_b_c" in refused.error


def test_a_report_shows_hostile_names_as_text():
    found = {"methods": [{"label": "</script><img src=x onerror=alert(1)>"}]}
    html = report.page(found, {})
    assert "</script><img" not in html
    assert "\\u003c/script>\\u003cimg" in html


def test_measurements_survive_their_own_file(tmp_path):
    assert Measurements(tmp_path).get("a", "b", "c") is None


def test_some_pairs_are_widened_to_more(bench, folders):
    """Each photograph in as many pairs as the other; what is painted is not painted again."""
    assert bench("--pairs", "2", methods="gatys").status == 0
    few = pictures(folders / "out")
    used = {part for name in few for part in name.removeprefix("gatys/").removesuffix(".png").split("_")}
    assert used == {"cat", "barn", "swirls", "other"}
    assert len(results(folders / "out")["pictures"]) == 2
    assert bench("--pairs", "3", methods="gatys").status == 0
    more = pictures(folders / "out")
    assert len(more) == 3
    assert few.items() <= more.items()
