"""Who may ask: every request passes here first, and every answer carries headers that keep it in its place.

A page of somebody else's, open in the same browser, can send requests to this machine, or give its own name this
machine's address (DNS rebinding). So the Host must be a name of this machine, and the Origin the studio itself.
"""

import hashlib
import hmac
import ipaddress
import socket
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.responses import JSONResponse, RedirectResponse, Response

from impasto.studio.settings import LOOPBACK_NAMES, Refused, Settings, is_loopback

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

COOKIE = "impasto_token"
"""Name of the cookie, before the port: browsers keep cookies by host alone, and two studios are two ports of one."""
TOKEN_PAGE = (Path(__file__).resolve().parent / "static" / "token.html").read_bytes()
"""The page that asks for the token. Whole in one file, as everything else needs the token already."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
TOKEN_POLICY = (
    "default-src 'none'; style-src 'sha256-{}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'".format(
        b64encode(hashlib.sha256(TOKEN_PAGE.partition(b"<style>")[2].partition(b"</style>")[0]).digest()).decode()
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
}
SAFE = ("GET", "HEAD")


class Guard:
    """ASGI middleware around everything."""

    def __init__(self, app: App, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._names = names(settings)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                more = [(key.encode(), value.encode()) for key, value in HEADERS.items() if key.encode() not in own]
                message["headers"] = [*message["headers"], *more]
            await send(message)

        try:
            answer = self._check(scope)
        except Refused as refused:
            headers = {"connection": "close"}
            if refused.status == 401:
                headers["www-authenticate"] = "Bearer"
            answer = JSONResponse({"error": str(refused)}, refused.status, headers)
        if answer is None:
            await self._app(scope, receive, guarded)
        else:
            await answer(scope, receive, guarded)

    def _check(self, scope: Message) -> Response | None:
        """Raise `Refused`, or return an answer that is one already, or None to go on."""
        headers = _headers(scope["headers"])
        host = _single(headers, "host")
        if host is None or not self._known(host):
            raise Refused(403, "this name is not the studio's; open the address that impasto studio printed")
        self._check_origin(scope, headers, host)
        return self._check_token(scope, headers, f"{COOKIE}_{urlsplit(f'//{host}').port or 80}")

    def _known(self, host: str) -> bool:
        try:
            parts = urlsplit(f"//{host}")
            name, port = parts.hostname, parts.port
        except ValueError:
            return False
        if name is None or parts.username is not None or parts.path or (port is not None and port == 0):
            return False
        if name in self._names or is_loopback(name):
            return True
        # No page can be at a bare address but the one that this address serves.
        return self._settings.listen and _is_address(name)

    def _check_origin(self, scope: Message, headers: dict[str, list[str]], host: str) -> None:
        origins = headers.get("origin", [])
        if any(origin not in (f"http://{host}", f"https://{host}") for origin in origins):
            raise Refused(403, "requests of other pages are not answered; open the studio itself")
        site = _single(headers, "sec-fetch-site") or "none"
        entering = scope["method"] in SAFE and scope["path"] == "/" and _single(headers, "sec-fetch-mode") == "navigate"
        if site not in ("same-origin", "none") and not entering:
            raise Refused(403, "requests of other pages are not answered; open the studio itself")

    def _check_token(self, scope: Message, headers: dict[str, list[str]], cookie: str) -> Response | None:
        token = self._settings.token
        if token is None:
            return None
        kind, _, header_token = (_single(headers, "authorization") or "").partition(" ")
        if kind.lower() == "bearer" and same(header_token.strip(), token):
            return None
        if same(_cookie(headers, cookie), token):
            return None
        if scope["method"] == "GET" and scope["path"] == "/":
            query = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=20)
            if same(query.get("token", [""])[0], token):
                # Out of the address at once, where it could be read over a shoulder, or copied.
                answer = RedirectResponse("/", 303)
                # Lax: who comes by a link on another site is let in too. What changes anything is a POST or DELETE,
                # with which a browser sends no such cookie from elsewhere, and whose origin was looked at.
                answer.set_cookie(cookie, token, httponly=True, samesite="lax", path="/")
                return answer
            if "text/html" in (_single(headers, "accept") or ""):
                return Response(TOKEN_PAGE, 401, {"content-security-policy": TOKEN_POLICY}, "text/html; charset=utf-8")
        raise Refused(401, "a token is needed; open the whole address that impasto studio printed")


def names(settings: Settings) -> set[str]:
    """Return the names under which the studio may be asked for, beside addresses."""
    known = {*LOOPBACK_NAMES, settings.host.lower().strip("[]")}
    if settings.listen:
        own = socket.gethostname().lower()
        known |= {own, f"{own.partition('.')[0]}.local"}
    return known - {""}


def same(offered: str, token: str) -> bool:
    """Compare in a time that tells nothing."""
    return hmac.compare_digest(offered.encode("utf-8", "surrogateescape"), token.encode())


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, list[str]]:
    headers: dict[str, list[str]] = {}
    for name, value in raw:
        headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return headers


def _single(headers: dict[str, list[str]], name: str) -> str | None:
    """Return a header that is there once; one that is there twice is nobody's honest request."""
    values = headers.get(name, [])
    if len(values) > 1:
        raise Refused(400, f"the request has several {name} headers; send one")
    return values[0] if values else None


def _cookie(headers: dict[str, list[str]], name: str) -> str:
    jar = SimpleCookie()
    try:
        jar.load("; ".join(headers.get("cookie", [])))
    except CookieError:
        return ""
    return jar[name].value if name in jar else ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
