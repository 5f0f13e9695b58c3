"""reshuffle and nnst_fast: the laws of their matching, end to end."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from impasto.encoders import Petite
from impasto.errors import RecipeError, ResourceError, UsageError
from impasto.feedforward import FeedForward
from impasto.feedforward.nnst_fast import NnstFast
from impasto.feedforward.rearranged import LAYERS, Rearranged
from impasto.feedforward.reshuffle import CONTENT_FRACTION, DETAILED
from impasto.guides import Regions
from impasto.images import Picture
from impasto.losses import PatchBank, PatchSource, statistic
from impasto.nets.decoder import pad_to_neurons
from impasto.optim import memory
from impasto.recipe import Recipe
from impasto.scene.copies import SHARES

Paint = Callable[..., FeedForward]
METHODS = ("reshuffle", "nnst_fast")


def picture(painting: FeedForward) -> Tensor:
    assert painting.image is not None
    return painting.image


class Spy:
    """Keeps what is matched with what while a painting is made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.found: list[tuple[PatchBank, Tensor]] = []
        matched = Rearranged._matched

        def spied(painting: Rearranged, bank: PatchBank, features: Tensor, layer: str) -> Tensor:
            found = matched(painting, bank, features, layer)
            self.found.append((bank, found))
            return found

        monkeypatch.setattr(Rearranged, "_matched", spied)


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> Spy:
    return Spy(monkeypatch)


@pytest.mark.parametrize("method", METHODS)
def test_a_painting_has_the_photographs_size_and_names_its_weights(
    method: str, painted: Paint, content: Tensor
) -> None:
    painting = painted(method)
    result = painting.result()
    assert max(result.picture.size) == 64
    assert torch.isfinite(result.picture.pixels).all()
    assert len(result.history) == len(LAYERS) == painting.steps
    assert [each["name"] for each in result.weights] == ["petite", *(f"wct {layer}" for layer in LAYERS)]
    assert torch.equal(picture(painted(method)), picture(painting))
    assert not torch.allclose(picture(painting), content[None, ..., :48, :64], atol=0.05)


@pytest.mark.parametrize("method", METHODS)
def test_a_picture_in_its_own_style_matches_itself(method: str, painted: Paint, content: Tensor, spy: Spy) -> None:
    painted(method, photo=content, styles=content)
    bank, found = spy.found[0]
    assert torch.equal(found.flatten(), torch.arange(len(bank)))


def test_its_own_style_gives_what_is_decoded_of_the_picture(painted: Paint, content: Tensor, petite: Petite) -> None:
    painting = painted("nnst_fast", photo=content, styles=content, size=64)
    assert isinstance(painting, NnstFast)
    image = pad_to_neurons(painting.scene.photo(painting.level), painting.encoder.stride(LAYERS[0]))
    with torch.no_grad():
        image = painting.decoders[LAYERS[0]](petite.raw(image, [LAYERS[0]])[LAYERS[0]]).clamp(0, 1)
    first = next(iter(painting._painted()))[1]
    torch.testing.assert_close(first, image[..., : first.shape[2], : first.shape[3]], atol=2e-3, rtol=0)


@pytest.mark.parametrize("capacity", [1, 2, 5])
def test_no_patch_is_used_more_often_than_allowed(capacity: int, painted: Paint, spy: Spy) -> None:
    painted("reshuffle", patch_capacity=capacity)
    assert len(spy.found) == len(LAYERS)
    for bank, found in spy.found:
        most = math.ceil(capacity * found.numel() / len(bank))
        assert torch.bincount(found.flatten()).max() <= most


@pytest.mark.parametrize("method", METHODS)
def test_each_method_has_a_bound_of_its_own(method: str, painted: Paint, spy: Spy) -> None:
    painted(method)
    own = [found for _, found in spy.found]
    painted(method, patch_capacity=SHARES[method])
    same = [found for _, found in spy.found[len(own) :]]
    assert all(torch.equal(one, other) for one, other in zip(own, same, strict=True))
    painted(method, patch_capacity=SHARES[method] + 1)
    if method == "reshuffle":
        assert not torch.equal(spy.found[-1][1], own[-1])


@pytest.mark.parametrize("method", METHODS)
def test_with_a_wide_bound_matches_are_the_nearest(
    method: str, painted: Paint, spy: Spy, monkeypatch: pytest.MonkeyPatch
) -> None:
    painted(method, patch_capacity=1000)
    bound = [found for _, found in spy.found]
    monkeypatch.setattr(Rearranged, "_capacity", None)
    painted(method)
    free = [found for _, found in spy.found[len(bound) :]]
    # But for what is equally alike to the last bits, which two ways of adding up tell apart.
    assert all(float((one == other).float().mean()) > 0.97 for one, other in zip(free, bound, strict=True))


def test_a_rearrangement_of_neurons_keeps_the_gram_matrix() -> None:
    features = torch.rand(12, 9, 11, dtype=torch.float64)
    bank = PatchBank([PatchSource(features)], size=1)
    other = torch.rand(12, 9, 11, dtype=torch.float64)
    found, _ = bank.match(other, capacity=1.0)
    assert sorted(found.flatten().tolist()) == list(range(99))
    total, count, _ = bank.vote(found, (9, 11))
    gram = statistic("gram", lift=None, seed=0)
    before, after = (gram.finish(gram.measure(each[None])) for each in (features, total / count))
    torch.testing.assert_close(after, before, atol=1e-12, rtol=0)


@pytest.mark.parametrize("method", METHODS)
def test_alpha_is_how_far_the_picture_goes(method: str, painted: Paint) -> None:
    # Networks of tests have learnt nothing: without a style, the picture is what they make of the photograph.
    none, half, whole = (picture(painted(method, alpha=alpha)) for alpha in (0.0, 0.5, 1.0))
    assert torch.equal(none, picture(painted(method, alpha=0.0, styles=torch.rand(3, 50, 70))))
    assert 0 < (half - none).abs().mean() < (whole - none).abs().mean()
    assert 0 < CONTENT_FRACTION < 1
    assert set(DETAILED) < set(LAYERS)


@pytest.mark.parametrize("method", METHODS)
def test_regions_restrict_the_matches(method: str, painted: Paint, style: Tensor, spy: Spy) -> None:
    def halves(height: int, width: int) -> Tensor:
        left = torch.zeros(height, width)
        left[:, : width // 2] = 1
        return torch.stack([left, 1 - left])

    regions = Regions(("left", "right"), halves(48, 64), (halves(*style.shape[1:]),))
    painting = painted(method, photo=torch.rand(3, 48, 64), regions=regions)
    bank, found = spy.found[-1]
    labels = bank.usable_labels
    assert bool(labels[:2].all())
    allowed = bank._tables.allowed
    assert allowed is not None
    # Far from the border between them, matches are of the region's own.
    rows, columns = found.shape
    left, right = found[:, : columns // 4].flatten(), found[:, -(columns // 4) :].flatten()
    assert bool(allowed[0, left].all())
    assert bool(allowed[1, right].all())
    assert painting.image is not None
    assert rows > 1


@pytest.mark.parametrize("method", METHODS)
def test_transparent_parts_of_a_painting_are_never_used(method: str, painted: Paint, content: Tensor) -> None:
    pixels = torch.zeros(1, 3, 64, 64)
    pixels[:, 0, :, :32] = 1
    pixels[:, 2, :, 32:] = 1
    pixels += 0.05 * torch.rand(pixels.shape)
    alpha = torch.ones(1, 1, 64, 64)
    alpha[..., 32:] = 0
    image = picture(painted(method, photo=content, styles=Picture(pixels.clamp(0, 1), alpha)))
    assert float(image[:, 0].mean()) > float(image[:, 2].mean()) + 0.1


@pytest.mark.parametrize("method", METHODS)
def test_what_does_not_belong_is_refused_in_one_line(method: str, painted: Paint) -> None:
    with pytest.raises(UsageError, match="textures come from"):
        painted(method, photo=None)
    with pytest.raises(RecipeError, match="tileable belongs to"):
        painted(method, tileable=True)
    with pytest.raises(ResourceError, match=r"needs about .* would fit"):
        painted(method, size=4000, memory=memory.resident() + (1 << 30))


def test_two_bounds_on_use_exclude_each_other() -> None:
    with pytest.raises(RecipeError, match="patch_reuse and patch_capacity"):
        Recipe.parse({"method": "reshuffle", "patch_reuse": 0.1, "patch_capacity": 2})


def test_a_penalty_spreads_the_use(painted: Paint, spy: Spy) -> None:
    painted("reshuffle", patch_reuse=1e-6)
    free = len(set(spy.found[1][1].flatten().tolist()))
    spy.found.clear()
    painted("reshuffle", patch_reuse=0.5)
    assert len(set(spy.found[1][1].flatten().tolist())) > free
