"""Pictures from strangers, over a real connection: too large, too slow, too many, and no pictures at all."""

import io
import socket
import time
import urllib.error
import urllib.parse

import numpy as np
import pytest
from PIL import Image

from tests.studio.studio_helpers import LONG, png, together

LIMIT = 200_000


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    from tests.studio.studio_helpers import Server

    folder = tmp_path_factory.mktemp("uploads") / "data"
    limits = {"upload_bytes": LIMIT, "uploads": 4, "upload_idle_s": 0.5, "upload_rate": 2000, "upload_pixels": 100_000}
    server = Server(folder, **limits, streams=4, heartbeat_s=0.2)
    yield server
    server.end()
    assert list((folder / "incoming").iterdir()) == []


def head(studio, *lines, path="/api/pictures", method="POST"):
    first = f"{method} {path} HTTP/1.1"
    named = [first, f"Host: {studio.host}", "Content-Type: image/png", *lines]
    return "\r\n".join([*named, "", ""]).encode()


def status(answer):
    return int(answer.split(b" ", 2)[1])


def answers(studio):
    began = time.monotonic()
    assert studio.call("/api/jobs").status == 200
    return time.monotonic() - began


def test_one_that_says_it_is_too_large_is_not_read(studio):
    began = time.monotonic()
    answer = studio.raw(head(studio, f"Content-Length: {LIMIT + 1}"), to_the_end=True)
    # Not a byte of it was sent: the answer came on the headers alone, and the connection ended.
    assert status(answer) == 413
    assert b"connection: close" in answer.lower()
    assert b"0 MiB" in answer or b"MiB" in answer
    assert time.monotonic() - began < 4


def test_one_that_turns_out_too_large_is_cut_off(studio):
    piece = b"1000\r\n" + b"x" * 4096 + b"\r\n"
    answer = studio.raw(head(studio, "Transfer-Encoding: chunked"), *[piece] * (LIMIT // 4096 + 2))
    assert status(answer) == 413
    assert b"connection: close" in answer.lower()
    assert answers(studio) < 5


def test_the_answer_arrives_although_the_sender_goes_on(studio):
    answer = studio.raw(head(studio, f"Content-Length: {20 * LIMIT}"), *[b"x" * LIMIT] * 20)
    assert status(answer) == 413


def test_a_length_that_lies_is_no_help(studio):
    # More than it says: the rest is not part of this request, and nothing is kept of it.
    answer = studio.raw(head(studio, "Content-Length: 5"), b"x" * 300_000)
    assert status(answer) in (400, 415)
    answer = studio.raw(head(studio, "Content-Length: -5"))
    assert status(answer) == 400


def test_one_that_drips_is_given_up(studio):
    began = time.monotonic()
    drops = [b"x"] * 40
    answer = studio.raw(head(studio, "Content-Length: 100000"), *drops, pause_s=0.1)
    assert status(answer) == 408
    assert time.monotonic() - began < 10


def test_one_that_falls_silent_is_given_up(studio):
    assert status(studio.raw(head(studio, "Content-Length: 100000"), b"x" * 100)) == 408


def test_a_small_request_that_never_ends_is_given_up_too(studio):
    lines = [f"POST /api/jobs HTTP/1.1\r\nHost: {studio.host}\r\nContent-Type: application/json\r\n"]
    lines += ["Content-Length: 1000\r\n\r\n", '{"styles":']
    assert status(studio.raw("".join(lines).encode())) == 408


def test_a_hundred_at_once_are_too_many_and_the_page_answers(studio):
    slowly = [b"x" * 500] * 6

    def send(number):
        if number == 0:
            time.sleep(0.3)
            return answers(studio)
        return status(studio.raw(head(studio, "Content-Length: 3000"), *slowly, pause_s=0.1, timeout=60))

    took, *found = together(101, send)
    assert took < 5  # a busy machine; the benchmark measures it
    assert found.count(429) >= 90
    assert found.count(415) >= 1  # those that came in, and were no pictures
    assert set(found) <= {415, 429}
    assert studio.call("/api/pictures", png()).status == 201


@pytest.mark.parametrize("parts", [1, 10_000])
def test_a_form_is_refused_before_its_parts_are_read(studio, parts):
    part = b"--b\r\nContent-Disposition: form-data; name=x\r\n\r\n1\r\n"
    kind = "multipart/form-data; boundary=b"
    began = time.monotonic()
    answer = studio.raw(
        f"POST /api/pictures HTTP/1.1\r\nHost: {studio.host}\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {parts * len(part)}\r\n\r\n".encode(),
        part * parts,
    )
    assert status(answer) == 400
    assert b"bytes as the body" in answer
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\fakepath\\cat.png", "cat.png"),
        ("%2e%2e%2f%2e%2e", "%2e%2e%2f%2e%2e"),
        ("..", "picture"),
        ("", "picture"),
        ("a\0b.png", "ab.png"),
        ("CON", "CON"),
        ("<img src=x onerror=alert(1)>.png", "<img src=x onerror=alert(1)>.png"),
        ("a\nb\x1b[31m.png", "ab[31m.png"),
        ("\u202egnp.exe", "gnp.exe"),
        ("x" * 5000, "x" * 200),
    ],
)
def test_names_are_only_shown(studio, name, shown):
    answer = studio.call("/api/pictures", png(), X_Name=urllib.parse.quote(name, safe=""))
    assert answer.status == 201
    made = answer.json
    assert made["name"] == shown
    assert len(made["id"]) == 32
    assert set(made["id"]) <= set("0123456789abcdef")
    # Whatever the name, files lie under the id, and answers are JSON, which no browser takes for a page.
    assert answer.headers["content-type"] == "application/json"
    assert (studio.data / "pictures" / made["id"] / "original").is_file()
    assert {path.name for path in studio.data.iterdir()} <= {
        "incoming", "jobs", "pictures", "studio.lock", "studio.sqlite", "studio.sqlite-shm", "studio.sqlite-wal",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"<!doctype html><script>alert(1)</script>", "image/png"),
        (b"<html><body>", "application/octet-stream"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "image/png"),
        (b'<?xml version="1.0"?><svg></svg>', "image/svg+xml"),
        (b"<p>", "text/html"),
        (b"%PDF-1.4", "image/png"),
        (b"%!PS-Adobe", "image/png"),
        (b"8BPS", "image/png"),
        (b"plain text", "image/jpeg"),
        (b"", "image/png"),
    ],
)
def test_what_is_no_picture_is_not_taken(studio, data, kind):
    answer = studio.call("/api/pictures", data, Content_Type=kind)
    assert answer.status == 415
    assert "\n" not in answer.json["error"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_damaged_picture_is_told(studio):
    answer = studio.call("/api/pictures", png()[:300], X_Name="broken.png")
    assert answer.status == 422
    assert answer.json["error"].startswith("broken.png: ")
    assert str(studio.data) not in answer.json["error"]


def test_a_bomb_is_refused_by_its_header(studio):
    stream = io.BytesIO()
    Image.new("1", (4000, 4000)).save(stream, "PNG")
    began = time.monotonic()
    answer = studio.call("/api/pictures", stream.getvalue(), X_Name="bomb.png")
    assert answer.status == 422
    assert "bomb.png" in answer.json["error"]
    assert time.monotonic() - began < 10


def test_pictures_are_shown_upright_and_as_pictures_only(studio):
    stream = io.BytesIO()
    picture = Image.new("RGB", (60, 40), (200, 30, 30))
    exif = picture.getexif()
    exif[0x0112] = 6  # to be turned
    picture.save(stream, "JPEG", exif=exif)
    made = studio.call("/api/pictures", stream.getvalue(), Content_Type="image/jpeg").json
    assert (made["width"], made["height"]) == (40, 60)
    answer = studio.call(f"/api/pictures/{made['id']}?size=20")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    with Image.open(io.BytesIO(answer.data)) as shown:
        assert shown.size == (40, 60)  # already smaller than the smallest size that is made


@pytest.mark.parametrize("ranges", ["0-1", ",".join(f"{at}-{at}" for at in range(10_000))])
def test_ranges_are_not_counted_out(studio, ranges):
    picture = studio.upload()
    began = time.monotonic()
    raw = f"GET /api/pictures/{picture} HTTP/1.1\r\nHost: {studio.host}\r\nRange: bytes={ranges}\r\n"
    answer = studio.raw(raw.encode() + b"Connection: close\r\n\r\n")
    # The whole picture; or, where the line alone is longer than a request may be, nothing.
    assert status(answer) in (200, 400, 431)
    assert b"multipart/byteranges" not in answer
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("path", ["/api/pictures/", "/api/jobs/"])
@pytest.mark.parametrize("name", ["0" * 32, "x", "..%2f..%2fstudio.sqlite", "photo-", "%00", "é"])
def test_unknown_ids_are_not_found(studio, path, name):
    quoted = urllib.parse.quote(name, safe="%")
    assert studio.call(path + quoted).status == 404
    assert studio.call(path + quoted, method="DELETE").status == 404


def test_the_files_of_the_page_are_all_that_is_served(studio):
    for path in ("../app.py", "..%2fapp.py", "%2e%2e/app.py", "/etc/passwd", ".", ""):
        raw = f"GET /static/{path} HTTP/1.1\r\nHost: {studio.host}\r\nConnection: close\r\n\r\n"
        assert status(studio.raw(raw.encode())) == 404


def test_more_pages_than_there_is_room_for_are_told(studio):
    job = studio.paint(LONG)
    streams = [studio.events(job) for _ in range(4)]
    assert [next(stream)[0] for stream in streams] == ["job"] * 4
    refused = studio.call(f"/api/jobs/{job}/events")
    assert refused.status == 429
    assert studio.act(job, "cancel").status == 200
    for stream in streams:
        assert [event for event, _ in stream][-1] == "end"
    studio.wait(job, "cancelled")


def test_pages_that_are_closed_make_room(studio):
    job = studio.paint(LONG)
    studio.act(job, "pause")
    studio.wait(job, "paused")
    for _ in range(3):
        streams = [opened(studio, job) for _ in range(4)]
        for stream in streams:
            stream.close()
    studio.act(job, "cancel")


def opened(studio, job):
    """A stream of a job, as soon as there is room for one."""
    deadline = time.monotonic() + 20
    while True:
        stream = studio.events(job)
        try:
            assert next(stream)[0] == "job"
            return stream
        except urllib.error.HTTPError as error:
            if error.code != 429 or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@pytest.mark.slow
def test_a_head_that_drips_ends_the_connection(studio):
    with socket.create_connection(("127.0.0.1", studio.port), timeout=20) as connection:
        # One whole request first: the next one on the same connection is not waited for either.
        connection.sendall(f"GET /api/jobs HTTP/1.1\r\nHost: {studio.host}\r\n\r\n".encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        began, ended = time.monotonic(), False
        while not ended and time.monotonic() - began < 30:
            try:
                connection.sendall(b"X")
                connection.settimeout(0.5)
                ended = connection.recv(1) == b""
            except TimeoutError:
                continue
            except OSError:
                ended = True
    assert ended
    assert time.monotonic() - began < 20


@pytest.mark.slow
def test_a_stream_is_not_taken_for_an_idle_connection(start):
    studio = start(heartbeat_s=0.5)
    job = studio.paint({"size": 64, "iterations": 1_000_000, "precision": "float32", "encoder": "petite"})
    stream = studio.events(job)
    assert next(stream)[0] == "job"
    studio.act(job, "pause")
    studio.wait(job, "paused")
    time.sleep(12)
    studio.act(job, "cancel")
    assert [event for event, _ in stream][-1] == "end"


def test_asking_for_a_head_begins_no_stream(studio):
    assert studio.call("/api/jobs/x/events", method="HEAD").status == 405


def test_a_misnamed_picture_is_taken_with_a_notice(studio):
    found = studio.call("/api/pictures", png(), X_Name="photo.jpg").json
    assert found["notices"] == ["photo.jpg: is really a PNG picture and is read as one"]


def test_transparency_is_shown(studio):
    stream = io.BytesIO()
    Image.new("RGBA", (60, 40), (200, 30, 30, 0)).save(stream, "PNG")
    made = studio.call("/api/pictures", stream.getvalue()).json
    assert made["has_alpha"]
    answer = studio.call(f"/api/pictures/{made['id']}")
    assert answer.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(answer.data)) as shown:
        assert np.asarray(shown)[5, 5, 3] == 0


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b'{"styles": [', 400),
        (b"[]", 400),
        (b"5", 400),
        (b"\xff\xfe", 400),
        (b'{"recipe": {"size": NaN}}', 400),
        (b'{"recipe": {"size": Infinity}}', 400),
        (b'{"recipe": {"style_weight": 1e400}}', 400),
        (b'{"recipe": {"seed": ' + b"9" * 5000 + b"}}", 400),
        (b"[" * 100_000, 400),
        (b'{"preset": "\\ud800"}', 422),
        (b'{"\\ud800": 1}', 422),
        (b'{"recipe": {"\\udfff": 1}}', 422),
        (b'{"styles": ["\\ud800"]}', 422),
        (b'{"title": "' + b"x" * (1 << 20) + b'"}', 413),
    ],
)
def test_hostile_json_is_answered_in_a_line(studio, sent, expected):
    answer = studio.call("/api/jobs", sent, Content_Type="application/json")
    assert answer.status == expected
    assert "\n" not in answer.json["error"]
    assert len(answer.json["error"]) < 1200  # all settings of a recipe are named


def test_nonsense_on_the_wire_is_no_reason_to_end(studio):
    for sent in (b"\0\1\2\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"POST " + b"x" * 100_000, b"\r\n" * 1000):
        studio.raw(sent, timeout=2)
    assert answers(studio) < 5
