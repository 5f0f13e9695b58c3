"""Portraits through the façade, with a tiny encoder."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from impasto.checkpoint import Checkpoint
from impasto.encoders import Vgg
from impasto.errors import InputError, RecipeError, UsageError
from impasto.guides import Regions
from impasto.landmarks import Landmarks, detect
from impasto.methods import portrait
from impasto.painting.api import stylize
from impasto.painting.stylizer import Stylizer
from impasto.recipe import Recipe
from impasto.result import Result
from tests.stylize_helpers import Build, finite, pixels, with_alpha

HERE = [[0.3, 0.3], [0.7, 0.3], [0.5, 0.6], [0.5, 0.8]]
THERE = [[0.35, 0.35], [0.7, 0.3], [0.55, 0.6], [0.5, 0.75]]


@pytest.fixture
def build(tiny_encoder: Vgg, quick: Recipe, content: Tensor, style: Tensor) -> Build:
    """A `Stylizer` of portraits, changed by keywords."""

    def make(photo: object = content, styles: object = style, **changes: Any) -> Stylizer:
        given: dict[str, Any] = {"content_landmarks": HERE, "style_landmarks": THERE}
        names = ("content_landmarks", "style_landmarks", "regions", "tile")
        given |= {key: changes.pop(key) for key in names if key in changes}
        recipe = quick.replace(**{"method": "portrait", **changes})
        return Stylizer(photo, styles, recipe, encoder=tiny_encoder, **given)

    return make


def targets(stylizer: Stylizer, tile: int | None = None) -> dict[str, Tensor]:
    level = stylizer.levels[-1]
    return {term.layer: term.target for term in stylizer._builder._objectives[False].objective(level, tile).contents}


def run(stylizer: Stylizer) -> Result:
    for _ in stylizer:
        pass
    return stylizer.result()


def test_a_painting_comes_nearer(build: Build) -> None:
    results = [run(build()) for _ in range(2)]
    assert torch.equal(pixels(results[0]), pixels(results[1]))
    assert finite(results[0])
    last = [line for line in results[0].history if line["level"] == 1]
    assert last[-1]["loss"] < last[0]["loss"]
    assert not torch.equal(pixels(run(build(gain_strength=0))), pixels(results[0]))


@pytest.mark.parametrize("gains", ["ratio", "energy"])
def test_targets_are_the_photographs_features_within_the_limits(build: Build, tiny_encoder: Vgg, gains: str) -> None:
    stylizer = build(gains=gains)
    least, most = portrait.GAIN_LIMITS[gains]
    features = tiny_encoder(stylizer.scene.photo(stylizer.levels[-1]), ["relu2_1", "relu3_1", "relu4_1"])
    found = targets(stylizer)
    assert set(found) == set(features)
    for layer, target in found.items():
        assert bool((target >= least * features[layer] - 1e-4).all())
        assert bool((target <= most * features[layer] + 1e-4).all())
        assert not torch.allclose(target, features[layer], rtol=0.05)


def test_a_face_in_its_own_light_keeps_its_features(build: Build, tiny_encoder: Vgg, content: Tensor) -> None:
    stylizer = build(styles=content, style_landmarks=HERE)
    features = tiny_encoder(stylizer.scene.photo(stylizer.levels[-1]), ["relu4_1"])
    assert torch.allclose(targets(stylizer)["relu4_1"], features["relu4_1"], rtol=1e-3, atol=2e-3)


def test_limits_and_strength_are_the_recipes(build: Build, tiny_encoder: Vgg) -> None:
    stylizer = build(gain_strength=0)
    features = tiny_encoder(stylizer.scene.photo(stylizer.levels[-1]), ["relu3_1"])["relu3_1"]
    assert torch.equal(targets(stylizer)["relu3_1"], features)
    narrow = targets(build(gain_min=1, gain_max=1.5))["relu3_1"]
    assert bool((narrow >= features - 1e-4).all())
    assert bool((narrow <= 1.5 * features + 1e-4).all())


def test_beyond_the_paintings_border_nothing_changes(build: Build, tiny_encoder: Vgg) -> None:
    # The face is at the painting's left border, and in the middle of the photograph.
    stylizer = build(style_landmarks=[[0.02, 0.3], [0.35, 0.3], [0.2, 0.6], [0.2, 0.8]])
    example, share = portrait.warped(stylizer.scene, stylizer.levels[-1])
    assert float(share[..., 0].max()) == 0
    assert float(share[..., 20:30, 32].min()) == 1
    assert float(example.std()) > 0.05
    features = tiny_encoder(stylizer.scene.photo(stylizer.levels[-1]), ["relu3_1"])["relu3_1"]
    assert torch.equal(targets(stylizer)["relu3_1"][..., :2], features[..., :2])


def test_light_comes_to_the_regions_that_are_named(build: Build, tiny_encoder: Vgg) -> None:
    left = (torch.arange(64) < 32).float().expand(48, 64)
    regions = Regions(("left", "right"), torch.stack([left, 1 - left]), (None,))
    stylizer = build(regions=regions, gain_regions="left")
    features = tiny_encoder(stylizer.scene.photo(stylizer.levels[-1]), ["relu3_1"])["relu3_1"]
    found = targets(stylizer)["relu3_1"]
    assert torch.equal(found[..., 8:], features[..., 8:])
    assert not torch.allclose(found[..., :8], features[..., :8], rtol=0.05)
    with pytest.raises(UsageError, match="gain_regions: unknown region 'lft'"):
        build(regions=regions, gain_regions="lft")
    with pytest.raises(UsageError, match="no masks"):
        build(gain_regions="left")


def test_what_is_transparent_gives_no_light(build: Build, tiny_encoder: Vgg, style: Tensor) -> None:
    alpha = torch.zeros(style.shape[1:])
    alpha[:2] = 1
    stylizer = build(styles=with_alpha(style, alpha))
    features = tiny_encoder(stylizer.scene.photo(stylizer.levels[-1]), ["relu3_1"])["relu3_1"]
    assert torch.equal(targets(stylizer)["relu3_1"][..., 8:, :], features[..., 8:, :])


def test_colours_are_those_asked_for(build: Build) -> None:
    assert finite(run(build(color="match")))
    gray = build(color="luminance")
    example, _ = portrait.warped(gray.scene, gray.levels[-1])
    assert torch.allclose(example[:, 0], example[:, 1])
    assert finite(run(gray))


def test_tiles_ask_for_the_same(build: Build) -> None:
    # The random network's layers reach far: a picture that has more than one tile.
    stylizer = build(size=448, levels=1, iterations=1, style_layers="relu3_1", gain_layers="relu3_1")
    whole = stylizer._builder._objectives[False].objective(stylizer.levels[-1], None).contents[0]
    tiled = stylizer._builder._objectives[False].objective(stylizer.levels[-1], 192).contents[0]
    assert torch.allclose(whole.target, tiled.target, rtol=1e-4, atol=1e-3)
    assert whole.factor == pytest.approx(tiled.factor, rel=1e-5)


def test_a_checkpoint_ends_where_the_unbroken_painting_does(build: Build, tmp_path: Path) -> None:
    whole = run(build())
    first = build()
    for progress in first:
        if progress.total_step == 4:
            break
    first.checkpoint().save(tmp_path / "c")
    saved = Checkpoint.load(tmp_path / "c")
    second = build()
    second.restore(saved)
    assert torch.equal(pixels(run(second)), pixels(whole))
    assert {"content landmarks", "style landmarks"} <= {each["role"] for each in whole.inputs}
    with pytest.raises(InputError, match="landmarks"):
        build(style_landmarks=HERE).restore(saved)


def test_landmarks_that_do_not_fit_are_refused(build: Build, quick: Recipe, content: Tensor, style: Tensor) -> None:
    with pytest.raises(UsageError, match="belong together"):
        build(style_landmarks=None)
    with pytest.raises(UsageError, match="4 landmarks of the photograph and 3"):
        build(style_landmarks=THERE[:3])
    for method in ("gatys", "adain"):
        with pytest.raises(UsageError, match=f"belong to method portrait, not to {method}"):
            stylize(content, style, method=method, content_landmarks=HERE, style_landmarks=THERE)
    with pytest.raises(UsageError, match="portrait paints photographs"):
        build(photo=None)
    with pytest.raises(RecipeError, match="gain_layers belongs to portrait"):
        quick.replace(gain_layers="relu3_1")
    with pytest.raises(RecipeError, match="content_layers belongs to gatys, mrf and doodle"):
        quick.replace(method="portrait", content_layers="relu3_1")
    with pytest.raises(RecipeError, match="gain_max"):
        quick.replace(method="portrait", gain_max=0.5)


def test_without_landmarks_whole_pictures_are_aligned(
    build: Build, monkeypatch: pytest.MonkeyPatch, notices: list[str]
) -> None:
    nothing = {"content_landmarks": None, "style_landmarks": None}
    monkeypatch.setattr(detect, "_detector", lambda: None)
    stylizer = build(**nothing)
    assert sum("impasto[faces]" in line for line in notices) == 1
    example, share = portrait.warped(stylizer.scene, stylizer.levels[-1])
    assert torch.equal(example, stylizer.scene.painted(0, (48, 64), stylizer.levels[-1]).pixels)
    assert bool((share == 1).all())
    assert finite(run(stylizer))
    monkeypatch.setattr(detect, "_detector", lambda: lambda _picture: ([], []))
    build(**nothing)
    assert "no face is seen" in notices[-1]


def test_a_detector_finds_them(build: Build, monkeypatch: pytest.MonkeyPatch, content: Tensor) -> None:
    def find(found: Tensor) -> Landmarks:
        return Landmarks(torch.tensor(HERE if found.shape[2:] == content.shape[1:] else THERE, dtype=torch.float64))

    monkeypatch.setattr(detect, "find", find)
    found = run(build(content_landmarks=None, style_landmarks=None))
    assert torch.equal(pixels(found), pixels(run(build())))


@pytest.mark.usefixtures("picture")
def test_the_warp_takes_landmarks_to_landmarks(build: Build) -> None:
    # A bright spot at one landmark of the painting comes to that of the photograph.
    dark = torch.zeros(3, 56, 40)
    x, y = round(THERE[1][0] * 40), round(THERE[1][1] * 56)
    dark[:, y - 1 : y + 1, x - 1 : x + 1] = 1
    stylizer = build(styles=dark)
    example, _ = portrait.warped(stylizer.scene, stylizer.levels[-1])
    top = int(example[0, 0].argmax())
    assert abs(top % 64 + 0.5 - HERE[1][0] * 64) < 2
    assert abs(top // 64 + 0.5 - HERE[1][1] * 48) < 2
