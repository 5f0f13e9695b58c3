"""What metrics say of a painting, in the words of the page."""

import json

import pytest

from impasto.evaluation import METRICS
from impasto.studio.figures import GROUPS, TITLES, arrange, verdict
from tests.studio.studio_helpers import SMALL


def test_every_metric_has_a_plain_name():
    assert set(TITLES) == {metric.name for metric in METRICS.values()}
    assert set(GROUPS) == {metric.group for metric in METRICS.values()}
    assert len(set(TITLES.values())) == len(TITLES)
    for title in TITLES.values():
        assert "_" not in title


@pytest.mark.parametrize(
    ("grades", "middle"),
    [
        ([], None),
        ([None], None),
        (["fine"], "fine"),
        (["fine", "strong"], "strong"),
        (["fine", None, "visible", "strong"], "visible"),
        (["fine", "fine", "fine", "strong"], "fine"),
    ],
)
def test_a_group_has_the_middle_grade(grades, middle):
    assert verdict(grades, worst=False) == middle


def test_one_fault_is_enough():
    assert verdict(["fine", "fine", None, "visible"], worst=True) == "visible"
    assert verdict([None], worst=True) is None


def test_values_are_arranged_by_hand():
    values = {"edges/1": 0.123456, "clipping/1": 0.5, "face_shift/1": None}
    content, style, faults = arrange(
        {"values": values, "grades": {"edges/1": "strong", "clipping/1": "strong"}}, METRICS
    )
    assert (content["grade"], content["word"]) == ("strong", "lost")
    assert content["rows"] == [
        {
            "id": "edges/1",
            "title": "Outlines",
            "meaning": METRICS["edges/1"].summary,
            "value": 0.123,
            "grade": "strong",
            "word": "lost",
        }
    ]
    assert (style["rows"], style["grade"], style["word"]) == ([], None, "")
    assert [row["title"] for row in faults["rows"]] == ["Burnt-out colours"]


def test_a_painting_is_measured_once_and_a_texture_has_less_to_say(studio):
    job = studio.paint(SMALL)
    assert studio.call(f"/api/jobs/{job}/figures").status == 404  # there is no picture yet
    studio.wait(job, "done")
    measured = studio.call(f"/api/jobs/{job}/figures")
    assert measured.status == 200, measured.data
    groups = {group["group"]: group for group in measured.json["groups"]}
    assert {row["id"] for row in groups["content"]["rows"]} >= {"content_features/1", "edges/1"}
    assert groups["content"]["word"] in ("kept", "loosened", "lost")
    kept = studio.data / "jobs" / job / "figures.json"
    assert json.loads(kept.read_text()) == measured.json
    kept.write_text(json.dumps({"groups": [], "notes": ["kept"]}))
    assert studio.call(f"/api/jobs/{job}/figures").json["notes"] == ["kept"], "what was measured is not measured again"


def test_what_a_network_learnt_has_nothing_to_be_compared_with(studio):
    recipe = {"method": "johnson", "network": "swirls", "size": 64}
    job = studio.call("/api/jobs", {"content": "photo-cat", "styles": [], "recipe": recipe}).json["id"]
    studio.wait(job, "done")
    refused = studio.call(f"/api/jobs/{job}/figures")
    assert refused.status == 409
    assert "without a painting" in refused.json["error"]
