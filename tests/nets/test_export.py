"""Networks as ONNX graphs: the same pictures as torch's at any size, and what is refused."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from impasto.encoders import Petite
from impasto.errors import InputError, OutputError, ResourceError, UsageError, WeightsError
from impasto.images import Picture, save
from impasto.nets import onnx, store
from impasto.nets.avatar import Avatar, AvatarPlan
from impasto.nets.blocks import to_multiple
from impasto.nets.decoder import Decoder, pad_to_neurons
from impasto.nets.johnson import Johnson, JohnsonPlan
from impasto.nets.linear import Linear, LinearPlan, fingerprint
from impasto.nets.onnx import convert, difference, export
from impasto.nets.onnx_graphs import Graph, build, find, reflect_to_multiple
from impasto.nets.onnx_matching import roots
from impasto.nets.store import Card
from impasto.nets.texture_net import TextureNet, TexturePlan
from impasto.painting.api import begin
from impasto.recipe import Recipe, shipped_networks

KINDS = ("johnson", "johnson_paper", "texture_net", "wct", "adain", "linear", "avatar")
ABSENT = "needs the extra onnx"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A small network of each kind, with pictures that depend on what goes in."""
    folder = tmp_path_factory.mktemp("networks")
    encoder = Petite.embedded().sha256
    torch.manual_seed(7)
    decoder = Decoder("relu2_1", {"2_1": 16, "1_1": 3}).requires_grad_(False)
    decoder.get_submodule("conv1_1").get_parameter("weight").mul_(4)
    linear = Linear("relu2_1", LinearPlan(48, 5, (6, 7), 8, fingerprint(decoder))).requires_grad_(False)
    for name, value in linear.named_parameters():
        if "fully" in name:
            # Else it would hardly ask what its Gram matrices are.
            value.mul_(3)
    any_style = Avatar(AvatarPlan(up=(4, 6, 8), last=6)).requires_grad_(False)
    any_style.leave.weight.mul_(30)
    johnson, paper, texture = (
        Johnson(JohnsonPlan(narrow=4, wide=6, residuals=1)),
        Johnson(JohnsonPlan(narrow=4, wide=6, residuals=1, kernel=9, full=3, smooth=0)),
        TextureNet(TexturePlan(width=2, scales=3)),
    )
    networks: dict[str, tuple[nn.Module, Card]] = {
        "johnson": (johnson, Card("johnson", "stylizer", johnson.card_plan, style="waves")),
        "johnson_paper": (paper, Card("johnson", "stylizer", paper.card_plan)),
        "texture_net": (texture, Card("texture_net", "generator", texture.card_plan)),
        "wct": (decoder, Card("wct", "decoder", decoder.plan, layer="relu2_1", encoder=encoder)),
        "adain": (decoder, Card("adain", "decoder", decoder.plan, layer="relu2_1", encoder=encoder)),
        "avatar": (any_style, Card("avatar", "stylizer", any_style.card_plan, encoder=encoder)),
        "linear": (linear, Card("linear", "transform", linear.card_plan, layer="relu2_1", encoder=encoder)),
    }
    found = {}
    for name, (net, card) in networks.items():
        found[name] = folder / f"{name}.safetensors"
        store.save(found[name], net.state_dict(), card)
    return found


def graph_of(files: Mapping[str, Path], kind: str) -> Graph:
    return build(*find(str(files[kind])), decoder=files["wct"] if kind == "linear" else None)


@pytest.fixture(scope="module")
def exported(files: dict[str, Path]) -> Callable[[str], tuple[Graph, bytes]]:
    """Each graph once: tracing takes seconds."""
    known: dict[str, tuple[Graph, bytes]] = {}

    def get(kind: str) -> tuple[Graph, bytes]:
        for package in ("onnx", "onnxscript", "onnxruntime"):
            pytest.importorskip(package, reason=ABSENT)
        if kind not in known:
            graph = graph_of(files, kind)
            known[kind] = graph, convert(graph)
        return known[kind]

    return get


def given(graph: Graph, size: tuple[int, int], batch: int = 1, seed: int = 0) -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(seed)
    made = {}
    for name, example in graph.inputs.items():
        if name == "alpha":
            made[name] = torch.tensor([0.6])
        elif name == "style":
            made[name] = torch.rand(1, 3, size[1] + 9, size[0] + 4, generator=random)
        else:
            made[name] = torch.rand(batch, example.shape[1], *size, generator=random)
    return made


# Tracing takes seconds: one network each time, the other kinds with the slow tests.
@pytest.mark.parametrize(
    "kind", [kind if kind == "johnson" else pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS]
)
def test_paints_as_torch_does_at_any_size(exported: Callable[[str], tuple[Graph, bytes]], kind: str) -> None:
    graph, data = exported(kind)
    tried = [
        given(graph, (64, 48)),
        given(graph, (51, 38), batch=3, seed=1),
        given(graph, (graph.smallest, graph.smallest), seed=2),
        given(graph, (graph.smallest + 1, 97), batch=2, seed=3),
    ]
    assert difference(graph, data, tried) < 1e-4
    # Not because everything were the same grey.
    assert float(graph.painted(tried[0]).std()) > 0.01


@pytest.mark.parametrize("kind", ["johnson", "texture_net"])
def test_torch_in_the_graph_is_the_network(files: dict[str, Path], kind: str) -> None:
    graph, net = graph_of(files, kind), Johnson if kind == "johnson" else TextureNet
    picture = torch.rand(1, 3, 37, 42)
    assert torch.equal(graph.painted({"picture": picture}), net.from_card(*find(str(files[kind])))(picture).clamp(0, 1))


@pytest.mark.parametrize("kind", ["adain", "linear", "avatar"])
def test_alpha_and_style_are_asked(files: dict[str, Path], kind: str) -> None:
    graph = graph_of(files, kind)
    inputs = given(graph, (32, 24))
    content, full = inputs | {"alpha": torch.zeros(1)}, inputs | {"alpha": torch.ones(1)}
    back, other = graph.painted(content), graph.painted(content | {"style": 0.5 * inputs["style"]})
    assert torch.equal(back, other), "no style where alpha is 0"
    assert not torch.equal(graph.painted(full), graph.painted(full | {"style": 0.5 * inputs["style"]}))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["adain", "linear", "avatar"])
def test_all_and_nothing_of_a_style_are_those_of_torch(
    exported: Callable[[str], tuple[Graph, bytes]], kind: str
) -> None:
    graph, data = exported(kind)
    inputs = given(graph, (32, 24))
    assert difference(graph, data, [inputs | {"alpha": torch.full((1,), alpha)} for alpha in (0.0, 1.0)]) < 1e-4


SIDES = ["height", "width"]


@pytest.mark.parametrize(
    ("kind", "smallest", "inputs", "output", "sides"),
    [
        ("johnson", "8", {"picture": ["batch", 3, *SIDES]}, "painted", SIDES),
        # Twice the features' height and width: sides without a name.
        pytest.param("wct", "2", {"features": ["batch", 48, *SIDES]}, "painted", [0, 0], marks=pytest.mark.slow),
        pytest.param(
            "linear",
            "4",
            {"content": ["batch", 3, *SIDES], "style": [1, 3, "style_height", "style_width"], "alpha": [1]},
            "painted",
            SIDES,
            marks=pytest.mark.slow,
        ),
    ],
    ids=["johnson", "wct", "linear"],
)
def test_the_file_says_what_it_is(
    exported: Callable[[str], tuple[Graph, bytes]],
    kind: str,
    smallest: str,
    inputs: dict[str, list[str | int]],
    output: str,
    sides: list[str | int],
) -> None:
    import onnx

    graph, data = exported(kind)
    model = onnx.load_from_string(data)
    notes = {each.key: each.value for each in model.metadata_props}
    assert Card.parse(notes["impasto"]) == graph.card
    assert notes["smallest_side"] == smallest

    def shape(value: Any) -> list[str | int]:
        return [each.dim_param or each.dim_value for each in value.type.tensor_type.shape.dim]

    assert {value.name: shape(value) for value in model.graph.input} == inputs
    assert [(value.name, shape(value)) for value in model.graph.output] == [(output, ["batch", 3, *sides])]


@pytest.mark.parametrize(("height", "width"), [(32, 64), (33, 40), (39, 47), (17, 1 + 16)])
def test_continued_as_the_networks_do(height: int, width: int) -> None:
    picture = torch.rand(2, 3, height, width)
    assert torch.equal(reflect_to_multiple(picture, 4), to_multiple(picture, 4))
    assert torch.equal(reflect_to_multiple(picture, 8), pad_to_neurons(picture, 8))


def test_roots_by_hand() -> None:
    """Of [[5, 4], [4, 5]], whose eigenvalues are 9 and 1: [[2, 1], [1, 2]]; its inverse is [[2, -1], [-1, 2]] / 3."""
    root, inverse = roots(torch.tensor([[[5.0, 4.0], [4.0, 5.0]]], dtype=torch.float64))
    torch.testing.assert_close(root[0], torch.tensor([[2.0, 1.0], [1.0, 2.0]]).double())
    torch.testing.assert_close(inverse[0], torch.tensor([[2.0, -1.0], [-1.0, 2.0]]).double() / 3)


@pytest.mark.parametrize("size", [(64, 48), (51, 38)])
def test_a_graph_matches_features_as_a_painting_does(files: dict[str, Path], size: tuple[int, int]) -> None:
    graph = graph_of(files, "avatar")
    content, style = torch.rand(1, 3, *size), torch.rand(1, 3, 45, 60).sqrt()
    # Graphs are of float32; a painting takes bfloat16 where that is faster.
    asked = {"method": "avatar", "alpha": 0.6, "size": max(size), "style_scale": 60 / max(size)}
    recipe = Recipe.parse({**asked, "precision": "float32"})
    painting = begin(content[0], style[0], recipe, network=files["avatar"])
    for _ in painting:
        pass
    assert painting.image is not None
    of_graph = graph.painted({"content": content, "style": style, "alpha": torch.tensor([0.6])})
    torch.testing.assert_close(of_graph, painting.image, rtol=0, atol=1e-3)


# From end to end.


def test_export_checks_and_writes(
    exported: Callable[[str], tuple[Graph, bytes]],
    files: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, data = exported("johnson")
    monkeypatch.setattr(onnx, "convert", lambda _graph: data)
    photo = tmp_path / "photo.png"
    save(Picture(torch.rand(1, 3, 45, 60)), photo)
    made = export(str(files["johnson"]), tmp_path / "new" / "net.onnx", pictures=[photo])
    assert made.difference is not None
    assert made.difference < 1e-4
    assert made.path.stat().st_size == made.size_bytes
    assert (made.card.style, made.smallest) == ("waves", 8)
    with pytest.raises(OutputError, match="--force"):
        export(str(files["johnson"]), made.path)


def test_tried_on_the_pictures_and_on_another_size(files: dict[str, Path], tmp_path: Path) -> None:
    graph = graph_of(files, "adain")
    photo, painting = torch.rand(1, 3, 40, 50), torch.rand(1, 3, 20, 30)
    first, second = onnx._examples(graph, [photo, painting])
    assert torch.equal(first["content"], photo)
    assert torch.equal(first["style"], painting)
    assert first["content"].shape != second["content"].shape
    made_up = onnx._examples(graph, [photo])[0]["style"]
    assert made_up.shape == graph.inputs["style"].shape
    wide = tmp_path / "wide.png"
    save(Picture(torch.rand(1, 3, 30, 1030)), wide)
    assert onnx._small(wide, 8).shape == (1, 3, 15, 512)
    with pytest.raises(InputError, match=r"wide\.png: is too narrow"):
        onnx._small(wide, 16)


def test_a_graph_that_differs_is_not_written(
    files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx, "check_extra", lambda: None)
    monkeypatch.setattr(onnx, "convert", lambda _graph: b"a graph")
    monkeypatch.setattr(onnx, "find_spec", lambda _name: True)
    for wrong in (0.01, float("nan")):
        monkeypatch.setattr(onnx, "difference", lambda _graph, _data, _inputs, wrong=wrong: wrong)
        with pytest.raises(WeightsError, match="not exported"):
            export(str(files["johnson"]), tmp_path / "net.onnx")
    assert list(tmp_path.iterdir()) == []
    # Without onnxruntime there is nothing to hold it against, and that is told.
    monkeypatch.setattr(onnx, "find_spec", lambda _name: None)
    made = export(str(files["johnson"]), tmp_path / "net.onnx")
    assert made.difference is None
    assert made.path.read_bytes() == b"a graph"


def test_difference_sees_a_wrong_graph(exported: Callable[[str], tuple[Graph, bytes]], files: dict[str, Path]) -> None:
    _, data = exported("johnson")
    tensors, card, where = find(str(files["johnson"]))
    tensors["leave.bias"] = tensors["leave.bias"] + torch.tensor([0.0, 0.25, 0.0])
    other = build(tensors, card, where)
    found = difference(other, data, [given(other, (24, 24))])
    assert found == pytest.approx(0.25, abs=0.01)


@pytest.mark.usefixtures("files")
def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx, "find_spec", lambda name: None if name == "onnxscript" else True)
    with pytest.raises(ResourceError, match=r"needs onnxscript; run: pip install 'impasto\[onnx\]'"):
        export("nowhere.safetensors", tmp_path / "net.onnx")


def test_names_of_what_ships(files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped_networks, "FOLDER", tmp_path)
    with pytest.raises(WeightsError, match=r"'waves' is neither .* none ships"):
        find("waves")
    (tmp_path / "johnson-waves.safetensors").write_bytes(files["johnson"].read_bytes())
    (tmp_path / "wct-relu2_1.safetensors").write_bytes(files["wct"].read_bytes())
    for name in ("waves", "johnson-waves"):
        assert find(name)[1].style == "waves"
    with pytest.raises(WeightsError, match="choose from wct-relu2_1, johnson-waves, or name a file"):
        find("wave")
    with pytest.raises(WeightsError, match=r"waves\.safetensors: does not exist"):
        find("waves.safetensors")
    # A transformation finds its decoder among them.
    assert build(*find(str(files["linear"]))).card.method == "linear"


def test_refused(files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped_networks, "FOLDER", tmp_path)
    tensors, card, _ = find(str(files["linear"]))
    with pytest.raises(WeightsError, match=r"net: its decoder from relu2_1 does not ship .* --decoder FILE"):
        build(tensors, card, "net")
    store.save(
        tmp_path / "other", Decoder("relu2_1").state_dict(), Card("wct", "decoder", Decoder("relu2_1").plan, "relu2_1")
    )
    with pytest.raises(WeightsError, match="net: was trained with another decoder"):
        build(tensors, card, "net", tmp_path / "other")
    with pytest.raises(WeightsError, match="'stylizer', not 'decoder'"):
        build(tensors, card, "net", files["johnson"])
    with pytest.raises(UsageError, match="--decoder other: belongs to a linear"):
        build(*find(str(files["johnson"])), decoder=Path("other"))
    tensors, card, _ = find(str(files["adain"]))
    foreign = json.loads(card.text()) | {"encoder": "9" * 64}
    with pytest.raises(WeightsError, match="net: was trained on encoder 999999999999"):
        build(tensors, Card(**foreign), "net")
    with pytest.raises(WeightsError, match="net: a mystery of method 'adain' cannot be exported"):
        build(tensors, Card(**(json.loads(card.text()) | {"kind": "mystery"})), "net")
