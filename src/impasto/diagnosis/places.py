"""Folders that impasto writes to, the weights it finds, and the browser that the studio opens."""

import os
import tempfile
import webbrowser
from collections.abc import Iterator, Mapping
from pathlib import Path

from impasto import weights
from impasto.diagnosis.finding import Finding, State, shown
from impasto.errors import ImpastoError

LEAST_ROOM_BYTES = 200 << 20
"""Free bytes on the disk of the temporary folder below which uploads and large pictures may fail: a 50-megapixel
picture in 16 bits takes 300 MB before it is compressed, ordinary ones a few."""


def findings(folders: Mapping[str, Path]) -> list[Finding]:
    """Return what is to say of `folders` (name: path), the temporary one, weights and the browser."""
    rows = [_folder(name, path, missing_is="note") for name, path in folders.items()]
    return [*rows, _temporary(), *_weights(), _browser()]


def _folder(name: str, path: Path, *, missing_is: State) -> Finding:
    """Try whether a folder can be written, without making it: of one that is not there, the nearest around it."""
    facts = {"exists": path.is_dir(), "path": shown(path)}
    problem = _unwritable(path)
    if problem:
        return Finding(name, f"{shown(path)}: {problem}", missing_is, _remedy(name), {**facts, "writable": False})
    told = "writable" if facts["exists"] else "not there yet, can be made"
    return Finding(name, f"{shown(path)}, {told}", facts={**facts, "writable": True})


def _remedy(name: str) -> str:
    variable = {"cache": "set IMPASTO_CACHE to a folder that can be written", "studio": "give impasto studio --data"}
    return variable.get(name, "go to a folder that can be written, or name outputs in one with -o")


def _unwritable(path: Path) -> str:
    """Say why nothing can be written to a folder; nothing where it can."""
    nearest = next((folder for folder in (path, *path.parents) if folder.exists()), None)
    if nearest is None:
        return "there is no such drive"
    if not nearest.is_dir():
        return f"{shown(nearest)} is no folder"
    try:
        # os.access says yes to root and on read-only mounts of some systems; a file that is made tells.
        with tempfile.TemporaryFile(dir=nearest):
            return ""
    except OSError as error:
        return f"cannot be written ({error.strerror or error})"


def _temporary() -> Finding:
    try:
        path = Path(tempfile.gettempdir())
    except OSError:
        return Finding("temporary", "no folder for temporary files", "wrong", "set TMPDIR to one that can be written")
    row = _folder("temporary", path, missing_is="wrong")
    if row.state == "wrong" or not hasattr(os, "statvfs"):
        return row
    status = os.statvfs(path)
    free = status.f_bavail * status.f_frsize
    facts = {**row.facts, "free_bytes": free}
    if free < LEAST_ROOM_BYTES:
        return Finding("temporary", f"{row.value}, {free >> 20} MiB free", "wrong", "make room, or set TMPDIR", facts)
    return Finding("temporary", f"{row.value}, {free / 2**30:.0f} GiB free", facts=facts)


def _weights() -> Iterator[Finding]:
    """Yield a line for the encoder of the package, and one for each network whose weights are had elsewhere."""
    try:
        from impasto.encoders.petite import Petite

        parameters = sum(tensor.numel() for tensor in Petite.embedded().tensors.values())
    except (ImpastoError, ImportError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        remedy = "install impasto again: pip install --force-reinstall --no-deps impasto"
        yield Finding("petite", f"cannot be loaded: {reason}", "wrong", remedy)
    else:
        value = f"part of the package, {parameters / 1e6:.1f} million parameters"
        yield Finding("petite", value, facts={"parameters": parameters})
    for network in ("vgg19", "vgg16"):
        try:
            path = weights.find(network)
        except ImpastoError as error:
            yield Finding(network, str(error), "wrong", f"correct or unset IMPASTO_{network.upper()}")
            continue
        if path is None:
            value = f"not here, and not needed; impasto weights fetch {network} gets it"
            yield Finding(network, value, facts={"path": None})
        else:
            yield Finding(network, shown(path), facts={"path": shown(path), "size_bytes": path.stat().st_size})


def _browser() -> Finding:
    try:
        name = getattr(webbrowser.get(), "name", "") or "the system's"
    except webbrowser.Error:
        remedy = "impasto studio --no-browser prints the address to open elsewhere"
        return Finding("browser", "none is found", "note", remedy, {"name": None})
    name = Path(name).name
    return Finding("browser", name, facts={"name": name})
