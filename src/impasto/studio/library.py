"""The pictures of the studio: uploads under ids of its own, and the samples."""

import contextlib
import json
import os
import re
import secrets
import sqlite3
import time
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from impasto.studio import folders, samples
from impasto.studio.settings import Refused

OF_CLIPS = ("frames", "seconds")
"""What is known of a clip beside what is known of a picture."""
SIZES = (96, 192, 384, 768, 1024, 2048)
"""Long sides in which pictures are shown; what is asked for is rounded up to one of them."""
MAX_NAME = 200
"""Characters of a picture's name at most; file systems allow 255 bytes."""
_ID = re.compile(r"[0-9a-f]{32}")


class Library:
    """Pictures by id. A name is only ever shown; files are found by ids that the studio made."""

    def __init__(self, database: sqlite3.Connection, folder: Path) -> None:
        self._database = database
        self._folder = folder

    def new(self) -> tuple[str, Path]:
        """Make an id and its folder."""
        picture = secrets.token_hex(16)
        folder = self._folder / picture
        folder.mkdir(mode=0o700)
        return picture, folder

    def add(self, picture: str, name: str, role: str, inspected: Mapping[str, Any]) -> dict[str, Any]:
        """Enter a picture whose file lies in its folder; return its record."""
        record = {
            "id": picture,
            "name": name,
            "width": inspected["width"],
            "height": inspected["height"],
            "role": role,
            "created": time.time(),
            "has_alpha": bool(inspected.get("has_alpha")),
            **{key: inspected[key] for key in OF_CLIPS if key in inspected},
        }
        self._database.execute(
            "INSERT INTO pictures (id, role, sha256, record) VALUES (?, ?, ?, ?)",
            (picture, role, inspected.get("sha256", ""), json.dumps(record)),
        )
        return record

    def all(self) -> list[dict[str, Any]]:
        """List the uploads, newest first."""
        rows = self._database.execute("SELECT record FROM pictures ORDER BY number DESC")
        return [json.loads(row["record"]) for row in rows]

    def get(self, picture: str) -> dict[str, Any]:
        """Return the record of a picture. Raises `Refused` for an id that is not here."""
        if (sample := samples.files().get(picture)) is not None:
            role = "content" if picture.startswith("photo-") else "style"
            return {"id": picture, "name": sample.name, "role": role, **samples.measured()[picture]}
        row = None
        if _ID.fullmatch(picture):
            row = self._database.execute("SELECT record FROM pictures WHERE id = ?", (picture,)).fetchone()
        if row is None:
            raise Refused(404, "there is no such picture here; upload it again")
        record: dict[str, Any] = json.loads(row["record"])
        return record

    def folder(self, picture: str) -> Path:
        """Return the folder of an upload."""
        return self._folder / str(self.get(picture)["id"])

    def source(self, picture: str) -> dict[str, str]:
        """Return where a picture is and what it is called; of a clip, where it and its first frame are.

        Raises `Refused` for an id that is not here.
        """
        record = self.get(picture)
        path = samples.files().get(picture) or self._folder / record["id"] / "original"
        if record["role"] == "clip":
            # Whatever looks at pictures looks at the first frame.
            return {"path": str(path.with_name(folders.STILL)), "name": record["name"], "clip": str(path)}
        return {"path": str(path), "name": record["name"]}

    def view(self, picture: str, size: int) -> Path:
        """Return where a picture lies as it is shown: lossless where it is a mask, or has alpha."""
        record = self.get(picture)
        lossless = record["role"] == "mask"
        name = f"view-{size}.{'png' if lossless or record.get('has_alpha') else 'jpg'}"
        if picture in samples.files():
            folder = self._folder / f"sample-{picture}"
            folder.mkdir(exist_ok=True, mode=0o700)
            return folder / name
        return self._folder / str(record["id"]) / name

    def with_sha256(self, sha256: str) -> str | None:
        """Find a picture by its content."""
        for picture, measured in samples.measured().items():
            if measured["sha256"] == sha256:
                return picture
        statement = "SELECT id FROM pictures WHERE sha256 = ? ORDER BY number DESC"
        row = self._database.execute(statement, (sha256,)).fetchone()
        return None if row is None else str(row["id"])

    def take(
        self, incoming: Path, name: str, role: str, inspected: Mapping[str, Any], still: Path | None = None
    ) -> dict[str, Any]:
        """Return the record of an upload, which is moved into the library unless it is there; with a clip's `still`."""
        record = self._same(inspected["sha256"], role, name)
        if record is None:
            picture, folder = self.new()
            if still is not None:
                still.replace(folder / folders.STILL)
            self._keep(incoming, folder, inspected["sha256"])
            record = self.add(picture, name, role, inspected)
        return record

    def _same(self, sha256: str, role: str, name: str) -> dict[str, Any] | None:
        """Return the upload that has this content, role and name already."""
        statement = "SELECT record FROM pictures WHERE sha256 = ? AND role = ? ORDER BY number DESC"
        records = [json.loads(row["record"]) for row in self._database.execute(statement, (sha256, role))]
        return next((record for record in records if record["name"] == name), None)

    def _keep(self, incoming: Path, folder: Path, sha256: str) -> None:
        """Move an upload's file into its folder; one whose content is here already takes no room a second time."""
        row = self._database.execute("SELECT id FROM pictures WHERE sha256 = ?", (sha256,)).fetchone()
        if row is not None:
            with contextlib.suppress(OSError):  # not every file system has links
                os.link(self._folder / row["id"] / "original", folder / "original")
                return
        incoming.replace(folder / "original")

    def remove(self, picture: str) -> None:
        """Forget an upload. Raises `Refused` for a sample, or an id that is not here."""
        if picture in samples.files():
            raise Refused(409, "samples stay; they come with impasto")
        folder = self.folder(picture)
        self._database.execute("DELETE FROM pictures WHERE id = ?", (picture,))
        folders.forget(folder)


def shown_size(asked: int | None) -> int:
    """Return the size in which a picture is shown for one that is asked for."""
    return next((size for size in SIZES if asked is not None and size >= asked), SIZES[-1])


def clean_name(name: str) -> str:
    """Return the last part of a file's name, in one line, for people to read and for nothing else."""
    last = re.split(r"[/\\]", name.replace("\0", ""))[-1]
    kept = "".join(c for c in last if unicodedata.category(c)[0] != "C").strip()
    return kept[:MAX_NAME] if kept.strip(". ") else "picture"
