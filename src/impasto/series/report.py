"""The report of a benchmark: one HTML file that needs nothing from elsewhere, and tables for other tools."""

import base64
import functools
import json
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto import files, images
from impasto.errors import ImpastoError
from impasto.series import records, results

if TYPE_CHECKING:
    from impasto.series.benchmark import Benchmark

TEMPLATE = ("report.html", "report.css", "report.js")
MOST_THUMBNAIL_BYTES = 40_000_000
"""Of all thumbnails of one report: what a browser opens in a few seconds."""
THUMBNAIL = 192
"""Pixels of a thumbnail's long side, where there is room for all of them: two of them fill the eye's sharp field."""
SMALLEST_THUMBNAIL = 48
BYTES_PER_PIXEL = 0.35
"""Of a JPEG thumbnail of paint at quality 80, in base64: 0.2 to 0.4 were seen."""
QUALITY = 80


def write(made: "Benchmark") -> None:
    """Write report, JSON and CSV. Raises `OutputError`; what stood there then stays."""
    document = results.document(made)
    text = json.dumps(document, sort_keys=True, indent=1, allow_nan=False)
    by_name = {path.name: path for path in made.outputs}
    files.write_bytes(by_name["results.json"], f"{text}\n".encode(errors="surrogateescape"))
    records.write_table(by_name["results.csv"], results.rows(made))
    files.write_bytes(by_name["report.html"], page(document, thumbnails(made)).encode(errors="replace"))


def page(document: dict[str, Any], pictures: dict[str, str]) -> str:
    """Return the HTML. `pictures`: addresses of thumbnails by `content:NAME`, `style:NAME` and a picture's file."""
    html, css, js = (_part(name) for name in TEMPLATE)
    data = json.dumps({**document, "thumbnails": pictures}, sort_keys=True, separators=(",", ":"), allow_nan=False)
    # Within a script no text may look like its end, nor begin a comment of HTML's.
    data = data.replace("<", "\\u003c")
    return html.replace("/*CSS*/", css).replace("/*JS*/", js).replace('"DATA"', data)


def thumbnails(made: "Benchmark") -> dict[str, str]:
    """Return small pictures as data addresses, as large as there is room for; what cannot be read is left out."""
    wanted: dict[str, Path] = {f"content:{item.name}": item.path for item in made.contents}
    wanted |= {f"style:{item.name}": item.path for item in made.styles}
    wanted |= {
        entry["file"]: cell.path
        for entry, cell in zip(results.rows(made), made.cells, strict=True)
        if entry["state"] in ("done", "external", "stopped", "unfinished")
    }
    # A picture of 4:3 has three quarters of its long side's square.
    room = (MOST_THUMBNAIL_BYTES / (len(wanted) * BYTES_PER_PIXEL * 0.75)) ** 0.5
    side = max(SMALLEST_THUMBNAIL, min(THUMBNAIL, int(room)))
    addresses = {}
    for name, path in wanted.items():
        try:
            picture = images.load(path)
            small = images.resize_picture(picture, images.fit_size(picture.size, min(side, max(picture.size))))
            data = images.encode(small, "jpeg", quality=QUALITY)
        except ImpastoError:
            continue
        addresses[name] = "data:image/jpeg;base64," + base64.b64encode(data).decode()
    return addresses


@functools.cache
def _part(name: str) -> str:
    return resources.files("impasto").joinpath("series", "page", name).read_text("utf-8")
