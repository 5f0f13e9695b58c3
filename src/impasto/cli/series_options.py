"""The options of commands that paint a series of pictures into a folder, and how such a command begins."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from impasto.cli import shared_options as given
from impasto.errors import UsageError

if TYPE_CHECKING:
    from impasto.cli.session import Session
    from impasto.executors import Executor
    from impasto.series import Series


@dataclass(frozen=True)
class SeriesOptions:
    """The options of every series."""

    force: given.Repaint = False
    quiet: given.Quiet = False
    dry_run: given.DryRun = False
    threads: given.Threads = None
    workers: given.Workers = 1

    def begin(self, ctx: typer.Context, output: str) -> "Session":
        """Return the session of a series that goes into a folder. Raises `UsageError` where that has no name."""
        session: Session = ctx.obj
        session.terminal.quiet = self.quiet
        if not output:
            raise UsageError("--output: the folder has no name")
        return session

    def executor(self, made: "Series") -> "Executor":
        """Return what paints a series."""
        from impasto.executors import InProcess, processes

        if self.workers in (None, 1):
            return InProcess()
        return processes(len(made.waiting), workers=self.workers, threads=self.threads)


@dataclass(frozen=True)
class PictureSeriesOptions(SeriesOptions):
    """The options of a series of pictures that the caller names, and of its report."""

    as_json: given.Json = False
    allow_truncated: given.AllowTruncated = False
    max_pixels: given.MaxPixels = None

    def reading(self) -> dict[str, Any]:
        """Return the keywords of `images.load`: the limits within which pictures are read."""
        from impasto import images

        limit = self.max_pixels or images.DEFAULT_MAX_PIXELS
        return {"max_pixels": limit, "allow_truncated": self.allow_truncated}
