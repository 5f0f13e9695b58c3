"""A studio in a process of its own, and how tests talk to it: small pictures, plain HTTP, raw sockets."""

import asyncio
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from tests.type_helpers import present

SOURCE = Path(__file__).resolve().parents[2] / "src"
SMALL = {"size": 64, "iterations": 6, "levels": 1, "precision": "float32", "encoder": "petite"}
LONG = {**SMALL, "iterations": 20_000}
"""A painting that does not end while a test looks at it."""
_START = """
import json, sys
from pathlib import Path
from impasto.studio.serve import serve
from impasto.studio.settings import Settings
values = json.loads(sys.argv[1])
serve(Settings(**{**values, "data": Path(values["data"])}), lambda url: print(url, flush=True))
"""


def png(height=48, width=64, seed=1):
    """The bytes of a small picture."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    stream = io.BytesIO()
    coarse.resize((width, height), Image.Resampling.BICUBIC).save(stream, "PNG")
    return stream.getvalue()


class Answer:
    """What came back."""

    def __init__(self, status, headers, data):
        self.status, self.headers, self.data = status, headers, data

    @property
    def json(self):
        return json.loads(self.data)


class Server:
    """A studio that runs."""

    def __init__(self, data, **settings):
        self.data = Path(data)
        values = {"port": 0, "threads": 1, "checkpoint_s": 0.1, **settings, "data": str(data)}
        environment = {**os.environ, "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _START, json.dumps(values)], stdout=subprocess.PIPE, text=True, env=environment
        )
        self.out = present(self.process.stdout)
        self.url = self.out.readline().strip()
        if not self.url:
            self.process.wait(20)
            self.out.close()
            raise RuntimeError("the studio did not start")
        parts = urllib.parse.urlsplit(self.url)
        self.port = parts.port
        self.host = f"{parts.hostname}:{parts.port}"

    def call(self, path, body=None, *, method=None, timeout=60, **headers):
        """Send a request; bytes are sent as a picture, anything else as JSON."""
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        data = body
        if isinstance(body, bytes):
            named.setdefault("Content-Type", "image/png")
        elif body is not None:
            data = json.dumps(body).encode()
            named.setdefault("Content-Type", "application/json")
        request = urllib.request.Request(f"http://{self.host}{path}", data=data, headers=named, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, error.read())

    def upload(self, seed=1, role="content", name="picture.png", **size):
        """Upload a small picture; give its id."""
        answer = self.call(f"/api/pictures?role={role}", png(seed=seed, **size), X_Name=urllib.parse.quote(name))
        assert answer.status == 201, answer.data
        return answer.json["id"]

    def paint(self, recipe=None, **more):
        """Queue a small painting; give its id."""
        body = {"content": self.upload(1), "styles": [self.upload(2, "style")], "recipe": recipe or SMALL, **more}
        answer = self.call("/api/jobs", body)
        assert answer.status == 201, answer.data
        return answer.json["id"]

    def job(self, job):
        """Return a job's state."""
        return self.call(f"/api/jobs/{job}").json

    def act(self, job, what):
        """Pause, resume, stop, cancel or retry."""
        return self.call(f"/api/jobs/{job}/{what}", {})

    def wait(self, job, *states, until=None, timeout=150):
        """Wait until a job is in one of some states, or `until` holds of it."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            found = self.job(job)
            if found["state"] in states or (until is not None and until(found)):
                return found
            time.sleep(0.05)
        raise AssertionError(f"the job is {found['state']} at step {found['step']}: {found['error']}")

    def events(self, job, timeout=150):
        """Open a job's stream; give (event, data) one after another."""
        request = urllib.request.Request(f"http://{self.host}/api/jobs/{job}/events")
        with urllib.request.urlopen(request, timeout=timeout) as stream:
            event = ""
            for raw in stream:
                key, _, value = raw.decode().strip().partition(": ")
                if key == "event":
                    event = value
                elif key == "data":
                    yield event, json.loads(value)

    def worker(self):
        """Return the number of the process that paints."""
        return children(self.process.pid, "impasto.studio.worker")[0]

    def raw(self, *parts, timeout=20, pause_s=0.0, to_the_end=False):
        """Send bytes as they are; return the first whole answer, or all that comes until the connection ends."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as connection:
            connection.settimeout(timeout)
            try:
                for part in parts:
                    connection.sendall(part)
                    time.sleep(pause_s)
            except OSError:
                pass
            found = b""
            try:
                while (to_the_end or not whole(found)) and (piece := connection.recv(65536)):
                    found += piece
            except OSError:
                pass
            return found

    def kill(self):
        """End it as a crash does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)
        self.out.close()

    def end(self):
        """End it as Ctrl-C does; give the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(20)
        self.out.close()
        return self.process.returncode


def whole(answer):
    """Whether all of an answer that says its length has come."""
    head, blank, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: (\d+)", head.lower())
    return bool(blank) and length is not None and len(body) >= int(length[1])


def children(parent, module):
    """Return the numbers of a process's children that run a module."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
            words = (path.parent / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if int(fields[1]) == parent and module.encode() in words and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def alive(pid):
    """Whether a process runs."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def together(count, do):
    """Do something `count` times at once; give what came of it."""
    found = [None] * count

    def run(index):
        found[index] = do(index)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def in_thread(do):
    """Return what `do` gives in a thread of its own: browser tests leave a loop running in the main one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(do).result()


def run(coroutine):
    """Return what a coroutine gives, in a thread of its own."""
    return in_thread(lambda: asyncio.run(coroutine))
