"""A batch that is killed at random moments: nothing is lost, nothing is painted twice, and no bit is another."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import impasto
from impasto import files, images
from impasto.executors import InProcess
from impasto.images import Picture
from impasto.series.batch.folder import NAME
from tests.series import batch_killing

ROOT = Path(__file__).resolve().parents[2]
KILLS = int(os.environ.get("IMPASTO_TEST_KILLS", "6"))
"""How often it is killed; each takes some seconds. The figures of docs/batch.md are of 50."""
LONGEST = 1.5
"""The longest time between two kills, in times that the first picture took: a process takes most of it to begin."""

SHARD = 4
"""Pictures of a shard."""


@pytest.fixture
def folder(tmp_path):
    """Photographs and paintings for as many pictures as outlast the kills."""
    for name, count in (("in", max(6, KILLS)), ("styles", 2)):
        (tmp_path / name).mkdir()
        for seed in range(count):
            generator = torch.Generator().manual_seed(100 * len(name) + seed)
            images.save(
                Picture(torch.rand(1, 3, 40, 56, generator=generator)), tmp_path / name / f"{name}{seed:02}.png"
            )
    return tmp_path


def start(folder, *shards):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    command = [sys.executable, "-m", "tests.series.batch_killing", str(folder), *map(str, shards)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, cwd=ROOT)


def workers_of(pid):
    """The processes that a process has started."""
    with contextlib.suppress(OSError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def kill(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def rows(out, place):
    home = out / NAME / place
    return {path.name: json.loads(path.read_bytes()) for path in home.iterdir()} if home.is_dir() else {}


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes are found in /proc")
def test_a_batch_that_is_killed_at_random_moments_ends_as_a_serial_one(folder):
    chance = random.Random(KILLS)
    out = folder / "out"
    settings = batch_killing.SETTINGS
    serial = list(
        impasto.batch(batch_killing.jobs(folder), folder / "serial", executor=InProcess(threads=1), **settings)
    )
    assert {result.state for result in serial} == {"painted"}
    done: dict[str, dict[str, object]] = {}
    stamps: dict[str, int] = {}
    process, began = start(folder), time.monotonic()
    while not rows(out, "done") and process.poll() is None:
        time.sleep(0.02)
    longest = LONGEST * (time.monotonic() - began)
    kill(process.pid)
    process.wait()
    process, killed, drivers = start(folder), 1, 1
    while killed < KILLS and process.poll() is None:
        # Whole runs last long enough to see work; a driver that is killed at once sees none.
        time.sleep(chance.uniform(0.05, longest))
        if process.poll() is not None:
            break
        workers = workers_of(process.pid)
        if workers and chance.random() < 0.7:
            kill(chance.choice(workers))
        else:
            kill(process.pid)
            process.wait()
            drivers += 1
            now = rows(out, "done")
            # What was done before has neither another row nor another file.
            assert {name: now.get(name) for name in done} == done
            for name, stamp in stamps.items():
                assert (out / name).stat().st_mtime_ns == stamp
            done = now
            stamps = {str(row["file"]): (out / str(row["file"])).stat().st_mtime_ns for row in now.values()}
            process = start(folder)
        killed += 1
    process.wait(timeout=900)
    assert killed > 0
    # A picture whose process was killed twice is a row of failures until the batch goes on.
    for _ in range(3):
        if len(rows(out, "done")) == len(serial):
            break
        start(folder).wait(timeout=900)
    final = rows(out, "done")
    assert len(final) == len(serial)
    for name, stamp in stamps.items():
        assert (out / name).stat().st_mtime_ns == stamp
    assert rows(out, "todo") == rows(out, "held") == rows(out, "failed") == {}
    for result in serial:
        path = result.path
        assert path is not None
        assert (out / path.name).read_bytes() == path.read_bytes(), path.name
    # What a killed process had half written is hidden, and no picture.
    left = [path.name for path in out.iterdir() if path.suffix == ".png" and not path.name.startswith(files.PREFIX)]
    assert len(left) == len(serial)
    print(f"{killed} kills, {drivers} of the driver; {len(final)} pictures")


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes are found in /proc")
def test_shards_that_are_killed_at_random_moments_are_those_of_a_serial_run(folder):
    chance = random.Random(KILLS)
    out, settings = folder / "out", batch_killing.SETTINGS
    options = {"executor": InProcess(threads=1), "shards": SHARD, **settings}
    serial = list(impasto.batch(batch_killing.jobs(folder), folder / "serial", **options))
    assert {result.state for result in serial} == {"painted"}
    process, began = start(folder, SHARD), time.monotonic()
    # The first picture that is kept lies in a part.
    while process.poll() is None and not any(path.stat().st_size for path in parts(out)):
        time.sleep(0.02)
    longest = LONGEST * (time.monotonic() - began)
    stamps: dict[Path, int] = {}
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.05, longest))
        workers = workers_of(process.pid)
        if process.poll() is None and workers and chance.random() < 0.5:
            kill(chance.choice(workers))
            continue
        kill(process.pid)
        process.wait()
        # A shard that is there is whole, and is not written again.
        for path, stamp in stamps.items():
            assert path.stat().st_mtime_ns == stamp
        done = rows(out, "done").values()
        stamps = {out / row["file"]: (out / row["file"]).stat().st_mtime_ns for row in done}
        for path in stamps:
            assert path.read_bytes() == (folder / "serial" / path.name).read_bytes()
        process = start(folder, SHARD)
    process.wait(timeout=900)
    for _ in range(3):
        if len(rows(out, "done")) == len(list((folder / "serial").glob("*.tar"))):
            break
        start(folder, SHARD).wait(timeout=900)
    names = sorted(path.name for path in (folder / "serial").glob("*.tar"))
    assert sorted(path.name for path in out.glob("*.tar")) == names
    for name in names:
        assert (out / name).read_bytes() == (folder / "serial" / name).read_bytes()
    assert parts(out) == []


def parts(out):
    home = out / NAME / "parts"
    return list(home.iterdir()) if home.is_dir() else []
