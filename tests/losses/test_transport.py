"""Relaxed transport, moments, self-similarity and hypercolumns: laws, values by hand, gradients."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.losses import HypercolumnSampler, PositionSampler, RegionSamples, SelfSimilarity, Transport, transport
from impasto.losses.hypercolumns import interpolated
from impasto.losses.self_similarity import self_similarity
from impasto.losses.transport import Directions, Moments, _nearest, relaxed_transport


def points(count: int, width: int = 5) -> Tensor:
    return torch.randn(count, width, dtype=torch.float64)


def test_relaxed_transport_by_hand() -> None:
    one, other = torch.tensor([[1.0, 0]]), torch.tensor([[1.0, 0], [0, 1]])
    assert float(relaxed_transport(one, other)) == pytest.approx(0.5)
    assert float(relaxed_transport(other, one)) == pytest.approx(0.5)
    # The member of `other` that is left over is √2 away, and at a right angle.
    assert float(relaxed_transport(other, other[:1], colors=True)) == pytest.approx(0.5 * (1 + (2 / 3) ** 0.5))
    # Greys have one direction: only their lengths tell them apart.
    grays = torch.tensor([[0.1, 0.1, 0.1]]), torch.tensor([[0.4, 0.4, 0.4]])
    assert float(relaxed_transport(*grays)) == pytest.approx(0, abs=1e-6)
    assert float(relaxed_transport(*grays, colors=True)) == pytest.approx(0.3)


@pytest.mark.parametrize("colors", [False, True])
def test_relaxed_transport_of_a_set_to_itself_in_any_order_is_nothing(colors: bool) -> None:
    one, other = points(40, 3), points(30, 3)
    shuffled = one[torch.randperm(40)]
    assert float(relaxed_transport(one, shuffled, colors=colors)) == pytest.approx(0, abs=1e-12)
    found = relaxed_transport(one, other, colors=colors)
    assert found > 0.01
    torch.testing.assert_close(relaxed_transport(shuffled, other[torch.randperm(30)], colors=colors), found)
    torch.testing.assert_close(relaxed_transport(other, one, colors=colors), found)


def test_bands_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = points(37), points(23)
    table = 1 - torch.nn.functional.normalize(one) @ torch.nn.functional.normalize(other).T
    expected = max(float(table.min(1).values.mean()), float(table.min(0).values.mean()))
    for size in (1, 5 * 8 * 23, 1 << 20):
        monkeypatch.setattr(transport, "SCRATCH_BYTES", size)
        assert float(relaxed_transport(one, other)) == pytest.approx(expected, rel=1e-12)


def test_angles_are_those_of_isometric_lifts() -> None:
    lift = torch.linalg.qr(points(9, 5))[0]
    one, other = points(20), points(15)
    torch.testing.assert_close(relaxed_transport(one @ lift.T, other @ lift.T), relaxed_transport(one, other))
    same = points(15), other
    lifted = [each @ lift.T for each in same]
    torch.testing.assert_close(self_similarity(*lifted), self_similarity(*same))


def test_self_similarity_does_not_see_lengths_or_order() -> None:
    one, other = points(20), points(20)
    assert float(self_similarity(one, one)) == 0
    scaled = one * torch.rand(20, 1, dtype=torch.float64).add(0.5)
    assert float(self_similarity(one, scaled)) == pytest.approx(0, abs=1e-12)
    found, order = self_similarity(one, other), torch.randperm(20)
    assert 0.01 < found < 2
    torch.testing.assert_close(self_similarity(one[order], other[order]), found)


def test_self_similarity_by_hand() -> None:
    # Distances 0 and 1 at a right angle: columns (0, .5, .5) against (0, 1, 0), (1, 0, ...) of two alike and one apart.
    one = torch.eye(3, dtype=torch.float64)
    other = torch.tensor([[1.0, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=torch.float64)
    # Columns 0 and 1 are (0, 0, 1) and column 2 is (.5, .5, 0): they differ by 1, 1 and 0.
    assert float(self_similarity(one, other)) == pytest.approx(2 / 3)
    assert float(self_similarity(one, other, torch.tensor([3.0, 0, 7]))) == pytest.approx(1.0)


def test_a_picture_of_one_colour_is_no_division_by_zero() -> None:
    # Of some lengths, directions rounded to bfloat16 are longer than 1, of others shorter.
    for width, precision in itertools.product((3, 4, 5, 6, 7), (None, torch.bfloat16)):
        flat = torch.ones(6, width, requires_grad=True)
        similarity = self_similarity(flat, torch.rand(6, width), precision=precision)
        (gradient,) = torch.autograd.grad(similarity + relaxed_transport(flat, torch.zeros(3, width)), flat)
        assert 0 <= float(similarity.detach()) <= 2
        assert float(gradient.abs().max()) < 1000


def test_moments_by_hand() -> None:
    one = torch.tensor([[0.0, 0], [2, 4]])
    moments = Moments.of(one)
    assert moments.mean.tolist() == [1, 2]
    assert moments.covariance.tolist() == [[1, 2], [2, 4]]
    # |Δμ| is (1, 2), |ΔΣ| all of the covariance: means 1.5 and 9 / 4.
    assert float(moments.distance(torch.zeros(5, 2))) == pytest.approx(3.75)
    wide = Moments(moments.mean, moments.covariance, 8)
    assert float(wide.distance(torch.zeros(5, 2))) == pytest.approx(1.5 / 2 + 2.25 / 4)
    assert float(moments.distance(one.flip(0))) == 0


@pytest.mark.parametrize("term", ["transport", "colours", "similarity", "weighted similarity", "moments", "painter"])
def test_gradients(term: str) -> None:
    other = points(12, 6)
    judge = {
        "transport": lambda x: relaxed_transport(x, other),
        "colours": lambda x: relaxed_transport(x, other, colors=True),
        "similarity": lambda x: self_similarity(x, other[:9]),
        "weighted similarity": lambda x: self_similarity(x, other[:9], torch.arange(9.0)),
        "moments": Moments.of(other, 11).distance,
        "painter": lambda x: RegionSamples(other, 0.5, 11)(x, 0.7),
    }[term]
    assert torch.autograd.gradcheck(judge, (points(9, 6).requires_grad_(),))


def test_half_precision_finds_neighbours_as_near_as_the_nearest() -> None:
    one, other = points(200, 48).float(), points(300, 48).float()
    directions, exact, half = F.normalize(one), Directions.of(other), Directions.of(other, torch.bfloat16)
    table = 1 - directions @ exact.members.T

    forth, back = _nearest(directions, half.opposites, None)

    assert half.opposites.dtype is torch.bfloat16
    assert half.members.dtype is torch.float32
    # 8 bits tell cosines of 0.5 apart by 0.002, and sums of rounded values are off by as much.
    assert float((table.gather(1, forth[:, None])[:, 0] - table.min(1).values).max()) < 0.01
    assert float((table.gather(0, back[None])[0] - table.min(0).values).max()) < 0.01
    assert float((forth == table.argmin(1)).float().mean()) > 0.9


@pytest.mark.parametrize("term", ["painter", "similarity"])
def test_half_precision_hardly_changes_losses_and_gradients(term: str) -> None:
    other = points(200, 32).float()
    judge = {
        "painter": lambda x, precision: RegionSamples(other, 1.0, 32, precision)(x, 0.5),
        "similarity": lambda x, precision: self_similarity(x, other[:90], precision=precision),
    }[term]
    start = (other[:90] + 0.7 * points(90, 32).float()).requires_grad_()
    losses = [judge(start, precision) for precision in (None, torch.bfloat16)]

    exact, half = (torch.autograd.grad(loss, start)[0] for loss in losses)

    assert float(losses[1].detach()) == pytest.approx(float(losses[0].detach()), rel=0.01)
    assert half.dtype is torch.float32
    assert float(F.cosine_similarity(exact.flatten(), half.flatten(), 0)) > 0.995
    assert float(half.norm()) == pytest.approx(float(exact.norm()), rel=0.02)


def test_hypercolumns_are_taken_between_neurons() -> None:
    image = torch.rand(1, 3, 8, 12, dtype=torch.float64)
    # A ramp of neurons of 4 pixels, whose middles are at pixels 1.5 and 5.5.
    ramp = torch.tensor([[1.0, 2, 3], [5, 6, 7]], dtype=torch.float64)[None, None]
    columns = HypercolumnSampler({"relu3_1": 10.0}, {"relu3_1": 4})
    at = torch.tensor([[0, 0], [2, 1], [5, 6], [7, 11]])
    found = columns(image, {"relu3_1": ramp}, at)
    assert found[:, 0].tolist() == pytest.approx([10, 10 * (1 + 0.5), 10 * (1 + 3.5 + 1.125), 70])
    torch.testing.assert_close(found[:, 1:], image[0, :, at[:, 0], at[:, 1]].T - 0.5)


def test_hypercolumns_have_gradients() -> None:
    columns = HypercolumnSampler({"a": 1.0, "b": 2.0}, {"a": 1, "b": 2})
    image = torch.rand(1, 3, 5, 6, dtype=torch.float64, requires_grad=True)
    one, other = (torch.rand(1, 2, *size, dtype=torch.float64, requires_grad=True) for size in ((5, 6), (2, 3)))
    at = torch.tensor([[0, 0], [4, 5], [2, 3]])
    assert torch.autograd.gradcheck(lambda i, a, b: columns(i, {"a": a, "b": b}, at), (image, one, other))


def test_between_neurons_and_beyond_borders_as_grid_sample_has_it() -> None:
    maps = torch.rand(1, 5, 7, 9, dtype=torch.float64).contiguous(memory_format=torch.channels_last).requires_grad_()
    places = torch.rand(60, 2, dtype=torch.float64) * torch.tensor([10.0, 12.0]) - 1.5
    taken = interpolated(maps, places)
    where = (2 * places.flip(1) + 1) / torch.tensor([9.0, 7.0]) - 1
    expected = F.grid_sample(maps, where[None, None], "bilinear", "border", align_corners=False)[0, :, 0].T
    torch.testing.assert_close(taken, expected)
    slopes = torch.rand_like(taken)
    (gradient,) = torch.autograd.grad(taken, maps, slopes)
    torch.testing.assert_close(gradient, torch.autograd.grad(expected, maps, slopes)[0])
    # A gradient that lies otherwise turns those of all layers behind it over, which costs more than it took.
    assert gradient.stride() == maps.stride()


def test_positions_are_the_same_for_the_same_evaluation_and_others_for_the_next() -> None:
    labels = torch.zeros(150, 300, dtype=torch.long)
    draw, again, other = (
        PositionSampler(labels, (3, 1)),
        PositionSampler(labels, (3, 1)),
        PositionSampler(labels, (3, 2)),
    )
    at, _ = draw(5)
    assert torch.equal(at, again(5)[0])
    assert not torch.equal(at, draw(6)[0])
    assert not torch.equal(at, other(5)[0])
    assert at.shape == (1024, 2)
    assert len({tuple(each) for each in at.tolist()}) == 1024
    # All of a larger picture is reached, by grids that lie elsewhere each time.
    large = PositionSampler(torch.zeros(600, 400, dtype=torch.long), (0,))
    drawn = torch.cat([large(number)[0] for number in range(40)])
    assert drawn.min() == 0
    assert drawn.amax(0).tolist() == [599, 399]
    assert set((drawn % 3).flatten().tolist()) == {0, 1, 2}


def test_small_regions_get_positions_too() -> None:
    labels = torch.zeros(100, 100, dtype=torch.long)
    labels[:10, :15] = 4
    at, found = PositionSampler(labels, (0,))(0)
    assert (found == 4).sum() == 128
    assert (found == 0).sum() == round(1024 * 0.985)
    assert torch.equal(labels[at[:, 0], at[:, 1]], found)


def test_terms_look_at_their_regions() -> None:
    image, features = torch.rand(1, 3, 12, 16), {"relu1_1": torch.rand(1, 4, 12, 16)}
    columns = HypercolumnSampler({"relu1_1": 1.0}, {"relu1_1": 1})
    labels = torch.arange(16).ge(8).long().expand(12, 16)
    painter = RegionSamples(torch.randn(50, 7), 1.0, 7)
    term = Transport(columns, PositionSampler(labels, (0,)), {1: painter}, 2.0, 0.5)
    leaf = image.clone().requires_grad_()
    maps = features["relu1_1"].clone().requires_grad_()
    gradients = torch.autograd.grad(term(leaf, {"relu1_1": maps}), (leaf, maps))
    for gradient in gradients:
        assert gradient[..., :8].abs().max() == 0
        assert (gradient[..., 8:].abs().sum(1) > 0).float().mean() > 0.2
    content = SelfSimilarity(columns, PositionSampler(labels, (0,)), image, features, 3.0)
    assert content(image, features) == 0
    assert content(image, {"relu1_1": torch.rand(1, 4, 12, 16)}) > 0


def test_terms_draw_other_positions_when_an_evaluation_is_counted() -> None:
    image, features = torch.rand(1, 3, 40, 60), {"relu1_1": torch.rand(1, 4, 40, 60)}
    other = {"relu1_1": torch.rand(1, 4, 40, 60)}
    columns = HypercolumnSampler({"relu1_1": 1.0}, {"relu1_1": 1})
    positions = PositionSampler(torch.zeros(40, 60, dtype=torch.long), (0,))
    samples = {0: RegionSamples(torch.randn(50, 7), 1.0, 7)}
    for make in (
        lambda: Transport(columns, positions, samples, 2.0, 0.5),
        lambda: SelfSimilarity(columns, positions, image, features, 3.0),
    ):
        term, later = make(), make()
        assert float(term(image, other)) == float(term(image, other))
        before = float(term(image, other))
        term.advance()
        assert float(term(image, other)) != before
        assert term.state() == {"evaluations": 1}
        later.restore(term.state())
        assert float(later(image, other)) == float(term(image, other))
