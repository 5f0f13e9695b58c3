"""Pairs and votes: everything is shown once each way, and no vote is lost or counted twice."""

import json
import os
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest

from impasto.comparison import FolderBallot, Vote, VoteFile, common_names, label_folders, match_inputs, schedule
from impasto.comparison.pairs import digest_side
from impasto.errors import ImageError, OutputError, UsageError
from tests.type_helpers import present

SOURCE = Path(__file__).resolve().parents[2] / "src"
SIDES = {"a": "1", "b": "2"}


def keys(trials):
    return [(trial.picture, trial.left, trial.right) for trial in trials]


def test_every_pair_is_shown_twice_and_once_swapped():
    pictures, sides = ["x", "y", "z"], ["a", "b", "c"]
    trials = keys(schedule(pictures, sides))
    wanted = {(name, *pair) for name in pictures for one in combinations(sides, 2) for pair in (one, one[::-1])}
    assert sorted(trials) == sorted(wanted)
    half = len(trials) // 2
    assert {(name, frozenset((left, right))) for name, left, right in trials[:half]} == {
        (name, frozenset((left, right))) for name, left, right in trials[half:]
    }


def test_the_order_and_the_sides_are_random_and_the_seed_decides():
    pictures = [f"p{number}" for number in range(200)]
    trials = keys(schedule(pictures, ["a", "b"], seed=1))
    assert trials == keys(schedule(pictures, ["a", "b"], seed=1)) != keys(schedule(pictures, ["a", "b"], seed=2))
    assert [name for name, _, _ in trials[:200]] != pictures
    # 200 fair coins: within 5 standard deviations.
    assert 65 < sum(left == "a" for _, left, _ in trials[:200]) < 135


def test_fewer_pairs_are_spread_over_the_sides():
    trials = schedule([f"p{number}" for number in range(20)], ["a", "b", "c"], most=9)
    assert len(trials) == 18
    shown = [frozenset((trial.left, trial.right)) for trial in trials]
    assert {pair: shown.count(pair) for pair in set(shown)} == {
        frozenset(pair): 6 for pair in (("a", "b"), ("a", "c"), ("b", "c"))
    }
    with pytest.raises(UsageError, match="--pairs 0"):
        schedule(["x"], ["a", "b"], most=0)


def test_votes_come_back(tmp_path):
    path = tmp_path / "votes.jsonl"
    with VoteFile(path, SIDES) as file:
        file.add(Vote("x", "a", "b", "left", 1.5))
        file.add(Vote("y", "b", "a", "tie"))
        file.add(Vote("z", "b", "a", "right"))
        assert present(file.undo()).picture == "z"
        votes = file.votes
    with VoteFile(path, SIDES) as file:
        assert file.votes == votes
        assert [vote.key for vote in votes] == [("x", "a", "b"), ("y", "b", "a")]
        assert all(vote.at for vote in votes)
        assert [file.undo() is not None for _ in range(3)] == [True, True, False]
    # Nothing was taken out of the file: taking back is a line too.
    assert len(path.read_text().splitlines()) == 1 + 3 + 1 + 2


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_half_a_line_is_dropped_and_the_rest_stays(tmp_path, cut):
    path = tmp_path / "votes.jsonl"
    with VoteFile(path, SIDES) as file:
        file.add(Vote("x", "a", "b", "left"))
        whole = path.read_bytes()
        file.add(Vote("y", "a", "b", "right"))
    path.write_bytes(path.read_bytes()[:-cut])
    with VoteFile(path, SIDES) as file:
        assert [vote.picture for vote in file.votes] == ["x"]
        file.add(Vote("y", "a", "b", "tie"))
    assert path.read_bytes().startswith(whole)
    with VoteFile(path, SIDES) as file:
        assert [vote.choice for vote in file.votes] == ["left", "tie"]


def test_a_cut_first_line_is_begun_again(tmp_path):
    path = tmp_path / "votes.jsonl"
    VoteFile(path, SIDES).close()
    path.write_bytes(path.read_bytes()[:20])
    with VoteFile(path, SIDES) as file:
        file.add(Vote("x", "a", "b", "left"))
    assert json.loads(path.read_text().splitlines()[0])["sides"] == SIDES


def test_a_killed_process_keeps_every_vote(tmp_path):
    path = tmp_path / "votes.jsonl"
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom impasto.comparison import Vote, VoteFile\n"
        f"file = VoteFile(Path(sys.argv[1]), {SIDES!r})\n"
        "for name in 'xyz': file.add(Vote(name, 'a', 'b', 'left'))\nos.kill(os.getpid(), 9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], env={**os.environ, "PYTHONPATH": str(SOURCE)}, check=False
    )
    assert done.returncode == -9
    with VoteFile(path, SIDES) as file:
        assert [vote.picture for vote in file.votes] == ["x", "y", "z"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hello\n", "is no file of votes"),
        ("hello", "is no file of votes"),
        ('{"impasto_votes": 99, "sides": {"a": "1", "b": "2"}}\n', "is no file of votes"),
        ('{"impasto_votes": 1, "sides": {"a": "1", "c": "2"}}\n', "holds votes on a, c, not on a, b"),
        ('{"impasto_votes": 1, "sides": {"a": "1", "b": "3"}}\n', "the pictures of b have changed"),
        ('{"impasto_votes": 1, "sides": {"a": "1", "b": "2"}}\n{"picture": "x"}\n', "line 2 is no vote"),
        ('{"impasto_votes": 1, "sides": {"a": "1", "b": "2"}}\n{"undo": ["x", "a", "b"]}\n', "line 2 is no vote"),
        ("[" * 100_000 + "\n", "is no file of votes"),
    ],
)
def test_a_file_that_is_something_else_is_refused_and_left_alone(tmp_path, text, said):
    path = tmp_path / "votes.jsonl"
    path.write_text(text)
    with pytest.raises(OutputError, match=said):
        VoteFile(path, SIDES)
    assert path.read_text() == text


def test_a_full_disk_takes_no_half_votes(tmp_path, monkeypatch):
    path = tmp_path / "votes.jsonl"
    with VoteFile(path, SIDES) as file:
        file.add(Vote("x", "a", "b", "left"))
        before = path.read_bytes()

        def full(_number):
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(OutputError, match="make room"):
                file.add(Vote("y", "a", "b", "left"))
        assert path.read_bytes() == before
        assert [vote.picture for vote in file.votes] == ["x"]
        file.add(Vote("y", "a", "b", "right"))
    with VoteFile(path, SIDES) as file:
        assert [vote.choice for vote in file.votes] == ["left", "right"]


@pytest.fixture
def folders(tmp_path):
    for side in "ab":
        (tmp_path / side).mkdir()
        for name in ("x.png", "y.jpg", f"only_{side}.png", "notes.txt"):
            (tmp_path / side / name).write_bytes(f"{side}{name}".encode())
    return {side: tmp_path / side for side in "ab"}


def test_pictures_are_joined_by_name(folders, tmp_path):
    (folders["b"] / "y.jpg").rename(folders["b"] / "y.webp")
    found = common_names(folders)
    assert list(found) == ["x", "y"]
    assert {side: path.name for side, path in found["y"].items()} == {"a": "y.jpg", "b": "y.webp"}
    (folders["a"] / "x.jpg").write_bytes(b"")
    with pytest.raises(ImageError, match=r"has x\.jpg and x\.png"):
        common_names(folders)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match="no pictures of the same name"):
        common_names({"a": folders["b"], "b": tmp_path / "empty"})


def test_a_picture_s_inputs_are_those_its_name_begins_and_ends_with(tmp_path):
    for name in ("cat", "cat_big", "swirls", "big_swirls", "whole"):
        (tmp_path / f"{name}.jpg").write_bytes(b"")
    names = ["cat_big_swirls", "cat_swirls", "whole", "cats_swirls"]
    contents, styles = (match_inputs(tmp_path, names, part) for part in ("content", "style"))
    assert {name: path.stem for name, path in contents.items()} == {
        "cat_big_swirls": "cat_big",
        "cat_swirls": "cat",
        "whole": "whole",
    }
    assert {name: path.stem for name, path in styles.items()} == {
        "cat_big_swirls": "big_swirls",
        "cat_swirls": "swirls",
        "whole": "whole",
        "cats_swirls": "swirls",
    }


def test_folders_are_called_by_what_tells_them_apart(tmp_path):
    for name in ("one/out", "two/out", "c", "x=y"):
        (tmp_path / name).mkdir(parents=True)
    given = [str(tmp_path / name) for name in ("one/out", "two/out", "c", "x=y")]
    assert list(label_folders(given)) == ["one/out", "two/out", "c", "x=y"]
    assert list(label_folders([f"new={tmp_path / 'c'}", given[0]])) == ["new", "out"]
    with pytest.raises(UsageError, match="twice"):
        label_folders([given[2], given[2]])
    with pytest.raises(UsageError, match="two folders at least"):
        label_folders(given[:1])
    with pytest.raises(ImageError, match="is no folder"):
        label_folders([given[0], str(tmp_path / "nowhere")])


def test_a_ballot_goes_on_where_it_ended(folders, tmp_path):
    pictures = common_names(folders)
    trials = schedule(list(pictures), list(folders))

    def ballot():
        return FolderBallot(pictures, trials, tmp_path / "votes.jsonl")

    first = ballot()
    shown = []
    for choice in ("left", "right", "tie"):
        shown.append((first.picture(first.number, "left"), first.picture(first.number, "right")))
        first.vote(choice, 1)
    assert shown == [
        (pictures[trial.picture][trial.left], pictures[trial.picture][trial.right]) for trial in trials[:3]
    ]
    assert (first.number, first.total) == (3, 4)
    assert first.undo()
    first.close()
    again = ballot()
    assert (again.number, again.total) == (2, 4)
    assert again.picture(2, "left") == shown[2][0]
    assert again.picture(4, "left") is None
    again.vote("left", 1)
    again.vote("left", 1)
    assert again.number == again.total == 4
    both, _, left = again.steadiness()
    assert (both, left) == (2, 3)
    again.close()


def test_a_judge_who_always_chooses_the_left_prefers_nothing(folders, tmp_path):
    pictures = common_names(folders)
    ballot = FolderBallot(pictures, schedule(list(pictures), list(folders)), tmp_path / "votes.jsonl")
    while ballot.number < ballot.total:
        ballot.vote("left", 1)
    assert [row["score"] for row in ballot.summary()] == [0, 0]
    assert ballot.steadiness() == (2, 0, 4)
    ballot.close()


def test_changed_pictures_have_another_digest(folders):
    paths = {"x": folders["a"] / "x.png"}
    before = digest_side(paths)
    assert digest_side({"z": folders["a"] / "x.png"}) != before
    paths["x"].write_bytes(b"other")
    assert digest_side(paths) != before
