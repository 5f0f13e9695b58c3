"""How quickly the studio answers while it paints: `python benchmarks/studio_load.py`.

A studio in a process of its own paints; pages watch it, and pictures arrive. Meanwhile one person loads the page, its
list of paintings and the latest preview, one request after another, each on a connection of its own. Printed are the
seconds from connecting to the last byte: median, 95th percentile and longest, before the others come and while they
are there. Uploads are timed to the end of decoding, which is one after another.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import harness


@dataclass
class Load:
    """What was seen."""

    quiet: list[float] = field(default_factory=list)
    """Seconds of each answer before the others came."""
    busy: list[float] = field(default_factory=list)
    uploads: list[float] = field(default_factory=list)
    refused: int = 0
    """Uploads that were turned away."""
    events: list[int] = field(default_factory=list)
    """Events that each page was told."""
    steps: tuple[int, int] = (0, 0)
    """Of the painting, when the others came and when they went."""


class Client:
    """Asks a studio, each time on a new connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "", parts.port or 80

    async def open(self, head: str, body: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Send a request."""
        reader, writer = await asyncio.open_connection(self.host, self.port, limit=1 << 22)
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        writer.write(f"{head} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nConnection: close\r\n{length}".encode())
        kind = "application/json" if body[:1] == b"{" else "image/jpeg"
        writer.write(f"Content-Type: {kind}\r\n\r\n".encode() + body)
        await writer.drain()
        return reader, writer

    async def ask(self, head: str, body: bytes = b"") -> tuple[int, bytes]:
        """Return status and body of an answer."""
        reader, writer = await self.open(head, body)
        answer = await reader.read()
        writer.close()
        head_of, _, rest = answer.partition(b"\r\n\r\n")
        return int(head_of.split(b" ", 2)[1]), rest


async def watch(client: Client, job: str, count: list[int], index: int) -> None:
    """Be an open page until cancelled."""
    reader, writer = await client.open(f"GET /api/jobs/{job}/events")
    try:
        while line := await reader.readline():
            count[index] += line.startswith(b"event: ")
    finally:
        writer.close()


async def person(client: Client, job: str, times: list[float], seconds: float) -> None:
    """Look at the page, the list and the preview, again and again."""
    paths = ("/", "/api/jobs", f"/api/jobs/{job}", f"/api/jobs/{job}/preview")
    end, turn = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        began = time.perf_counter()
        status, _ = await client.ask(f"GET {paths[turn % len(paths)]}")
        times.append(time.perf_counter() - began)
        if status >= 500:
            raise SystemExit(f"{paths[turn % len(paths)]} answered {status}")
        turn += 1
        await asyncio.sleep(0.05)


async def upload(client: Client, data: bytes, load: Load) -> None:
    """Bring a picture."""
    began = time.perf_counter()
    status, _ = await client.ask("POST /api/pictures", data)
    if status == 201:
        load.uploads.append(time.perf_counter() - began)
    else:
        load.refused += 1


async def measure(url: str, streams: int, uploads: int, size: int, seconds: float) -> Load:
    """Load a studio, and return what was seen."""
    client, load, photo = Client(url), Load(), harness.PHOTO.read_bytes()
    recipe = {"size": size, "iterations": 1_000_000, "levels": 1, "encoder": "petite", "precision": "float32"}
    asked = {"content": "photo-astronaut", "styles": ["style-swirls"], "recipe": recipe}
    job = json.loads((await client.ask("POST /api/jobs", json.dumps(asked).encode()))[1])["id"]

    async def step() -> int:
        return int(json.loads((await client.ask(f"GET /api/jobs/{job}"))[1])["step"])

    while await step() < 3:
        await asyncio.sleep(0.2)
    await client.ask("POST /api/pictures", photo)  # what looks at pictures is started by the first
    await person(client, job, load.quiet, seconds / 2)
    load.events = [0] * streams
    before = await step()
    pages = [asyncio.create_task(watch(client, job, load.events, index)) for index in range(streams)]
    arriving = [asyncio.create_task(upload(client, photo, load)) for _ in range(uploads)]
    await person(client, job, load.busy, seconds)
    await asyncio.gather(*arriving)
    load.steps = before, await step()
    for page in pages:
        page.cancel()
    await asyncio.gather(*pages, return_exceptions=True)
    await client.ask(f"POST /api/jobs/{job}/cancel", b"{}")
    return load


def run(streams: int, uploads: int, size: int, seconds: float, threads: int | None = None) -> Load:
    """Start a studio, load it, and end it."""
    with tempfile.TemporaryDirectory() as folder:
        more = [] if threads is None else ["--threads", str(threads)]
        command = [sys.executable, "-m", "impasto", "studio", "--no-browser", "--port", "0", "--data", folder, *more]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as studio:
            try:
                url = studio.stdout.readline().strip() if studio.stdout is not None else ""
                return asyncio.run(measure(url, streams, uploads, size, seconds))
            finally:
                studio.terminate()


def figures(times: Sequence[float]) -> list[str]:
    """Return how many answers there were, and their median, 95th percentile and longest time in seconds."""
    times = sorted(times)
    late = times[min(len(times) - 1, int(0.95 * len(times)))]
    return [str(len(times)), *(f"{seconds:.3f}" for seconds in (statistics.median(times), late, times[-1]))]


def main() -> None:
    """Print a table."""
    parser = harness.parser(__doc__)
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--uploads", type=int, default=20)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    load = run(options.streams, options.uploads, options.size, options.seconds)
    harness.heading(f"petite, {options.size} px")
    table = harness.Table("", "answers", "median s", "95 %", "longest")
    table.row("painting alone", *figures(load.quiet))
    table.row(f"with {options.streams} pages and {options.uploads} uploads", *figures(load.busy))
    if load.uploads:
        table.row("uploads", *figures(load.uploads))
    told = f"{min(load.events)} to {max(load.events)}" if load.events else "no"
    print(f"\n{load.refused} uploads refused; each page was told {told} events; ", end="")
    print(f"{load.steps[1] - load.steps[0]} steps were painted meanwhile")


if __name__ == "__main__":
    main()
