"""The system's Firefox under a test's hands, by WebDriver BiDi (https://w3c.github.io/webdriver-bidi).

Playwright drives a Firefox of its own alone, which is not to be had everywhere; a smoke test needs six commands.
"""

import base64
import json
import os
import re
import socket
import struct
import subprocess
import time
from pathlib import Path

from tests.type_helpers import present

OWN = "SyntaxError: JSON.parse: unexpected character at line 1 column 1 of the JSON data"
"""What Firefox 153 says once of a page that sends its first POST, without a place, whatever is sent and answered."""
WAIT_S = 60.0
"""Seconds for which an answer is waited for."""


class Socket:
    """A WebSocket to a browser of this machine, of which text in whole messages is all that is needed (RFC 6455)."""

    def __init__(self, host, port, path):
        self._connection = socket.create_connection((host, port), timeout=WAIT_S)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}:{port}", "Upgrade: websocket", "Connection: Upgrade"]
        lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", ""]
        self._connection.sendall("\r\n".join(lines).encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self._read(1)
        assert b" 101 " in head.split(b"\r\n", 1)[0], head

    def send(self, text):
        data = text.encode()
        # The shortest way to write a length is the only one that is taken.
        length = struct.pack("!BH", 254, len(data)) if len(data) < 1 << 16 else struct.pack("!BQ", 255, len(data))
        length = bytes([128 | len(data)]) if len(data) < 126 else length
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(data))
        self._connection.sendall(b"\x81" + length + mask + masked)

    def receive(self):
        data = b""
        while True:
            first, second = self._read(2)
            length = second & 127
            if length == 126:
                (length,) = struct.unpack("!H", self._read(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", self._read(8))
            part = self._read(length)
            if first & 15 in (0, 1):
                data += part
                if first & 128:
                    return data.decode()

    def _read(self, count):
        data = b""
        while len(data) < count:
            part = self._connection.recv(count - len(data))
            assert part, "Firefox ended"
            data += part
        return data

    def close(self):
        self._connection.close()


class Firefox:
    """A Firefox without a window, and one page of it. `complaints` is what it found wrong."""

    def __init__(self, program, profile: Path, *preferences):
        profile.mkdir()
        lines = [f'user_pref("{key}", {json.dumps(value)});' for key, value in preferences]
        (profile / "user.js").write_text("\n".join(lines))
        command = [program, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"]
        self._process = subprocess.Popen(
            command,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "HOME": str(profile)},
        )
        address = None
        for line in present(self._process.stderr):
            if address := re.search(r"ws://([\d.]+):(\d+)", line):
                break
        assert address, "Firefox did not start"
        self._socket = Socket(address[1], int(address[2]), "/session")
        self._number = 0
        self.complaints: list[str] = []
        self.ask("session.new", capabilities={})
        self.ask("session.subscribe", events=["log.entryAdded"])
        # Not the page that it begins with, which is one of its own.
        self._page = ""
        self._page = self.ask("browsingContext.create", type="tab")["context"]

    def ask(self, method, **parameters):
        """Send a command; return its result."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.receive())
            if message.get("method") == "log.entryAdded":
                self._hear(message["params"])
            if message.get("id") == self._number:
                assert message["type"] == "success", message
                return message["result"]

    def _hear(self, entry):
        # What the browser says of itself is of no page.
        own = entry["source"].get("context") != self._page or entry["text"] == OWN
        if entry["level"] in ("error", "warn") and not own:
            self.complaints.append(entry["text"])

    def open(self, url):
        """Go to a page."""
        self.ask("browsingContext.navigate", context=self._page, url=url, wait="complete")

    def run(self, script):
        """Run the body of an async function in the page; return what it returns, through JSON."""
        expression = f"(async () => JSON.stringify(await (async () => {{ {script} }})() ?? null))()"
        target = {"context": self._page}
        result = self.ask("script.evaluate", expression=expression, target=target, awaitPromise=True)
        assert result["type"] == "success", result.get("exceptionDetails", {}).get("text")
        return json.loads(result["result"]["value"])

    def until(self, condition, timeout_s=WAIT_S):
        """Wait until an expression of the page is true."""
        deadline = time.monotonic() + timeout_s
        while not self.run(f"return Boolean({condition});"):
            assert time.monotonic() < deadline, f"never: {condition}"
            time.sleep(0.2)

    def click(self, selector):
        """Click what is there, at its middle, as a person does."""
        x, y = self.run(
            f"const node = document.querySelector({json.dumps(selector)}); node.scrollIntoView({{ block: 'center' }});"
            "const { x, y, width, height } = node.getBoundingClientRect();"
            "return [x + width / 2, y + height / 2].map(Math.round);"
        )
        moves = [
            {"type": "pointerMove", "x": x, "y": y},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        source = {"type": "pointer", "id": "mouse", "actions": moves}
        self.ask("input.performActions", context=self._page, actions=[source])

    def close(self):
        self._socket.close()
        self._process.terminate()
        self._process.wait(30)
        present(self._process.stderr).close()
