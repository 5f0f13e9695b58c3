"""Pictures and tables as pieces of HTML that stand for themselves, for notebooks."""

import base64
import html
from collections.abc import Iterable, Mapping

from impasto.images.picture import Picture
from impasto.images.sizing import fit_size
from impasto.images.transparency import resize_picture
from impasto.images.write import encode

SHOWN = 640
"""The long side in pixels that a notebook shows: as wide as a cell, and the notebook's file stays small."""


def figure(picture: Picture, rows: Mapping[str, object], side: int = SHOWN) -> str:
    """Return a picture, made smaller where it is larger than `side`, over a line for each of `rows` (name: value)."""
    small = picture if max(picture.size) <= side else resize_picture(picture, fit_size(picture.size, side))
    data = base64.b64encode(encode(small, "png")).decode("ascii")
    cells = "".join(f"<tr><th>{_text(name)}</th><td>{_text(value)}</td></tr>" for name, value in rows.items())
    under = f"<figcaption><table>{cells}</table></figcaption>" if rows else ""
    return f'<figure><img alt="{_text(picture.name)}" src="data:image/png;base64,{data}">{under}</figure>'


def table(rows: Iterable[Mapping[str, object]]) -> str:
    """Return rows as a table whose columns are the keys of the first one; None is an empty cell."""
    listed = list(rows)
    if not listed:
        return "<table></table>"
    head = "".join(f"<th>{_text(key)}</th>" for key in listed[0])
    body = "".join(f"<tr>{''.join(f'<td>{_text(row.get(key))}</td>' for key in listed[0])}</tr>" for row in listed)
    return f"<table><tr>{head}</tr>{body}</table>"


def _text(value: object) -> str:
    if value is None:
        return ""
    return html.escape(f"{value:.4g}" if isinstance(value, float) else str(value))
