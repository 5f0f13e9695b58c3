"""Paint through the studio's API, with nothing but the standard library.

Start `impasto studio --no-browser` first; then `python examples/06_studio_api.py http://127.0.0.1:8765 OUT`. Where the
studio has a token, it is in IMPASTO_TOKEN.
"""

import json
import os
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ASSETS = Path(__file__).resolve().parent.parent / "assets"


def ask(url: str, data: bytes | None = None, **headers: str) -> Any:
    """Send a GET, or a POST of `data`; give the answer, to be read."""
    if token := os.environ.get("IMPASTO_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    return urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=60)


def upload(studio: str, picture: Path, role: str) -> str:
    """Bring a picture to the studio; give its id."""
    headers = {"Content-Type": "application/octet-stream", "X-Name": urllib.parse.quote(picture.name)}
    with ask(f"{studio}/api/pictures?role={role}", picture.read_bytes(), **headers) as answer:
        return str(json.load(answer)["id"])


def events(studio: str, job: str) -> Iterator[tuple[str, Any]]:
    """Return what happens to a painting, as (event, data), until it is over."""
    with ask(f"{studio}/api/jobs/{job}/events") as stream:
        event = ""
        for line in stream:
            key, _, value = line.decode().strip().partition(": ")
            if key == "event":
                event = value
            elif key == "data":
                yield event, json.loads(value)


def main(studio: str, out: Path, size: int = 512, iterations: int = 200) -> dict[str, Any]:
    """Paint with the encoder that ships in the package, watch, and save the picture with its recipe inside."""
    job = {
        "content": upload(studio, ASSETS / "photos" / "cat.jpg", "content"),
        "styles": [upload(studio, ASSETS / "styles" / "palette_knife.jpg", "style")],
        "recipe": {"encoder": "petite", "size": size, "iterations": iterations},
    }
    with ask(f"{studio}/api/jobs", json.dumps(job).encode(), **{"Content-Type": "application/json"}) as answer:
        name = json.load(answer)["id"]
    last: dict[str, Any] = {}
    for event, data in events(studio, name):
        if event == "progress":
            print(f"step {data['step']} of {data['total_steps']}, loss {data['loss']:.3g}", file=sys.stderr)
        if event in ("job", "end"):
            last = data
    if last["state"] != "done":
        raise SystemExit(f"{last['state']}: {last['error']}")
    with ask(f"{studio}/api/jobs/{name}/result?format=png") as answer:
        out.write_bytes(answer.read())
    return last


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"), Path(sys.argv[2] if len(sys.argv) > 2 else "cat_palette_knife.png"))
