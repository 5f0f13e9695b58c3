"""What painted pictures look like, in numbers: real photographs, real styles, the shipped encoder."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from impasto import Recipe, Stylizer, load
from impasto.encoders import Petite, Vgg
from impasto.encoders.petite import LIFTED
from impasto.images import crop_to_aspect, fit_size, resize
from impasto.losses import Gram
from impasto.weights import load as load_weights
from tests.type_helpers import present

ASSETS = Path(__file__).resolve().parents[2] / "assets"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def petite() -> Petite:
    return Petite.embedded()


def painted(encoder: Petite, size: int, **settings: object) -> tuple[Tensor, Stylizer]:
    recipe = Recipe.parse({"size": size, "iterations": 60, "precision": "float32", **settings})
    stylizer = Stylizer(ASSETS / "photos" / "cat.jpg", ASSETS / "styles" / "swirls.jpg", recipe, encoder=encoder)
    list(stylizer)
    return stylizer.result().picture.pixels, stylizer


def grams(encoder: Petite, image: Tensor) -> dict[str, Tensor]:
    statistic = Gram()
    layers = ["relu1_1", "relu2_1", "relu3_1"]
    return {key: statistic.finish(statistic.measure(value)) for key, value in encoder(image, layers).items()}


def energy(image: Tensor) -> Tensor:
    """Squared gradient of each pixel (H-1, W-1)."""
    return (image.diff(dim=-1)[..., :-1, :].square() + image.diff(dim=-2)[..., :-1].square()).sum(1)[0]


def test_a_painting_takes_the_style_and_keeps_border_and_range(petite: Petite) -> None:
    image, stylizer = painted(petite, 192)
    style = stylizer.history[0]["style"], stylizer.history[-1]["style"]
    assert style[1] < 0.05 * style[0]
    # No dead border, no bright one: as much happens there as inside. The photograph itself has a quiet border.
    photo = energy(resize(present(stylizer.content).pixels, stylizer.size))
    band, inside = (energy(image) + 1e-4) / (photo.mean() + 1e-4), slice(8, -8)
    border = torch.cat([band[:6].flatten(), band[-6:].flatten(), band[:, :6].flatten(), band[:, -6:].flatten()])
    assert 0.3 < float(border.mean() / band[inside, inside].mean()) < 2.0
    canvas = stylizer._image
    assert canvas is not None
    assert float((canvas - canvas.clamp(0, 1)).abs().max()) < 0.05


def test_the_default_leaves_less_noise_than_no_total_variation(petite: Petite) -> None:
    def ripple(image: Tensor) -> float:
        # What alternates from pixel to pixel, against everything that changes.
        second = image.diff(n=2, dim=-1).square().mean() + image.diff(n=2, dim=-2).square().mean()
        return float(second / energy(image).mean())

    clean, _ = painted(petite, 160, levels=1)
    rough, _ = painted(petite, 160, levels=1, tv_weight=0)
    assert ripple(clean) < 0.95 * ripple(rough)


def test_preview_and_final_look_the_same(petite: Petite) -> None:
    preview, _ = painted(petite, 160, levels=1)
    final, _ = painted(petite, 320, levels=2)
    small = resize(final, (preview.shape[-2], preview.shape[-1]))
    photo = resize(load(ASSETS / "photos" / "cat.jpg").pixels, (preview.shape[-2], preview.shape[-1]))
    one, other, before = (grams(petite, image) for image in (preview, small, photo))
    for layer in one:
        apart = (one[layer] - other[layer]).norm()
        changed = (one[layer] - before[layer]).norm()
        assert float(apart) < 0.5 * float(changed), layer


def test_petite_predicts_vgg19_on_pictures_it_never_saw(petite: Petite, shared: Path) -> None:
    weights = shared / "weights" / "vgg19-oxford-standin.safetensors"
    teacher = Vgg.from_weights(load_weights(weights))
    # Squared error over squared norm of the layer, and of its Gram matrix; see docs/petite.md.
    most = {"relu1_1": 0.022, "relu2_1": 0.15, "relu3_1": 0.26, "relu4_1": 0.15, "relu4_2": 0.30, "relu5_1": 0.12}
    names = ["content/kodim03_hats", "content/tubingen", "style/van_gogh_starry_night", "style/seurat_grande_jatte"]
    sums = dict.fromkeys(LIFTED, 0.0)
    gram_sums = dict.fromkeys(LIFTED, 0.0)
    for name in names:
        pixels = load(shared / "images" / f"{name}.jpg").pixels
        pixels = crop_to_aspect(resize(pixels, fit_size((pixels.shape[-2], pixels.shape[-1]), 320)), (1, 1))
        pixels = resize(pixels, (224, 224))
        wide = teacher(pixels, LIFTED)
        for layer, features in petite(pixels, LIFTED).items():
            target, found = wide[layer][0].flatten(1), petite.lift(layer) @ features[0].flatten(1)
            sums[layer] += float((found - target).square().sum() / target.square().sum()) / len(names)
            gram = target @ target.T
            gram_sums[layer] += float((found @ found.T - gram).square().sum() / gram.square().sum()) / len(names)
    assert {layer: value for layer, value in sums.items() if value > most[layer]} == {}
    assert max(gram_sums.values()) < 0.15


def test_the_embedded_file_is_small(petite: Petite) -> None:
    import impasto.encoders

    path = Path(impasto.encoders.__file__).parent / "petite.safetensors"
    assert path.stat().st_size <= 4_000_000
    assert len(petite.sha256) == 64
