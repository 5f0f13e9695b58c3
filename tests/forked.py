"""Processes that begin at once: forked from the tests' own, which has torch loaded already.

They are as real as any: an own number, own standard streams, folder and environment; signals end them, and their parent
reads how. What they do not test is a new interpreter: how it starts, imports and flushes is for `subprocess`.
"""

import contextlib
import logging
import os
import select
import signal
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import IO, NoReturn


class Forked:
    """A process that runs `do` and ends with the status it returns; much of `subprocess.Popen`, and used like it.

    `stdout` and `stderr`: a file descriptor, `subprocess.PIPE`, `subprocess.DEVNULL`, or None for the parent's own.
    """

    def __init__(
        self,
        do: Callable[[], int | None],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
    ) -> None:
        self.returncode: int | None = None
        self.stdout, outward = _stream(stdout)
        self.stderr, talking = _stream(stderr)
        environment = dict(os.environ if env is None else env)
        with warnings.catch_warnings():
            # Python 3.12 warns of threads, which a forked process has no more: those of the test runner only read.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if not self.pid:
            _become(do, environment, cwd, (outward, talking))
        for descriptor in (outward, talking):
            if descriptor is not None and descriptor not in (stdout, stderr):
                os.close(descriptor)

    def poll(self) -> int | None:
        """Return how it ended, negative for a signal, or None while it runs."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float = 120) -> int:
        """Wait until it has ended, and return how."""
        deadline = time.monotonic() + timeout
        while (status := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("a forked process", timeout)
            time.sleep(0.005)
        return status

    def send_signal(self, signum: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, signum)

    def kill(self) -> None:
        """End it as a crash does."""
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float = 120) -> tuple[bytes | None, bytes | None]:
        """Read what it still says, wait until it has ended, and return what came on its pipes."""
        deadline = time.monotonic() + timeout
        pipes = [pipe for pipe in (self.stdout, self.stderr) if pipe is not None and not pipe.closed]
        said = dict.fromkeys(pipes, b"")
        while pipes:
            ready, _, _ = select.select(pipes, [], [], max(deadline - time.monotonic(), 0))
            if not ready:
                raise subprocess.TimeoutExpired("a forked process", timeout)
            for pipe in ready:
                piece = os.read(pipe.fileno(), 1 << 16)
                said[pipe] += piece
                if not piece:
                    pipes.remove(pipe)
                    pipe.close()
        self.wait(max(deadline - time.monotonic(), 0.1))
        out, err = (None if pipe is None else said.get(pipe, b"") for pipe in (self.stdout, self.stderr))
        return out, err


def impasto(arguments: Sequence[object]) -> Callable[[], int]:
    """Return what runs `impasto` with arguments."""

    def run() -> int:
        from impasto.__main__ import main

        sys.argv = ["impasto", *map(str, arguments)]
        return main()

    return run


def forget_impasto() -> None:
    """Import impasto's modules once more when they are next needed, as a new interpreter would; torch's stay."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "impasto"]:
        del sys.modules[name]


def _stream(wanted: int | None) -> tuple[IO[bytes] | None, int | None]:
    """Return the parent's end of a pipe, and what the child has as its stream."""
    if wanted == subprocess.PIPE:
        reader, writer = os.pipe()
        return os.fdopen(reader, "rb", buffering=0), writer
    if wanted == subprocess.DEVNULL:
        return None, os.open(os.devnull, os.O_WRONLY)
    return None, wanted


def _become(
    do: Callable[[], int | None],
    environment: Mapping[str, str],
    cwd: str | os.PathLike[str] | None,
    streams: Sequence[int | None],
) -> NoReturn:
    """Shed what belongs to the tests, run, and end without their clean-up."""
    status = 1
    # Python does not notice that a file-size limit cut its bytecode short, and every later process would read that.
    sys.dont_write_bytecode = True
    try:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, descriptor in enumerate(streams, 1):
            if descriptor is not None:
                os.dup2(descriptor, number)
        sys.stdin, sys.stdout, sys.stderr = (
            os.fdopen(number, mode, closefd=False, encoding="utf-8") for number, mode in enumerate("rww")
        )
        os.environ.clear()
        os.environ.update(environment)
        if cwd is not None:
            os.chdir(cwd)
        logging.getLogger().handlers.clear()
        status = do() or 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)
