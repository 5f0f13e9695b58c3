"""A piece of work on its way through an executor."""

import time
from dataclasses import dataclass
from typing import Any

from impasto.executors.executor import Outcome

ATTEMPTS = 2
"""How often a piece of work is begun at most: again where its process died, or failed for no reason of impasto's."""


@dataclass
class Piece:
    """The payload of place `index` among all, how often it was begun, and when it was last (0: not yet)."""

    index: int
    payload: Any
    attempts: int = 0
    began: float = 0.0

    @property
    def tried_enough(self) -> bool:
        """Whether it is not begun once more."""
        return self.attempts >= ATTEMPTS

    def begin(self) -> None:
        """Count a try, which begins now."""
        self.attempts += 1
        self.began = time.monotonic()

    def outcome(self, value: Any, error: Exception | None) -> Outcome:
        """Return what came of it, after the seconds of its last try."""
        return Outcome(self.index, self.payload, value, error, self.attempts, time.monotonic() - self.began)
