"""The file of votes: one line of JSON for each, appended and on the disk before the next pair is shown.

A line that a killed process left unfinished is dropped when the file is opened again; whole ones are never rewritten.
"""

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Literal, Self

from impasto.errors import OutputError

Choice = Literal["left", "right", "tie"]
CHOICES: tuple[Choice, ...] = ("left", "right", "tie")
FORMAT = 1
"""Version of the file's lines; a file of another is refused."""
MOST_BYTES = 2**26
"""Longest file of votes that is read, bytes: some 300,000 votes, more than anybody casts."""


@dataclass(frozen=True)
class Vote:
    """One choice between two pictures of the same name."""

    picture: str
    left: str
    right: str
    """Names of the sides as they were shown."""
    choice: Choice
    seconds: float = 0.0
    """How long the pair was looked at."""
    at: str = ""
    """When, UTC, ISO 8601."""

    @property
    def winner(self) -> str | None:
        """Name of the side that was preferred; None for a tie."""
        return {"left": self.left, "right": self.right, "tie": None}[self.choice]

    @property
    def key(self) -> tuple[str, str, str]:
        """What was shown: picture, left, right."""
        return self.picture, self.left, self.right


class VoteFile:
    """A file of votes that is open for more.

    The first line says what is compared: `names` of the sides and, for each, a digest of its pictures. Raises
    `OutputError` where the file cannot be written, is something else, or belongs to another comparison.
    """

    def __init__(self, path: Path, sides: Mapping[str, str]) -> None:
        self.path = path
        self.votes: list[Vote] = []
        head = {"impasto_votes": FORMAT, "sides": dict(sides)}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab+") as stream:
                if stream.tell() > MOST_BYTES:
                    raise OutputError(f"{path}: is too long for a file of votes; name another")
                stream.seek(0)
                data = stream.read()
                whole = data[: data.rfind(b"\n") + 1]
                if whole:
                    self._read(whole, head)
                elif data and not json.dumps(head).encode().startswith(data):
                    raise OutputError(f"{path}: exists already and is no file of votes; name another")
                # What a killed process left unfinished.
                stream.truncate(len(whole))
            self._stream: IO[bytes] = path.open("ab")
            if not whole:
                self._append(head)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror or error}); name another file") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; nothing is waiting to be written."""
        self._stream.close()

    def add(self, vote: Vote) -> None:
        """Append a vote; it is on the disk when this returns. Raises `OutputError`, and the vote is then not cast."""
        if not vote.at:
            vote = Vote(**{**asdict(vote), "at": datetime.now(UTC).isoformat(timespec="seconds")})
        self._append(asdict(vote))
        self.votes.append(vote)

    def undo(self) -> Vote | None:
        """Take the last vote back, by a line that says so; None where there is none."""
        if not self.votes:
            return None
        self._append({"undo": list(self.votes[-1].key)})
        return self.votes.pop()

    def _append(self, line: Mapping[str, Any]) -> None:
        end = self._stream.tell()
        try:
            self._stream.write(json.dumps(line, ensure_ascii=True).encode() + b"\n")
            self._stream.flush()
            os.fsync(self._stream.fileno())
        except OSError as error:
            # Half a line would spoil the next one. What is still buffered would be written on closing.
            self._stream = self._cut(end)
            reason = error.strerror or error
            raise OutputError(f"{self.path}: the vote could not be written ({reason}); make room") from None

    def _cut(self, end: int) -> IO[bytes]:
        with contextlib.suppress(OSError):
            self._stream.close()
        with contextlib.suppress(OSError):
            os.truncate(self.path, end)
        return self.path.open("ab")

    def _read(self, data: bytes, head: Mapping[str, Any]) -> None:
        for number, line in enumerate(data.splitlines(), 1):
            try:
                entry = json.loads(line)
                if number == 1:
                    self._check(entry, head)
                elif "undo" in entry:
                    self._drop(tuple(entry["undo"]))
                else:
                    self.votes.append(_vote(entry))
            except (ValueError, TypeError, KeyError, RecursionError):
                what = "is no file of votes" if number == 1 else f"line {number} is no vote"
                raise OutputError(f"{self.path}: {what}; name another file") from None

    def _check(self, entry: Any, head: Mapping[str, Any]) -> None:
        if not isinstance(entry, dict) or entry.get("impasto_votes") != FORMAT:
            raise ValueError
        was, now = entry["sides"], head["sides"]
        if set(was) != set(now):
            raise OutputError(
                f"{self.path}: holds votes on {_listed(was)}, not on {_listed(now)}; name another file with --votes"
            )
        changed = [name for name in now if was[name] != now[name]]
        if changed:
            raise OutputError(
                f"{self.path}: the pictures of {_listed(changed)} have changed since its votes were cast; name another "
                "file with --votes"
            )

    def _drop(self, key: tuple[Any, ...]) -> None:
        if not self.votes or self.votes[-1].key != key:
            raise ValueError
        self.votes.pop()


def _vote(entry: Mapping[str, Any]) -> Vote:
    vote = Vote(
        str(entry["picture"]),
        str(entry["left"]),
        str(entry["right"]),
        entry["choice"],
        float(entry["seconds"]),
        str(entry["at"]),
    )
    if vote.choice not in CHOICES:
        raise ValueError
    return vote


def _listed(names: Sequence[str] | Mapping[str, Any]) -> str:
    return ", ".join(sorted(names))
