"""The folder of a batch, which is the truth about it, whoever was killed meanwhile.

`.impasto-batch` in it holds a manifest (how many jobs, of what hash, painted how), the jobs, and one small file for
each of them, which is in one of four places: `todo`, `held/NUMBER@WHOM`, `done` or `failed`. Moving from one to the
next is one rename, which only one process can do. What is done or failed holds its row.
"""

import contextlib
import json
import os
import re
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from impasto import files
from impasto.errors import OutputError
from impasto.series.batch.items import Same, fingerprint

NAME = ".impasto-batch"
MANIFEST, JOBS = "manifest.json", "jobs.jsonl"
PLACES = ("todo", "held", "done", "failed")
VERSION = 1
LEASE_S = 900.0
"""Seconds without a sign of life after which a process of another machine counts as dead."""
BEAT_S = 60.0
"""Seconds between two signs of life."""
_MOST_BYTES = 2**30
"""Longest list of jobs that is read, bytes: some million."""


class JobFolder:
    """The jobs of a batch's folder, as one process sees them. A context manager: it gives signs of life meanwhile."""

    def __init__(self, folder: Path, manifest: Mapping[str, Any]) -> None:
        self.folder, self.manifest = folder, dict(manifest)
        self._home = folder / NAME
        self._owner = f"{_safe(socket.gethostname())}-{os.getpid()}-{_began(os.getpid())}"
        self._todo: list[str] = []
        self._mine: set[str] = set()
        self._ended = threading.Event()

    @classmethod
    def create(
        cls, folder: Path, entries: Sequence[Mapping[str, Any]], tickets: int | None = None, **manifest: Any
    ) -> Self:
        """Make the jobs of a new batch, all or none; where another process was quicker, open its own.

        `tickets` are how many pieces are claimed and done, where these are not the entries but several of them each.
        Raises `OutputError` where they cannot be written.
        """
        whole = {"version": VERSION, "jobs": len(entries), "sha256": fingerprint(entries), **manifest}
        home = folder / NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
            making = Path(tempfile.mkdtemp(prefix=files.PREFIX, dir=folder))
            try:
                for place in PLACES:
                    (making / place).mkdir()
                with (making / JOBS).open("w", encoding="utf-8") as stream:
                    stream.writelines(f"{json.dumps(entry, sort_keys=True)}\n" for entry in _shortened(entries))
                for number in range(len(entries) if tickets is None else tickets):
                    (making / "todo" / _ticket(number)).touch()
                (making / MANIFEST).write_text(json.dumps(whole, sort_keys=True, indent=1), "utf-8")
                umask = os.umask(0)
                os.umask(umask)
                making.chmod(0o777 & ~umask)
                with contextlib.suppress(FileExistsError, OSError) if home.exists() else contextlib.nullcontext():
                    making.rename(home)
            finally:
                if making.exists():
                    shutil.rmtree(making, ignore_errors=True)
        except OSError as error:
            raise OutputError(f"{home}: cannot be written ({error.strerror or error}); name another folder") from None
        return cls.open(folder)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Return the jobs of a folder. Raises `OutputError` where it has none, or damaged ones."""
        home = folder / NAME
        if not home.is_dir():
            raise OutputError(f"{folder}: has no batch to go on with; begin one without --resume")
        try:
            manifest = json.loads((home / MANIFEST).read_bytes())
            version, jobs, sha256 = manifest["version"], manifest["jobs"], manifest["sha256"]
            if version != VERSION or type(jobs) is not int or not isinstance(sha256, str):
                raise ValueError
            if not all((home / place).is_dir() and not (home / place).is_symlink() for place in PLACES):
                raise ValueError
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            raise OutputError(
                f"{home}: is damaged, or of another version of impasto; move it away, or name another folder"
            ) from None
        return cls(folder, manifest)

    def entries(self) -> list[dict[str, Any]]:
        """Return the jobs as they were described. Raises `OutputError` where they are not those of the manifest."""
        path = self._home / JOBS
        try:
            if path.stat().st_size > _MOST_BYTES:
                raise ValueError
            with path.open(encoding="utf-8") as stream:
                entries = _lengthened(map(json.loads, stream))
            if fingerprint(entries) != self.manifest["sha256"]:
                raise ValueError
        except (OSError, ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError):
            raise OutputError(f"{path}: was changed or is damaged; name another folder") from None
        return entries

    def __enter__(self) -> Self:
        threading.Thread(target=self._beat, daemon=True, name="beat").start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        for ticket in list(self._mine):
            self.give_back(int(ticket))

    def recover(self) -> int:
        """Take back what dead processes held, and what failed, to be tried again; return how many were held."""
        held = 0
        for path in list(_listed(self._home / "held")):
            ticket, _, owner = path.name.partition("@")
            if (self._home / "done" / ticket).exists():
                _unlink(path)
            elif not self._lives(path, owner):
                held += _rename(path, self._home / "todo" / ticket)
        for path in list(_listed(self._home / "failed")):
            _rename(path, self._home / "todo" / path.name)
        return held

    def claim(self) -> int | None:
        """Take one job, which nobody else then has; None where no more are to do."""
        for again in (False, True):
            if again and not self._todo:
                self._todo = sorted((path.name for path in _listed(self._home / "todo")), reverse=True)
            while self._todo:
                ticket = self._todo.pop()
                if _rename(self._home / "todo" / ticket, self._held(ticket)):
                    # A sign of life: the file may be older than the lease.
                    with contextlib.suppress(OSError):
                        os.utime(self._held(ticket))
                    self._mine.add(ticket)
                    return int(ticket)
        return None

    def finish(self, number: int, row: Mapping[str, Any], *, failed: bool = False) -> None:
        """Record what came of a job. Raises `OutputError` where that cannot be written."""
        ticket = _ticket(number)
        if not self._held(ticket).exists():
            return  # somebody took this process for dead, and paints it again
        files.write_bytes(self._held(ticket), f"{json.dumps(row, sort_keys=True)}\n".encode())
        _rename(self._held(ticket), self._home / ("failed" if failed else "done") / ticket)
        self._mine.discard(ticket)

    def give_back(self, number: int) -> None:
        """Let others have a job that was taken and not done."""
        ticket = _ticket(number)
        _rename(self._held(ticket), self._home / "todo" / ticket)
        self._mine.discard(ticket)

    def part(self, number: int) -> Path:
        """Return a new file for what there is of a piece that was claimed, until all of it is done."""
        return self._home / "parts" / f"{_ticket(number)}@{self._owner}-{time.time_ns()}"

    def parts(self, number: int) -> list[Path]:
        """Return what there is of a piece, of all processes that ever had it."""
        return sorted(path for path in _listed(self._home / "parts") if path.name.startswith(f"{_ticket(number)}@"))

    def repeat(self, number: int) -> None:
        """Let a job be done that was done already."""
        _rename(self._home / "done" / _ticket(number), self._home / "todo" / _ticket(number))

    def rows(self, place: str = "done") -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the number and the row of every job that is `done` or `failed`."""
        for path in sorted(_listed(self._home / place)):
            with contextlib.suppress(OSError, ValueError, RecursionError):
                row = json.loads(path.read_bytes())
                if isinstance(row, dict):
                    yield int(path.name), row

    def count(self, place: str) -> int:
        """Return how many jobs are in a place."""
        return sum(1 for _ in _listed(self._home / place))

    def _held(self, ticket: str) -> Path:
        return self._home / "held" / f"{ticket}@{self._owner}"

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_S):
            for ticket in list(self._mine):
                with contextlib.suppress(OSError):
                    os.utime(self._held(ticket))

    def _lives(self, path: Path, owner: str) -> bool:
        host, _, rest = owner.rpartition("-")[0].rpartition("-")
        if owner == self._owner:
            return True
        if host == _safe(socket.gethostname()) and rest.isdecimal():
            return _began(int(rest)) == owner.rpartition("-")[2] != ""
        with contextlib.suppress(OSError):
            return _now(self._home) - path.stat().st_mtime < LEASE_S
        return False


def _shortened(entries: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield entries with the number of the entry that has the same recipe in a recipe's place: most have one."""
    first: dict[str, int] = {}
    recipes: Same[str] = Same(lambda recipe: json.dumps(recipe, sort_keys=True))
    for number, entry in enumerate(entries):
        known = first.setdefault(recipes(entry["recipe"]), number)
        yield dict(entry) if known == number else {**entry, "recipe": known}


def _lengthened(entries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    whole: list[dict[str, Any]] = []
    for entry in entries:
        if isinstance(entry["recipe"], int):
            entry["recipe"] = whole[entry["recipe"]]["recipe"]
        whole.append(entry)
    return whole


def _ticket(number: int) -> str:
    return f"{number:07}"


def _listed(folder: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if re.fullmatch(r"[0-9]{7}(@.*)?", entry.name):
                yield Path(entry.path)


def _rename(one: Path, other: Path) -> bool:
    try:
        one.rename(other)
    except FileNotFoundError:
        return False
    except PermissionError:
        if sys.platform == "win32":  # another process renames it at this moment
            return False
        raise
    return True


def _unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _safe(host: str) -> str:
    return re.sub(r"[^\w.-]", "_", host)[:64] or "host"


def _began(pid: int) -> str:
    """Return when a process began, in ticks of its machine; nothing where there is no such process.

    Numbers of processes come again; where the system does not tell, the number alone has to do.
    """
    if sys.platform == "win32":
        return "0" if _runs(pid) else ""  # os.kill(pid, 0) is a Ctrl-C there
    try:
        # The name may hold spaces and brackets; the twentieth word after it is the time.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except IndexError:
        return ""
    except OSError:
        if Path("/proc/self/stat").exists():
            return ""
    with contextlib.suppress(OSError):
        os.kill(pid, 0)
        return "0"
    return ""


def _runs(pid: int) -> bool:
    """Return whether a process of Windows is at work; of one that belongs to somebody else, True."""
    import ctypes

    windows: Any = ctypes  # which has these two only there
    kernel = windows.WinDLL("kernel32", use_last_error=True)
    kernel.OpenProcess.restype = ctypes.c_void_p
    may_wait, denied, still_at_work = 0x00100000, 5, 0x102
    handle = kernel.OpenProcess(may_wait, False, pid)
    if not handle:
        return bool(windows.get_last_error() == denied)
    try:
        return bool(kernel.WaitForSingleObject(ctypes.c_void_p(handle), 0) == still_at_work)
    finally:
        kernel.CloseHandle(ctypes.c_void_p(handle))


def _now(folder: Path) -> float:
    """Return the time as the file system's server has it."""
    handle, name = tempfile.mkstemp(prefix=files.PREFIX, dir=folder)
    os.close(handle)
    try:
        return Path(name).stat().st_mtime
    except OSError:
        return time.time()
    finally:
        _unlink(Path(name))
