"""The nodes for ComfyUI, with its V3 interface replaced by a recorder of the same names."""

import asyncio
import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch

from tests.integration_helpers import fake_command, lines, load_plugin, plugins, real_command

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for the command is a script of Unix")


class Kind:
    """A kind of value, `io.Image` and the like."""

    def __init__(self, kind):
        self.Input = lambda name, **options: SimpleNamespace(kind=kind, name=name, **options)
        self.Output = lambda name=None: SimpleNamespace(kind=kind, name=name)


@pytest.fixture
def comfy(tmp_path, monkeypatch):
    """The nodes' module, and what noted the command lines."""
    io = SimpleNamespace(
        ComfyNode=object,
        Schema=lambda **given: SimpleNamespace(**given),
        NodeOutput=lambda *values: values,
        **{kind: Kind(kind) for kind in ("Image", "Mask", "Combo", "Int", "Float", "String")},
    )
    latest = ModuleType("comfy_api.latest")
    latest.ComfyExtension, latest.io = object, io  # type: ignore[attr-defined]
    folder = plugins(tmp_path / "plugins")["comfyui"].rename(tmp_path / "nodes_of_impasto")
    fakes = {"comfy_api": ModuleType("comfy_api"), "comfy_api.latest": latest}
    module = load_plugin(folder.parent, "nodes_of_impasto.nodes", fakes, monkeypatch)
    program, log = fake_command(tmp_path)
    monkeypatch.setenv("IMPASTO", str(program))
    return SimpleNamespace(nodes=module, log=log)


def flat(value, batch=1):
    return torch.full((batch, 32, 48, 3), value)


def test_comfyui_gets_every_node(comfy):
    extension = asyncio.run(comfy.nodes.comfy_entrypoint())
    nodes = asyncio.run(extension.get_node_list())
    schemas = [node.define_schema() for node in nodes]
    assert [schema.node_id for schema in schemas] == [node.__name__ for node in nodes]
    assert {schema.category for schema in schemas} == {"image/impasto"}
    for node, schema in zip(nodes, schemas, strict=True):
        # ComfyUI hands the inputs over by their names.
        taken = node.execute.__func__.__code__
        names = set(taken.co_varnames[1 : taken.co_argcount])
        assert names == {given.name for given in schema.inputs}, node


def test_a_batch_is_painted_picture_by_picture(comfy):
    (painted,) = comfy.nodes.ImpastoPaint.execute(flat(0.25, 2), flat(0.5), "nnst", 512, 2.0, 7)
    assert painted.shape == (2, 32, 48, 3)
    assert painted.mean().item() == pytest.approx(0.75, abs=0.01)
    first, second = lines(comfy.log)
    assert first[first.index("--method") + 1] == "nnst"
    assert first[first.index("--seed") + 1] == "7"
    assert first[-1] != second[-1]
    assert "--content-mask" not in first


def test_masks_and_a_recipe_go_along(comfy):
    mask = torch.zeros(1, 32, 48)
    mask[:, :16] = 1
    comfy.nodes.ImpastoPaint.execute(flat(0.2), flat(0.5), "gatys", 64, 1.0, 0, mask, mask, '{"size": 64}')
    words = next(lines(comfy.log))
    assert {"--content-mask", "--style-mask", "--recipe"} <= set(words)
    with pytest.raises(ValueError, match="connect both or none"):
        comfy.nodes.ImpastoPaint.execute(flat(0.2), flat(0.5), "gatys", 64, 1.0, 0, mask)


def test_networks_of_one_style_need_no_painting(comfy):
    comfy.nodes.ImpastoFastPaint.execute(flat(0.2), "johnson", "auto", 64)
    words = next(lines(comfy.log))
    assert words[words.index("--network") + 1] == "swirls"
    assert "--style" not in words
    with pytest.raises(ValueError, match="connect one"):
        comfy.nodes.ImpastoFastPaint.execute(flat(0.2), "adain", "auto", 64)


def test_what_goes_wrong_is_the_node_s_message(comfy, monkeypatch):
    monkeypatch.setenv("FAKE_FAILS", "1")
    with pytest.raises(RuntimeError, match=r"^impasto: no style given"):
        comfy.nodes.ImpastoPaint.execute(flat(0.2), flat(0.5), "gatys", 64, 1.0, 0)
    with pytest.raises(ValueError, match="are no JSON"):
        comfy.nodes.ImpastoRecipe.execute("draft", "tv_weight: 3")


@pytest.mark.slow
def test_all_nodes_work_with_the_real_command(comfy, tmp_path, monkeypatch):
    monkeypatch.setenv("IMPASTO", str(real_command(tmp_path)))
    nodes = comfy.nodes
    picture = torch.rand(1, 4, 6, 3, generator=torch.Generator().manual_seed(1))
    picture = torch.nn.functional.interpolate(picture.permute(0, 3, 1, 2), (48, 64), mode="bicubic").clamp(0, 1)
    picture = picture.permute(0, 2, 3, 1)
    (recipe,) = nodes.ImpastoRecipe.execute("draft", '{"iterations": 2, "precision": "float32"}')
    masks = nodes.ImpastoMasks.execute(picture, picture.flip(2))
    assert {tuple(mask.shape) for mask in masks} == {(1, 48, 64)}
    assert 0 < masks[0].mean() < 1
    (painted,) = nodes.ImpastoPaint.execute(picture, picture.flip(2), "gatys", 64, 1.0, 0, *masks, recipe)
    assert painted.shape == (1, 48, 64, 3)
    (quick,) = nodes.ImpastoFastPaint.execute(picture, "adain", "auto", 64, picture.flip(1))
    assert quick.shape == (1, 48, 64, 3)
