"""How long a search may go on: a number of drafts, or the time that they take."""

import re
from dataclasses import dataclass

from impasto.errors import UsageError

MOST_DRAFTS = 10_000
"""Drafts at most: more than anybody waits for, and a journal of some 20 MB."""
MOST_SECONDS = 30 * 86400.0
"""Longest time of a search, seconds: a month."""
_UNITS = {"s": 1, "sec": 1, "min": 60, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Budget:
    """The drafts of a search, or the seconds that they take together, earlier calls on the same folder counted in."""

    drafts: int | None = None
    seconds: float | None = None

    @classmethod
    def parse(cls, text: "str | int | Budget") -> "Budget":
        """Read `40` (drafts), `90s`, `5min` or `1h`. Raises `UsageError` for anything else, and for nothing."""
        if isinstance(text, Budget):
            return text
        spelled = str(text).strip().lower()
        match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*([a-z]*)", spelled)
        if match is None or (match[2] not in _UNITS and match[2]):
            raise UsageError(f"--budget {spelled[:40]}: give a number of drafts such as 40, or a time such as 5min")
        if not match[2]:
            if "." in match[1] or not 1 <= int(match[1]) <= MOST_DRAFTS:
                raise UsageError(f"--budget {spelled}: give 1 to {MOST_DRAFTS} drafts, or a time such as 5min")
            return cls(drafts=int(match[1]))
        seconds = float(match[1]) * _UNITS[match[2]]
        if not 0 < seconds <= MOST_SECONDS:
            raise UsageError(f"--budget {spelled}: give more than 0 s and at most {MOST_SECONDS / 86400:.0f} days")
        return cls(seconds=seconds)

    def spent(self, drafts: int, seconds: float) -> bool:
        """Return whether so many drafts, and so many seconds of them, are all that it has."""
        if self.drafts is not None:
            return drafts >= self.drafts
        return seconds >= (self.seconds or 0)

    def left(self, drafts: int, seconds: float) -> float:
        """Estimate the seconds that are left, from the drafts so far; 0 where nothing is known."""
        if self.seconds is not None:
            return max(0.0, self.seconds - seconds)
        return max(0, (self.drafts or 0) - drafts) * seconds / drafts if drafts else 0.0

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.drafts} drafts" if self.drafts is not None else f"{self.seconds:g} s of drafts"
