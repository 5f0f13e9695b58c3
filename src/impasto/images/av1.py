"""What an AV1 stream says of its own colours: the code points of its sequence header (AV1, sections 5.3 to 5.5)."""

_SEQUENCE_HEADER = 1
_MAX_UNITS = 16
"""A picture's stream begins with its sequence header, after a delimiter perhaps."""

Codes = tuple[int, int, int, bool]
"""Code points of ITU-T H.273: primaries, transfer, matrix, and whether the range is full."""


class _Bits:
    """Numbers of any width, from the highest bit on. Past the end they are zeros, and `over` says so."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)
        self.over = False

    def __call__(self, width: int) -> int:
        self._left -= width
        if self._left < 0:
            self.over = True
            return 0
        return (self._value >> self._left) & ((1 << width) - 1)


def colors(stream: bytes) -> Codes | None:
    """Return the code points of the stream's first sequence header; None where there is none, or they are not said."""
    for kind, body in _units(stream):
        if kind == _SEQUENCE_HEADER:
            bits = _Bits(body[:512])
            colors = _sequence(bits)
            return None if bits.over else colors
    return None


def _units(stream: bytes) -> list[tuple[int, bytes]]:
    units: list[tuple[int, bytes]] = []
    at = 0
    while at < len(stream) and len(units) < _MAX_UNITS:
        head = stream[at]
        at += 2 if head & 4 else 1
        if not head & 2:  # it goes on to the end
            units.append((head >> 3 & 15, stream[at:]))
            break
        size = 0
        for shift in range(0, 56, 7):
            if at >= len(stream):
                return units
            byte = stream[at]
            at += 1
            size |= (byte & 127) << shift
            if not byte & 128:
                break
        units.append((head >> 3 & 15, stream[at : at + size]))
        at += size
    return units


def _sequence(bits: _Bits) -> Codes | None:
    profile, _, reduced = bits(3), bits(1), bits(1)
    if reduced:
        bits(5)
    else:
        _operating_points(bits)
    wide, high = bits(4) + 1, bits(4) + 1
    bits(wide + high)
    if not reduced and bits(1):
        bits(7)
    bits(3)
    if not reduced:
        _tools(bits)
    bits(3)
    return _color_config(bits, profile)


def _operating_points(bits: _Bits) -> None:
    delay = 0
    if bits(1):
        bits(64)
        if bits(1):
            zeros = 0
            while not bits(1) and zeros < 32 and not bits.over:
                zeros += 1
            bits(zeros)
        if bits(1):
            delay = bits(5) + 1
            bits(42)
    shown = bits(1)
    for _ in range(bits(5) + 1):
        bits(12)
        if bits(5) > 7:
            bits(1)
        if delay and bits(1):
            bits(2 * delay + 1)
        if shown and bits(1):
            bits(4)


def _tools(bits: _Bits) -> None:
    bits(4)
    ordered = bits(1)
    if ordered:
        bits(2)
    if (bits(1) or bits(1)) and not bits(1):
        bits(1)
    if ordered:
        bits(3)


def _color_config(bits: _Bits, profile: int) -> Codes | None:
    if bits(1) and profile == 2:
        bits(1)
    gray = bool(bits(1)) if profile != 1 else False
    if not bits(1):
        return None
    primaries, transfer, matrix = bits(8), bits(8), bits(8)
    identity = not gray and (primaries, transfer, matrix) == (1, 13, 0)
    return primaries, transfer, matrix, identity or bool(bits(1))
