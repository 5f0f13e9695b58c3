"""The queue, the streams and the client of the inspector by themselves."""

import asyncio
import json
import os
import signal

import pytest

from impasto.studio.inspector_client import InspectorClient
from impasto.studio.queue import ATTEMPTS, DOWNS, STATES, Queue, view
from impasto.studio.settings import Refused
from impasto.studio.store import open_database
from impasto.studio.streams import MAX_NOTICES, Streams, Watcher
from tests.studio.studio_helpers import run
from tests.type_helpers import present

SPEC = {"title": "a", "content": "c", "styles": ["s"], "content_mask": None, "style_masks": [], "sweep": None}


@pytest.fixture
def database(tmp_path):
    opened = open_database(tmp_path / "studio.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def queue(database):
    return Queue(database)


def test_jobs_come_in_order(queue):
    made = [queue.add([{**SPEC, "title": str(number)}], limit=9)[0]["id"] for number in range(3)]
    assert [job["id"] for job in queue.all()] == made[::-1]
    assert queue.next()["id"] == made[0]
    queue.update(made[0], "done")
    assert queue.next()["id"] == made[1]
    queue.update(made[2], "queued", first=True)
    assert queue.next()["id"] == made[2]
    assert len(set(made)) == 3


def test_what_is_written_is_there_for_the_next_process(queue, tmp_path):
    job = queue.add([SPEC], limit=9)[0]["id"]
    queue.update(job, "running", step=7, losses={"style": 1.5})
    other = open_database(tmp_path / "studio.sqlite")
    found = Queue(other).get(job)
    other.close()
    assert (found["state"], found["step"], found["losses"]) == ("running", 7, {"style": 1.5})


def test_progress_is_seen_at_once_and_written_soon(queue):
    job = queue.add([SPEC], limit=9)[0]["id"]
    for step in range(100):
        queue.progress(job, step=step)
        assert queue.get(job)["step"] == step
    queue.update(job, "done")
    assert queue.get(job)["step"] == 99


def test_all_of_a_sweep_is_queued_or_none(queue):
    with pytest.raises(Refused) as refused:
        queue.add([SPEC] * 4, limit=3)
    assert refused.value.status == 429
    with pytest.raises(TypeError):
        queue.add([SPEC, {**SPEC, "recipe": object()}], limit=9)
    assert queue.all() == []


def test_after_a_crash_what_ran_comes_first(queue):
    jobs = [queue.add([SPEC], limit=9)[0]["id"] for _ in range(3)]
    queue.update(jobs[1], "running", step=5)
    queue.recover()
    assert queue.next()["id"] == jobs[1]
    assert queue.get(jobs[1])["step"] == 5
    queue.update(jobs[1], "stopping")
    queue.recover()
    assert queue.get(jobs[1])["finish"] is True


def test_what_goes_down_with_the_studio_again_and_again_is_left_alone(queue):
    job = queue.add([SPEC], limit=9)[0]["id"]
    queue.update(job, "running", step=7)
    queue.recover()
    for _ in range(DOWNS - 1):
        assert queue.next()["id"] == job
        queue.update(job, "running")
        queue.recover()
    assert queue.next() is None
    assert queue.get(job)["state"] == "interrupted"
    assert "retry" in queue.get(job)["error"]


def test_what_gets_on_between_is_not_given_up(queue):
    job = queue.add([SPEC], limit=9)[0]["id"]
    for step in range(1, 3 * DOWNS):
        queue.update(job, "running", step=step)
        queue.recover()
    assert queue.next()["id"] == job


def test_a_job_that_begins_again_keeps_the_numbers_of_its_previews(queue):
    # A browser would show an old picture under a number that it has seen.
    job = queue.add([SPEC], limit=9)[0]["id"]
    queue.update(job, "failed", preview_version=4, step=9, error="x", notices=["y"])
    found = queue.again(job, fresh=True)
    assert (found["preview_version"], found["step"], found["error"], found["notices"]) == (4, 0, None, [])


def test_pictures_of_jobs_that_are_over_are_free(queue):
    job = queue.add([{**SPEC, "style_masks": [None, "m"]}], limit=9)[0]["id"]
    for state in STATES:
        queue.update(job, state)
        used = state in ("queued", "running", "paused", "stopping")
        assert [queue.uses(picture) for picture in ("c", "s", "m", "x")] == [used, used, used, False]


def test_notices_are_kept_once(queue):
    job = queue.add([SPEC], limit=9)[0]["id"]
    assert queue.note(job, "one")
    assert not queue.note(job, "one")
    assert all(queue.note(job, str(number)) for number in range(49))
    assert not queue.note(job, "more than anybody reads")


def test_the_page_sees_no_bookkeeping(queue):
    job = view(queue.add([SPEC], limit=9)[0])
    assert {"attempts", "downs", "down_at", "finish"}.isdisjoint(job)
    assert ATTEMPTS == 2
    json.dumps(job)


def test_unknown_ids_are_told(queue):
    for do in (queue.get, lambda job: queue.update(job, "done")):
        with pytest.raises(Refused) as refused:
            do("nothing")
        assert refused.value.status == 404


def test_a_database_of_another_version_is_left_alone(tmp_path):
    from impasto.errors import InputError

    opened = open_database(tmp_path / "studio.sqlite")
    opened.execute("PRAGMA user_version=99")
    opened.close()
    with pytest.raises(InputError, match="version 99"):
        open_database(tmp_path / "studio.sqlite")


def test_a_slow_reader_finds_the_latest_of_each_kind():
    async def read():
        watcher = Watcher()
        watcher.tell("job", {"n": 0})
        for number in range(10_000):
            watcher.tell("progress", {"n": number})
            watcher.tell("preview", {"n": number})
        watcher.tell("end", {"n": 1})
        return await watcher.take(1), await watcher.take(0.01)

    news, nothing = run(read())
    assert news == [("job", {"n": 0}), ("progress", {"n": 9999}), ("preview", {"n": 9999}), ("end", {"n": 1})]
    assert nothing == []


def test_notices_are_not_taken_for_one_another():
    async def read():
        watcher = Watcher()
        for number in range(2 * MAX_NOTICES):
            watcher.tell("notice", {"n": number})
        return await watcher.take(1)

    assert [data["n"] for _, data in run(read())] == list(range(MAX_NOTICES, 2 * MAX_NOTICES))


def test_a_stream_replays_tells_and_ends():
    async def read():
        streams = Streams(limit=2, heartbeat_s=0.05)
        lines = []
        async for line in streams.watch("a", lambda: ({"state": "running"}, False)):
            lines.append(line.decode())
            if len(lines) == 2:
                assert streams.count == 1
                streams.tell("b", "progress", {"other": True})
            if line.startswith(b":"):
                streams.tell("a", "progress", {"text": "two\nlines"})
                streams.tell("a", "end", {"state": "done"})
        return lines, streams.count

    lines, left = run(read())
    assert lines[0] == "retry: 2000\n\n"
    assert lines[1] == 'id: 1\nevent: job\ndata: {"state": "running"}\n\n'
    assert lines[2] == ": still here\n\n"
    assert lines[3] == 'id: 2\nevent: progress\ndata: {"text": "two\\nlines"}\n\n'
    assert lines[4].startswith("id: 3\nevent: end\n")
    assert left == 0


def test_one_stream_tells_the_latest_of_every_job():
    async def read():
        streams = Streams(limit=2, heartbeat_s=5)
        lines = []
        async for line in streams.watch_all():
            lines.append(line.decode())
            if len(lines) == 2:
                for step in range(100):
                    streams.tell("a", "progress", {"step": step})
                    streams.tell("b", "progress", {"step": -step})
                streams.tell("a", "end", {"state": "done"})
            if len(lines) == 5:
                streams.close()
        return [json.loads(line.split("data: ")[1]) for line in lines[2:]], streams.count

    news, left = run(read())
    assert news == [
        {"job": "a", "data": {"step": 99}},
        {"job": "b", "data": {"step": -99}},
        {"job": "a", "data": {"state": "done"}},
    ]
    assert left == 0


def test_what_is_over_is_told_and_the_stream_ends():
    async def read():
        streams = Streams(limit=2, heartbeat_s=5)
        return [line async for line in streams.watch("a", lambda: ({"state": "done"}, True))]

    assert [line.split(b"\n")[1] for line in run(read())[1:]] == [b"event: job", b"event: end"]


def test_streams_end_when_the_studio_does():
    async def read():
        streams = Streams(limit=2, heartbeat_s=5)
        asyncio.get_running_loop().call_later(0.05, streams.close)
        return [line async for line in streams.watch("a", lambda: ({}, False))]

    assert len(run(asyncio.wait_for(read(), 2))) == 2


def test_an_inspector_that_takes_too_long_is_replaced():
    async def ask():
        client = InspectorClient(answer_s=0.01)
        with pytest.raises(Refused) as slow:
            await client.ask("about")
        client = InspectorClient(answer_s=280)
        try:
            first = await client.ask("about")
            # One that dies of a request is no reason for the next one to fail.
            os.kill(present(client.pid), signal.SIGKILL)
            while present(client._child).alive:
                await asyncio.sleep(0.01)
            again = await client.ask("about")
            # Stopped first: on a busy machine it might answer before it dies.
            os.kill(present(client.pid), signal.SIGSTOP)
            waiting = asyncio.create_task(client.ask("about"))
            await asyncio.sleep(0)
            os.kill(present(client.pid), signal.SIGKILL)
            with pytest.raises(Refused) as died:
                await waiting
        finally:
            await client.close()
        return slow.value, first, again, died.value

    slow, first, again, died = run(ask())
    assert (slow.status, died.status) == (503, 422)
    assert "smaller" in str(slow)
    assert "signal 9" in str(died)
    assert first["device"] == again["device"]


def test_the_queue_goes_on_whatever_one_job_brings_about(client, monkeypatch):
    asked = client()

    async def broken(_child, *_arguments):
        raise OSError("no more processes")

    monkeypatch.setattr("impasto.studio.scheduler.Child.start", broken)
    body = {"content": "photo-cat", "styles": ["style-swirls"], "recipe": {"size": 64}}
    jobs = [asked.post("/api/jobs", json=body).json()["id"] for _ in range(2)]
    for job in jobs:
        for _ in range(100):
            found = asked.get(f"/api/jobs/{job}").json()
            if found["state"] == "failed":
                break
        assert "mistake in impasto" in found["error"]


def test_a_desk_lets_only_so_many_wait(monkeypatch):
    async def answer(_client, what, _request):
        await asyncio.sleep(0.01)
        return {"asked": what}

    async def ask():
        client = InspectorClient(answer_s=280, waiting=2)
        return await asyncio.gather(*(client.ask("about") for _ in range(5)), return_exceptions=True)

    # Whether a process answers makes no difference to how many wait for it.
    monkeypatch.setattr(InspectorClient, "_ask", answer)

    found = run(ask())
    assert sum(isinstance(each, dict) for each in found) == 2
    assert [each.status for each in found if isinstance(each, Refused)] == [429] * 3


def test_row_45_the_order_of_jobs_is_not_the_clocks(queue, monkeypatch):
    times = iter(range(10_000, 0, -1000))
    monkeypatch.setattr("time.time", lambda: float(next(times)))
    made = [queue.add([SPEC], limit=9)[0]["id"] for _ in range(3)]
    assert [job["id"] for job in queue.all()] == made[::-1]
    for job in made:
        assert queue.next()["id"] == job
        queue.update(job, "done")
