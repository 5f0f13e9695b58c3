"""Room: what is stored once, what is too much, and a painting that waits until it can be saved."""

import asyncio
import gzip
from typing import Any

import pytest
from PIL import Image

from impasto import images
from impasto.studio import inspector, room, samples
from impasto.studio.inspector_client import InspectorPool
from impasto.studio.library import Library
from impasto.studio.queue import Queue
from impasto.studio.scheduler import Scheduler
from impasto.studio.settings import Refused, Settings
from impasto.studio.store import open_database
from impasto.studio.streams import Streams
from tests.studio.studio_helpers import png, run


def test_samples_are_measured_without_decoding_them():
    for key, facts in samples.measured().items():
        picture = images.load(samples.files()[key])
        assert (facts["height"], facts["width"]) == picture.size
        assert facts["sha256"] == picture.sha256


def test_the_same_picture_takes_its_room_once(client):
    asked = client()
    kind = {"content-type": "image/png"}
    first = asked.post("/api/pictures", content=png(), headers={**kind, "x-name": "a.png"}).json()
    again = asked.post("/api/pictures", content=png(), headers={**kind, "x-name": "a.png"}).json()
    assert again["id"] == first["id"]
    other = asked.post("/api/pictures", content=png(), headers={**kind, "x-name": "b.png"}).json()
    assert other["id"] != first["id"]
    folder = asked.studio.settings.data / "pictures"
    files = [folder / each["id"] / "original" for each in (first, other)]
    assert files[0].stat().st_ino == files[1].stat().st_ino
    assert asked.delete(f"/api/pictures/{first['id']}").status_code == 204
    assert files[1].read_bytes() == png()


def test_what_has_no_room_is_refused_before_it_is_read(client, monkeypatch):
    asked = client(folder_bytes=1)
    answer = asked.post("/api/pictures", content=png(), headers={"content-type": "image/png"})
    assert (answer.status_code, "may have" in answer.json()["error"]) == (507, True)
    monkeypatch.setattr(room, "free", lambda _folder: 1000)
    answer = asked.post("/api/pictures", content=png(), headers={"content-type": "image/png"})
    assert (answer.status_code, "disk is full" in answer.json()["error"]) == (507, True)
    assert "left" in asked.get("/api/about").json()["folder"]["warning"]


@pytest.mark.parametrize(("size", "refused"), [((6000, 40), True), ((40, 6000), True), ((640, 20), False)])
def test_a_hopeless_shape_is_refused_at_once(tmp_path, size, refused):
    path = tmp_path / "strip.png"
    Image.new("RGB", size).save(path)
    found = inspector.answer({"do": "receive", "with": {"path": str(path), "name": "strip.png", "pixels": 10**8}})
    assert ("error" in found) == refused
    if refused:
        assert "too narrow" in found["error"]
    mask = {"path": str(path), "name": "strip.png", "pixels": 10**8, "role": "mask"}
    assert "answer" in inspector.answer({"do": "receive", "with": mask})


def test_a_small_view_is_made_of_a_larger_one(tmp_path):
    Image.new("RGB", (3000, 1500), (200, 30, 30)).save(tmp_path / "original.png")
    asked = {"path": str(tmp_path / "original.png"), "size": 384, "pixels": 10**8}
    inspector.answer({"do": "shown", "with": {**asked, "out": str(tmp_path / "view-384.jpg")}})
    with Image.open(tmp_path / "view-2048.jpg") as large:
        assert large.size == (2048, 1024)
    (tmp_path / "original.png").unlink()
    inspector.answer({"do": "shown", "with": {**asked, "size": 192, "out": str(tmp_path / "view-192.jpg")}})
    with Image.open(tmp_path / "view-192.jpg") as small:
        assert small.size == (192, 96)


def test_a_slow_picture_does_not_hold_the_next_one():
    async def both():
        pool = InspectorPool(20)
        done = []

        class Slow:
            waiting = 0

            async def ask(self, what, **_request):
                self.waiting += 1
                await asyncio.sleep(0.2 if what == "slow" else 0)
                self.waiting -= 1
                done.append(what)

        clients: Any = [Slow(), Slow()]
        pool._clients = clients
        await asyncio.gather(pool.ask("slow"), pool.ask("quick"))
        return done

    assert run(both()) == ["quick", "slow"]


def test_a_painting_that_cannot_be_saved_waits_for_room(tmp_path, monkeypatch):
    async def paint():
        settings = Settings(tmp_path, room_s=0.02)
        settings.make_folders()
        database = open_database(tmp_path / "studio.sqlite")
        queue, streams = Queue(database), Streams(4, 1)
        scheduler = Scheduler(settings, queue, Library(database, tmp_path / "pictures"), streams)
        spec: dict[str, Any] = {
            "content": None,
            "styles": [],
            "content_mask": None,
            "style_masks": [],
            "title": "one",
            "recipe": {},
        }
        (job,) = queue.add([{**spec, "title": "one"}], limit=9)
        free = [0]
        monkeypatch.setattr(room, "free", lambda _folder: free[0])
        queue.update(job["id"], "running")
        scheduler._settle(job["id"], {"state": "unsaved", "error": "no space left"})
        states = [queue.get(job["id"])]
        await asyncio.sleep(0.1)
        states.append(queue.get(job["id"]))
        free[0] = 10**12
        await asyncio.sleep(0.1)
        states.append(queue.get(job["id"]))
        # With room left it is another fault, which is told.
        scheduler._settle(job["id"], {"state": "unsaved", "error": "the folder cannot be written"})
        states.append(queue.get(job["id"]))
        database.close()
        return states

    waiting, still, going, failed = run(paint())
    assert [each["state"] for each in (waiting, still, going, failed)] == ["paused", "paused", "queued", "failed"]
    assert "no room" in waiting["notices"][0]
    assert failed["error"] == "the folder cannot be written"


def test_text_is_sent_compressed_and_pictures_are_not(client):
    asked = client()
    for path in ("/static/js/main.js", "/api/schema"):
        answer = asked.get(path, headers={"accept-encoding": "gzip"})
        assert answer.headers["content-encoding"] == "gzip"
        plain = asked.get(path, headers={"accept-encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert answer.content == plain.content
        assert len(gzip.compress(plain.content)) < len(plain.content) / 2
    assert "content-encoding" not in asked.get("/api/pictures/photo-cat?size=96").headers


def test_what_waits_can_be_let_before(client):
    asked = client()
    body = {"content": "photo-cat", "styles": ["style-swirls"], "recipe": {"size": 64}}
    jobs = [asked.post("/api/jobs", json=body).json()["id"] for _ in range(3)]
    assert asked.post(f"/api/jobs/{jobs[2]}/first", json={}).status_code == 200
    places = {job["id"]: job["place"] for job in asked.get("/api/jobs").json()}
    assert places[jobs[2]] < places[jobs[1]]
    for job in jobs:
        asked.post(f"/api/jobs/{job}/cancel", json={})
    with pytest.raises(Refused):
        asked.studio.scheduler.first(jobs[2])
