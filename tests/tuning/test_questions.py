import shutil
from contextlib import closing
from pathlib import Path

import pytest

from impasto import images
from impasto.errors import OutputError, UsageError
from impasto.tuning import gaussian
from impasto.tuning.preference import CANDIDATES, MOST, RELATED
from impasto.tuning.questions import NAME, DraftBallot, candidates
from impasto.tuning.score import Scores
from impasto.tuning.study import Trial
from tests.tuning.search_helpers import picture
from tests.type_helpers import present

METHODS = ("gatys", "strotss", "nnst", "mrf")


@pytest.fixture
def trials(tmp_path):
    made = []
    for number in range(10):
        path = tmp_path / "drafts" / f"{number:04}.png"
        path.parent.mkdir(exist_ok=True)
        images.save(picture(number, 16), path)
        content = 0.05 + 0.09 * number
        scores = Scores(content, 0.95 - content, 0.8)
        made.append(Trial(number, {"method": METHODS[number % 4]}, "complete", scores, file=f"drafts/{number:04}.png"))
    return made


def answer(ballot, best):
    """Answer every question for the draft of the highest `best`."""
    while not ballot.over:
        left, right = (int(present(ballot.picture(ballot.number, side)).stem) for side in ("left", "right"))
        ballot.vote("left" if best(left) > best(right) else "right", 1.0)


def test_candidates_are_of_every_taste_and_of_several_methods(trials):
    chosen = candidates(trials)
    assert len(chosen) == min(10, RELATED if gaussian.available() else CANDIDATES)
    chosen = candidates(trials, most=CANDIDATES)
    assert len(chosen) == CANDIDATES
    assert len({trial.file for trial in chosen}) == CANDIDATES
    assert {trial.point["method"] for trial in chosen} == set(METHODS)
    twice = [*trials, Trial(10, trials[4].point, "complete", trials[4].scores, file=trials[4].file)]
    assert len({trial.file for trial in candidates(twice, most=CANDIDATES)}) == CANDIDATES


def test_whoever_answers_steadily_gets_the_draft_that_they_like(tmp_path, trials):
    ballot = DraftBallot(tmp_path, trials)
    wanted = int(ballot.sides[3])
    answer(ballot, lambda number: -abs(number - wanted))
    assert present(ballot.winner).number == wanted
    assert ballot.number == ballot.total <= MOST
    assert ballot.certainty > 0.5
    assert ballot.summary()[0]["name"].startswith(f"{wanted:04}, ")
    ballot.close()


def test_asking_goes_on_where_it_was_stopped(tmp_path, trials):
    folders = [tmp_path / name for name in ("whole", "stopped")]
    for folder in folders:
        shutil.copytree(tmp_path / "drafts", folder / "drafts")
    with closing(DraftBallot(folders[0], trials)) as whole:
        answer(whole, lambda number: number)
    for _ in range(whole.number):
        with closing(DraftBallot(folders[1], trials)) as ballot:
            left, right = (int(present(ballot.picture(ballot.number, side)).stem) for side in ("left", "right"))
            ballot.vote("left" if left > right else "right", 1.0)
    with closing(DraftBallot(folders[1], trials)) as again:
        assert again.over
    assert [vote.key for vote in again.votes] == [vote.key for vote in whole.votes]
    assert again.winner == whole.winner


def test_answers_can_be_taken_back(tmp_path, trials):
    ballot = DraftBallot(tmp_path, trials)
    first = ballot.picture(0, "left"), ballot.picture(0, "right")
    ballot.vote("tie", 1.0)
    assert ballot.number == 1
    assert (ballot.picture(0, "left"), ballot.picture(0, "right")) == first
    assert ballot.undo()
    assert ballot.winner is None
    assert (ballot.picture(0, "left"), ballot.picture(0, "right")) == first
    assert not ballot.undo()
    assert ballot.picture(1, "left") == first[0]
    assert ballot.picture(2, "left") is None
    ballot.close()


def test_drafts_that_were_asked_about_stay_whatever_is_painted_since(tmp_path, trials):
    ballot = DraftBallot(tmp_path, trials[:6])
    ballot.vote("left", 1.0)
    ballot.close()
    with closing(DraftBallot(tmp_path, trials)) as again:
        assert again.sides == ballot.sides


def test_drafts_that_have_changed_are_refused(tmp_path, trials):
    ballot = DraftBallot(tmp_path, trials)
    ballot.vote("left", 1.0)
    ballot.close()
    images.save(picture(77, 16), tmp_path / trials[int(ballot.sides[0])].file, force=True)
    with pytest.raises(OutputError, match="have changed since its votes were cast"):
        DraftBallot(tmp_path, trials)


def test_fewer_than_two_drafts_are_no_question(tmp_path, trials):
    with pytest.raises(UsageError, match="questions need two"):
        DraftBallot(tmp_path, trials[:1])
    (tmp_path / NAME).write_text("no votes\n")
    with pytest.raises(OutputError, match="is no file of votes"):
        DraftBallot(tmp_path, trials)


def test_the_page_asks_the_same_questions(tmp_path, trials):
    """Over HTTP, as the page does: its state, its pictures, votes, and a vote on a question that is over."""
    from starlette.testclient import TestClient

    from impasto.studio.ballot import create
    from impasto.studio.settings import Settings

    with closing(DraftBallot(tmp_path, trials, content=tmp_path / trials[0].file)) as ballot:
        client = TestClient(create(ballot, Settings(Path(), port=8765).check()), base_url="http://127.0.0.1:8765")
        state = client.get("/api/ballot").json()
        assert (state["number"], state["total"], state["beside"], state["over"]) == (0, MOST, ["content"], False)
        while not state["over"]:
            number = state["number"]
            shown = {side: client.get(f"/api/ballot/{number}/{side}") for side in ("left", "right")}
            ahead = client.get(f"/api/ballot/{number + 1}/left")
            assert [answer.status_code for answer in (*shown.values(), ahead)] == [200, 200, 200]
            left, right = (int(present(ballot.picture(number, side)).stem) for side in ("left", "right"))
            assert shown["left"].content == (tmp_path / trials[left].file).read_bytes()
            vote = {"choice": "left" if left > right else "right", "number": number, "seconds": 1}
            answer = client.post("/api/ballot/vote", json=vote)
            assert answer.status_code == 200, answer.text
            state = answer.json()
        assert state["number"] == state["total"] <= MOST
        assert state["summary"][0]["name"].startswith(f"{max(map(int, ballot.sides)):04}")
        assert client.post("/api/ballot/vote", json=vote).status_code == 409
