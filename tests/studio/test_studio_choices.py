"""Which of several paintings is the best: asked two at a time, kept over everything, and never more than is needed."""

import pytest

from tests.studio.studio_helpers import SMALL


@pytest.fixture(scope="module")
def past(studio):
    """Four finished paintings."""
    jobs = [studio.paint({**SMALL, "seed": seed, "iterations": 2}) for seed in range(4)]
    for job in jobs:
        studio.wait(job, "done")
    return jobs


def answer(studio, state, best):
    """Answer one question for the painting that is highest in `best`."""
    choice = "left" if best.index(state["left"]) > best.index(state["right"]) else "right"
    body = {"number": state["number"], "choice": choice, "seconds": 1.5}
    return studio.call(f"/api/choices/{state['choice']}/answer", body)


def test_a_steady_person_finds_their_favourite_within_fifteen_questions(studio, past):
    state = studio.call("/api/choices", {"jobs": past})
    assert state.status == 201, state.data
    found = state.json
    assert (found["number"], found["most"], found["over"], found["certainty"]) == (0, 15, False, None)
    while not found["over"]:
        assert {found["left"], found["right"]} <= set(past)
        found = answer(studio, found, past).json
    assert found["number"] <= 15
    assert found["ranking"][0]["job"] == past[-1]
    assert found["certainty"] > 0.8
    assert found["left"] is None
    # Opened again, whatever the order, it is what was answered.
    assert studio.call("/api/choices", {"jobs": past[::-1]}).json == found
    assert studio.call(f"/api/choices/{found['choice']}").json == found
    taken_back = studio.call(f"/api/choices/{found['choice']}/undo", {}).json
    assert taken_back["number"] == found["number"] - 1
    assert taken_back["over"] is False


def test_a_question_is_not_answered_twice(studio, past):
    state = studio.call("/api/choices", {"jobs": past[:3]}).json
    assert answer(studio, state, past).json["number"] == 1
    refused = answer(studio, state, past)
    assert refused.status == 422
    assert "another page has answered" in refused.json["error"]


def test_no_difference_is_an_answer_too(studio, past):
    state = studio.call("/api/choices", {"jobs": past[1:]}).json
    body = {"number": 0, "choice": "tie"}
    state = studio.call(f"/api/choices/{state['choice']}/answer", body).json
    assert sum(row["ties"] for row in state["ranking"]) == 2


def test_what_cannot_be_chosen_from_is_told(studio, past):
    waiting = studio.paint({**SMALL, "iterations": 20_000})
    for jobs, status, says in (
        ([past[0]], 422, "fewer than 2"),
        ([past[0], past[0]], 422, "twice"),
        ([past[0], "nobody"], 404, "no such painting"),
        ([past[0], waiting], 409, "not all of them have a picture"),
        (["x"] * 13, 422, "more than 12"),
    ):
        refused = studio.call("/api/choices", {"jobs": jobs})
        assert (refused.status, says in refused.json["error"]) == (status, True), refused.json
    studio.act(waiting, "cancel")
    for choice in ("nothing", "..", "%2e", "%00"):
        assert studio.call(f"/api/choices/{choice}").status == 404
    state = studio.call("/api/choices", {"jobs": past}).json
    for body in ({"number": 0, "choice": "both"}, {"number": -1, "choice": "left"}, {"choice": "left"}):
        assert studio.call(f"/api/choices/{state['choice']}/answer", body).status == 422


def test_a_deleted_painting_ends_the_choice(studio):
    extra = [studio.paint({**SMALL, "seed": 90 + seed, "iterations": 2}) for seed in range(2)]
    for job in extra:
        studio.wait(job, "done")
    state = studio.call("/api/choices", {"jobs": extra}).json
    studio.call(f"/api/jobs/{extra[0]}", method="DELETE")
    assert studio.call(f"/api/choices/{state['choice']}").status == 404
