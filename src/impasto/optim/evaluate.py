"""Evaluators: from an image to its loss and the gradient with respect to its pixels."""

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import torch
from torch import Tensor

from impasto.losses.objective import LossReport, Objective

Encode = Callable[[Tensor, Iterable[str]], Mapping[str, Tensor]]


class Evaluator(Protocol):
    """Anything that evaluates an image (1, 3, H, W): its report, and the gradient of the total, like the image."""

    def __call__(self, image: Tensor, /) -> tuple[LossReport, Tensor]: ...


class WholeImage:
    """Evaluate the picture in one piece; memory grows with the picture."""

    def __init__(self, encode: Encode, objective: Objective) -> None:
        self._encode, self._objective = encode, objective

    def __call__(self, image: Tensor) -> tuple[LossReport, Tensor]:
        """Return the report and the gradient of `image` (1, 3, H, W)."""
        leaf = image.detach().requires_grad_()
        features = self._encode(leaf, self._objective.layers)
        loss, report = self._objective(leaf, features)
        (gradient,) = torch.autograd.grad(loss, leaf)
        return report, gradient


class Viewed:
    """Evaluate what a canvas shows, with the gradient with respect to the canvas."""

    def __init__(self, evaluate: Evaluator, view: Callable[[Tensor], Tensor]) -> None:
        self._evaluate, self._view = evaluate, view

    def __call__(self, image: Tensor) -> tuple[LossReport, Tensor]:
        """Return the report and the gradient of the canvas `image`."""
        leaf = image.detach().requires_grad_()
        shown = self._view(leaf)
        report, outer = self._evaluate(shown.detach())
        # Given a gradient to begin with, autograd would import a computer algebra system, which takes half a second.
        (gradient,) = torch.autograd.grad((shown * outer).sum(), leaf)
        return report, gradient
