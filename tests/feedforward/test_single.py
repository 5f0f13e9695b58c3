"""Methods of one network for one style: what the network makes of a picture is what is painted."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from impasto import color
from impasto.errors import UsageError, WeightsError
from impasto.feedforward import FeedForward, PerStyle
from impasto.guides import Regions
from impasto.nets import store
from impasto.nets.johnson import Johnson
from impasto.nets.texture_net import TextureNet
from impasto.painting.api import begin
from impasto.recipe import Recipe
from tests.network_helpers import texture

Paint = Callable[..., FeedForward]


def johnson(folder: Path, name: str) -> Johnson:
    return Johnson.from_card(*store.load(folder / f"johnson-{name}.safetensors"), name)


def picture(painting: FeedForward) -> Tensor:
    assert painting.image is not None
    return painting.image


@pytest.mark.parametrize("size", [(48, 64), (45, 61)])
def test_johnson_paints_what_its_network_gives(
    size: tuple[int, int], painted: Paint, picture_of: Callable[..., Tensor], folder: Path
) -> None:
    photo = picture_of(*size)
    found = painted("johnson", photo, [], size=size[1], network="waves")
    assert float(picture(found).std()) > 0.02
    assert torch.equal(picture(found), johnson(folder, "waves")(photo).clamp(0, 1))
    assert found.recipe.network == "waves"
    assert [each["name"] for each in found.result().weights] == ["johnson waves"]
    assert not torch.equal(picture(painted("johnson", photo, [], size=size[1], network="swirls")), picture(found))


def test_a_file_goes_before_a_name_and_gives_its_own(painted: Paint, folder: Path, content: Tensor) -> None:
    found = painted("johnson", styles=[], network=folder / "johnson-waves.safetensors")
    assert torch.equal(picture(found), johnson(folder, "waves")(content[None]).clamp(0, 1))
    assert found.recipe.network == "waves"


def test_a_network_has_to_be_named_where_there_are_several(painted: Paint) -> None:
    with pytest.raises(UsageError, match=r"name one with --network: swirls, waves"):
        painted("johnson", styles=[])
    with pytest.raises(UsageError, match=r"unknown network of johnson 'wave'; did you mean 'waves'\?"):
        begin(torch.rand(3, 48, 64), [], Recipe.parse({"method": "johnson", "network": "wave"}))


def test_the_only_network_needs_no_name(painted: Paint) -> None:
    assert painted("texture_net", styles=[]).recipe.network == "pebbles"


@pytest.mark.parametrize(("method", "size", "tile"), [("johnson", (150, 201), 96), ("texture_net", (48, 61), 32)])
def test_tiles_have_the_statistics_of_the_whole_picture(
    method: str, size: tuple[int, int], tile: int, painted: Paint, picture_of: Callable[..., Tensor]
) -> None:
    photo, network = picture_of(*size, seed=7), {"network": "waves"} if method == "johnson" else {}
    found = painted(method, photo, [], size=max(size), tile=tile, **network)
    assert isinstance(found, PerStyle)
    assert found.tile == tile
    wanted = picture(painted(method, photo, [], size=max(size), tile="off", **network))
    assert float(wanted.std()) > 0.02
    torch.testing.assert_close(picture(found), wanted, atol=1e-4, rtol=0)


def test_a_texture_net_paints_photographs_and_makes_textures(painted: Paint, folder: Path, content: Tensor) -> None:
    net = TextureNet.from_card(*store.load(folder / "texture_net-pebbles.safetensors"), "pebbles")
    assert torch.equal(picture(painted("texture_net", styles=[])), net(content[None]).clamp(0, 1))
    made = painted("texture_net", None, [], seed=5, size=96, aspect=1.5)
    assert torch.equal(picture(made), net.texture((64, 96), 5).clamp(0, 1))
    repeats = painted("texture_net", None, [], size=100, tileable=True)
    assert repeats.size == (96, 96)


@pytest.mark.parametrize(("mode", "photo"), [("noise", True), ("photos", False)])
def test_a_texture_net_does_what_it_was_trained_for(mode: str, photo: bool, painted: Paint, tmp_path: Path) -> None:
    path = texture(tmp_path / "t.safetensors", mode)
    with pytest.raises(UsageError, match="was trained to"):
        painted("texture_net", *([] if photo else [None]), styles=[], network=path)


def test_a_painting_is_not_taken(painted: Paint) -> None:
    with pytest.raises(UsageError, match="johnson paints the style of its network, and takes no painting"):
        painted("johnson", network="waves")
    with pytest.raises(UsageError, match="color 'match' is not for johnson"):
        painted("johnson", styles=[], network="waves", color="match")
    with pytest.raises(UsageError, match="refine compares with a painting"):
        begin(torch.rand(3, 48, 64), [], Recipe.parse({"method": "johnson", "network": "waves", "refine": 2}))


def test_colours_and_regions_of_the_content_can_stay(painted: Paint, content: Tensor) -> None:
    plain = painted("johnson", styles=[], network="waves").result().picture.pixels
    kept = painted("johnson", styles=[], network="waves", color="content").result().picture.pixels
    assert torch.equal(kept, color.keep_chroma(plain, content[None], strength=1.0))
    maps = torch.zeros(2, 48, 64)
    maps[0, :20], maps[1, 20:] = 1, 1
    regions = Regions(("sky", "ground"), maps, ())
    partly = painted("johnson", styles=[], network="waves", keep="sky", regions=regions).result().picture.pixels
    assert torch.equal(partly[..., :18, :], content[None, :, :18])
    assert torch.equal(partly[..., 22:, :], plain[..., 22:, :])


def test_a_network_of_another_method_is_refused(painted: Paint, folder: Path) -> None:
    with pytest.raises(
        WeightsError, match=r"texture_net-pebbles\.safetensors.*'texture_net', not 'johnson'|no stylizer"
    ):
        painted("johnson", styles=[], network=folder / "texture_net-pebbles.safetensors")
