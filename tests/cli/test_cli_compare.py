"""`impasto compare` without a page: what it refuses, and the table."""

import json

import pytest

from impasto.comparison import Vote, VoteFile, common_names, label_folders
from impasto.comparison.pairs import digest_side
from tests.cli.cli_helpers import draw


@pytest.fixture
def folders(tmp_path):
    for seed, side in enumerate("ab"):
        (tmp_path / side).mkdir()
        for name in ("x", "y"):
            draw(tmp_path / side / f"{name}.png", seed)
    return [tmp_path / side for side in "ab"]


def cast(folders, path, *choices):
    sides = label_folders([str(folder) for folder in folders])
    pictures = common_names(sides)
    digests = {side: digest_side({name: paths[side] for name, paths in pictures.items()}) for side in sides}
    with VoteFile(path, digests) as file:
        for picture, left, right, choice in choices:
            file.add(Vote(picture, left, right, choice))


def test_the_table_says_who_won(run, folders, tmp_path):
    votes = tmp_path / "votes.jsonl"
    cast(folders, votes, ("x", "a", "b", "left"), ("y", "b", "a", "right"), ("x", "b", "a", "right"))
    shown = run("compare", *folders, "--votes", votes, "--table")
    assert shown.status == 0
    lines = shown.out.splitlines()
    assert lines[1].split()[0] == "a"
    assert lines[1].split()[-3:] == ["3", "0", "0"]
    assert lines[2].split()[-3:] == ["0", "0", "3"]
    assert lines[3] == "3 votes, 1 of them for the left side; 1 of 1 pairs judged alike both ways"
    told = run("compare", *folders, "--votes", votes, "--table", "--json").json
    assert [row["name"] for row in told["scores"]] == ["a", "b"]
    assert (told["votes"], told["total"], told["pairs_judged_alike"]) == (3, 4, 1)
    assert told["scores"][0]["score"] == pytest.approx(-told["scores"][1]["score"])


def test_another_comparison_s_votes_are_refused(run, folders, tmp_path):
    votes = tmp_path / "votes.jsonl"
    cast(folders, votes, ("x", "a", "b", "left"))
    draw(folders[1] / "y.png", 7)
    refused = run("compare", *folders, "--votes", votes, "--table")
    assert refused.status == 3
    assert "the pictures of b have changed" in refused.error
    (tmp_path / "c").mkdir()
    draw(tmp_path / "c" / "x.png", 3)
    refused = run("compare", folders[0], tmp_path / "c", "--votes", votes, "--table")
    assert refused.status == 3
    assert "holds votes on a, b, not on a, c" in refused.error
    assert len(votes.read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["a"], 2, "two folders at least"),
        (["a", "nowhere"], 3, "is no folder"),
        (["a", "a"], 2, "is there twice"),
        (["a", "b", "--votes", ""], 2, "the file has no name"),
        (["a", "b", "--content", "nowhere"], 3, "cannot be read"),
        (["a", "b", "--pairs", "0"], 2, "--pairs"),
    ],
)
@pytest.mark.usefixtures("folders")
def test_refusals(run, tmp_path, monkeypatch, arguments, status, said):
    monkeypatch.chdir(tmp_path)
    refused = run("compare", *arguments, "--table")
    assert refused.status == status
    assert said in refused.error


def test_a_line_of_the_file_holds_what_the_docs_say(folders, tmp_path):
    votes = tmp_path / "votes.jsonl"
    cast(folders, votes, ("x", "a", "b", "left"))
    head, vote = map(json.loads, votes.read_text().splitlines())
    assert set(head) == {"impasto_votes", "sides"}
    assert set(vote) == {"picture", "left", "right", "choice", "seconds", "at"}
