"""What the engine says while it works: typed progress, and notices for the person at the keyboard."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

logger = logging.getLogger("impasto")
_MUTED: ContextVar[bool] = ContextVar("muted", default=False)


def notice(message: str) -> None:
    """Say one line that a person should know but need not act on; the command line prints it on stderr.

    What is no text in it, as in names of files that are not UTF-8, is written as an escape: logs are kept in UTF-8.
    """
    if _MUTED.get():
        return
    line = " ".join(message.split())
    logger.warning("%s", line.encode(errors="backslashreplace").decode())


@contextmanager
def muted() -> Iterator[None]:
    """Leave notices out: for what is done on the way, and would say again what the painting itself says."""
    token = _MUTED.set(True)
    try:
        yield
    finally:
        _MUTED.reset(token)


@dataclass(frozen=True)
class Progress:
    """One step of one level, after it was taken."""

    level: int
    """Index of the pyramid level, 0 is the coarsest."""
    levels: int
    step: int
    """Steps taken so far in this level, from 1."""
    steps: int
    """Steps planned for this level."""
    total_step: int
    """Steps taken so far in the whole run, from 1."""
    total_steps: int
    loss: float
    losses: dict[str, float]
    """Weighted loss of each term; they add to `loss`."""
    size: tuple[int, int]
    """(height, width) of this level in pixels."""
    elapsed_s: float
    eta_s: float
    """Estimated seconds to the end of the run."""
    image: Any = field(repr=False, compare=False, default=None)
    """Current canvas, (1, 3, H, W) tensor, sRGB; a solver may overshoot [0, 1] a little: clamp to show it."""
