"""What the pictures of a batch are called: patterns such as `{content}_{style}_{method}_{seed}.png`."""

import string
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from impasto import files
from impasto.errors import OutputError, UsageError
from impasto.images import Picture
from impasto.recipe import Recipe, unknown
from impasto.scene.resolve import PictureLike
from impasto.series.batch.items import Item
from impasto.series.grid import Job, file_part, spell
from impasto.shards import Member

FIELDS = ("content", "style", "number", "network", *(key for key in Recipe.model_fields if key != "version"))
"""What a pattern may name: the photograph, the paintings, the item's number from 1, and any key of the recipe."""


class Naming:
    """Names pictures by a pattern, which may have folders; by default `{content}_{style}.png` and what is `varied`.

    Raises `UsageError` for a pattern that leads out of its folder or names what is not known.
    """

    def __init__(self, pattern: str | None = None, varied: Sequence[str] = ()) -> None:
        self._pattern, self._varied = pattern, [key for key in varied if key not in ("content", "style")]
        if pattern is None:
            return
        parts = PurePosixPath(pattern)
        if parts.is_absolute() or ".." in parts.parts or "\\" in pattern or not parts.name or pattern.endswith("/"):
            raise UsageError(f"--name {pattern}: names a file within the folder, such as {{content}}_{{style}}.png")
        try:
            fields = [(name, form, kind) for _, name, form, kind in string.Formatter().parse(pattern)]
        except ValueError as error:
            raise UsageError(f"--name {pattern}: is no proper pattern ({error}); write {{{{ for a brace") from None
        for name, form, kind in fields:
            if name is not None and (name not in FIELDS or form or kind):
                raise UsageError(f"--name {pattern}: {unknown(name, dict.fromkeys(FIELDS), 'field')}")

    def name(self, job: Job, number: int, folder: str = "", labels: Mapping[str, str] | None = None) -> str:
        """Return the name of a picture, within the folder of the batch; `folder` goes before it.

        `labels` say how the values of what is varied are written.
        """
        values = _Values(job, number, labels or {})
        if self._pattern is not None:
            name = string.Formatter().vformat(self._pattern, (), values)
        else:
            words = [values["content"], values["style"] or values["network"]]
            words += [f"{key}={values[key]}" for key in self._varied]
            name = "_".join(word for word in words if word) + ".png"
        return PurePosixPath(folder, name).as_posix()


class _Values(Mapping[str, Any]):
    """The fields of one item, as parts of file names."""

    def __init__(self, job: Job, number: int, labels: Mapping[str, str]) -> None:
        self._job, self._number, self._labels = job, number, labels

    def __getitem__(self, key: str) -> str:
        job = self._job
        if key in self._labels:
            return file_part(self._labels[key])
        if key == "content":
            return file_part(called(job.inputs.content) or "texture")
        if key == "style":
            return file_part("+".join(map(called, job.inputs.paintings)))
        if key == "number":
            return f"{self._number:04}"
        if key == "network" and job.network is not None:
            return file_part(Path(job.network).stem)
        if key == "network" and job.inputs.paintings:
            return ""
        return file_part(spell(getattr(job.recipe, key)))

    def __iter__(self) -> Any:
        return iter(FIELDS)

    def __len__(self) -> int:
        return len(FIELDS)


def called(source: PictureLike | None) -> str:
    """Return what a picture is called without its suffix; nothing where it has no name."""
    if isinstance(source, str | Path):
        return Path(source).stem
    if isinstance(source, Member):
        return PurePosixPath(source.name).stem
    return Path(source.name).stem if isinstance(source, Picture) else "" if source is None else "picture"


def check_names(items: Sequence[Item], folder: Path) -> None:
    """Raise `UsageError` where two items are of one file, `OutputError` where one is an input or leads out.

    Some file systems do not tell upper case from lower.
    """
    taken: dict[str, int] = {}
    for number, item in enumerate(items):
        if (other := taken.setdefault(item.output.casefold(), number)) != number:
            more = len(items) - len({one.output.casefold() for one in items})
            raise UsageError(
                f"items {other + 1} and {number + 1} would both be {item.output}"
                + (f" ({more} such in all)" if more > 1 else "")
                + "; tell them apart in --name, by {style}, {number} or another field"
            )
    inputs = {
        files.identity(source)
        for item in items
        for source in (*item.job.inputs.files, item.job.encoder, item.job.network)
        if isinstance(source, str | Path) and source != "-"
    }
    inside: dict[str, bool] = {}
    for item in items:
        parent = str(Path(item.output).parent)
        if parent not in inside:
            inside[parent] = files.within(folder / parent, folder)
        if not inside[parent] or Path(item.output).is_absolute():
            raise OutputError(f"{folder / item.output}: leads out of {folder}, by a link or ..; name another folder")
        files.check_name(folder / item.output)
        if files.identity(folder / item.output) in inputs:
            raise OutputError(f"{folder / item.output}: is also an input; name another folder")
