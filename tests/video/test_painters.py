"""What follows from frame to frame: less flicker, no drift, keyframes, passes, loops; and all of it interrupted."""

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from impasto.images import Picture
from impasto.scene.painting import After
from impasto.video.carried import Carried
from impasto.video.flow import Motion
from impasto.video.independent import IndependentPainter
from impasto.video.keyframes import KeyframePainter, keys
from impasto.video.loops import paint_loop
from impasto.video.optimized import OptimizedPainter, Past, long_term
from impasto.video.passes import InMemory, PassesPainter
from impasto.video.settings import Coherence
from impasto.video.shot import Shot, ahead
from impasto.video.shot_painter import Painted, ShotPainter, feathered, recolored
from impasto.video.smooth import SmoothPainter
from tests.video.painting_helpers import Beginner, Frames, Make, noisy, pan, shot_of

pytest.importorskip("cv2", reason="needs OpenCV (the extra video)")


def ignore(_: object) -> None:
    """Watch nothing."""


def plain(photo: Tensor, _count: int) -> Tensor:
    return photo.clone()


def painter(kind: str, make: Make = plain, coherence: Coherence = Coherence()) -> tuple[ShotPainter, Beginner]:
    begin = Beginner(make)
    if kind == "keyframes":
        made: ShotPainter = KeyframePainter(
            begin, coherence, Carried(), ignore, every=4, starts=True, fill=lambda photo: photo.pixels
        )
        return made, begin
    kinds: dict[str, Callable[..., ShotPainter]] = {
        "smooth": SmoothPainter,
        "optimized": OptimizedPainter,
        "passes": PassesPainter,
        "independent": IndependentPainter,
    }
    return kinds[kind](begin, coherence, Carried(), ignore), begin


def pictures(painted: list[Painted]) -> list[Tensor]:
    return [one.picture.pixels for one in painted]


def flicker(frames: list[Tensor]) -> float:
    return math.sqrt(sum(float((one - other).square().mean()) for one, other in pairwise(frames)) / (len(frames) - 1))


KINDS = ("smooth", "optimized", "keyframes", "passes", "independent")


@pytest.mark.parametrize("kind", KINDS)
def test_every_frame_is_painted_once_in_order(picture, kind: str) -> None:
    frames = pan(picture(48, 120, 1), 10, 2, 64)
    made, _ = painter(kind, coherence=Coherence(passes=2 if kind == "passes" else 1))
    painted = list(made.paint(shot_of(frames), None))
    assert [one.number for one in painted] == list(range(10))
    assert [one.state.done for one in painted] == list(range(1, 11))
    for one, frame in zip(painted, frames, strict=True):
        # Of a painting that changes nothing, what is carried along the flow is the next frame.
        assert float((one.picture.pixels - frame).abs().mean()) < 0.02


@pytest.mark.parametrize("smooth", [0.0, 0.5, 0.7])
def test_of_a_still_scene_flicker_falls_as_it_should_and_contrast_stays(smooth: float) -> None:
    # O = g (s O' + (1-s) N) has the variance of N for g = 1 / sqrt(s² + (1-s)²), and the correlation g s with O'.
    frames = [torch.full((1, 3, 64, 64), 0.5)] * 30
    made, _ = painter("smooth", noisy(0.02), Coherence(smooth=smooth))
    found = pictures(list(made.paint(shot_of(frames), None)))[10:]
    inner = [frame[..., 8:-8, 8:-8] for frame in found]
    correlation = smooth / math.sqrt(smooth**2 + (1 - smooth) ** 2)
    assert flicker(inner) == pytest.approx(0.02 * math.sqrt(2 * (1 - correlation)), rel=0.15)
    assert float(torch.cat(inner).std()) == pytest.approx(0.02, rel=0.1)


def test_what_is_hidden_in_the_frame_before_is_painted_anew(picture) -> None:
    frames = [picture(48, 64, 1), 1 - picture(48, 64, 9)]
    made, _ = painter("smooth", coherence=Coherence(smooth=0.9))
    last = pictures(list(made.paint(shot_of(frames), None)))[-1]
    assert float((last - frames[1]).abs().mean()) < 0.02


@pytest.mark.parametrize("count", [60, pytest.param(300, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", ["smooth", "optimized"])
def test_hundreds_of_frames_do_not_darken_or_fade(picture, kind: str, count: int) -> None:
    wide = picture(40, 48 + count, 3)
    frames = pan(wide, count, 1, 48)
    made, _ = painter(kind, coherence=Coherence(smooth=0.9))
    found = pictures(list(made.paint(shot_of(frames), None)))
    for number in (count // 6, count // 2, count - 1):
        assert float(found[number].mean() - frames[number].mean()) == pytest.approx(0, abs=2e-3)
        assert float(found[number].var() / frames[number].var()) == pytest.approx(1, abs=0.03)


def test_states_are_float32_and_not_what_was_rounded(picture) -> None:
    made, _ = painter("smooth", noisy(0.001))
    *_, last = made.paint(shot_of([picture(32, 48, 1)] * 3), None)
    kept = last.state.tensors["painted"]
    assert kept.dtype == torch.float32
    assert float((kept * 255 - (kept * 255).round()).abs().max()) > 0.1


def test_optimization_begins_with_the_frame_before_where_that_is_seen(picture) -> None:
    wide = picture(48, 120, 1)
    made, begin = painter("optimized", lambda photo, _: 1 - photo)
    list(made.paint(shot_of(pan(wide, 3, 4, 64)), None))
    assert (begin.count(False), begin.count(True)) == (1, 2)
    init, weights = begin.made[True].inits[0], begin.made[True].anchors[0]
    assert init is not None
    assert weights is not None
    inner = (slice(None), slice(None), slice(8, -8), slice(8, -12))
    assert float((init - (1 - wide[..., 4:68]))[inner].abs().mean()) < 0.02
    # What comes in at the right was not there: it begins with the photograph in other colours, and is held to nothing.
    assert float(weights[..., -2:].max()) == 0
    strips = torch.stack([init[0, 0, :, -2:].flatten(), wide[0, 0, :, 66:68].flatten()])
    assert float(torch.corrcoef(strips)[0, 1]) > 0.95


def still(height: int, width: int, reliable: Tensor) -> Motion:
    return Motion(torch.zeros(2, height, width), reliable)


def test_frames_further_back_count_where_nearer_ones_are_hidden() -> None:
    left, everywhere = torch.zeros(1, 1, 16, 16), torch.ones(1, 1, 16, 16)
    left[..., :8] = 1
    frame = torch.full((1, 3, 16, 16), 0.5)
    near, far = Past(9, frame, torch.zeros_like(frame)), Past(0, frame, torch.ones_like(frame))
    target, weights = long_term([(still(16, 16, left), near), (still(16, 16, everywhere), far)], frame)
    assert float(weights.max()) <= 1
    assert target[0, 0, 8, 2] == 0  # the nearer one shows it
    assert target[0, 0, 8, 13] == 1  # only the further one does
    assert float(weights[0, 0, 8, 13]) == pytest.approx(1)


def test_between_keyframes_nothing_is_painted(picture) -> None:
    made, begin = painter("keyframes")
    list(made.paint(shot_of(pan(picture(48, 120, 1), 10, 2, 64)), None))
    # Frames 0, 4, 8 and 9: the first from nothing.
    assert (begin.count(False), begin.count(True)) == (1, 3)


def test_what_neither_keyframe_shows_is_filled_in_their_colors() -> None:
    picture, other = torch.rand(1, 3, 16, 16), 0.3 * torch.rand(1, 3, 16, 16) + 0.2
    found = recolored(picture, other, torch.ones(1, 1, 16, 16))
    assert torch.allclose(found.mean((2, 3)), other.mean((2, 3)), atol=1e-5)
    assert torch.allclose(found.std((2, 3)), other.std((2, 3)), atol=1e-4)


def test_beside_a_thing_that_moves_painted_frames_are_used_and_nothing_is_filled(picture) -> None:
    """A disc moves over a still scene; what it passed by is in one of two painted frames, in all but a narrow rim."""
    scene, rows, columns = picture(64, 96, 1), torch.arange(64)[:, None], torch.arange(96)
    frames = []
    for number in range(8):
        disc = ((rows - 32).square() + (columns - 24 - 5 * number).square() < 14**2).float()
        frames.append(torch.lerp(scene, 1 - picture(64, 96, 5).roll(5 * number, 3), disc))
    begin, filled = Beginner(plain), torch.tensor([1.0, -1.0, 1.0]).view(1, 3, 1, 1)
    made = KeyframePainter(
        begin, Coherence(), Carried(), ignore, every=7, starts=True, fill=lambda photo: filled.expand_as(photo.pixels)
    )
    found = pictures(list(made.paint(shot_of(frames), None)))
    wrong = [
        float(((one - frame).abs().amax(1) > 0.25).float().mean()) for one, frame in zip(found, frames, strict=True)
    ]
    assert max(wrong) < 0.05, wrong


def test_passes_go_forth_and_back(picture) -> None:
    order: list[int] = []
    frames = [picture(32, 48, 1) + 0.001 * number for number in range(5)]

    def make(photo: Tensor, _count: int) -> Tensor:
        order.append(min(range(5), key=lambda number: float((frames[number] - photo).abs().mean())))
        return photo.clone()

    made, begin = painter("passes", make, Coherence(passes=3))
    list(made.paint(shot_of(frames), None))
    assert order == [0, 1, 2, 3, 4, 4, 3, 2, 1, 0, 0, 1, 2, 3, 4]
    held = [weights is not None for weights in begin.made[True].anchors]
    assert held == [False] * 5 + [True] * 5 or held == [True] * 10


class Enough(Exception):
    """Ends a painting as a signal would."""


@pytest.mark.parametrize("stopped", [3, 5, 8, 14])
def test_passes_go_on_with_the_next_frame_bit_for_bit(picture, stopped: int) -> None:
    """However far a pass came, what is kept of each of its frames is not painted again."""
    frames, scratch, count = pan(picture(40, 80, 1), 5, 2, 56), InMemory(), 0

    def make(photo: Tensor, _count: int) -> Tensor:
        nonlocal count
        count += 1
        if count == stopped + 1:
            raise Enough
        return 1 - photo.square()

    def paint(kept: InMemory) -> list[Tensor]:
        made = PassesPainter(Beginner(make), Coherence(passes=3), Carried(), ignore, kept)
        return pictures(list(made.paint(shot_of(frames), None)))

    with pytest.raises(Enough):
        paint(scratch)
    count = 100
    again = paint(scratch)
    assert count - 100 == 15 - stopped
    whole = paint(InMemory())
    assert all(torch.equal(one, other) for one, other in zip(again, whole, strict=True))
    assert scratch.load(0) is None  # nothing stays of a shot that is finished


@pytest.mark.parametrize("count", [1, 2, 7, 10, 11, 12, 21, 30])
@pytest.mark.parametrize("every", [2, 5, 10])
def test_painted_frames_are_spread_evenly(count: int, every: int) -> None:
    painted = keys(count, every)
    steps = [later - earlier for earlier, later in pairwise(painted)]
    assert painted[0] == 0
    assert painted[-1] == count - 1
    assert all(1 <= step <= every for step in steps)
    assert max(steps, default=0) - min(steps, default=0) <= 1
    assert len(steps) == -(-(count - 1) // every)  # no more are painted than have to be


@pytest.mark.parametrize("kind", KINDS)
def test_a_shot_of_one_frame_is_painted(picture, kind: str) -> None:
    made, _ = painter(kind, coherence=Coherence(passes=2 if kind == "passes" else 1))
    (only,) = made.paint(shot_of([picture(40, 48, 1)]), None)
    assert only.state.done == 1
    assert float((only.picture.pixels - picture(40, 48, 1)).abs().max()) < 1e-5


@pytest.mark.parametrize("kind", ["smooth", "optimized", "keyframes", "passes", "independent"])
@pytest.mark.parametrize("stopped", [1, 4, 5, 9])
def test_a_shot_goes_on_bit_for_bit(picture, kind: str, stopped: int) -> None:
    frames = pan(picture(48, 120, 1), 10, 2, 64)
    coherence = Coherence(passes=2 if kind == "passes" else 1)

    def make(photo: Tensor, _count: int) -> Tensor:
        return 1 - photo.square()

    whole = list(painter(kind, make, coherence)[0].paint(shot_of(frames), None))
    again = list(painter(kind, make, coherence)[0].paint(shot_of(frames), whole[stopped - 1].state))
    assert [one.number for one in again] == list(range(stopped, 10))
    for one, other in zip(again, whole[stopped:], strict=True):
        assert torch.equal(one.picture.pixels, other.picture.pixels)


@pytest.mark.parametrize("kind", ["smooth", "optimized"])
def test_a_loop_closes(picture, kind: str) -> None:
    wide = torch.cat([picture(48, 64, 1)] * 3, -1)
    frames = [wide[..., 4 * number : 4 * number + 64] for number in range(16)]  # a full turn

    def make(photo: Tensor, count: int) -> Tensor:
        return photo + 0.2 * math.exp(-count / 4)  # what it is at first wears off

    def jump(found: list[Tensor]) -> float:
        # The frame after the last is the first, 4 pixels further on.
        return float((found[0][..., 8:-12] - found[-1][..., 12:-8]).abs().mean())

    plainly = pictures(list(painter(kind, make)[0].paint(shot_of(frames), None)))
    closed = list(paint_loop(painter(kind, make)[0], shot_of(frames), None))
    assert [one.number for one in closed] == list(range(16))
    if kind == "smooth":
        assert jump(pictures(closed)) < 0.3 * jump(plainly)
    else:
        assert jump(pictures(closed)) <= jump(plainly) + 1e-3


def test_a_loop_goes_on_bit_for_bit(picture) -> None:
    frames = pan(picture(48, 120, 1), 10, 2, 64)
    whole = list(paint_loop(painter("smooth", lambda photo, _: 1 - photo)[0], shot_of(frames), None))
    again = list(paint_loop(painter("smooth", lambda photo, _: 1 - photo)[0], shot_of(frames), whole[6].state))
    assert [one.number for one in again] == [7, 8, 9]
    for one, other in zip(again, whole[7:], strict=True):
        assert torch.equal(one.picture.pixels, other.picture.pixels)


@pytest.mark.parametrize(
    "values",
    [
        {"smooth": 1.0},
        {"smooth": -0.1},
        {"keyframe": -1},
        {"passes": 0},
        {"temporal_weight": -1},
        {"follow": 0.0},
        {"follow": 1.5},
    ],
)
def test_values_that_mean_nothing(values: dict) -> None:
    from impasto.errors import UsageError

    with pytest.raises(UsageError):
        Coherence(**values)


def test_shots_read_frames_that_repeat_and_begin_again() -> None:
    clip = Frames([torch.full((1, 3, 16, 16), number / 10) for number in range(6)])
    shot = Shot(clip, [1, 1, 3, 5])
    assert [round(10 * float(one.pixels.mean())) for one in shot.photos()] == [1, 1, 3, 5]
    assert [round(10 * float(one.pixels.mean())) for one in shot.photos(2)] == [3, 5]
    assert [round(10 * float(one.pixels.mean())) for one in shot.looped(2).photos()] == [3, 5, 1, 1, 3, 5]
    assert round(10 * float(shot.photo(3).pixels.mean())) == 5


def test_what_is_read_ahead_raises_here_and_ends_early() -> None:
    def fail():
        yield 1
        raise ValueError("damaged")

    items = ahead(fail)
    assert next(items) == 1
    with pytest.raises(ValueError, match="damaged"):
        next(items)
    many = ahead(lambda: iter(range(10**9)))
    assert [next(many), next(many)] == [0, 1]
    many.close()  # type: ignore[attr-defined]


def test_weights_fade_out_before_they_end() -> None:
    weights = torch.ones(1, 1, 20, 20)
    weights[..., 10:] = 0
    faded = feathered(weights)
    assert bool((faded <= weights).all())
    assert float(faded[0, 0, 10, 7]) == 1
    assert 0 < float(faded[0, 0, 10, 8]) < 1


def test_a_frame_that_is_shown_has_what_it_is_given(picture) -> None:
    begin = Beginner(plain)
    photo = Picture(picture(32, 48, 1))
    painting = begin(photo)
    painting.take(photo, after=After(init=photo))
    assert painting.scene.init is not None
    assert painting.scene.anchor is None
