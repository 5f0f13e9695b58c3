"""The search for the recipe of one pair: drafts that are measured, a front of the best, and a recipe for each taste."""

from impasto.tuning.api import tune
from impasto.tuning.budget import Budget
from impasto.tuning.score import Scores
from impasto.tuning.study import Trial
from impasto.tuning.tuning import Tuning

__all__ = ["Budget", "Scores", "Trial", "Tuning", "tune"]
