"""Which frames are painted and when they are shown: values by hand, and what time stamps may lack."""

import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impasto.errors import UsageError
from impasto.video.clip import Shown
from impasto.video.selection import repair, select
from impasto.video.settings import Range
from tests.video.video_helpers import evenly


def starts(selected) -> list[float]:
    return [float(frame.shown.start) for frame in selected]


def test_all_of_it_is_the_default() -> None:
    selected = select(evenly(5), Range(), "clip")
    assert [frame.index for frame in selected] == [0, 1, 2, 3, 4]
    assert tuple(frame.shown for frame in selected) == evenly(5)


def test_a_part_begins_at_zero_and_keeps_its_length() -> None:
    selected = select(evenly(25), Range(0.2, 0.4), "clip")
    assert [frame.index for frame in selected] == [5, 6, 7, 8, 9]
    assert starts(selected) == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])
    assert float(selected[-1].shown.end) == pytest.approx(0.2)


def test_every_third_frame_is_shown_in_place_of_the_others() -> None:
    selected = select(evenly(8), Range(every=3), "clip")
    assert [frame.index for frame in selected] == [0, 3, 6]
    assert [frame.shown.duration for frame in selected] == [Fraction(3, 25), Fraction(3, 25), Fraction(2, 25)]


def test_a_rate_takes_what_is_shown_at_each_moment() -> None:
    # Frames of 1, 3 and 1 units of 0.1 s, at 10 frames a second.
    shown = (
        Shown(Fraction(0), Fraction(1, 10)),
        Shown(Fraction(1, 10), Fraction(3, 10)),
        Shown(Fraction(4, 10), Fraction(1, 10)),
    )
    selected = select(shown, Range(fps=Fraction(10)), "clip")
    assert [frame.index for frame in selected] == [0, 1, 1, 1, 2]
    assert {frame.shown.duration for frame in selected} == {Fraction(1, 10)}


@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=20),
    st.integers(1, 5),
    st.one_of(st.none(), st.integers(1, 60)),
)
def test_frames_follow_one_another_and_the_length_stays(ticks: list[int], every: int, fps: int | None) -> None:
    shown, at = [], Fraction(0)
    for tick in ticks:
        shown.append(Shown(at, Fraction(tick, 100)))
        at += Fraction(tick, 100)
    selected = select(shown, Range(every=every, fps=None if fps is None else Fraction(fps)), "clip")
    assert selected[0].shown.start == 0
    assert all(one.shown.end == other.shown.start for one, other in itertools.pairwise(selected))
    assert all(one.index <= other.index for one, other in itertools.pairwise(selected))
    if fps is None:
        assert selected[-1].shown.end == at
    else:  # to within one frame
        assert abs(selected[-1].shown.end - at) <= Fraction(every, fps)


@pytest.mark.parametrize("values", [{"start_s": -1}, {"start_s": 2, "end_s": 1}, {"every": 0}, {"fps": Fraction(0)}])
def test_parts_that_are_none(values: dict) -> None:
    with pytest.raises(UsageError):
        Range(**values)


def test_a_part_beyond_the_clip() -> None:
    with pytest.raises(UsageError, match=r"ends at 0.2 s"):
        select(evenly(5), Range(start_s=3), "clip")


def seconds(*values: float | None) -> list[Fraction | None]:
    return [None if value is None else Fraction(value).limit_denominator(1000) for value in values]


def test_stamps_begin_at_zero_and_the_last_frame_has_its_length() -> None:
    shown = repair(seconds(1.0, 1.1, 1.4), Fraction(1, 2), Fraction(10))
    assert [float(at.start) for at in shown] == pytest.approx([0, 0.1, 0.4])
    assert [float(at.duration) for at in shown] == pytest.approx([0.1, 0.3, 0.5])


def test_stamps_that_lack_or_run_backwards_follow_by_the_rate() -> None:
    shown = repair(seconds(0, None, 0.05, 0.3), Fraction(1, 10), Fraction(10))
    assert [float(at.start) for at in shown] == pytest.approx([0, 0.1, 0.2, 0.3])


@pytest.mark.parametrize("times", [seconds(None, None, None), seconds(0, 0, 0), seconds(0, 0.0001, 0.0002)])
@pytest.mark.parametrize(
    ("rate", "step"), [(None, 1 / 25), (Fraction(0), 1 / 25), (Fraction(90_000), 1 / 25), (Fraction(12), 1 / 12)]
)
def test_without_sound_stamps_frames_are_even(times: list, rate: Fraction | None, step: float) -> None:
    assert [float(at.duration) for at in repair(times, None, rate)] == pytest.approx([step] * 3)


def test_one_frame_has_a_length() -> None:
    assert repair(seconds(7.0), None, Fraction(10)) == (Shown(Fraction(0), Fraction(1, 10)),)
