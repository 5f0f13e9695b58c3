"""Ways to damage a file: bytes, lengths, texts, and what of checksums has to be mended for the damage to be read."""

import json
import random
import struct
import zlib
from typing import Any

LARGEST = 1 << 18
"""Bytes of a mutated input: what is wrong with parsers shows in small files."""
NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
"""Where signs, types and sums run over."""
WORDS: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 3, 0.5, 1e308, -1e308, 10**40, 2**31, 2**63, -(2**63)),
    *("", "x", "relu4_1", "NaN", "../../etc/passwd", "https://example.org/a.png", "\0", "\ud800", "é" * 300),
    *([], {}, [[]], [None] * 70, {"a": {"b": {}}}, [1, [2, [3, [4]]]]),
)
"""Values that stand where others are expected; 10**40 is a number that JSON can hold and most types cannot."""


def mutate(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """Return `data` with one to eight damages; `others` are valid files of the kind, to borrow parts from."""
    made = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 5, 8))):
        damage = chance.choice(DAMAGES)
        if damage is None:
            _borrow(made, chance.choice(others), chance)
        else:
            damage(made, chance)
    return bytes(made[:LARGEST])


def mutate_text(text: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """Damage JSON as a document, or, as often, as bytes."""
    try:
        document = json.loads(text)
    except ValueError:
        return mutate(text, others, chance)
    if chance.random() < 0.4:
        return mutate(text, others, chance)
    for _ in range(chance.choice((1, 1, 2, 3))):
        document = _with_another_value(document, chance)
    # Surrogates as escapes, as JSON has them.
    return json.dumps(document).encode()[:LARGEST]


def mend_png(data: bytes) -> bytes:
    """Return a PNG with the right checksums, so that what is in its chunks is read."""
    made, at = bytearray(data[:8]), 8
    while at + 12 <= len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        body = data[at + 4 : at + 8 + length]
        if at + 12 + length > len(data):
            break
        made += data[at : at + 4] + body + struct.pack(">I", zlib.crc32(body))
        at += 12 + length
    return bytes(made + data[at:])


def mend_checkpoint(data: bytes) -> bytes:
    """Return a checkpoint whose last tensor is the checksum of what is before it."""
    return data[:-4] + struct.pack("<I", zlib.crc32(data[:-4])) if len(data) > 4 else data


def _place(made: bytearray, chance: random.Random) -> int:
    """Choose a place, headers far more often than their share of the bytes."""
    return int(len(made) * chance.random() ** chance.choice((1, 4))) if made else 0


def _flip(made: bytearray, chance: random.Random) -> None:
    if made:
        made[_place(made, chance)] ^= 1 << chance.randrange(8)


def _replace(made: bytearray, chance: random.Random) -> None:
    if made:
        made[_place(made, chance)] = chance.randrange(256)


def _number(made: bytearray, chance: random.Random) -> None:
    """Write an extreme number of 1 to 8 bytes, of either order."""
    width, at = chance.choice((1, 2, 4, 4, 8)), _place(made, chance)
    value = chance.choice(NUMBERS) & ((1 << 8 * width) - 1)
    made[at : at + width] = value.to_bytes(width, chance.choice(("little", "big")))


def _add(made: bytearray, chance: random.Random) -> None:
    """Add a little to a number: lengths that are off by one."""
    if len(made) > 4:
        at, order = min(_place(made, chance), len(made) - 4), chance.choice(("<I", ">I"))
        (value,) = struct.unpack_from(order, made, at)
        struct.pack_into(order, made, at, (value + chance.randrange(-8, 9)) % (1 << 32))


def _cut(made: bytearray, chance: random.Random) -> None:
    del made[_place(made, chance) :]


def _leave_out(made: bytearray, chance: random.Random) -> None:
    at = _place(made, chance)
    del made[at : at + chance.choice((1, 4, 16, 256))]


def _repeat(made: bytearray, chance: random.Random) -> None:
    at, length = _place(made, chance), chance.choice((1, 4, 12, 64, 512))
    made[at:at] = made[at : at + length] * chance.choice((1, 1, 2, 20))


def _borrow(made: bytearray, other: bytes, chance: random.Random) -> None:
    """Take a part from another file of the kind."""
    at, of = _place(made, chance), _place(bytearray(other), chance)
    length = chance.choice((4, 12, 64, 1024, LARGEST))
    made[at : at + length] = other[of : of + length]


def _insert(made: bytearray, chance: random.Random) -> None:
    at = _place(made, chance)
    made[at:at] = chance.randbytes(chance.choice((1, 2, 4, 64)))


DAMAGES = (_flip, _replace, _number, _number, _add, _cut, _leave_out, _repeat, None, _insert)
"""None: a part of another file."""


def _with_another_value(document: Any, chance: random.Random) -> Any:
    """Return a document with one value, somewhere in it, replaced, left out, or under another name."""
    if isinstance(document, dict) and document and chance.random() < 0.85:
        key = chance.choice(sorted(document))
        way = chance.random()
        changed = dict(document)
        if way < 0.1:
            del changed[key]
        elif way < 0.2:
            changed[key[:-1] + chance.choice("abcxyz_ ")] = changed.pop(key)
        else:
            changed[key] = _with_another_value(document[key], chance)
        return changed
    if isinstance(document, list) and document and chance.random() < 0.7:
        number = chance.randrange(len(document))
        return [*document[:number], _with_another_value(document[number], chance), *document[number + 1 :]]
    return chance.choice(WORDS)
