"""The files that a painting leaves: the picture, a preview, snapshots, a plot; all checked before it starts."""

import importlib.util
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from impasto import images
from impasto.errors import OutputError, ResourceError, UsageError

if TYPE_CHECKING:
    from impasto.events import Progress
    from impasto.painting.api import Painting
    from impasto.result import Result

PLOTS = (".png", ".svg", ".pdf")
PREVIEW_S = 2.0
"""Seconds between previews."""
PREVIEW_SHARE = 10
"""A preview waits at least this many times as long as writing the last one took."""


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
    _next_preview: float = 0.0

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
        if "-" in (self.preview, self.plot):
            raise UsageError("only the painting can go to standard output; name a file for --preview and --plot")
        named = [("--output", self.output), ("--preview", self.preview), ("--plot", self.plot)]
        taken: dict[str, str] = {}
        for option, path in named:
            if path is None or path == "-":
                continue
            if (other := taken.setdefault(os.path.realpath(path), option)) != option:
                raise UsageError(f"{other} and {option} name the same file; give each its own")
        images.check_output(self.output, size, self.bits, self.force, inputs)
        if self.preview is not None:
            images.check_output(self.preview, size, force=self.force, inputs=inputs)
        if self.plot is not None:
            self._check_plot(self.plot, inputs)
        if self.save_every and not self.force:
            self._check_snapshots(steps)

    def show(self, stylizer: "Painting", progress: "Progress", *, last: bool = False) -> None:
        """Write the preview when one is due."""
        if self.preview is None or (time.monotonic() < self._next_preview and not last):
            return
        began = time.monotonic()
        images.save(stylizer.shown(progress), self.preview, quality=self.quality, force=True)
        now = time.monotonic()
        self._next_preview = now + max(PREVIEW_S, PREVIEW_SHARE * (now - began))

    def snapshot(self, stylizer: "Painting", step: int) -> None:
        """Write a numbered copy of the picture so far when one is due."""
        if self.save_every and step % self.save_every == 0:
            stylizer.result().save(
                self._snapshot_path(step), bits=self.bits, quality=self.quality, force=True, embed=self.embed
            )

    def save(self, result: "Result") -> None:
        """Write the painting."""
        # A path object for a file: only the very word `-` is standard output.
        target = self.output if self.output == "-" else Path(self.output)
        result.save(target, bits=self.bits, quality=self.quality, force=self.force, embed=self.embed)

    def draw(self, result: "Result") -> None:
        """Write the plot of the losses."""
        if self.plot is not None:
            from impasto.cli.plot import plot

            plot(result.history, Path(self.plot))

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
        from impasto import files

        if not self.force and any(os.path.realpath(plot) == os.path.realpath(source) for source in inputs):
            raise OutputError(f"{plot}: is also an input; name another plot or pass --force")
        files.check_output(Path(plot), force=self.force)


def check_matplotlib() -> None:
    """Raise `ResourceError` where there is no matplotlib."""
    if importlib.util.find_spec("matplotlib") is None:
        raise ResourceError("--plot needs matplotlib, which is not installed; run: pip install 'impasto[report]'")
