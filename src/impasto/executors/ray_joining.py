"""Joining a Ray cluster, or beginning one on this machine, without its own words, signals and size of memory."""

import contextlib
import logging
import os
import shutil
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

from impasto import threads as waiting
from impasto.errors import ResourceError

LOCAL = "local"
"""The address of a cluster that is begun on this machine."""
CONNECT_S = 10.0
"""Seconds that a cluster has to answer a first call."""
STORE_BYTES = 200 << 20
"""Object store of a cluster on this machine, bytes: pictures pass through it one by one, a few megabytes each."""


LONGEST_TEMPORARY = 35
"""Characters of a folder in which a cluster's sockets have room: with the name of its session, of 70, 107 at most."""


def join(ray: Any, address: str) -> None:
    """Join a cluster, or begin one on this machine, without its own words on standard error."""
    # Nobody asked for statistics to be sent anywhere; and a small /dev/shm is no reason to warn, or to refuse.
    for name, value in (("RAY_USAGE_STATS_ENABLED", "0"), ("RAY_OBJECT_STORE_ALLOW_SLOW_STORAGE", "1")):
        os.environ.setdefault(name, value)
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    if address == LOCAL:
        options |= {"num_cpus": waiting.physical_cores(), "include_dashboard": False, **_store()}
        if len(os.environ.get("TMPDIR", "")) > LONGEST_TEMPORARY:
            options["_temp_dir"] = "/tmp/ray"
        path = os.pathsep.join(filter(None, sys.path))
        options["runtime_env"] = {"env_vars": {"PYTHONPATH": path}}
    else:
        options["address"] = address
    try:
        _reach(address)
        with warnings.catch_warnings(), _handlers():
            warnings.simplefilter("ignore")
            ray.init(**options)
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ResourceError(
            f"--ray {address}: no cluster answers ({reason}); look at its nodes by ray status"
        ) from None


def _reach(address: str) -> None:
    """Raise `OSError` where nobody listens at a cluster's address: Ray itself would ask for minutes."""
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_S).close()


@contextlib.contextmanager
def _handlers() -> Iterator[None]:
    """Keep this process's own way with signals, which Ray replaces."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _store() -> dict[str, Any]:
    """Return how large the object store of a cluster on this machine is, and where, so that it fits."""
    with contextlib.suppress(OSError):
        if shutil.disk_usage("/dev/shm").free > 2 * STORE_BYTES:
            return {"object_store_memory": STORE_BYTES}
    return {"object_store_memory": STORE_BYTES, "_plasma_directory": os.environ.get("TMPDIR", "/tmp")}
