"""How the plug-ins run the `impasto` command: finding it, its options, its progress, and stopping it.

It runs in the Python of the host program, which has no torch and may be of version 3.8: nothing but the standard
library. `make plugins` puts a copy of it into each plug-in's folder.
"""

from __future__ import annotations

import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

VARIABLE = "IMPASTO"
"""The variable of the environment that names the command, where it is not on the PATH of the host program."""
STEP = re.compile(r"^step (\d+) of (\d+)")
"""How impasto tells its progress on stderr, a line every tenth of the way."""
ERROR = "impasto: error: "
"""What the one line of an error begins with."""
GRACE_S = 60.0
"""Seconds that impasto has to save what it painted once it is asked to stop: a print of 50 megapixels takes twenty."""
POLL_S = 0.2
"""Seconds between two looks at whether somebody wants to stop."""
HOST_VARIABLES = ("PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "QT_PLUGIN_PATH")
"""What bundles such as AppImages set for their own Python and libraries, and would break another one."""
METHODS = (
    *("gatys", "nnst", "strotss", "mrf", "portrait"),
    *("reshuffle", "nnst_fast", "wct", "adain", "linear", "johnson"),
)
"""The methods that a plug-in offers: those that need a photograph and a painting, or a network that ships."""
OPTIMISED = METHODS[:5]
"""Those of them that paint step by step."""
WEIGHTED = ("gatys", "strotss", "mrf", "portrait")
"""Those of them that take a weight of the content."""
NETWORKS = ("swirls", "stained_glass", "woodblock")
"""The styles that `johnson` has networks for in the package; it takes none from a painting."""


class Failed(Exception):
    """impasto ended with an error; the message is its line."""


class Cancelled(Exception):
    """The person stopped it."""


@dataclass
class Painting:
    """What `impasto paint` is asked for. Files are paths; `settings` are options by their names in the recipe."""

    content: str
    output: str
    styles: Sequence[str] = ()
    method: str = "gatys"
    size: int = 768
    content_mask: str | None = None
    style_masks: Sequence[str] = ()
    recipe: str | None = None
    settings: dict[str, object] = field(default_factory=dict)

    def arguments(self) -> list[str]:
        """Return the words of the command line after `impasto`."""
        words = ["paint", "--size", str(self.size), "--method", self.method, "--force", "-o", self.output]
        if self.recipe is not None:
            words += ["--recipe", self.recipe]
        for style in self.styles:
            words += ["--style", style]
        if self.content_mask is not None:
            words += ["--content-mask", self.content_mask]
        for mask in self.style_masks:
            words += ["--style-mask", mask]
        for name, value in sorted(self.settings.items()):
            words += [f"--{name.replace('_', '-')}", str(value)]
        return [*words, "--", self.content]


def wanted(
    content: str, output: str, styles: Sequence[str], method: str, size: int, weight: float, network: str = NETWORKS[0]
) -> Painting:
    """Return what is asked for by the settings that plug-ins offer: each method gets those that it knows.

    Raises `Failed` where it has no style.
    """
    if method == "johnson":
        return Painting(content, output, (), method, size, settings={"network": network})
    if not styles:
        raise Failed("no style is chosen; name a painting, or a layer")
    return Painting(content, output, styles, method, size, settings=weights(method, weight))


def weights(method: str, content_weight: float) -> dict[str, object]:
    """Return the weight of the content as a setting, for the methods that know one."""
    return {"content_weight": content_weight} if method in WEIGHTED else {}


def program() -> str:
    """Return the command. Raises `Failed` where it is not found."""
    if named := os.environ.get(VARIABLE):
        return named
    home = Path.home()
    folders = [home / ".local/bin", home / ".local/pipx/venvs/impasto/bin", home / "pipx/venvs/impasto/Scripts"]
    at = [None, *map(str, folders)]  # None: the PATH
    found = next(filter(None, (shutil.which("impasto", path=path) for path in at)), None)
    if found is None:
        raise Failed(f"the command impasto is not found; install it (pipx install), or set {VARIABLE} to where it is")
    return found


def environment(variables: dict[str, str]) -> dict[str, str]:
    """Return the environment of the command: the host's without what is meant for the host alone."""
    return {name: value for name, value in variables.items() if name not in HOST_VARIABLES}


def run(
    arguments: Iterable[str],
    progress: Callable[[float], object] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> str:
    """Run impasto, and return what it prints on stdout; `progress` gets fractions of the way.

    Raises `Failed` with the line of its error, `Cancelled` once `cancelled` says so and it has ended.
    """
    windows = sys.platform == "win32"
    flags = 0x08000000 | 0x00000200 if windows else 0  # no window; a group of its own, for Ctrl-Break
    try:
        process = subprocess.Popen(
            [program(), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            env=environment(dict(os.environ)),
            creationflags=flags,
        )
    except OSError as error:
        raise Failed(f"impasto cannot be started: {error.strerror or error}") from None
    lines: queue.Queue[str | None] = queue.Queue()
    printed: list[str] = []
    threads = [
        threading.Thread(target=_feed, args=(process.stderr, lines), daemon=True),
        threading.Thread(target=_collect, args=(process.stdout, printed), daemon=True),
    ]
    for thread in threads:
        thread.start()
    said, stopped = "", False
    deadline = threading.Timer(GRACE_S, process.kill)
    deadline.daemon = True
    while True:
        try:
            line = lines.get(timeout=POLL_S)
        except queue.Empty:
            line = ""
        if line is None:
            break
        if line.startswith(ERROR):
            said = line[len(ERROR) :].strip()
        if progress is not None and (step := STEP.match(line)):
            progress(int(step[1]) / max(1, int(step[2])))
        if not stopped and cancelled is not None and cancelled():
            stopped = True
            # Not SIGINT, which a program that was started in the background hands on as ignored.
            process.send_signal(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGTERM) if windows else signal.SIGTERM)
            deadline.start()
    status = process.wait()
    deadline.cancel()
    threads[1].join()
    if stopped:
        raise Cancelled
    if status:
        raise Failed(said or f"impasto ended with {status}")
    return "".join(printed)


def _feed(stream: IO[str], lines: queue.Queue[str | None]) -> None:
    """Hand on the lines of a stream, and None at its end."""
    with stream:
        for line in stream:
            lines.put(line)
    lines.put(None)


def _collect(stream: IO[str], printed: list[str]) -> None:
    with stream:
        printed.extend(stream)
