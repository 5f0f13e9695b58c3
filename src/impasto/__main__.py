"""`python -m impasto`, and the command `impasto`: what must be in place before anything takes time to import."""

import os
import signal
import sys
from types import FrameType


def main() -> int:
    """Run the command line of this process, and return its exit status."""
    _leave_quietly()
    _open_streams()
    from impasto.cli import main as run

    return run()


def _leave_quietly() -> None:
    """Let a signal end the process while it still imports, when there is nothing to save and nobody to tell."""

    def leave(signum: int, _frame: FrameType | None) -> None:
        os._exit(128 + signum)

    # SIGBREAK is Windows's: Ctrl-Break, and the closing of a console. Not from impasto.cli, which takes time to import.
    names = ("SIGINT", "SIGTERM", "SIGBREAK")
    for signum in (getattr(signal, name) for name in names if hasattr(signal, name)):
        # Whoever started us ignoring a signal (nohup, a script's &) meant it.
        if signal.getsignal(signum) is not signal.SIG_IGN:
            signal.signal(signum, leave)


def _open_streams() -> None:
    """Open what is closed of standard input, output and error: else the next file gets its number, and what is printed.

    `sys.stdin` and the others stay None, by which Python says that they were closed.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


if __name__ == "__main__":
    sys.exit(main())
