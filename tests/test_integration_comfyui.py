"""The nodes for ComfyUI, with its V3 interface replaced by a recorder that takes the same names and parameters."""

import asyncio
import sys
from types import ModuleType, SimpleNamespace
from typing import ClassVar

import pytest
import torch

from tests.integration_helpers import fake_command, lines, load_plugin, plugins, real_command

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for the command is a script of Unix")


INPUT = {"display_name", "optional", "tooltip", "lazy", "extra_dict", "raw_link"}
WIDGET = INPUT | {"default", "socketless", "force_input"}
INPUTS = {
    "Image": INPUT,
    "Mask": INPUT,
    "Combo": (WIDGET - {"force_input"}) | {"options", "control_after_generate", "upload", "image_folder", "remote"},
    "Int": WIDGET | {"min", "max", "step", "control_after_generate", "display_mode"},
    "Float": WIDGET | {"min", "max", "step", "round", "display_mode"},
    "String": WIDGET | {"multiline", "placeholder", "dynamic_prompts"},
}
"""The parameters of inputs beside their id, as ComfyUI publishes them in comfy_api/latest/_io.py."""
OUTPUT = {"display_name", "tooltip", "is_output_list"}
SCHEMA = {"node_id", "display_name", "category", "inputs", "outputs", "hidden", "description", "is_output_node"}


class Interface:
    """ComfyUI's `io`: a recorder that takes what the real one takes, and refuses what that refuses."""

    ComfyNode = object

    @staticmethod
    def Schema(**given):
        assert set(given) <= SCHEMA
        ids = [value.id for value in (*given["inputs"], *given["outputs"])]
        assert len(ids) == len(set(ids)), "ids are unique between inputs and outputs"
        return SimpleNamespace(**given)

    @staticmethod
    def NodeOutput(*values):
        return values


def kind_of_value(name):
    """Return `io.Image` and the like."""

    def taken(known, id, **options):
        assert set(options) <= known, name
        return SimpleNamespace(kind=name, id=id, **{"display_name": None, "optional": False, **options})

    return SimpleNamespace(
        Input=lambda id, **options: taken(INPUTS[name], id, **options),
        Output=lambda id, **options: taken(OUTPUT, id, **options),
    )


class Stop(Exception):
    """What ComfyUI's own loops raise once its button was pressed."""


class Bar:
    """ComfyUI's progress bar."""

    shown: ClassVar[list[int]] = []

    def __init__(self, total):
        assert total == 100
        self.shown.clear()

    def update_absolute(self, value):
        self.shown.append(value)


@pytest.fixture
def comfy(tmp_path, monkeypatch):
    """The nodes' module, what noted the command lines, and ComfyUI's button."""
    io = Interface()
    for kind in INPUTS:
        setattr(io, kind, kind_of_value(kind))
    pressed: list[bool] = []

    def throw():
        if pressed:
            raise Stop

    contents: dict[str, dict] = {
        "comfy_api.latest": {"ComfyExtension": object, "io": io},
        "comfy.model_management": {
            "processing_interrupted": lambda: bool(pressed),
            "throw_exception_if_processing_interrupted": throw,
        },
        "comfy.utils": {"ProgressBar": Bar},
    }
    fakes = {name: ModuleType(name) for name in ("comfy_api", "comfy", *contents)}
    for name, values in contents.items():
        vars(fakes[name]).update(values)
    folder = plugins(tmp_path / "plugins")["comfyui"].rename(tmp_path / "nodes_of_impasto")
    module = load_plugin(folder.parent, "nodes_of_impasto.nodes", fakes, monkeypatch)
    program, log = fake_command(tmp_path)
    monkeypatch.setenv("IMPASTO", str(program))
    return SimpleNamespace(nodes=module, log=log, pressed=pressed)


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
        assert names == {given.id for given in schema.inputs}, node
        assert all(given.display_name for given in schema.outputs), "else it is called by its kind"
        optional = names - set(taken.co_varnames[1 : taken.co_argcount - len(node.execute.__func__.__defaults__ or ())])
        assert {given.id for given in schema.inputs if given.optional} == optional, "what is not connected is left out"


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


def test_the_bar_moves_and_the_button_stops_it(comfy, monkeypatch):
    comfy.nodes.ImpastoFastPaint.execute(flat(0.2), "adain", "auto", 64, flat(0.5))
    assert Bar.shown == [50, 100]
    monkeypatch.setenv("FAKE_WAITS", "1")
    comfy.pressed.append(True)
    with pytest.raises(Stop):
        comfy.nodes.ImpastoFastPaint.execute(flat(0.2), "adain", "auto", 64, flat(0.5))


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
