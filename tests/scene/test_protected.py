"""Where the photograph counts more than elsewhere."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from impasto import images
from impasto.encoders import Vgg
from impasto.errors import ImpastoError, UsageError
from impasto.images import Picture
from impasto.landmarks import detect
from impasto.painting.stylizer import Stylizer
from impasto.recipe import Recipe
from impasto.scene import protected
from tests.stylize_helpers import Paint, gone_on_with, pixels

ASSETS = Path(__file__).resolve().parents[2] / "assets"


def gray(values: Tensor, alpha: Tensor | None = None) -> Picture:
    """A grey picture of (H, W) values."""
    return Picture(
        values[None, None].expand(1, 3, -1, -1).clone(), None if alpha is None else alpha[None, None], name="white"
    )


def test_an_ellipse_is_full_in_its_middle_and_fades_at_its_rim() -> None:
    covered = protected.ellipses([(0.25, 0.25, 0.5, 0.5)], (200, 200))[0, 0]
    assert float(covered[104, 100]) == 1, "the middle lies a little below that of the square"
    assert float(covered[:, :52].max()) == 0
    assert float(covered[104, 100 + 44]) == pytest.approx((1 - 44.5 / 48) / 0.25, abs=0.02)
    assert torch.equal(protected.ellipses([], (4, 4)), torch.zeros(1, 1, 4, 4))
    both = protected.ellipses([(0, 0, 0.5, 0.5), (0.5, 0.5, 0.5, 0.5)], (64, 64))[0, 0]
    assert float(both[16, 16]) == float(both[48, 48]) == 1
    assert float(both[48, 16]) == 0


def test_faces_are_found_where_they_are(notices: list[str]) -> None:
    pytest.importorskip("cv2")
    if not detect.available():
        pytest.skip("this OpenCV has no cascades")
    astronaut = images.load(ASSETS / "photos" / "astronaut.jpg")
    covered = protected.protection(Recipe.parse({"protect": "faces"}), astronaut, None)
    assert covered is not None
    height, width = covered.shape[2:]
    weights = covered[0, 0] / covered.sum()
    across = float((weights.sum(0) * torch.arange(width)).sum()) / width
    down = float((weights.sum(1) * torch.arange(height)).sum()) / height
    assert across == pytest.approx(0.44, abs=0.05)
    assert down == pytest.approx(0.23, abs=0.05)
    assert float(covered.mean()) < 0.15
    assert any("protects 1 face" in line for line in notices)
    rocket = images.load(ASSETS / "photos" / "coffee.jpg")
    assert protected.protection(Recipe.parse({"protect": "faces"}), rocket, None) is None
    assert any("no face is seen" in line for line in notices)


def test_without_a_detector_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect, "available", lambda: False)
    with pytest.raises(UsageError, match=r"impasto\[faces\]"):
        protected.protection(Recipe.parse({"protect": "faces"}), gray(torch.ones(8, 8)), None)


def test_a_grey_picture_counts_as_far_as_it_is_seen() -> None:
    recipe, photo = Recipe.parse({"protect": "file"}), gray(torch.ones(8, 8))
    white = torch.zeros(8, 8)
    white[2:4] = 1
    covered = protected.protection(recipe, photo, gray(white))
    assert covered is not None
    assert torch.allclose(covered[0, 0], white)
    half_seen = protected.protection(recipe, photo, gray(white, torch.full((8, 8), 0.5)))
    assert half_seen is not None
    assert torch.allclose(half_seen[0, 0], white / 2)


@pytest.mark.parametrize(("protect", "given"), [("file", False), ("faces", True), ("nothing", True)])
def test_picture_and_setting_belong_together(protect: str, given: bool) -> None:
    picture = gray(torch.ones(8, 8))
    with pytest.raises(UsageError, match="belong together"):
        protected.protection(Recipe.parse({"protect": protect}), picture, picture if given else None)


def test_a_texture_has_nothing_to_protect() -> None:
    with pytest.raises(UsageError, match="there is none"):
        protected.protection(Recipe.parse({"protect": "faces"}), None, None)


def test_the_content_term_counts_more_there(tiny_encoder: Vgg, quick: Recipe, content: Tensor, style: Tensor) -> None:
    white = torch.zeros(48, 64)
    white[:, 32:] = 1

    def loss(image: Tensor, **changes: object) -> float:
        given = gray(white) if changes.get("protect") == "file" else None
        stylizer = Stylizer(
            content,
            style,
            quick.replace(levels=1, **{"content_layers": {"relu2_1": 1.0}, **changes}),
            encoder=tiny_encoder,
            protect_image=given,
        )
        objective = stylizer.objective(stylizer.levels[0])
        with torch.no_grad():
            _, report = objective(image, stylizer.encoder(image, objective.layers))
        return sum(value for name, value in report.terms.items() if name.startswith("content"))

    left, right = content[None].clone(), content[None].clone()
    left[..., :24] = left[..., :24].flip(-2)
    right[..., 40:] = right[..., 40:].flip(-2)
    heavy = {"protect": "file", "protect_weight": 5.0}
    here = {**heavy, "protect_layers": {}}
    assert loss(left, **here) == pytest.approx(loss(left), rel=0.2)
    assert loss(right, **here) == pytest.approx(5 * loss(right), rel=0.2)
    assert loss(right, protect="file", protect_weight=1.0) == pytest.approx(loss(right), rel=1e-6)
    # At another layer, what is added is that layer's distance, and nothing where nothing is protected.
    there = {**heavy, "protect_layers": {"relu3_1": 2.0}}
    deep = loss(right, content_layers={"relu3_1": 1.0})
    assert loss(left, **there) == pytest.approx(loss(left), rel=0.2)
    assert loss(right, **there) == pytest.approx(loss(right) + 4 * 2 * deep, rel=0.2)


def test_what_protects_is_at_the_layers_that_say_so() -> None:
    recipe = Recipe(protect="faces")
    assert recipe.layers_of_protection == {"relu3_1": 1.0}
    assert recipe.layers_of_content == {"relu3_1": 0.0, "relu4_2": 1.0}
    assert recipe.replace(protect_layers={}).layers_of_protection == {"relu4_2": 1.0}
    assert recipe.replace(protect="nothing").layers_of_content == {"relu4_2": 1.0}
    portrait = Recipe(method="portrait", protect="faces")
    assert portrait.layers_of_protection == portrait.gain_layers == portrait.layers_of_content
    # A picture from before this setting was protected at the layers of its content term.
    before = {key: value for key, value in recipe.model_dump().items() if key != "protect_layers"}
    assert Recipe.parse(before).layers_of_protection == {"relu4_2": 1.0}
    # One of another method names the weight of then, which is no setting of its own.
    other = {key: value for key, value in Recipe(method="reshuffle").model_dump().items() if key != "protect_layers"}
    assert Recipe.parse({**other, "protect_weight": 15.0}) == Recipe(method="reshuffle")


def test_where_no_face_is_seen_nothing_changes(
    tiny_encoder: Vgg, quick: Recipe, content: Tensor, style: Tensor
) -> None:
    pytest.importorskip("cv2")
    if not detect.available():
        pytest.skip("this OpenCV has no cascades")

    def terms(recipe: Recipe) -> list[str]:
        stylizer = Stylizer(content, style, recipe, encoder=tiny_encoder)
        return [term.name for term in stylizer.objective(stylizer.levels[0]).contents]

    assert terms(quick.replace(protect="faces")) == terms(quick)


def test_what_is_protected_stays_nearer_to_the_photograph(paint: Paint, content: Tensor, style: Tensor) -> None:
    white = torch.zeros(48, 64)
    white[:, 32:] = 1
    settings = {"iterations": 20, "levels": 1, "content_layers": {"relu1_1": 1.0}}
    plain = pixels(paint(content, style, **settings))
    guarded = pixels(paint(content, style, protect="file", protect_weight=100.0, protect_image=gray(white), **settings))

    def away(picture: Tensor, columns: slice) -> float:
        return float((picture[0, :, :, columns] - content[:, :, columns]).abs().mean())

    assert away(guarded, slice(40, 64)) < 0.8 * away(plain, slice(40, 64))


def test_it_is_recorded_and_goes_on(tiny_encoder: Vgg, quick: Recipe, content: Tensor, style: Tensor) -> None:
    recipe = quick.replace(protect="file")

    def begin(white: float = 1.0) -> Stylizer:
        return Stylizer(content, style, recipe, encoder=tiny_encoder, protect_image=torch.full((3, 48, 64), white))

    whole = begin()
    for _ in whole:
        pass
    assert [record["role"] for record in whole.result().inputs] == ["content", "style", "protect"]
    assert torch.equal(pixels(gone_on_with(begin, 3)), pixels(whole.result()))
    other = begin()
    next(iter(other))
    with pytest.raises(ImpastoError, match="other"):
        begin(0.5).restore(other.checkpoint())
