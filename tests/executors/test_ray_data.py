"""Ray Data on a real Ray of this machine: tar files and parquet in and out, and shards painted by its actors."""

import importlib.util
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
import torch

import impasto
from impasto import images
from impasto.errors import OutputError
from impasto.executors import InProcess
from impasto.executors.ray_data import RowWork
from impasto.images import Picture
from impasto.series.batch import paint_dataset
from impasto.shards import listing
from tests.executors import works

there = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: impasto[ray]")
heavy = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.filterwarnings("default"), there]
FAST: dict[str, Any] = {"method": "johnson", "network": "swirls", "size": 32, "precision": "float32"}
ROOT = Path(__file__).resolve().parents[2]


def marked(test):
    for mark in heavy:
        test = mark(test)
    return test


@pytest.fixture(scope="module")
def executor():
    from impasto.executors.ray_cluster import RayCluster

    with RayCluster("local", workers=2) as executor:
        yield executor


@pytest.fixture
def shard(tmp_path):
    """Six photographs in a tar, one of them damaged."""
    path = tmp_path / "in.tar"
    with tarfile.open(path, "w") as archive:
        for seed in range(6):
            pixels = torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(seed))
            data = b"no picture" if seed == 4 else images.encode(Picture(pixels), "png")
            info = tarfile.TarInfo(f"{seed}.png")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def alone(shard, seed, folder):
    impasto.stylize(listing(shard)[seed], [], **FAST).save(folder / "alone.png", force=True)
    return (folder / "alone.png").read_bytes()


@marked
def test_a_data_set_of_a_tar_is_painted_into_parquet_and_tars(executor, shard, tmp_path):
    import pyarrow.parquet
    import ray

    assert executor.workers == 2
    photos = ray.data.read_webdataset(str(shard), decoder=None)
    painted = paint_dataset(photos, column="png", workers=2, **FAST).materialize()
    painted.write_parquet(str(tmp_path / "tables"))
    rows = pyarrow.parquet.read_table(tmp_path / "tables").to_pylist()
    by_key = {row["__key__"]: row for row in rows}
    assert len(rows) == 6
    for seed in (0, 1, 2, 3, 5):
        assert (by_key[str(seed)]["png"], by_key[str(seed)]["error"]) == (alone(shard, seed, tmp_path), "")
    assert by_key["4"]["png"] == b""
    assert "4: is not a picture" in by_key["4"]["error"]
    good = painted.filter(lambda row: not row["error"]).drop_columns(["error", "sha256", "__url__"])
    good.write_webdataset(str(tmp_path / "tars"), encoder=None)
    members = [member for path in (tmp_path / "tars").iterdir() for member in listing(path)]
    assert sorted(member.name for member in members) == [f"{seed}.png" for seed in (0, 1, 2, 3, 5)]
    # Out of a table, as it was into it.
    again = paint_dataset(ray.data.read_parquet(str(tmp_path / "tables")), column="png", into="twice", **FAST)
    assert sum(bool(row["twice"]) for row in again.take_all()) == 5


@marked
def test_shards_of_a_cluster_are_those_of_a_serial_run(executor, shard, tmp_path):
    jobs = [{"content": member, **FAST} for member in listing(shard)]
    serial = list(impasto.batch(jobs, tmp_path / "serial", shards=2, executor=InProcess(threads=1)))
    results = list(impasto.batch(jobs, tmp_path / "out", shards=2, executor=executor))
    assert len(results) == len(serial) == 6
    assert sum(result.state == "failed" for result in results) == 1
    for path in (tmp_path / "serial").glob("*.tar"):
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()


@marked
def test_the_command_paints_shards_on_a_cluster_without_its_words(shard, tmp_path):
    """`--ray local` begins a cluster and ends it; what is said is impasto's own."""
    settings = ["--method", "johnson", "--network", "swirls", "--size", "32", "--precision", "float32"]
    command = [sys.executable, "-m", "impasto", "batch", str(shard), *settings, "--shards", "3", "--json"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [*command, "--ray", "local", "--workers", "1", "-o", str(tmp_path / "out")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 1, done.stderr
    states = [json.loads(line)["state"] for line in done.stdout.splitlines()]
    assert sorted(states) == ["failed", *["painted"] * 5]
    said = done.stderr.splitlines()
    assert said[0] == "6 of 6 pictures to paint, 1 at once with 1 thread each"
    assert said[-1].startswith("saved 5 of 6 pictures in ")
    assert all(
        line.startswith(("6 of 6", *(f"{n}/6" for n in range(1, 7)), "impasto: note: ", "saved")) for line in said
    )
    pictures = {member.name: member.read_bytes() for member in listing(tmp_path / "out" / "00000.tar")}
    assert pictures["1_swirls.png"] == alone(shard, 1, tmp_path)


SMALL_SHM = """
from impasto.executors.ray_cluster import RayCluster
from tests.executors import works
with RayCluster("local", workers=1) as executor:
    outcomes = list(executor.run(works.Worker, [("bytes", 8 << 20)] * 20))
    assert [len(outcome.value) for outcome in outcomes] == [8 << 20] * 20, outcomes
    import ray
    print(int(sum(node["Resources"]["object_store_memory"] for node in ray.nodes())))
"""


@marked
@pytest.mark.skipif(sys.platform != "linux", reason="/dev/shm is Linux's")
def test_a_small_dev_shm_is_made_up_for_without_a_word(tmp_path):
    """More than it holds passes through the store, which is a file then, and nobody is warned."""
    small = "mount -t tmpfs -o size=64m tmpfs /dev/shm"
    may = shutil.which("unshare") and subprocess.run(["unshare", "-m", "sh", "-c", small], capture_output=True)
    if not may or may.returncode:
        pytest.skip("a small /dev/shm wants the right to mount")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), "TMPDIR": str(tmp_path)}
    command = ["unshare", "-m", "sh", "-c", f'{small} && exec "$0" -c "$1"', sys.executable, SMALL_SHM]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert (done.stderr, done.returncode) == ("", 0)
    assert int(done.stdout) == 200 << 20


def test_a_row_has_what_came_of_it_or_why_not():
    import pickle

    actor = RowWork(pickle.dumps(works.Rows), 1)
    assert actor({"number": 2}) == {"number": 2, "double": 4, "error": ""}
    assert actor({"number": -1}) == {"number": -1, "double": 0, "error": "photo.jpg: is no picture; name another"}
    # What is wrong with the process is tried once more.
    assert actor({"number": 100}) == {"number": 100, "double": 200, "error": ""}
    assert actor({"number": 101})["error"] == "no room"


def test_a_data_set_is_refused_before_it_is_painted():
    with pytest.raises(OutputError, match="names no format"):
        paint_dataset(None, suffix=".txt", **FAST)
