"""The size of a result: in pixels, or after the content's."""

import re
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

SMALLEST, LARGEST = 16, 65_536
"""Pixels that the long side of a result may have: below, no deep layer sees anything; no file format of ours has more
above."""

CONTENT = "content"
"""The word for the content's own size."""

_PERCENT = re.compile(r"(\d{1,6}(?:\.\d{1,3})?) ?%")
_SPELLED = f"pixels from {SMALLEST} to {LARGEST}, content, or a percentage of the content's such as 200%"


def read(value: object) -> int | str:
    """Return pixels as a number, and `content` or a percentage as text. Raises `ValueError` for anything else."""
    text = value.strip() if isinstance(value, str) else ""
    if text == CONTENT:
        return text
    if (percent := _PERCENT.fullmatch(text)) and float(percent[1]) > 0:
        return f"{percent[1]}%"
    if text.isascii() and text.isdecimal() and len(text) <= 9:
        value = int(text)
    elif isinstance(value, float) and value.is_integer() and value <= LARGEST:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not SMALLEST <= value <= LARGEST:
        raise ValueError(f"must be {_SPELLED}")
    return value


def long_side(size: int | str, content: tuple[int, int]) -> int:
    """Return the pixels of the long side that `size` means for a content of (height, width).

    Raises `ValueError` where a percentage leads beyond the largest size there is.
    """
    if isinstance(size, int):
        return size
    percent = 100.0 if size == CONTENT else float(size[:-1])
    pixels = max(1, round(max(content) * percent / 100))
    if pixels > LARGEST:
        raise ValueError(f"would be {pixels} pixels long, and results have {LARGEST} at most; give a smaller one")
    return pixels


Size = Annotated[
    int | str,
    BeforeValidator(read),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": SMALLEST, "maximum": LARGEST},
                {"type": "string", "pattern": r"^(content|[0-9]{1,6}(\.[0-9]{1,3})? ?%)$"},
            ],
        }
    ),
]
"""What `Recipe.size` takes."""
