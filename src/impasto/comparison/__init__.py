"""Comparing pictures by eye: which pairs are shown, the votes, and the scores that follow from them."""

from impasto.comparison.ballot import Ballot, FolderBallot, VoteBallot
from impasto.comparison.pairs import Trial, common_names, label_folders, match_inputs, schedule
from impasto.comparison.preference import Score, bradley_terry, count_wins, ranked, score_sides
from impasto.comparison.votes import Vote, VoteFile

__all__ = [
    "Ballot",
    "FolderBallot",
    "Score",
    "Trial",
    "Vote",
    "VoteBallot",
    "VoteFile",
    "bradley_terry",
    "common_names",
    "count_wins",
    "label_folders",
    "match_inputs",
    "ranked",
    "schedule",
    "score_sides",
]
