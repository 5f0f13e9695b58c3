"""The photograph in the paintings' colours: whose they are, by hand."""

import pytest
import torch
from torch import Tensor

from impasto.guides import Regions
from impasto.images import Picture
from impasto.optim.pyramid import Level
from impasto.recipe import Recipe
from impasto.scene import Scene

LEVEL = Level(0, (32, 48), 1)
PHOTO = Picture(0.3 + 0.2 * torch.rand(1, 3, 32, 48), name="photo")


def flat(*color: float, spread: float = 0.05) -> Picture:
    """A painting of 24 x 40 pixels about one colour."""
    return Picture(torch.tensor(color).view(1, 3, 1, 1) + spread * torch.randn(1, 3, 24, 40).clamp(-2, 2), name="style")


def halves(height: int, width: int) -> Tensor:
    maps = torch.zeros(2, height, width)
    maps[0, :, : width // 2] = 1
    maps[1, :, width // 2 :] = 1
    return maps


def subject(styles: list[Picture], regions: Regions | None = None, **settings: object) -> Tensor:
    recipe = Recipe.parse({"method": "mrf", "size": 48, "margin": 0, **settings})
    return Scene(recipe, PHOTO, styles, regions).subject(LEVEL)


def mean(pixels: Tensor) -> list[float]:
    return pixels.mean((0, 2, 3)).tolist()


def test_it_has_the_mean_and_the_covariance_of_the_painting() -> None:
    style = flat(0.6, 0.5, 0.4)
    painted_photo = subject([style])
    painted = Scene(Recipe(size=48), PHOTO, [style]).style(0, LEVEL).pixels
    assert mean(painted_photo) == pytest.approx(mean(painted), abs=2e-3)
    ours, theirs = (each[0].flatten(1).cov() for each in (painted_photo, painted))
    torch.testing.assert_close(ours, theirs, atol=2e-4, rtol=0.1)


@pytest.mark.parametrize(
    "settings", [{"photo_colors": "own"}, {"color": "content"}, {"color": "luminance"}, {"method": "gatys"}]
)
def test_it_is_the_photograph_where_nothing_else_is_asked_for(settings: dict[str, object]) -> None:
    recipe = Recipe.parse({"method": "mrf", "size": 48, "margin": 0, **settings})
    scene = Scene(recipe, PHOTO, [flat(0.6, 0.5, 0.4)])
    assert torch.equal(scene.subject(LEVEL), scene.photo(LEVEL))


def test_gatys_takes_them_where_they_are_asked_for() -> None:
    assert mean(subject([flat(0.6, 0.5, 0.4)], method="gatys", photo_colors="style")) == pytest.approx(
        [0.6, 0.5, 0.4], abs=0.02
    )


def test_paintings_count_by_their_weights_and_not_by_their_size() -> None:
    large = Picture(flat(0.2, 0.2, 0.6).pixels.repeat(1, 1, 3, 3), name="large")
    painted_photo = mean(
        subject([large, flat(0.6, 0.6, 0.2)], style_weights=[1, 3], method="gatys", photo_colors="style")
    )
    assert painted_photo == pytest.approx([0.5, 0.5, 0.3], abs=0.02)


def test_each_region_has_the_colours_of_what_paints_it() -> None:
    regions = Regions(("left", "right"), halves(32, 48), (None, None))
    painted_photo = subject([flat(0.2, 0.3, 0.6), flat(0.6, 0.5, 0.3)], regions, region_styles={"left": 1, "right": 2})
    assert mean(painted_photo[..., :20]) == pytest.approx([0.2, 0.3, 0.6], abs=0.03)
    assert mean(painted_photo[..., 28:]) == pytest.approx([0.6, 0.5, 0.3], abs=0.03)


def test_a_mask_of_the_painting_says_which_of_its_colours_are_whose() -> None:
    left, right = flat(0.2, 0.3, 0.6), flat(0.6, 0.5, 0.3)
    style = Picture(torch.cat([left.pixels, right.pixels], 2), name="both")
    upper = torch.zeros(2, 48, 40)
    upper[0, 24:], upper[1, :24] = 1, 1
    regions = Regions(("left", "right"), halves(32, 48), (upper,))
    painted_photo = subject([style], regions)
    assert mean(painted_photo[..., :20]) == pytest.approx([0.6, 0.5, 0.3], abs=0.04)
    assert mean(painted_photo[..., 28:]) == pytest.approx([0.2, 0.3, 0.6], abs=0.04)


def test_what_is_transparent_in_a_painting_has_no_colour() -> None:
    pixels = torch.cat([flat(0.2, 0.3, 0.6).pixels, flat(0.6, 0.5, 0.3).pixels], 2)
    alpha = torch.cat([torch.ones(1, 1, 24, 40), torch.zeros(1, 1, 24, 40)], 2)
    assert mean(subject([Picture(pixels, alpha=alpha, name="cut")])) == pytest.approx([0.2, 0.3, 0.6], abs=0.03)
