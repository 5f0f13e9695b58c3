"""One thing that was looked at: what it is like, and whether somebody must mend it."""

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

State = Literal["fine", "note", "wrong"]
"""`fine`; `note`: impasto works, but something could be better; `wrong`: a person must mend it."""


@dataclass(frozen=True)
class Finding:
    """What was found of one thing. Paths in it begin with `~` where they lie in the home folder.

    `value` is one line for people, `facts` the same for programs: values that JSON can hold. `remedy` says what to do
    and is empty where all is fine.
    """

    name: str
    value: str
    state: State = "fine"
    remedy: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)

    def record(self) -> dict[str, object]:
        """Return it as what JSON can hold."""
        return {
            "facts": dict(self.facts),
            "name": self.name,
            "remedy": self.remedy,
            "state": self.state,
            "value": self.value,
        }


def shown(path: str | Path) -> str:
    """Return a path as a report may show it: the home folder, which often bears a person's name, as `~`."""
    text = os.fspath(path)
    with contextlib.suppress(RuntimeError):  # no home folder is known
        home = os.fspath(Path.home())
        if len(home) > 1 and (text == home or text.startswith(home.rstrip(os.sep) + os.sep)):
            return "~" + text[len(home.rstrip(os.sep)) :]
    return text
