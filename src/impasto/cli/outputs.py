"""The files that a painting leaves: the picture, a preview, snapshots, a plot; all checked before it starts."""

import contextlib
import importlib.util
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from impasto import files, images
from impasto.cli.byproducts import Byproducts
from impasto.errors import OutputError, ResourceError, UsageError
from impasto.events import notice

if TYPE_CHECKING:
    from impasto.events import Progress
    from impasto.result import Result
    from impasto.scene.painting import Painting

PLOTS = (".png", ".svg", ".pdf")
PREVIEW_S = 2.0
"""Seconds between previews at least."""
PREVIEW_PAUSE = 10
"""A preview waits at least this many times as long as writing the last one took: a tenth of the time at most."""


@dataclass
class Outputs:
    """What to write, where and how."""

    output: str
    preview: str | None = None
    plot: str | None = None
    save_every: int = 0
    bits: int = 8
    quality: int = 95
    embed: bool = True
    force: bool = False
    byproducts: Byproducts = field(default_factory=Byproducts)
    mine: str | None = None
    """sha256 of the picture so far, where a resumed painting may replace that and no other."""
    _next_preview: float = 0.0
    _told: set[str] = field(default_factory=set)

    def check(self, size: tuple[int, int], steps: int, inputs: Iterable[str | Path]) -> None:
        """Refuse now what could not be written after an hour of work.

        `size` is (height, width) of the picture. Raises `OutputError`, `UsageError` where two outputs are one
        file, `ResourceError` when the plot needs a package that is not there.
        """
        inputs = list(inputs)
        if self.plot is not None:
            check_matplotlib()
            if Path(self.plot).suffix.lower() not in PLOTS:
                raise OutputError(f"{self.plot}: a plot's name ends in one of {', '.join(PLOTS)}")
        if self.save_every and self.output == "-":
            raise UsageError("--save-every writes beside the output, which is standard output; name a file")
        if "-" in (self.preview, self.plot, self.byproducts.cube, self.byproducts.layers):
            raise UsageError("only the painting can go to standard output; name a file for the other options")
        named = [("--output", self.output), ("--preview", self.preview), ("--plot", self.plot)]
        named += self.byproducts.named.items()
        taken: dict[object, str] = {}
        for option, path in named:
            if path is None or path == "-":
                continue
            if (other := taken.setdefault(files.identity(path), option)) != option:
                raise UsageError(f"{other} and {option} name the same file; give each its own")
        images.check_output(self.output, size, self.bits, self.force, inputs)
        if self.preview is not None:
            images.check_output(self.preview, size, force=self.force, inputs=inputs)
        if self.plot is not None:
            self._check_plot(self.plot, inputs)
        self.byproducts.check(inputs, force=self.force)
        if self.save_every and not self.force:
            self._check_snapshots(steps)

    def show(self, stylizer: "Painting", progress: "Progress", *, last: bool = False) -> None:
        """Write the preview when one is due."""
        if self.preview is None or (time.monotonic() < self._next_preview and not last):
            return
        began = time.monotonic()
        with self._watching("preview", self.preview):
            images.save(stylizer.shown(progress), self.preview, quality=self.quality, force=True)
        now = time.monotonic()
        self._next_preview = now + max(PREVIEW_S, PREVIEW_PAUSE * (now - began))

    def snapshot(self, stylizer: "Painting", step: int) -> None:
        """Write a numbered copy of the picture so far when one is due."""
        if self.save_every and step % self.save_every == 0:
            path = self._snapshot_path(step)
            with self._watching("numbered picture", path):
                stylizer.result().save(path, bits=self.bits, quality=self.quality, force=True, embed=self.embed)

    def save(self, result: "Result") -> None:
        """Write the painting: beside the output where something appeared there meanwhile, which is then said."""
        if self.output == "-":
            self._write(result, "-", force=True)
            return
        # A path object for a file: only the very word `-` is standard output.
        target = Path(self.output)
        if not self._taken(target):
            try:
                self._write(result, target, force=self.force)
                return
            except OutputError:
                if not self._taken(target):
                    raise
        for number in range(2, 10_000):
            other = target.with_name(f"{target.stem}-{number}{target.suffix}")
            if not os.path.lexists(other):
                self._write(result, other, force=False)
                notice(f"{target}: appeared while this was painted and stays; the picture is {other}")
                self.output = str(other)
                return
        raise OutputError(f"{target}: appeared while this was painted; move it, and what else is called so")

    def rescue(self, result: "Result") -> str | None:
        """Write a painting that cannot be saved as its output where temporary files are; return its name."""
        with contextlib.suppress(OSError, OutputError):
            suffix = Path(self.output).suffix
            handle, name = tempfile.mkstemp(prefix=f"{Path(self.output).stem[:40]}-", suffix=suffix)
            os.close(handle)
            try:
                self._write(result, Path(name), force=True)
            except BaseException:
                Path(name).unlink()
                raise
            return name
        return None

    def draw(self, result: "Result") -> None:
        """Write the plot of the losses."""
        if self.plot is not None:
            from impasto.cli.plot import plot

            with self._watching("plot", self.plot):
                plot(result.history, Path(self.plot))

    def leave(self, painting: "Painting", result: "Result") -> None:
        """Write what other programs are to have of the painting; that it is missing is said, and no reason to fail."""
        with self._watching("file", next(iter(self.byproducts.named.values()), "")):
            self.byproducts.write(painting, result)

    def _write(self, result: "Result", target: "str | Path", *, force: bool) -> None:
        result.save(target, bits=self.bits, quality=self.quality, force=force, embed=self.embed)

    def _taken(self, target: Path) -> bool:
        """Return whether something is there that this painting may not replace."""
        if target.is_dir() or not self.force:
            return os.path.lexists(target)
        return self.mine is not None and os.path.lexists(target) and files.digest(target) != self.mine

    @contextlib.contextmanager
    def _watching(self, what: str, path: "str | Path") -> Iterator[None]:
        """Let nothing that goes wrong with watching stop the painting; it is said once."""
        try:
            yield
        except Exception as error:
            if what not in self._told:
                self._told.add(what)
                reason = str(error) or type(error).__name__
                named = reason if str(path) in reason else f"{path}: {reason}"
                notice(f"{named}; this {what} is missing, painting goes on")

    def _snapshot_path(self, step: int) -> Path:
        path = Path(self.output)
        return path.with_name(f"{path.stem}-{step:04}{path.suffix}")

    def _check_snapshots(self, steps: int) -> None:
        folder = Path(self.output).parent
        there = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
        for step in range(self.save_every, steps + 1, self.save_every):
            path = self._snapshot_path(step)
            if path.name in there:
                raise OutputError(f"{path}: exists already; pass --force to replace it or name another output")

    def _check_plot(self, plot: str, inputs: list[str | Path]) -> None:
        if not self.force and any(files.identity(plot) == files.identity(source) for source in inputs):
            raise OutputError(f"{plot}: is also an input; name another plot or pass --force")
        files.check_output(Path(plot), force=self.force)


def check_matplotlib() -> None:
    """Raise `ResourceError` where there is no matplotlib."""
    if importlib.util.find_spec("matplotlib") is None:
        raise ResourceError("--plot needs matplotlib, which is not installed; run: pip install 'impasto[report]'")
