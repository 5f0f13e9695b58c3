"""Painting by rearranged features: identity, permutations, regions, what is transparent, and what is refused."""

import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from impasto import guides, images
from impasto.beginning import begin
from impasto.encoders import Petite
from impasto.errors import ImpastoError, NotTileableError, RecipeError, ResourceError, WeightsError
from impasto.forward import Forward, rearranged
from impasto.losses import Bank, Gram
from impasto.nets import store
from impasto.nets.decoder import Decoder
from impasto.recipe import Recipe

Paint = Callable[..., Forward]
METHODS = ("reshuffle", "nnst_fast")


def picture(painting: Forward) -> Tensor:
    assert painting.image is not None
    return painting.image


def load(folder: Path, layer: str) -> Decoder:
    path = folder / f"wct-{layer}.safetensors"
    return Decoder.from_parts(*store.load(path), str(path))


@torch.no_grad()
def plainly(method: str, image: Tensor, folder: Path, petite: Petite) -> Tensor:
    """Encoded and decoded layer by layer, with nothing done in between."""
    for layer in rearranged.LAYERS:
        change = method == "reshuffle" and layer in rearranged.DETAILED
        if not change:
            image = load(folder, layer)(petite.raw(image, [layer])[layer]).clamp(0, 1)
    return image


def test_a_permutation_of_neurons_keeps_the_gram() -> None:
    features = torch.randn(1, 5, 6, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    order = torch.randperm(42, generator=torch.Generator().manual_seed(1))
    moved = features.flatten(2)[..., order].view_as(features)
    gram = Gram()
    torch.testing.assert_close(gram.finish(gram.measure(moved)), gram.finish(gram.measure(features)))


@pytest.mark.parametrize("method", METHODS)
def test_a_picture_in_its_own_style_is_only_decoded(
    method: str, painted: Paint, folder: Path, petite: Petite, content: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What random decoders make of the picture is not looked for, only the photograph.
    monkeypatch.setattr(rearranged, "STEADY", 1.0)
    painting = painted(method, styles=content)
    if method == "reshuffle":
        wanted = plainly(method, content[None], folder, petite)
    else:  # whose last layer is laid out of the painting alone
        wanted = plainly("reshuffle", content[None], folder, petite)
        found = painting._found  # type: ignore[attr-defined]
        assert torch.equal(found.flatten(), torch.arange(found.numel()))
    torch.testing.assert_close(picture(painting), wanted, atol=2e-4, rtol=0)


@pytest.mark.parametrize("method", METHODS)
def test_without_strength_the_photograph_is_only_decoded(
    method: str, painted: Paint, folder: Path, petite: Petite, content: Tensor
) -> None:
    wanted = plainly(method, content[None], folder, petite)
    torch.testing.assert_close(picture(painted(method, alpha=0.0)), wanted, atol=1e-4, rtol=0)
    assert float((picture(painted(method)) - wanted).abs().mean()) > 0.01


@pytest.mark.parametrize("method", METHODS)
def test_a_result_says_how_it_was_made(method: str, painted: Paint) -> None:
    painting = painted(method)
    result = painting.result()
    assert result.picture.size == (48, 64)
    assert result.finished
    assert len(result.history) == painting.steps == 3
    assert [each["name"] for each in result.weights] == ["petite", "wct relu4_1", "wct relu3_1", "wct relu2_1"]
    assert painting.memory_bytes > 0
    assert math.isfinite(painting.seconds())


@pytest.mark.parametrize(
    ("method", "capacity"), [("reshuffle", 0), ("reshuffle", 2), ("nnst_fast", 0), ("nnst_fast", 1)]
)
def test_use_is_bounded(method: str, capacity: int, painted: Paint, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    match = Bank.match

    def spy(bank: Bank, features: Tensor, **options: object) -> tuple[Tensor, Tensor]:
        found = match(bank, features, **options)  # type: ignore[arg-type]
        seen.append((max(Counter(found[0].flatten().tolist()).values()), found[0].numel() / len(bank)))
        return found

    monkeypatch.setattr(Bank, "match", spy)
    painted(method, patch_capacity=capacity)
    assert len(seen) == (3 if method == "reshuffle" else 2)
    capacity = capacity or rearranged.SHARES[method]
    assert all(most <= math.ceil(capacity * share) for most, share in seen)
    if capacity <= 2:  # four times as often as all others nothing so small asks for anything
        seen.clear()
        painted(method, patch_capacity=1000)
        assert any(most > math.ceil(capacity * share) for most, share in seen)


@pytest.mark.parametrize("method", METHODS)
def test_what_is_transparent_is_never_used(method: str, painted: Paint, style: Tensor) -> None:
    style = style[None]
    alpha = torch.ones(1, 1, *style.shape[2:])
    alpha[..., : style.shape[3] // 2] = 0
    masks = []
    for colour in (0.0, 1.0):
        hidden = torch.where(alpha > 0, style, colour)
        masks.append(picture(painted(method, styles=images.Picture(hidden, alpha))))
    # Beside the border a neuron sees across it, whatever its own patch is.
    assert float((masks[0] - masks[1]).abs().mean()) < 0.02


@pytest.mark.parametrize("method", METHODS)
def test_regions_are_painted_by_their_own(method: str, painted: Paint) -> None:
    left = torch.zeros(48, 64)
    left[:, :32] = 1
    maps = torch.stack([left, 1 - left])
    colours = torch.zeros(1, 3, 48, 64)
    colours[:, 0] = left
    colours[:, 2] = 1 - left
    colours = (colours + 0.05 * torch.rand(colours.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    both = guides.Regions(("a", "b"), maps, (maps,))
    seen = []
    match = Bank.match

    def spy(bank: Bank, features: Tensor, **options: Tensor) -> tuple[Tensor, Tensor]:
        found = match(bank, features, **options)  # type: ignore[arg-type]
        seen.append((bank, options["labels"], found[0]))
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Bank, "match", spy)
        painted(method, styles=colours, regions=both)
    for bank, labels, found in seen:
        assert bank._allowed is not None
        assert bool(bank._allowed[labels, found].all())


@pytest.mark.parametrize("method", METHODS)
def test_several_paintings_are_one_heap(method: str, painted: Paint, content: Tensor, style: Tensor) -> None:
    one, two = picture(painted(method)), picture(painted(method, styles=[style, content]))
    assert not torch.allclose(one, two, atol=1e-2)


def test_very_many_patches_are_thinned_out(painted: Paint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rearranged, "MOST", 60)
    for method in METHODS:
        painting = painted(method)
        for layer in rearranged.LAYERS:
            size, stride = painting._cut(layer, 3)  # type: ignore[attr-defined]
            assert size >= stride
            ours, theirs = (area / 4 ** (int(layer[4]) - 1) for area in painting._areas())  # type: ignore[attr-defined]
            assert math.sqrt(ours * theirs) / stride**2 <= 60
        assert picture(painting).shape[2:] == (48, 64)


@pytest.mark.parametrize("method", METHODS)
def test_odd_sizes_and_turned_copies(method: str, painted: Paint, picture_of: Callable[..., Tensor]) -> None:
    found = picture(painted(method, picture_of(37, 51), [picture_of(45, 33, seed=3)], size=51, patch_rotations=1))
    assert found.shape == (1, 3, 37, 51)
    assert bool(found.isfinite().all())


@pytest.mark.parametrize("method", METHODS)
def test_what_does_not_fit_is_refused(method: str, content: Tensor, style: Tensor, tmp_path: Path) -> None:
    recipe = Recipe(method=method, size=64)  # type: ignore[arg-type]
    with pytest.raises(NotTileableError, match="in one piece; leave --tile out"):
        begin(content, style, recipe, tile=32)
    with pytest.raises(ResourceError, match=r"use a smaller --size|would fit"):
        begin(content, style, recipe.replace(size=4000), memory=1 << 30)
    with pytest.raises(ImpastoError, match="textures come from"):
        begin(None, style, recipe)
    (tmp_path / "x.safetensors").touch()
    with pytest.raises(WeightsError):
        begin(content, style, recipe, network=tmp_path)
    with pytest.raises(RecipeError, match="style_weights belongs to"):
        Recipe.parse({"method": method, "style_weights": (1.0, 2.0)})


def test_one_bound_on_use_at_a_time() -> None:
    with pytest.raises(RecipeError, match="give one"):
        Recipe.parse({"method": "reshuffle", "patch_reuse": 0.1, "patch_capacity": 2})
