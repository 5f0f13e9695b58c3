"""Starting a studio: the port, the address to open, and the server."""

import asyncio
import errno
import logging
import secrets
import socket
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import platformdirs
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from impasto.errors import ResourceError
from impasto.studio.app import create
from impasto.studio.settings import Settings
from impasto.studio.studio import Studio

TRIES = 20
"""Ports that are tried, from the one that is asked for."""
GRACE_S = 2
"""Seconds that open requests have to finish when the server ends."""
CONNECTIONS = 1024
"""Connections at once; further ones are answered 503. Many times what the pages of one studio need."""
HEAD_S = 5.0
"""A request's head is there within twice this time, or the connection ends."""


def default_data() -> Path:
    """Return the folder where a studio keeps its pictures."""
    return platformdirs.user_data_path("impasto", appauthor=False) / "studio"


def make_token() -> str:
    """Make a token that nobody guesses."""
    return secrets.token_urlsafe(24)


def serve(settings: Settings, say: Callable[[str], None], *, browser: bool = False) -> None:
    """Run a studio until it is interrupted; `say` gets the address to open.

    Raises `ImpastoError`s: `UsageError` for settings that do not fit, `ResourceError` where no port is free.
    """
    studio = Studio(settings)
    listener: socket.socket | None = None
    try:
        listener = bind(settings.host, settings.port)
        server = _Server(configure(create(studio), lifespan="on"))
        server.studio = studio
        url = address(settings, listener)
        say(url)
        if browser:
            server.opens = url
        asyncio.run(server.serve([listener]))
    finally:
        studio.close()
        if listener is not None:
            listener.close()


def configure(app: Any, *, lifespan: Literal["on", "off"]) -> uvicorn.Config:
    """Return how an application is served: quietly, and without waiting for clients that dawdle."""
    return uvicorn.Config(
        app,
        http=_Impatient,
        ws="none",
        lifespan=lifespan,
        log_level="error",
        access_log=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=GRACE_S,
    )


class _Impatient(H11Protocol):
    """One connection, closed when it leaves a request's head unfinished; uvicorn would wait for ever."""

    _idle: object = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to look at it now and then."""
        super().connection_made(transport)
        self._idle = None
        self.loop.call_later(HEAD_S, self._look)

    def _look(self) -> None:
        if self.transport.is_closing():
            return
        busy = self.cycle is not None and not self.cycle.response_complete
        if not busy and self._idle is (self.cycle or self):
            self.transport.close()
            return
        self._idle = None if busy else (self.cycle or self)
        self.loop.call_later(HEAD_S, self._look)


class ImpatientServer(uvicorn.Server):
    """uvicorn's server, which can open its page and says nothing when it ends."""

    opens: str | None = None
    """The address that a browser is sent to once there is an answer."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and open the page once there is one."""
        await super().startup(sockets)
        if self.opens is not None and self.started:
            asyncio.get_running_loop().run_in_executor(None, webbrowser.open, self.opens)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop serving."""
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        await super().shutdown(sockets)


class _Server(ImpatientServer):
    """The studio's server, which ends the event streams before it waits for them."""

    studio: Studio

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop serving."""
        self.studio.streams.close()
        await super().shutdown(sockets)


def bind(host: str, port: int) -> socket.socket:
    """Take `port`, or the next one that is free; 0 takes any. Raises `ResourceError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, min(port + TRIES, 65536)) if port else (0,):
        listener = socket.socket(family, socket.SOCK_STREAM)
        if hasattr(socket, "SO_REUSEADDR") and socket.sys.platform != "win32":  # type: ignore[attr-defined]
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host.strip("[]"), candidate))
            listener.listen(512)
        except OSError as error:
            listener.close()
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise ResourceError(f"--host {host}: cannot be listened on ({error.strerror or error})") from None
            continue
        listener.setblocking(False)
        return listener
    raise ResourceError(f"--port {port}: neither it nor the {TRIES - 1} after it are free; name another")


def address(settings: Settings, listener: socket.socket) -> str:
    """Return the address to open, with the token where one is needed."""
    port = listener.getsockname()[1]
    host = settings.host
    if host in ("0.0.0.0", "::", ""):
        host = socket.gethostname()
    host = f"[{host.strip('[]')}]" if ":" in host else host
    return f"http://{host}:{port}/" + ("" if settings.token is None else f"?token={settings.token}")
