"""Who is answered: names, origins, tokens, and the headers of every answer."""

import re

import pytest

from impasto.errors import UsageError
from impasto.studio.guard import COOKIE, POLICY, same
from impasto.studio.settings import Settings

TOKEN = "a-token-that-nobody-guesses"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8765", 200),
        ("localhost:8765", 200),
        ("localhost", 200),
        ("LOCALHOST:9999", 200),  # a tunnel's port
        ("[::1]:8765", 200),
        ("127.1.2.3:8765", 200),
        ("evil.example", 403),
        ("evil.example:8765", 403),
        ("localhost.evil.example:8765", 403),
        ("127.0.0.1.evil.example", 403),
        ("192.168.1.2:8765", 403),
        ("user@localhost", 403),
        ("localhost:0", 403),
        ("localhost:99999", 403),
        ("[::1", 403),
        ("", 403),
    ],
)
def test_only_names_of_this_machine_are_answered(client, host, status):
    # DNS rebinding: a stranger's page under a stranger's name that points here.
    assert client().get("/api/jobs", headers={"host": host}).status_code == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:8765", 422),  # it gets as far as the request itself
        ("null", 403),
        ("http://evil.example", 403),
        ("http://127.0.0.1:8766", 403),  # another server of this machine
        ("http://localhost:8765", 403),  # another name: another origin
        ("http://127.0.0.1:8765.evil.example", 403),
        ("", 403),
    ],
)
def test_only_the_page_itself_may_ask_for_changes(client, origin, status):
    answer = client().post("/api/jobs", json={}, headers={"origin": origin})
    assert answer.status_code == status
    assert answer.json()["error"]


def test_programs_without_an_origin_are_answered(client):
    assert client().post("/api/jobs", json={}).status_code == 422


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"])
def test_a_form_of_another_site_changes_nothing(client, kind):
    asked = client()
    headers = {"content-type": kind, "origin": "http://evil.example"}
    assert asked.post("/api/jobs", content=b'{"styles": []}', headers=headers).status_code == 403
    # Even where a browser leaves the origin out: those are the kinds that it may send without asking first.
    assert asked.post("/api/jobs", content=b'{"styles": []}', headers={"content-type": kind}).status_code == 415


@pytest.mark.parametrize(
    ("site", "status"), [("same-origin", 200), ("none", 200), ("cross-site", 403), ("same-site", 403)]
)
def test_other_pages_cannot_even_look(client, site, status):
    assert client().get("/api/jobs", headers={"sec-fetch-site": site}).status_code == status


def test_a_link_from_elsewhere_opens_the_page(client):
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    asked = client()
    assert asked.get("/", headers=headers).status_code in (200, 404)  # 404 where the page is not built
    assert asked.get("/api/jobs", headers=headers).status_code == 403


def test_two_hosts_are_nobodys_honest_request(client):
    headers = [("host", "127.0.0.1:8765"), ("host", "evil.example")]
    assert client().get("/api/jobs", headers=headers).status_code in (400, 403)


@pytest.mark.parametrize("path", ["/", "/api/jobs", "/api/nothing", "/static/nothing.js", "/api/jobs/x"])
def test_every_answer_is_kept_in_its_place(client, path):
    headers = client().get(path).headers
    assert headers["content-security-policy"] == POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert "unsafe" not in POLICY
    assert "default-src 'none'" in POLICY


def test_refusals_have_the_headers_too(client):
    answer = client().get("/api/jobs", headers={"host": "evil.example"})
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["connection"] == "close"


class TestToken:
    def test_it_is_needed_everywhere(self, client):
        asked = client(token=TOKEN)
        for path in ("/", "/api/jobs", "/api/about", "/static/app.js", "/api/openapi.json"):
            answer = asked.get(path)
            assert answer.status_code == 401, path
            assert "impasto studio printed" in answer.json()["error"]
        assert asked.get("/api/jobs", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200

    @pytest.mark.parametrize("wrong", [TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "", "é" * 20])
    def test_a_wrong_one_is_refused(self, client, wrong):
        asked = client(token=TOKEN)
        assert asked.get("/api/jobs", headers={"authorization": f"Bearer {wrong}".encode()}).status_code == 401
        assert asked.get("/", params={"token": wrong}).status_code == 401
        assert asked.get("/api/jobs", headers={"cookie": f"{COOKIE}_8765={wrong}".encode()}).status_code == 401

    def test_the_address_gives_a_cookie_and_forgets_the_token(self, client):
        asked = client(token=TOKEN)
        answer = asked.get("/", params={"token": TOKEN})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert cookie.startswith(f"{COOKIE}_8765=")
        assert "samesite=lax" in cookie
        assert asked.get("/api/jobs").status_code == 200  # with the cookie, which the client keeps

    def test_without_it_a_browser_gets_a_page_that_asks_for_it(self, client):
        asked = client(token=TOKEN)
        answer = asked.get("/", headers={"accept": "text/html,*/*"})
        assert answer.status_code == 401
        assert '<input id="token" name="token"' in answer.text
        assert "form-action 'self'" in answer.headers["content-security-policy"]
        assert TOKEN not in answer.text
        # From a link on another site, as a browser says that.
        entering = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "accept": "text/html"}
        assert asked.get("/", params={"token": TOKEN}, headers=entering).status_code == 303
        assert asked.get("/", headers=entering).status_code == 200
        assert asked.post("/api/jobs", headers={"sec-fetch-site": "cross-site"}).status_code == 403

    def test_only_the_page_takes_it_from_the_address(self, client):
        assert client(token=TOKEN).get("/api/jobs", params={"token": TOKEN}).status_code == 401

    def test_the_origin_counts_all_the_same(self, client):
        headers = {"authorization": f"Bearer {TOKEN}", "origin": "http://evil.example"}
        assert client(token=TOKEN).post("/api/jobs", json={}, headers=headers).status_code == 403

    def test_addresses_are_names_where_others_may_connect(self, client):
        asked = client(token=TOKEN, listen=True, host="0.0.0.0")
        bearer = {"authorization": f"Bearer {TOKEN}"}
        assert asked.get("/api/jobs", headers={"host": "192.168.1.2:8765", **bearer}).status_code == 200
        assert asked.get("/api/jobs", headers={"host": "evil.example", **bearer}).status_code == 403

    def test_it_is_compared_in_constant_time(self, monkeypatch):
        asked = []

        def compare(one, other):
            asked.append((one, other))
            return True

        monkeypatch.setattr("hmac.compare_digest", compare)
        assert same("x", TOKEN)
        assert asked == [(b"x", TOKEN.encode())]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"listen": True}, "--token auto"),
        ({"listen": True, "host": "0.0.0.0"}, "--token auto"),
        ({"host": "0.0.0.0"}, "--listen --token auto"),
        ({"host": "192.168.1.2"}, "--listen"),
        ({"host": "example.org"}, "--listen"),
        ({"token": "short"}, "fewer than 16"),
        ({"token": "sixteen letters;"}, "letters, digits"),
        ({"port": 70000}, "--port"),
    ],
)
def test_settings_that_let_strangers_in_are_refused(tmp_path, settings, says):
    with pytest.raises(UsageError, match=re.escape(says)):
        Settings(tmp_path, **settings).check()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]", "127.0.0.2"])
def test_this_machine_alone_needs_no_token(tmp_path, host):
    assert Settings(tmp_path, host=host).check().token is None


def test_the_folder_is_its_owners_alone(client, tmp_path):
    # Ids of jobs and pictures are all that one needs to know; nobody else should read them off the disk.
    client()
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0
    assert (tmp_path / "data" / "pictures").stat().st_mode & 0o077 == 0
