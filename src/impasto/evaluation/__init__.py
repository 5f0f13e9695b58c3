"""Measuring a finished picture: how much of the content it keeps, how near it comes to the style, and its faults."""

from impasto.evaluation.api import evaluate
from impasto.evaluation.evaluation import Evaluation
from impasto.evaluation.evaluator import Evaluator
from impasto.evaluation.metric import Measured, Metric
from impasto.evaluation.registry import METRICS

__all__ = ["METRICS", "Evaluation", "Evaluator", "Measured", "Metric", "evaluate"]
