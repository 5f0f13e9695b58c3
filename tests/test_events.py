"""Notices: one line each, and text whatever the names in them are made of."""

import os

from impasto.events import notice


def test_a_notice_is_one_line_of_text(notices: list[str]) -> None:
    notice(f"{os.fsdecode(b'caf-' + bytes([0xE9]))}.jpg:\n was  resized")
    assert notices == ["caf-\\udce9.jpg: was resized"]
