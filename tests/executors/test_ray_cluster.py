"""The executor on a real Ray of two nodes on this machine: what dies is tried again, and pictures are those of one."""

import importlib.util
import os
import sys
import threading
import time
from pathlib import Path

import pytest

import impasto
from impasto import images
from impasto.errors import ImageError, ResourceError
from impasto.executors import InProcess, WorkerDiedError, ordered
from impasto.images import Picture
from tests.executors import works

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("default"),
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: impasto[ray]"),
    pytest.mark.skipif(sys.platform == "win32", reason="Ray has no clusters of several nodes on Windows"),
]
STORE_BYTES = 80 << 20


@pytest.fixture(scope="module")
def cluster():
    """Two nodes, with a processor each."""
    from ray.cluster_utils import Cluster

    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    store = {"object_store_memory": STORE_BYTES, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, **store})
    cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES)
    yield cluster
    cluster.shutdown()


@pytest.fixture(scope="module")
def executor(cluster):
    from impasto.executors.ray_cluster import RayCluster

    with RayCluster(cluster.address) as executor:
        yield executor


def test_there_is_an_actor_for_each_processor(executor):
    assert (executor.workers, executor.threads) == (2, 1)
    outcomes = list(ordered(executor.run(works.Worker, [("pid", 0.3)] * 8)))
    assert len({outcome.value[0] for outcome in outcomes}) == 2
    assert {(outcome.error, outcome.attempts) for outcome in outcomes} == {(None, 1)}


def test_an_error_is_of_its_own_payload(executor):
    payloads = [("double", 1), ("refuse",), ("later", 5), ("strange",), ("double", 2)]
    one, refused, later, strange, last = ordered(executor.run(works.Worker, payloads))
    assert (one.value, last.value, later.value[0]) == (2, 4, 5)
    assert isinstance(refused.error, ImageError)
    assert (refused.attempts, strange.attempts) == (1, 2)
    assert str(strange.error) == "Local: cannot be pickled"


def test_what_dies_is_tried_again_and_what_always_dies_is_an_error(executor, tmp_path):
    payloads = [("double", 1), ("die_once", str(tmp_path / "mark")), ("die",), *[("double", 2)] * 6]
    outcomes = list(ordered(executor.run(works.Worker, payloads)))
    assert [outcome.value for outcome in outcomes[3:]] == [4] * 6
    assert (outcomes[1].value, outcomes[1].attempts) == (0, 2)
    assert isinstance(outcomes[2].error, WorkerDiedError)
    assert outcomes[2].attempts == 2


def test_more_than_the_object_store_holds_passes_through_it(executor):
    count, each = 24, 8 << 20
    assert count * each > 2 * STORE_BYTES
    drawn = []

    def payloads():
        for number in range(count):
            drawn.append(number)
            yield "bytes", each

    received: list[int] = []
    for outcome in executor.run(works.Worker, payloads()):
        # As they are needed: who is slow to take them has few waiting.
        assert len(drawn) <= len(received) + 2 + executor.workers
        received.append(len(outcome.value))
    assert received == [each] * count


def test_a_full_object_store_stops_nothing(executor):
    """Objects that somebody else holds fill it: what passes through goes to the disk instead."""
    import ray

    held = [ray.put(bytes(16 << 20)) for _ in range(2 * STORE_BYTES // (16 << 20))]
    outcomes = list(executor.run(works.Worker, [("bytes", 8 << 20)] * 6))
    assert [len(outcome.value) for outcome in outcomes] == [8 << 20] * 6
    assert len(held) == 10


def test_steps_are_watched_and_stop_the_run(executor):
    told = []

    def watch(index, payload, message):
        told.append((index, payload, message))
        return len(told) > 3

    outcomes = list(executor.run(works.Worker, [("steps", 2000)] * 6, watch=watch))
    assert 1 <= len(outcomes) <= 2
    assert all(outcome.value < 2000 for outcome in outcomes)
    assert told[0][1] == ("steps", 2000)


def test_a_work_that_cannot_be_made_is_told(executor):
    with pytest.raises(ImageError, match="does not exist"):
        list(executor.run(works.refusing, [("double", 1)] * 3))


def photographs(folder: Path, count: int) -> list[Path]:
    import torch

    folder.mkdir()
    paths = []
    for seed in range(count):
        paths.append(folder / f"p{seed}.png")
        pixels = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(seed))
        images.save(Picture(pixels), paths[-1])
    return paths


def test_a_batch_whose_node_is_killed_ends_as_a_serial_one(cluster, executor, tmp_path):
    settings = {"method": "gatys", "size": 64, "levels": 1, "iterations": 15, "encoder": "petite"}
    paths = photographs(tmp_path / "in", 8)
    jobs = [{"content": path, "styles": [paths[0]], "precision": "float32", **settings} for path in paths]
    serial = list(impasto.batch(jobs, tmp_path / "serial", executor=InProcess(threads=1)))
    node = cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES)
    executor.workers = 3
    killed = threading.Event()

    def kill():
        time.sleep(1.0)
        cluster.remove_node(node, allow_graceful=False)
        killed.set()

    results = []
    for result in impasto.batch(jobs, tmp_path / "out", executor=executor):
        results.append(result)
        if len(results) == 2:
            threading.Thread(target=kill).start()
    assert killed.wait(60)
    executor.workers = 2
    assert {result.error for result in results} == {None}
    assert {result.state for result in results} <= {"painted", "kept"}
    assert len(results) == len(serial) == 8
    for result in serial:
        assert result.path is not None
        assert (tmp_path / "out" / result.path.name).read_bytes() == result.path.read_bytes()


def test_a_cluster_that_is_not_there_is_told():
    from impasto.executors import ray_cluster

    ray = ray_cluster._import()
    if ray.is_initialized():
        ray.shutdown()
    with pytest.raises(ResourceError, match="no cluster answers"):
        ray_cluster.RayCluster("127.0.0.1:1")
