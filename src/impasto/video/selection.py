"""Which frames of a clip are painted, and when each of them is shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from impasto.errors import UsageError
from impasto.video.clip import Shown
from impasto.video.settings import MAX_RATE, Range

USUAL_RATE = Fraction(25)
"""Frames a second of frames that say nothing of time: that of European films, and near to all others."""


@dataclass(frozen=True)
class Selected:
    """One frame of the result: the number of the clip's frame, and when it is shown in the result."""

    index: int
    shown: Shown


def select(shown: Sequence[Shown], part: Range, name: str) -> tuple[Selected, ...]:
    """Return the frames of the result, the first of which is shown from 0 s.

    A frame belongs to the part where any of its time does, so the shortest part has a frame. Raises `UsageError` where
    the part is beyond the clip.
    """
    start, end = _exact(part.start_s), shown[-1].end
    end = end if part.end_s is None else min(end, _exact(part.end_s))
    inside = [number for number, at in enumerate(shown) if at.end > start and at.start < end]
    if not inside:
        raise UsageError(f"{name}: ends at {float(shown[-1].end):.3g} s; nothing of it is after {part.start_s} s")
    if part.fps is not None:
        return _even(shown, inside, start, end, part)
    chosen = inside[:: part.every]
    begins = [max(start, shown[number].start) - start for number in chosen]
    ends = [*begins[1:], end - start]
    return tuple(
        Selected(number, Shown(begin, stop - begin)) for number, begin, stop in zip(chosen, begins, ends, strict=True)
    )


def _exact(seconds: float) -> Fraction:
    """Return what was meant by a decimal number of seconds, to the microsecond."""
    return Fraction(seconds).limit_denominator(10**6)


def _even(
    shown: Sequence[Shown], inside: Sequence[int], start: Fraction, end: Fraction, part: Range
) -> tuple[Selected, ...]:
    """Return frames at even distances: at each moment the one that is shown then."""
    rate = part.fps or USUAL_RATE
    step = part.every / rate
    count = max(1, round((end - start) / step))
    selected, at = [], 0
    for number in range(count):
        moment = start + number * step
        while at + 1 < len(inside) and shown[inside[at + 1]].start <= moment:
            at += 1
        selected.append(Selected(inside[at], Shown(number * step, step)))
    return tuple(selected)


def repair(times: Sequence[Fraction | None], last: Fraction | None, rate: Fraction | None) -> tuple[Shown, ...]:
    """Return when each frame is shown, from time stamps that may be absent, equal, or run backwards.

    `last` is the duration of the last frame and `rate` the frames a second that the file speaks of, where they are
    known. The first frame is shown from 0 s on. Stamps that are too close to be anybody's rate are damaged: all are
    then replaced by even ones.
    """
    step = 1 / rate if rate is not None and 0 < rate <= MAX_RATE else 1 / USUAL_RATE
    known = [time for time in times if time is not None]
    even = tuple(Shown(number * step, step) for number in range(len(times)))
    if not known or (len(times) > 1 and max(known) - min(known) < Fraction(len(times) - 1, MAX_RATE)):
        return even
    begins: list[Fraction] = []
    for time in times:
        if not begins:
            begins.append(time if time is not None else min(known))
        elif time is None or time <= begins[-1]:
            begins.append(begins[-1] + step)
        else:
            begins.append(time)
    final = last if last is not None and last > 0 else (begins[-1] - begins[-2] if len(begins) > 1 else step)
    ends = [*begins[1:], begins[-1] + final]
    return tuple(Shown(begin - begins[0], stop - begin) for begin, stop in zip(begins, ends, strict=True))
