"""Matching of patches: the same as by unfolding, and the laws of likeness, labels and usage."""

import math
from collections import Counter

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.losses.patches import PatchBank, PatchSource, patch_labels
from impasto.losses.similarity import Similarity


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def unfolded(features: Tensor, size: int, stride: int) -> Tensor:
    """(P, C, size²): every patch, copied; the last row and column go on until all is covered."""
    more = [(side - size) % stride and stride - (side - size) % stride for side in features.shape[1:]]
    features = F.pad(features[None], (0, more[1], 0, more[0]), mode="replicate")
    return F.unfold(features, size, stride=stride)[0].T.unflatten(1, (-1, size * size))


def naive(one: Tensor, other: Tensor, size: int, stride: int, similarity: Similarity) -> Tensor:
    """(P, S): how alike all patches are."""
    ours, theirs = unfolded(one, size, stride), unfolded(other, size, stride)
    if similarity == "ncc":
        return F.cosine_similarity(ours.flatten(1)[:, None], theirs.flatten(1)[None], dim=2)
    return F.cosine_similarity(ours[:, None], theirs[None], dim=2).mean(2)


@pytest.mark.parametrize("similarity", ["ncc", "cosine"])
@pytest.mark.parametrize(("size", "stride"), [(1, 1), (3, 1), (3, 2), (3, 3), (5, 2), (2, 3), (4, 3)])
@pytest.mark.parametrize("scratch", [1, 3000, 1 << 24])
def test_matches_are_those_of_unfolded_patches(similarity: Similarity, size: int, stride: int, scratch: int) -> None:
    one, others = random(4, 11, 9), [random(4, 8, 12, seed=1), random(4, 13, 7, seed=2)]
    bank = PatchBank(
        [PatchSource(each) for each in others], size=size, stride=stride, similarity=similarity, scratch_bytes=scratch
    )
    expected = torch.cat([naive(one, each, size, stride, similarity) for each in others], 1)
    found, alike = bank.match(one)
    assert len(bank) == expected.shape[1]
    assert tuple(found.shape) == bank.grid(11, 9)
    torch.testing.assert_close(alike.flatten(), expected.max(1).values)
    assert torch.equal(found.flatten(), expected.argmax(1))
    patches = torch.cat([unfolded(each, size, stride) for each in others])
    torch.testing.assert_close(bank.patches(found.flatten()).flatten(2), patches[found.flatten()])


@pytest.mark.parametrize("similarity", ["ncc", "cosine"])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_picture_finds_itself(similarity: Similarity, stride: int) -> None:
    features = random(3, 9, 9)
    bank = PatchBank([PatchSource(features)], stride=stride, similarity=similarity)
    found, alike = bank.match(features)
    assert torch.equal(found.flatten(), torch.arange(len(bank)))
    torch.testing.assert_close(alike, torch.ones_like(alike))
    total, count, squares = bank.vote(found, (9, 9))
    torch.testing.assert_close(total / count, features)
    torch.testing.assert_close(squares, count * features.square().sum(0))


@pytest.mark.parametrize("similarity", ["ncc", "cosine"])
def test_brightness_counts_for_nothing(similarity: Similarity) -> None:
    one, other = random(3, 8, 8), random(3, 7, 7, seed=1)
    found, alike = PatchBank([PatchSource(other)], similarity=similarity).match(one)
    again, still = PatchBank([PatchSource(0.01 * other)], similarity=similarity).match(250 * one)
    assert torch.equal(found, again)
    torch.testing.assert_close(alike, still)


def test_whole_patches_and_single_neurons_are_not_the_same() -> None:
    # Two neurons, lengths 1 and 3, of which only the long one agrees: 9/10 as a patch, 1/2 by the neuron.
    one, other = torch.tensor([[[1.0, 0.0]], [[0.0, 3.0]]]), torch.tensor([[[0.0, 0.0]], [[1.0, 3.0]]])
    by_patch = PatchBank([PatchSource(F.pad(other, (0, 0, 0, 1)))], size=2).match(F.pad(one, (0, 0, 0, 1)))[1]
    by_neuron = PatchBank([PatchSource(F.pad(other, (0, 0, 0, 1)))], size=2, similarity="cosine").match(
        F.pad(one, (0, 0, 0, 1))
    )[1]
    assert float(by_patch) == pytest.approx(0.9)
    # Of four neurons, two are black and like nothing.
    assert float(by_neuron) == pytest.approx(0.25)


def test_an_isometric_lift_changes_nothing() -> None:
    lift = torch.linalg.qr(random(7, 3, seed=5)).Q
    one, other = random(3, 8, 8), random(3, 7, 7, seed=1)
    for similarity in ("ncc", "cosine"):
        narrow = PatchBank([PatchSource(other)], similarity=similarity).match(one)
        lifted = [torch.einsum("nc,chw->nhw", lift, each) for each in (one, other)]
        wide = PatchBank([PatchSource(lifted[1])], similarity=similarity).match(lifted[0])
        assert torch.equal(narrow[0], wide[0])
        torch.testing.assert_close(narrow[1], wide[1])


# Maps and labels.


def halves(height: int, width: int) -> Tensor:
    """Two regions, left and right."""
    left = (torch.arange(width) < width // 2).double().expand(height, width)
    return torch.stack([left, 1 - left])


@pytest.mark.parametrize("similarity", ["ncc", "cosine"])
def test_a_perfect_match_with_a_map_of_weight_ten_is_eleven(similarity: Similarity) -> None:
    features, maps = random(3, 6, 8), halves(6, 8)
    bank = PatchBank([PatchSource(features, maps)], similarity=similarity, semantic_weight=10)
    found, alike = bank.match(features, maps=maps)
    torch.testing.assert_close(alike, torch.full_like(alike, 11.0))
    assert torch.equal(found.flatten(), torch.arange(len(bank)))
    # Of the other region altogether, the features' share is all that is left.
    alone = PatchBank([PatchSource(features, maps.flip(0))], similarity=similarity, semantic_weight=10)
    assert float(alone.match(features[:, :, :3], maps=maps[:, :, :3])[1].max()) <= 11.0
    uniform = PatchBank(
        [PatchSource(features, torch.ones(1, 6, 8).double())], similarity=similarity, semantic_weight=10
    )
    assert float(uniform.match(features, maps=torch.zeros(1, 6, 8).double())[1].max()) == pytest.approx(1)


@pytest.mark.parametrize("similarity", ["ncc", "cosine"])
def test_a_heavy_map_leaves_only_equal_labels(similarity: Similarity) -> None:
    one, other = random(3, 10, 12), random(3, 10, 14, seed=1)
    ours, theirs = halves(10, 12), halves(10, 14)
    bank = PatchBank([PatchSource(other, theirs)], similarity=similarity, semantic_weight=1e4)
    found, _ = bank.match(one, maps=ours)
    labels, of_bank = patch_labels(ours, 3, 1), patch_labels(theirs, 3, 1).flatten()
    assert torch.equal(of_bank[found], labels)
    free, _ = PatchBank([PatchSource(other)], similarity=similarity).match(one)
    assert not torch.equal(of_bank[free], labels), "the features alone would not have said so"


def test_labels_restrict_and_then_take_the_nearest() -> None:
    one, other = random(3, 10, 12), random(3, 10, 14, seed=1)
    labels, of_bank = patch_labels(halves(10, 12), 3, 1), patch_labels(halves(10, 14), 3, 1)
    allowed = torch.stack([of_bank == 0, of_bank == 1])
    bank = PatchBank([PatchSource(other, allowed=allowed)])
    found, alike = bank.match(one, labels=labels)
    every = naive(one, other, 3, 1, "ncc")
    barred = ~allowed.flatten(1)[labels.flatten()]
    assert torch.equal(found.flatten(), every.masked_fill(barred, -math.inf).argmax(1))
    torch.testing.assert_close(alike.flatten(), every.masked_fill(barred, -math.inf).max(1).values)


def test_labels_that_no_patch_stands_for_restrict_nothing() -> None:
    one, other = random(3, 6, 6), random(3, 7, 7, seed=1)
    allowed = torch.zeros(2, 5, 5, dtype=torch.bool)
    allowed[0, 0, 0] = True
    bank = PatchBank([PatchSource(other, allowed=allowed)])
    plain, _ = PatchBank([PatchSource(other)]).match(one)
    for label in (-1, 1):
        assert torch.equal(bank.match(one, labels=torch.full((4, 4), label))[0], plain)
    assert (bank.match(one, labels=torch.zeros(4, 4, dtype=torch.long))[0] == 0).all()


def test_labels_are_those_of_most_of_a_patch() -> None:
    maps = torch.zeros(2, 3, 6)
    maps[0, :, :2] = 1
    maps[1, :, 3:] = 0.5
    # Two thirds the first; a third each of the first and nothing; less than half of the second, then no more.
    assert patch_labels(maps, 3, 1).tolist() == [[0, -1, -1, 1]]


# Usage.


def test_without_a_penalty_it_is_the_nearest() -> None:
    one, other = random(3, 9, 8), random(3, 7, 7, seed=1)
    bank = PatchBank([PatchSource(other)])
    assert torch.equal(bank.match(one, penalty=0.0)[0], bank.match(one)[0])
    assert torch.equal(bank.match(one, capacity=10.0**6)[0], bank.match(one)[0])


@pytest.mark.parametrize("capacity", [1.0, 1.2, 1.5])
@pytest.mark.parametrize("scratch", [1, 1 << 24])
@pytest.mark.parametrize(("size", "stride"), [(3, 1), (3, 2), (1, 1)])
@pytest.mark.parametrize("similarity", ["ncc", "cosine"])
def test_no_patch_is_used_more_often_than_it_may(
    capacity: float, scratch: int, size: int, stride: int, similarity: Similarity
) -> None:
    one, others = random(3, 13, 12), [random(3, 7, 8, seed=1), random(3, 5, 7, seed=2)]
    bank = PatchBank(
        [PatchSource(each) for each in others], size=size, stride=stride, similarity=similarity, scratch_bytes=scratch
    )
    most = math.ceil(capacity * math.prod(bank.grid(13, 12)) / len(bank))
    assert max(Counter(bank.match(one)[0].flatten().tolist()).values()) > most
    found, alike = bank.match(one, capacity=capacity)
    assert max(Counter(found.flatten().tolist()).values()) == most
    # The law of a stable matching on which both sides agree: all pairs, the most alike first.
    every = torch.cat([naive(one, each, size, stride, similarity) for each in others], 1)
    left, wanted = [most] * len(bank), torch.full((len(every),), -1)
    for pair in every.flatten().argsort(descending=True).tolist():
        query, patch = divmod(pair, len(bank))
        if wanted[query] < 0 < left[patch]:
            wanted[query] = patch
            left[patch] -= 1
    assert torch.equal(found.flatten(), wanted)
    torch.testing.assert_close(alike.flatten(), every.gather(1, wanted[:, None])[:, 0])


def test_a_share_is_of_each_label() -> None:
    one, other = random(3, 10, 20), random(3, 10, 14, seed=1)
    labels, of_bank = patch_labels(halves(10, 20), 3, 1), patch_labels(halves(10, 14), 3, 1)
    bank = PatchBank([PatchSource(other, allowed=torch.stack([of_bank == 0, of_bank == 1]))])
    found = bank.match(one, labels=labels, capacity=1.0)[0]
    assert torch.equal(of_bank.flatten()[found], labels)
    for label in (0, 1):
        most = math.ceil(int((labels == label).sum()) / int((of_bank == label).sum()))
        assert max(Counter(found[labels == label].tolist()).values()) <= most


def test_shares_hold_where_all_are_alike() -> None:
    bank = PatchBank([PatchSource(torch.ones(2, 6, 6))])
    used = Counter(bank.match(torch.ones(2, 8, 8), capacity=1.0)[0].flatten().tolist())
    assert max(used.values()) == 3


def test_a_picture_finds_itself_within_its_share() -> None:
    features = random(3, 9, 9)
    bank = PatchBank([PatchSource(features)])
    assert torch.equal(bank.match(features, capacity=1.0)[0].flatten(), torch.arange(len(bank)))


def test_what_was_used_is_taken_off() -> None:
    # A patch that all would take, and two that are a little less alike: 1, 1/√1.01 and 1/√1.04.
    other = torch.tensor([[[1.0, 1.0, 1.0]], [[0.0, 0.1, 0.2]]]).double()
    one = torch.tensor([[[1.0] * 4], [[0.0] * 4]]).double()
    bank = PatchBank([PatchSource(other)], size=1)
    found, alike = bank.match(one, penalty=0.01)
    # In the order 0, 2, 1, 3: 1 - 0, then .995 against .99, then .99 against .985, then .98, .985 and .981.
    assert found.tolist() == [[0, 0, 1, 1]]
    torch.testing.assert_close(alike, other[0, 0, found] / (1 + other[1, 0, found] ** 2).sqrt())
    far = bank.match(one, penalty=10.0)[0]
    assert sorted(Counter(far.flatten().tolist()).values()) == [1, 1, 2]


def test_what_cannot_be_shared_is_refused() -> None:
    bank = PatchBank([PatchSource(random(3, 5, 5))])
    with pytest.raises(ValueError, match="9 patches, 1 times each, are too few for 16"):
        bank.match(random(3, 6, 6), capacity=0.5)
    with pytest.raises(ValueError, match="not both"):
        bank.match(random(3, 6, 6), capacity=1.0, penalty=0.1)
    with pytest.raises(ValueError, match="is no number"):
        bank.match(random(3, 6, 6) * math.nan, capacity=1.0)


# Votes, faults, precision, memory.


def test_a_vote_is_the_sum_of_overlapping_patches() -> None:
    features = torch.arange(5.0)[None, None].expand(1, 3, 5)
    bank = PatchBank([PatchSource(features)])
    total, count, squares = bank.vote(torch.tensor([[2, 0]]), (3, 4), torch.tensor([[1.0, 2.0]]))
    # 2 3 4 once, and 0 1 2 twice, a column further right.
    assert total[0, 0].tolist() == [2, 3, 6, 4]
    assert count[0].tolist() == [1, 3, 3, 2]
    assert squares[0].tolist() == [4, 9, 18, 8]


def test_the_power_is_that_of_a_mean_patch() -> None:
    assert PatchBank([PatchSource(torch.full((2, 4, 4), 3.0))]).power == pytest.approx(2 * 9 * 9)


def test_black_is_like_nothing_and_harms_nothing() -> None:
    for similarity in ("ncc", "cosine"):
        bank = PatchBank(
            [PatchSource(torch.zeros(2, 4, 4), torch.zeros(2, 4, 4))], similarity=similarity, semantic_weight=3
        )
        found, alike = bank.match(torch.zeros(2, 5, 5), maps=torch.zeros(2, 5, 5))
        assert (alike == 0).all()
        assert (found == 0).all()


def test_maps_smaller_than_a_patch_are_continued() -> None:
    found, alike = PatchBank([PatchSource(random(2, 1, 2))]).match(random(2, 2, 1, seed=1))
    assert found.shape == alike.shape == (1, 1)


def test_half_precision_takes_one_that_is_nearly_as_good() -> None:
    one, other = random(8, 12, 12).float(), random(8, 12, 12, seed=1).float()
    every = naive(one, other, 3, 1, "ncc")
    found, _ = PatchBank([PatchSource(other)], precision=torch.bfloat16).match(one)
    taken = every.gather(1, found.flatten()[:, None])[:, 0]
    assert float((every.max(1).values - taken).max()) < 0.02


def test_what_does_not_fit_is_refused() -> None:
    features = random(2, 5, 5)
    with pytest.raises(ValueError, match="needs patches"):
        PatchBank([])
    with pytest.raises(ValueError, match="do not fit"):
        PatchBank([PatchSource(features, allowed=torch.ones(1, 2, 2, dtype=torch.bool))])
    with pytest.raises(ValueError, match="does not fit"):
        PatchBank([PatchSource(features, random(1, 4, 5))], semantic_weight=1)
    with pytest.raises(ValueError, match=r"\(C, h, w\)"):
        PatchBank([PatchSource(features[None])])


def test_tables_stay_within_the_scratch(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    plain = torch.Tensor.__matmul__

    def noted(one: Tensor, other: Tensor) -> Tensor:
        found = plain(one, other)
        sizes.append(found.nbytes)
        return found

    monkeypatch.setattr(torch.Tensor, "__matmul__", noted)
    scratch = 1 << 20
    PatchBank([PatchSource(random(2, 60, 50))], scratch_bytes=scratch).match(random(2, 70, 40, seed=1))
    assert len(sizes) > 10
    assert max(sizes) <= scratch


@pytest.mark.parametrize("similarity", ["ncc", "cosine"])
def test_a_source_without_maps_shows_whatever_is_asked_for(similarity: Similarity) -> None:
    features, other = random(3, 6, 8), random(3, 7, 9, seed=1)
    maps = torch.cat([halves(6, 8), torch.zeros(1, 6, 8).double()])
    # The same features, of a third thing altogether: as alike as can be, and of no use.
    twin = PatchSource(features, torch.tensor([0.0, 0, 1]).double()[:, None, None].expand(3, 6, 8))
    bank = PatchBank([PatchSource(other), twin], similarity=similarity, semantic_weight=10)
    found, alike = bank.match(features, maps=maps)
    plain, likely = PatchBank([PatchSource(other)], similarity=similarity).match(features)
    assert torch.equal(found, plain)
    torch.testing.assert_close(alike, likely + 10)
    with pytest.raises(ValueError, match="patches with semantic maps are matched with maps"):
        bank.match(features)
