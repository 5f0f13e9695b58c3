"""Fuzz everything that reads other people's files: `python scripts/fuzz.py --seconds 60 --seed 0`, or `make fuzz`.

Valid files are damaged, and read in a process of their own. Only impasto's own errors may come out, within a time and a
memory for each input. The same seed tries the same inputs in the same order; more seconds try more of them. What is
wrong is kept as a file in the folder that is printed, and the exit status is then 1.
"""

import argparse
import multiprocessing
import os
import random
import resource
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import fuzz_kinds
import torch
from fuzz_kinds import KINDS, Input, Kind

from impasto.errors import ImpastoError

SECONDS_EACH = 20.0
"""Longest that one input may take of the processor, which tells nothing of how busy the machine is. Most take a
millisecond."""
STALLED_EACH = 400.0
"""Seconds after which an input hangs that takes no time of the processor; a busy machine may let it wait that long."""
MEMORY_EACH = 512 << 20
"""Bytes by which reading one input may raise the most that the process ever held."""
ADDRESSES = 8 << 30
"""Bytes of address space of the process that reads: what grows without end is stopped before the machine suffers."""


@dataclass
class Tally:
    """What came of one kind."""

    name: str
    inputs: int = 0
    read: int = 0
    slowest_s: float = 0.0
    peak_bytes: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    def line(self) -> str:
        """Write it as a row of the table."""
        refused = self.inputs - self.read - len(self.faults)
        return (
            f"{self.name:13} {self.inputs:7} {self.read:7} {refused:8} {len(self.faults):7} {self.seconds:6.1f} "
            f"{self.slowest_s:8.2f} {self.peak_bytes / 2**20:8.0f}"
        )


HEADER = f"{'kind':13} {'inputs':>7} {'read':>7} {'refused':>8} {'faults':>7} {'s':>6} {'slowest':>8} {'MiB':>8}"


def damaged(kind: Kind, valid: Sequence[bytes], seed: int, number: int) -> bytes:
    """Return input `number` of a kind: the valid files themselves first, and then damaged ones."""
    if number < len(valid):
        return valid[number]
    chance = random.Random(f"{seed} {kind.name} {number}")
    made = kind.mutate(chance.choice(valid), list(valid), chance)
    return kind.mend(made) if kind.mend is not None and chance.random() < 0.5 else made


def attempt(kind: Kind, data: bytes, chance: random.Random, path: Path) -> str:
    """Read one input. Return `read` or `refused`, or else what escaped, and the last line of ours that it came from."""
    path.write_bytes(data)
    try:
        kind.read(Input(data, path, chance))
    except ImpastoError as error:
        return "refused" if "\n" not in str(error) and len(str(error)) < 4000 else f"an error of no one line: {error}"
    except Exception as error:
        where = [frame for frame in traceback.extract_tb(error.__traceback__) if "impasto" in frame.filename]
        last = f" at {Path(where[-1].filename).name}:{where[-1].lineno}" if where else ""
        return f"{type(error).__name__}{last}: {' '.join(str(error).split())[:200]}"
    return "read"


def serve(kind: Kind, seed: int, parent: Connection, folder: Path) -> None:
    """Read the inputs whose numbers the parent sends, and answer with what came of each."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, hard))
    # Whatever decoders print is about files that are damaged on purpose.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    fuzz_kinds.quiet()
    os.chdir(folder)
    valid = kind.valid()
    path = folder / f"input-{os.getpid()}"
    # Once, so that libraries are loaded before memory is measured.
    attempt(kind, valid[0], random.Random(0), path)
    parent.send(len(valid))
    while (number := parent.recv()) is not None:
        data = damaged(kind, valid, seed, number)
        Path("last").write_bytes(data)
        before, began = _peak(), time.process_time()
        outcome = attempt(kind, data, random.Random(number), path)
        took, grew = time.process_time() - began, _peak() - before
        if outcome in ("read", "refused") and grew > MEMORY_EACH:
            outcome = f"memory: took {grew / 2**20:.0f} MiB more"
        parent.send((outcome, took, _peak()))


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class Reader:
    """A process that reads inputs of one kind; it may hang, or die."""

    def __init__(self, kind: Kind, seed: int, folder: Path) -> None:
        context = multiprocessing.get_context("fork")
        self._end, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(kind, seed, theirs, folder), daemon=True)
        self.process.start()
        theirs.close()
        self.valid = self._hear()

    def __call__(self, number: int) -> tuple[str, float, int] | None:
        """Have one input read. Return None where no answer came in time: the process is ended then."""
        try:
            self._end.send(number)
        except OSError:
            return None
        found: tuple[str, float, int] | None = self._hear()
        return found

    def _hear(self) -> Any:
        """Wait for an answer. Return None where none came in time, or none can come any more."""
        spent, began = self._spent(), time.monotonic()
        try:
            while not self._end.poll(min(1.0, SECONDS_EACH)):
                if self._spent() - spent > SECONDS_EACH or time.monotonic() - began > STALLED_EACH:
                    return None
            return self._end.recv()
        except (EOFError, OSError):
            return None

    def _spent(self) -> float:
        """Return the seconds of the processor that the process had so far: of itself and for it."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def why(self) -> str:
        """End it, and say why it did not answer."""
        # One that is about to end has closed its pipe already.
        self.process.join(1)
        if self.process.is_alive():
            self.end()
            return f"time: took more than {SECONDS_EACH:.0f} s"
        return f"the process died (exit {self.process.exitcode})"

    def end(self) -> None:
        """End it."""
        self.process.kill()
        self.process.join()
        self._end.close()


def fuzz(kind: Kind, seconds: float, seed: int, keep: Path, most: int | None = None) -> Tally:
    """Try inputs of one kind for some seconds, or `most` of them; keep what is wrong in a folder."""
    tally, began = Tally(kind.name), time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="impasto-fuzz-"))
    reader = Reader(kind, seed, folder)
    number = 0
    try:
        # The valid files are tried however short the time is.
        while number < (reader.valid or 1) or time.monotonic() - began < seconds:
            if most is not None and number >= most:
                break
            answer = reader(number)
            outcome, took, peak = answer or (reader.why(), 0.0, 0)
            tally.inputs += 1
            tally.read += outcome == "read"
            tally.slowest_s, tally.peak_bytes = max(tally.slowest_s, took), max(tally.peak_bytes, peak)
            if outcome not in ("read", "refused"):
                tally.faults.append(f"{kind.name} {number}: {outcome}")
                keep.mkdir(parents=True, exist_ok=True)
                if (folder / "last").exists():
                    shutil.copyfile(
                        folder / "last", keep / f"{kind.name.replace(', ', '-').replace(' ', '-')}-{number}"
                    )
            if answer is None:
                reader = Reader(kind, seed, folder)
            number += 1
    finally:
        if reader.process.is_alive():
            reader.end()
        shutil.rmtree(folder, ignore_errors=True)
    tally.seconds = time.monotonic() - began
    return tally


def main(arguments: Sequence[str] | None = None, *, say: Callable[[str], None] = print) -> int:
    """Fuzz, print what was tried, and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="for all kinds together")
    parser.add_argument("--each", type=float, metavar="SECONDS", help="for each kind, in place of --seconds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", action="append", choices=[kind.name for kind in KINDS], help="only this; repeat")
    parser.add_argument("--inputs", type=int, help="of each kind at most")
    parser.add_argument(
        "--keep", type=Path, default=Path("out/fuzz"), help="folder for inputs that something is wrong with"
    )
    options = parser.parse_args(arguments)
    chosen = [kind for kind in KINDS if not options.kind or kind.name in options.kind]
    share = options.seconds / len(chosen) if options.each is None else options.each
    say(f"seed {options.seed}, {share:g} s a kind, {SECONDS_EACH:g} s and {MEMORY_EACH >> 20} MiB an input at most")
    say(HEADER)
    faults: list[str] = []
    inputs = 0
    for kind in chosen:
        tally = fuzz(kind, share, options.seed, options.keep.resolve(), options.inputs)
        say(tally.line())
        faults += tally.faults
        inputs += tally.inputs
    say(f"{inputs} inputs, {len(faults)} faults" + (f", kept in {options.keep}" if faults else ""))
    told: dict[str, list[str]] = {}
    for fault in faults:
        which, _, what = fault.partition(": ")
        told.setdefault(f"{which.rpartition(' ')[0]}: {what}", []).append(which.rpartition(" ")[2])
    for what, numbers in told.items():
        say(f"{what} (inputs {', '.join(numbers[:5])}{f' and {len(numbers) - 5} more' if len(numbers) > 5 else ''})")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
