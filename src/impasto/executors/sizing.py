"""How many processes there are room for: by cores, by memory, by devices."""

from dataclasses import dataclass

from impasto import limits, threads
from impasto.errors import UsageError
from impasto.executors.processes import Processes

BASE_BYTES = 500 << 20
"""Memory of a process that has torch, an encoder and nothing to do yet, bytes; measured, rounded up."""
PAINTING_BYTES = 1 << 30
"""Memory that is counted for one piece of work where nobody says, bytes: a painting of 512 px takes less."""
SPARE = 0.9
"""Fraction of the free memory that the processes share: what else runs takes some, too."""


@dataclass(frozen=True)
class Sizing:
    """How the machine is divided."""

    workers: int
    threads: int
    """Of torch, in each process."""
    memory: int | None
    """Bytes that each process may have; None where the system does not tell what is free."""
    gpus: int = 0
    """How many GPUs they share out; 0 where none is painted on."""


def divide(
    count: int | None = None,
    *,
    workers: int | None = None,
    threads_each: int | None = None,
    bytes_each: int = PAINTING_BYTES,
    device: str = "auto",
) -> Sizing:
    """Divide the machine among `count` pieces of work of `bytes_each`, beside what a process takes for itself.

    On processors, as many processes as there are cores, or as there is memory for, each with as many threads as are
    left to it; on GPUs, one for each. `workers` and `threads_each` are what a person wants instead. Raises `UsageError`
    for less than one of either.
    """
    if (workers is not None and workers < 1) or (threads_each is not None and threads_each < 1):
        raise UsageError("workers and threads are counted from 1")
    cores, allowed = threads.physical_cores(), threads.quota()
    if allowed is not None:
        cores = max(1, min(cores, int(allowed)))
    free = limits.available()
    gpus = 0
    if device != "cpu":
        from impasto.optim import devices  # with torch, which takes a second

        kind = devices.choose(device)
        if kind.type == "cuda":
            import torch

            gpus = torch.cuda.device_count() if kind.index is None else 1
        elif kind.type == "mps":
            gpus = 1
    if workers is None:
        workers = gpus or max(1, cores // (threads_each or 1))
        if free is not None and not gpus:
            workers = min(workers, max(1, int(SPARE * free) // (BASE_BYTES + bytes_each)))
        if count is not None:
            workers = max(1, min(workers, count))
    return Sizing(workers, threads_each or max(1, cores // workers), share(workers), gpus)


def share(workers: int) -> int | None:
    """Return the bytes that each of so many processes may have of what is free; None where that cannot be told."""
    free = limits.available()
    return None if free is None else int(SPARE * free) // workers


def processes(
    count: int | None = None,
    *,
    workers: int | None = None,
    threads: int | None = None,
    bytes_each: int = PAINTING_BYTES,
    device: str = "auto",
) -> Processes:
    """Return the executor of this machine, divided by `divide`."""
    sizing = divide(count, workers=workers, threads_each=threads, bytes_each=bytes_each, device=device)
    return Processes(sizing.workers, sizing.threads, sizing.gpus)
