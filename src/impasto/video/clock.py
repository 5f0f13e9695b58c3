"""Seconds that a part of the work takes, in whatever thread it is done."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")


@dataclass
class Clock:
    """Adds up the seconds of one part of the work."""

    seconds: float = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the time of a block."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds += time.monotonic() - began

    def over(self, items: Iterator[Item]) -> Iterator[Item]:
        """Return the same items, counting the time that each takes to come."""
        while True:
            with self.running():
                try:
                    item = next(items)
                except StopIteration:
                    return
            yield item
