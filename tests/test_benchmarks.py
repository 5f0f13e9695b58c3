"""What the benchmarks share: figures by hand, and cases that run in processes of their own."""

import json
from pathlib import Path
from types import ModuleType

import pytest

from impasto.comparison import Vote, VoteFile
from tests.script_helpers import load_script

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"

SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
import harness

def child(case):
    with open(case["log"], "a") as log:
        log.write(case["name"])
    return {{"name": case["name"], "seconds": case["seconds"], "peak": harness.peak_mib() > 1}}

parser = harness.parser("Words.")
parser.add_argument("--required", required=True)
harness.parse(parser, child)
"""


@pytest.fixture
def harness() -> ModuleType:
    return load_script(FOLDER / "harness.py")


def test_figures(harness: ModuleType) -> None:
    assert harness.spread([3.0, 1.0, 2.25], 1) == "2.2 (1.0-3.0)"
    assert harness.spread([1.26], 1) == "1.3"
    assert harness.median([{"s": 4, "n": "x"}, {"s": 1}, {"s": 3}], "s") == 3
    assert harness.ratios([{"s": 4}, {"s": 6}], [{"s": 2}, {"s": 1}], "s") == [2, 6]


def test_cases_take_turns_in_processes_of_their_own(harness: ModuleType, tmp_path: Path) -> None:
    script, log = tmp_path / "script.py", tmp_path / "log"
    script.write_text(SCRIPT.format(folder=str(FOLDER)))
    cases = [{"name": name, "seconds": number, "log": str(log)} for number, name in enumerate("ab")]
    first, second = harness.rounds(str(script), cases, 2)
    assert log.read_text() == "abab"
    assert first == [{"name": "a", "seconds": 0, "peak": True}] * 2
    assert second == [{"name": "b", "seconds": 1, "peak": True}] * 2


def test_what_was_measured_is_not_measured_again(harness: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "work" / "case.json"
    assert harness.remembered(path, lambda: {"loss": 0.5}) == {"loss": 0.5}
    assert harness.remembered(path, lambda: pytest.fail("measured again")) == json.loads(path.read_text())


def test_a_table_is_markdown_under_a_line_about_the_machine(
    harness: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    harness.heading("petite", threads=2)
    harness.Table("size", "s").row(512, "0.5 (0.4-0.6)")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("commit ")
    assert " 2 threads" in lines[0]
    assert lines[0].endswith("; petite")
    assert lines[1:] == ["", "| size | s |", "| --- | --- |", "| 512 | 0.5 (0.4-0.6) |"]


def test_pairs_are_relative_to_their_file(harness: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "pairs.txt").write_text("a.jpg b.jpg\n\n c/d.png  /e.png \n")
    expected = [(tmp_path / "a.jpg", tmp_path / "b.jpg"), (tmp_path / "c" / "d.png", Path("/e.png"))]
    assert harness.pairs(tmp_path / "pairs.txt") == expected


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_every_benchmark_uses_the_harness(path: Path) -> None:
    source = path.read_text("utf-8")
    assert compile(source, str(path), "exec")
    if path.stem != "harness":
        assert "harness" in source
        for copied in ("ArgumentParser(", '"describe"', "ru_maxrss", "|---|"):
            assert copied not in source, f"{copied} is in harness.py"


def test_metrics_are_asked_about_the_votes_that_chose(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By hand: of two votes and a tie, a metric where lower is better agrees with one, and one has no values."""
    monkeypatch.syspath_prepend(str(FOLDER))
    agreement = load_script(FOLDER / "agreement.py")
    file = tmp_path / "votes.jsonl"
    with VoteFile(file, {"a": "1", "b": "2"}) as cast:
        cast.add(Vote("cat_sea", "a", "b", "left"))
        cast.add(Vote("dog_sea", "a", "b", "right"))
        cast.add(Vote("cow_sea", "a", "b", "tie"))
        cast.add(Vote("hen_sea", "a", "b", "left"))
        cast.undo()
    votes = agreement.read_votes(file)
    assert [vote.choice for vote in votes] == ["left", "right", "tie"]
    noise = {("a", "cat"): 1.0, ("b", "cat"): 3.0, ("a", "dog"): 1.0, ("b", "dog"): 1.5, ("a", "cow"): 0.0}
    results = {
        "metrics": [
            {"id": "noise", "group": "faults", "direction": "lower"},
            {"id": "edges", "group": "content", "direction": "higher"},
            {"id": "seconds", "group": "cost", "direction": "lower"},
        ],
        "pictures": [
            {"method": method, "content": content, "style": "sea", "values": {"noise": value, "seconds": 1.0}}
            for (method, content), value in noise.items()
        ],
    }
    # The balanced score needs metrics that these pictures lack.
    assert agreement.agreements(results, votes) == {"noise": [(2.0, True), (0.5, False)], "edges": [], "balanced": []}
    fine = {"content_features/1": 0.78, "edges/1": 0.3, "local_patterns/1": 0.6, "frechet/1": 0.04}
    fine |= {"color_histogram/1": 0.25, "weave/2": 1.7, "border/1": 0.5, "clipping/1": 0.03}
    assert agreement.balanced(fine) == {"balanced": pytest.approx(0.75)}
    assert agreement.interval(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-3)
    assert agreement.interval(10, 10) == pytest.approx((0.7225, 1.0), abs=1e-3)
