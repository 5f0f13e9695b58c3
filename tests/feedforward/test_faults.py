"""Bad input for every method: rows 16, 19, 29, 33 to 35 and 39 of the faults."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from impasto.encoders import Petite
from impasto.errors import ImageError, ImpastoError, ResourceError, UsageError, WeightsError
from impasto.feedforward import FeedForward, tiles
from impasto.nets import store
from impasto.painting.api import begin, stylize
from impasto.painting.stylizer import Stylizer
from impasto.recipe import Recipe, shipped_networks
from impasto.recipe.catalogue import METHODS
from tests.network_helpers import decoder

Paint = Callable[..., FeedForward]
FORWARD = tuple(name for name, method in METHODS.items() if method.feed_forward)
NAMED = {"johnson": "waves"}


def options(method: str, **given: object) -> dict[str, object]:
    """What a method needs beside a photograph."""
    found: dict[str, object] = {"network": NAMED[method]} if method in NAMED else {}
    return found | given | ({} if METHODS[method].styles else {"styles": []})


def refused(kind: type[ImpastoError], do: Callable[[], object]) -> str:
    with pytest.raises(kind) as caught:
        do()
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("method", FORWARD)
def test_networks_that_do_not_ship_say_how_to_get_one(
    method: str, painted: Paint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipped_networks, "FOLDER", tmp_path / "nothing")
    message = refused(WeightsError, lambda: painted(method, **({} if METHODS[method].styles else {"styles": []})))
    assert message.startswith(f"{method}: ")
    assert METHODS[method].training in message
    assert "--network" in message


@pytest.mark.parametrize("method", FORWARD)
@pytest.mark.parametrize("damage", ["missing", "empty", "text", "cut", "pickle", "other", "folder"])
def test_files_that_are_no_networks(method: str, damage: str, painted: Paint, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    data = next(folder.glob(f"{METHODS[method].networks or method}-*")).read_bytes()
    ran = tmp_path / "ran"
    if damage == "folder":
        path.mkdir()
    elif damage != "missing":
        path.write_bytes(
            {
                "empty": b"",
                "text": b"<html>404</html>",
                "cut": data[: len(data) // 2],
                "pickle": pickle.dumps(_Touches(str(ran))),
                "other": next(folder.glob(f"{'johnson' if method != 'johnson' else 'adain'}-*")).read_bytes(),
            }[damage]
        )
    message = refused(WeightsError, lambda: painted(method, **options(method, network=path)))
    assert "net.safetensors" in message or damage == "other"
    assert not ran.exists()


class _Touches:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path(self.path),)


def test_nan_and_shapes_in_a_network(painted: Paint, folder: Path, tmp_path: Path) -> None:
    tensors, card = store.load(folder / "adain-relu4_1.safetensors")
    path = tmp_path / "net.safetensors"
    wrong = dict(tensors) | {"conv1_1.bias": torch.zeros(4)}
    store.save(path, wrong, card)
    assert "conv1_1.bias: expected (3,), found (4,)" in refused(WeightsError, lambda: painted("adain", network=path))
    del wrong["conv1_1.bias"]
    store.save(path, wrong, card)
    assert "conv1_1.bias: missing" in refused(WeightsError, lambda: painted("adain", network=path))


def test_a_network_of_another_encoder(painted: Paint, petite: Petite, tmp_path: Path) -> None:
    net, card = decoder(petite, "relu4_1", method="adain")
    other = store.Card(**{**vars(card), "encoder": "f" * 64})
    store.save(tmp_path / "net.safetensors", net.state_dict(), other)
    message = refused(WeightsError, lambda: painted("adain", network=tmp_path / "net.safetensors"))
    assert "was trained on encoder ffffffffffff" in message


def test_two_decoders_of_one_layer(painted: Paint, petite: Petite, tmp_path: Path) -> None:
    for seed in (1, 2):
        net, card = decoder(petite, "relu2_1", seed)
        store.save(tmp_path / f"{seed}.safetensors", net.state_dict(), card)
    assert "has 2 decoders" in refused(WeightsError, lambda: painted("wct", network=tmp_path))


def test_linear_needs_the_decoder_it_was_trained_with(
    painted: Paint, petite: Petite, folder: Path, tmp_path: Path
) -> None:
    net, card = decoder(petite, "relu4_1", seed=77)
    store.save(tmp_path / "decoder.safetensors", net.state_dict(), card)
    (tmp_path / "linear.safetensors").write_bytes((folder / "linear-relu4_1.safetensors").read_bytes())
    message = refused(WeightsError, lambda: painted("linear", network=tmp_path))
    assert "was trained with another decoder" in message


@pytest.mark.parametrize("method", FORWARD)
@pytest.mark.parametrize("size", [(1, 1), (3, 5)])
def test_pictures_of_few_pixels(method: str, size: tuple[int, int], painted: Paint) -> None:
    found = painted(method, torch.rand(3, *size), **options(method)).result().picture
    assert max(found.size) == 64
    assert bool(found.pixels.isfinite().all())


@pytest.mark.parametrize("method", FORWARD)
def test_pictures_that_are_too_narrow(method: str, painted: Paint) -> None:
    message = refused(ImageError, lambda: painted(method, torch.rand(3, 1, 200), **options(method)))
    assert "would be painted at 64x1 px; the short side needs at least 16 px" in message


@pytest.mark.parametrize("method", FORWARD)
@pytest.mark.parametrize(
    ("which", "value"), [("both", 0.0), ("both", 0.5), ("both", 1.0), ("photo", 0.0), ("style", 1.0)]
)
def test_pictures_without_anything_on_them(
    method: str, value: float, which: str, painted: Paint, content: Tensor, style: Tensor
) -> None:
    flat = torch.full((3, 48, 64), value)
    given = options(method, photo=flat if which != "style" else content)
    if METHODS[method].styles:
        given["styles"] = flat if which != "photo" else style
    assert bool(painted(method, **given).result().picture.pixels.isfinite().all())


def test_other_encoders_are_refused(painted: Paint, tiny_encoder: object, content: Tensor, style: Tensor) -> None:
    assert "petite, not of vgg19" in refused(UsageError, lambda: painted("adain", encoder=tiny_encoder))
    recipe = Recipe.parse({"method": "adain", "encoder": "vgg19"})
    assert "petite, not of vgg19" in refused(UsageError, lambda: stylize(content, style, recipe))


def test_methods_and_stylizers_are_not_mixed_up(content: Tensor, style: Tensor, folder: Path) -> None:
    recipe = Recipe.parse({"method": "adain"})
    assert "does not optimise" in refused(UsageError, lambda: Stylizer(content, style, recipe))
    assert "paints without a network" in refused(UsageError, lambda: stylize(content, style, network=folder))
    message = refused(UsageError, lambda: stylize(content, style, recipe, init_image=content))
    assert "starts from no picture" in message


# Memory.


def begun(method: str, free: int, monkeypatch: pytest.MonkeyPatch, **settings: object) -> FeedForward:
    monkeypatch.setattr("impasto.painting.budget.Resources.free", lambda _self: free)
    recipe = Recipe.parse({"method": method, "precision": "float32", "network": NAMED.get(method, "auto"), **settings})
    painting = begin(torch.rand(3, 40, 60), [torch.rand(3, 40, 60)] if METHODS[method].styles else [], recipe)
    assert isinstance(painting, FeedForward)
    return painting


@pytest.mark.parametrize("method", [name for name in FORWARD if not METHODS[name].networks])
def test_little_memory_takes_tiles_and_says_so(
    method: str, notices: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = begun(method, 1 << 40, monkeypatch, size=3000)
    assert whole.tile is None
    # Pictures cannot be cut: between tiles and one piece there is room.
    room = whole._bytes * 6 // 10
    tiled = begun(method, room, monkeypatch, size=3000)
    assert tiled.tile is not None
    assert tiled._bytes <= room
    assert any("painting in tiles, because" in line for line in notices)


@pytest.mark.parametrize("method", FORWARD)
def test_too_little_memory_is_refused_before_painting(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    message = refused(ResourceError, lambda: begun(method, 1 << 20, monkeypatch, size=4096))
    assert message.startswith(f"painting 4096x2731 px with {method} needs about")
    message = refused(ResourceError, lambda: begun(method, 300 << 20, monkeypatch, size=16_384))
    side = int(message.split("--size ")[1].split()[0])
    assert 256 <= side < 16_384
    assert begun(method, 300 << 20, monkeypatch, size=side).size[1] == side


def test_reach_of_a_decoder_by_hand(petite: Petite) -> None:
    # 1 at full size; 2, to whole neurons, and two convolutions of 2; 6 to 8, and three of 4; 20 to 24, ...
    assert [tiles.decoder_reach(f"relu{block}_1", petite) for block in range(1, 6)] == [1, 4, 12, 32, 64]
