"""What is left when processes die: the queue, the checkpoint, and the picture that was begun."""

import os
import signal
import time

import pytest

from impasto.studio.folders import CHECKPOINT
from tests.studio.studio_helpers import LONG, SMALL, alive, children

pytestmark = pytest.mark.slow

STEADY = {**SMALL, "iterations": 160, "seed": 3}


def begun(studio, job):
    """Wait until a job has a checkpoint to go on from."""
    path = studio.data / "jobs" / job / CHECKPOINT
    return studio.wait(job, until=lambda found: found["step"] > 5 and path.exists())


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """The picture that `STEADY` comes to, when nothing happens."""
    from tests.studio.studio_helpers import Server

    server = Server(tmp_path_factory.mktemp("unbroken") / "data")
    job = server.paint(STEADY)
    server.wait(job, "done")
    found = server.call(f"/api/jobs/{job}/result").data
    server.end()
    return found


def test_a_killed_studio_goes_on_where_it_was(start, unbroken):
    first = start()
    running = first.paint(STEADY)
    waiting = [first.paint() for _ in range(2)]
    before = begun(first, running)
    worker = first.worker()
    first.kill()
    # Nobody is left behind.
    deadline = time.monotonic() + 10
    while alive(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(worker)

    second = start()
    assert {job["id"] for job in second.call("/api/jobs").json} == {running, *waiting}
    found = second.wait(running, "done")
    assert before["step"] > 5
    assert found["kept"]
    for job in waiting:
        second.wait(job, "done")
    # It went on, and did not begin anew: the picture is the same to the bit either way, so the start tells.
    assert found["started"] == before["started"]
    assert second.call(f"/api/jobs/{running}/result").data == unbroken


def test_it_goes_on_from_the_checkpoint_and_not_from_the_start(start):
    first = start()
    job = first.paint(LONG)
    begun(first, job)
    time.sleep(1)
    reached = first.job(job)["step"]
    first.kill()
    second = start()
    steps = [data["step"] for event, data in _until(second.events(job), "progress") if event == "progress"]
    assert steps[0] > reached / 2 > 1
    second.act(job, "cancel")
    second.wait(job, "cancelled")


def test_the_order_of_the_queue_is_kept(start):
    first = start()
    jobs = [first.paint(LONG), *(first.paint({**SMALL, "seed": seed}) for seed in range(3))]
    begun(first, jobs[0])
    first.kill()
    second = start()
    second.act(jobs[0], "cancel")
    times = [second.wait(job, "done")["finished"] for job in jobs[1:]]
    assert times == sorted(times)


def test_a_killed_worker_is_replaced_and_its_job_goes_on(start, unbroken):
    studio = start()
    job, later = studio.paint(STEADY), studio.paint()
    begun(studio, job)
    worker = studio.worker()
    os.kill(worker, signal.SIGKILL)
    found = studio.wait(job, "done")
    assert any("signal 9" in notice and "checkpoint" in notice for notice in found["notices"])
    assert studio.call(f"/api/jobs/{job}/result").data == unbroken
    assert studio.wait(later, "done")["notices"] == []
    assert studio.worker() != worker


def test_a_job_that_kills_the_worker_twice_has_failed(start):
    studio = start()
    job, later = studio.paint(LONG), studio.paint()
    for _ in range(2):
        begun(studio, job)
        step = studio.job(job)["step"]
        studio.wait(job, until=lambda found, step=step: found["step"] > step)
        os.kill(studio.worker(), signal.SIGKILL)
        time.sleep(0.5)
    found = studio.wait(job, "failed")
    assert "2 times" in found["error"]
    assert "memory" in found["error"]
    assert "\n" not in found["error"]
    studio.wait(later, "done")
    # A person may still want it: it goes on from the checkpoint.
    assert studio.act(job, "retry").status == 200
    assert next(data["step"] for event, data in studio.events(job) if event == "progress") > step / 2 > 1
    studio.act(job, "cancel")
    studio.wait(job, "cancelled")


def test_ctrl_c_keeps_what_was_painted(start):
    studio = start()
    job = studio.paint(LONG)
    studio.wait(job, until=lambda found: found["step"] > 20)
    pids = children(studio.process.pid, "impasto.studio.worker") + children(
        studio.process.pid, "impasto.studio.inspector"
    )
    began = time.monotonic()
    studio.end()
    assert time.monotonic() - began < 15
    assert not any(map(alive, pids))
    again = start()
    assert again.wait(job, until=lambda found: found["state"] == "running")["step"] > 0
    again.act(job, "stop")
    assert again.wait(job, "stopped")["kept"]


def test_a_second_studio_leaves_the_folder_alone(start):
    first = start()
    with pytest.raises(RuntimeError, match="did not start"):
        start()
    assert first.call("/api/jobs").status == 200


def test_a_damaged_database_is_told_and_not_touched(start, tmp_path):
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "studio.sqlite"
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(RuntimeError):
        start()
    assert path.read_bytes() == b"this is no database" * 100


def _until(events, kind):
    for event, data in events:
        yield event, data
        if event == kind:
            return
