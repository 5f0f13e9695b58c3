"""One command line in several processes, as `torchrun` starts them: `torchrun --nproc-per-node 2 -m impasto paint ...`.

The first process reads, writes and talks as ever; the others compute, and say nothing but their own mistakes.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence

from impasto.errors import UsageError

SHARED = ("paint", "resume", "texture", "mix", "train")
"""The commands that several processes can share."""


def rank() -> int | None:
    """Return the number of this process, 0 for the first; None where it is the only one."""
    # All three, because job schedulers set one or the other for purposes of their own.
    said = {name: os.environ.get(name, "") for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR")}
    if not (said["MASTER_ADDR"] and said["RANK"].isdecimal() and said["WORLD_SIZE"].isdecimal()):
        return None
    return int(said["RANK"]) if int(said["WORLD_SIZE"]) > 1 else None


def silent() -> bool:
    """Return whether another process does the talking."""
    return bool(rank())


@contextlib.contextmanager
def joined(arguments: Sequence[str]) -> Iterator[None]:
    """Work together with the other processes on the command that `arguments` name, where there are any.

    Raises `UsageError` for a command that each of them would do for itself, over the others' files.
    """
    if rank() is None or {"-h", "--help"} & set(arguments):
        yield
        return
    command = next((argument for argument in arguments if not argument.startswith("-")), "")
    if command not in SHARED:
        raise UsageError(
            f"impasto {command}: is no work for several processes ({', '.join(SHARED)} are); start it without torchrun"
        )
    import typer

    from impasto.optim import parallel

    parallel.join_processes()
    try:
        yield
    except typer.Exit:
        parallel.leave_processes()
        raise
    # Not after an error: the others may wait for this process, and only its end lets them go.
    parallel.leave_processes()
