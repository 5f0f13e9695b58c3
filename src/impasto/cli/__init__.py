"""The command line: `main` runs a command and turns whatever happens into an exit status.

0 ok, 2 usage, 3 input, 4 weights, 5 resources, 130 and 143 after SIGINT and SIGTERM, 141 when whoever read the
output went away, 1 for a mistake in impasto itself. stdout is data, stderr is talk; an error is one line.
"""

import errno
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

from impasto import allocator, threads
from impasto.cli import processes
from impasto.cli.session import Session, printing
from impasto.cli.signals import Stopped
from impasto.errors import ImpastoError, ResourceError

BROKEN_PIPE = 141
"""What a shell reports of a process that SIGPIPE ended."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system says where a disk, somebody's part of it, or a file holds no more."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (`sys.argv` when None), print what there is to say, and return the exit status."""
    try:
        threads.prepare()
        allocator.prepare()
        with Session() as session:
            return _answer(list(sys.argv[1:] if argv is None else argv), session)
    # Around everything, as a signal may arrive between any two lines.
    except (Stopped, KeyboardInterrupt) as stop:
        return stop.exit_code if isinstance(stop, Stopped) else 130


def _answer(arguments: list[str], session: Session) -> int:
    """Run a command line, say what went wrong with it, and return the exit status."""
    # Before the parser takes them off the list.
    debug = "--debug" in (arguments[: arguments.index("--")] if "--" in arguments else arguments)
    try:
        return _run(arguments or ["--help"], session)
    except BrokenPipeError:
        _forget_stdout()
        return BROKEN_PIPE
    except Exception as error:
        if debug:
            traceback.print_exc()
        status, message = _explain(error)
        # What is refused is refused by all processes, and said by the first.
        if status == 1 or not processes.silent():
            session.terminal.error(message)
        try:
            if sys.stdout is not None:
                sys.stdout.flush()
        except (OSError, ValueError):
            _forget_stdout()
        return status


def _run(arguments: list[str], session: Session) -> int:
    import typer

    from impasto.cli.app import app

    if "_IMPASTO_COMPLETE" in os.environ:
        app(prog_name="impasto")
    command: Any = typer.main.get_command(app)
    try:
        # Not command.main(): it prints usage errors over several lines and has its own idea of broken pipes.
        with command.make_context("impasto", arguments, obj=session) as context, processes.joined(arguments):
            command.invoke(context)
    except typer.Exit as leave:
        return leave.exit_code
    except typer.Abort:
        return 130
    finally:
        if sys.stdout is not None:
            with printing():
                sys.stdout.flush()
    return 0


def _explain(error: Exception) -> tuple[int, str]:
    """Return the exit status of an error, and its one line."""
    if isinstance(error, ImpastoError):
        return error.exit_code, str(error)
    if hasattr(error, "format_message"):
        from impasto.cli.usage import explain

        return explain(error)
    if isinstance(error, MemoryError):
        return ResourceError.exit_code, "not enough memory; use a smaller --size"
    if isinstance(error, OSError) and error.errno in FULL:
        where = error.filename or "standard output or a temporary file"
        return ResourceError.exit_code, f"{where}: could not be written ({error.strerror}); make room"
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return 1, f"{what[:300]} (a mistake in impasto; run again with --debug to see where)"


def _forget_stdout() -> None:
    # Python flushes stdout once more as it ends, and would complain that nobody takes it.
    silence = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(silence, sys.stdout.fileno())
    except (OSError, ValueError):
        sys.stdout = None  # as Python itself does where there is no stdout
    finally:
        os.close(silence)
