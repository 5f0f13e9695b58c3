"""The plug-in for GIMP 3, with GIMP's interface replaced by a recorder of the same names."""

import shutil
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from PIL import Image

from tests.integration_helpers import draw, fake_command, lines, load_plugin, plugins, real_command

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for the command is a script of Unix")


class Layer:
    """A layer with a picture behind it."""

    def __init__(self, path, name="photo", offsets=(3, 4)):
        self.path, self.name, self.offsets = path, name, offsets
        with Image.open(path) as opened:
            self.width, self.height = opened.size
        self.mask = None

    def get_name(self):
        return self.name

    def set_name(self, name):
        self.name = name

    def get_width(self):
        return self.width

    def get_height(self):
        return self.height

    def get_offsets(self):
        return True, *self.offsets

    def set_offsets(self, left, top):
        self.offsets = (left, top)

    def get_parent(self):
        return None

    def scale(self, width, height, _local):
        self.width, self.height = width, height

    def create_mask(self, kind):
        return f"mask of the {kind}"

    def add_mask(self, mask):
        self.mask = mask


class Document:
    """A picture of layers, the uppermost first."""

    def __init__(self, *layers):
        self.layers, self.selected, self.undo, self.deleted = list(layers), False, [], False

    def insert_layer(self, layer, _parent, position):
        self.layers.insert(position, layer)

    def get_item_position(self, layer):
        return self.layers.index(layer)

    def undo_group_start(self):
        self.undo.append("start")

    def undo_group_end(self):
        self.undo.append("end")

    def delete(self):
        self.deleted = True


class Procedure:
    """What the plug-in declares, and the values that it returns."""

    def __init__(self, *_given):
        self.arguments = []

    def __getattr__(self, name):
        def note(*given):
            if name.startswith("add_") and name.endswith("_argument"):
                self.arguments.append(given[0])

        return note

    def new_return_values(self, status, error):
        return status, error


@pytest.fixture
def gimp(tmp_path, monkeypatch):
    """The plug-in's module, GIMP's part, and what noted the command lines."""
    copies = []

    def new_image(*_size):
        copies.append(Document())
        return copies[-1]

    def file_save(_mode, image, file, _options):
        shutil.copy(image.layers[0].path, file)

    class PlugIn:
        @staticmethod
        def error_quark():
            return "quark"

    gimp = SimpleNamespace(
        PlugIn=PlugIn,
        PDBProcType=SimpleNamespace(PLUGIN="plug-in"),
        PDBStatusType=SimpleNamespace(SUCCESS="success", CANCEL="cancel", EXECUTION_ERROR="error"),
        RunMode=SimpleNamespace(INTERACTIVE="interactive", NONINTERACTIVE="not"),
        ProcedureSensitivityMask=SimpleNamespace(DRAWABLE=1, DRAWABLES=2),
        FileChooserAction=SimpleNamespace(OPEN="open"),
        ImageBaseType=SimpleNamespace(RGB="rgb"),
        AddMaskType=SimpleNamespace(SELECTION="selection"),
        ImageProcedure=SimpleNamespace(new=Procedure),
        Choice=SimpleNamespace(new=lambda: SimpleNamespace(add=lambda *_: None)),
        Image=SimpleNamespace(new=new_image),
        Layer=SimpleNamespace(new_from_drawable=lambda drawable, _image: Layer(drawable.path)),
        Selection=SimpleNamespace(is_empty=lambda image: not image.selected),
        file_save=file_save,
        progress_init=lambda _: None,
        progress_update=lambda part: parts.append(part),
        displays_flush=lambda: None,
    )
    parts: list[float] = []
    dialog = SimpleNamespace(fill=lambda _: None, destroy=lambda: None, answer=True)
    dialog.run = lambda: dialog.answer
    ui = SimpleNamespace(init=lambda _: None, ProcedureDialog=SimpleNamespace(new=lambda *_: dialog))
    # A copy, as GIMP's file goes with its folder.
    keep = tmp_path / "painted"
    keep.mkdir()

    def load_layer(_mode, _image, file):
        kept = shutil.copy(file, keep)
        return Layer(kept, offsets=(0, 0))

    gimp.file_load_layer = load_layer
    repository = ModuleType("gi.repository")
    for name, value in {
        "Gimp": gimp,
        "GimpUi": ui,
        "Gio": SimpleNamespace(File=SimpleNamespace(new_for_path=str)),
        "GLib": SimpleNamespace(Error=SimpleNamespace(new_literal=lambda _quark, text, _code: text)),
        "GObject": SimpleNamespace(ParamFlags=SimpleNamespace(READWRITE=3)),
    }.items():
        setattr(repository, name, value)
    gi = ModuleType("gi")
    gi.require_version = lambda *_: None  # type: ignore[attr-defined]
    folder = plugins(tmp_path / "plugins")["gimp"]
    module = load_plugin(folder, "impasto_paint", {"gi": gi, "gi.repository": repository}, monkeypatch)
    program, log = fake_command(tmp_path)
    monkeypatch.setenv("IMPASTO", str(program))
    return SimpleNamespace(module=module, log=log, parts=parts, dialog=dialog, copies=copies)


def config(**values):
    chosen = {"style": None, "style-layer": None, "method": "gatys", "network": "swirls", "size": 64}
    chosen |= {"content-weight": 2.0} | values
    return SimpleNamespace(get_property=chosen.__getitem__)


def call(gimp, image, drawables, chosen, mode="not"):
    return gimp.module.ImpastoPaint().run(Procedure(), mode, image, drawables, chosen, None)


def file(path):
    return SimpleNamespace(get_path=lambda: str(path))


def test_the_procedure_declares_what_the_dialogue_asks(gimp):
    plugin = gimp.module.ImpastoPaint()
    (name,) = plugin.do_query_procedures()
    procedure = plugin.do_create_procedure(name)
    assert procedure.arguments == ["style", "style-layer", "method", "network", "size", "content-weight"]


def test_each_layer_gets_a_painting_above_it(gimp, tmp_path):
    layers = [Layer(draw(tmp_path / f"{name}.png"), name) for name in ("one", "two")]
    image = Document(*layers)
    style = file(draw(tmp_path / "style.png"))
    assert call(gimp, image, layers, config(style=style)) == ("success", None)
    assert [layer.name for layer in image.layers] == ["one, gatys", "one", "two, gatys", "two"]
    painted = image.layers[0]
    assert (painted.width, painted.height, painted.offsets, painted.mask) == (48, 32, (3, 4), None)
    first = next(lines(gimp.log))
    assert first[first.index("--style") + 1] == style.get_path()
    assert first[first.index("--content-weight") + 1] == "2.0"
    assert gimp.parts == [0.25, 0.5, 0.75, 1.0]
    assert image.undo == ["start", "end"]
    assert all(copy.deleted for copy in gimp.copies)


def test_a_layer_is_the_style_and_a_selection_the_mask(gimp, tmp_path):
    photo, painting = Layer(draw(tmp_path / "a.png"), "photo"), Layer(draw(tmp_path / "b.png"), "painting")
    image = Document(photo)
    image.selected = True
    assert call(gimp, image, [photo], config(**{"style-layer": painting, "method": "adain"}))[0] == "success"
    assert image.layers[0].mask == "mask of the selection"
    words = next(lines(gimp.log))
    assert words[words.index("--style") + 1].endswith("style.png")
    assert "--content-weight" not in words


def test_a_network_has_its_own_style(gimp, tmp_path):
    photo = Layer(draw(tmp_path / "a.png"))
    assert call(gimp, Document(photo), [photo], config(method="johnson", network="woodblock"))[0] == "success"
    words = next(lines(gimp.log))
    assert words[words.index("--network") + 1] == "woodblock"
    assert "--style" not in words


def test_what_goes_wrong_is_gimp_s_message_and_changes_nothing(gimp, tmp_path, monkeypatch):
    photo = Layer(draw(tmp_path / "a.png"))
    image = Document(photo)
    assert call(gimp, image, [photo], config()) == ("error", "no style is chosen; name a painting, or a layer")
    monkeypatch.setenv("FAKE_FAILS", "1")
    status, words = call(gimp, image, [photo], config(style=file("s.png")))
    assert (status, words) == ("error", "no style given; name at least one painting")
    assert image.layers == [photo]
    assert image.undo == ["start", "end"] * 2


def test_a_dialogue_that_is_closed_paints_nothing(gimp, tmp_path):
    photo = Layer(draw(tmp_path / "a.png"))
    gimp.dialog.answer = False
    assert call(gimp, Document(photo), [photo], config(), mode="interactive") == ("cancel", None)
    assert not gimp.log.exists()


@pytest.mark.slow
def test_it_paints_with_the_real_command(gimp, tmp_path, monkeypatch):
    monkeypatch.setenv("IMPASTO", str(real_command(tmp_path)))
    photo = Layer(draw(tmp_path / "a.png"))
    image = Document(photo)
    chosen = config(style=file(draw(tmp_path / "s.png", (10, 60, 200))), method="adain")
    assert call(gimp, image, [photo], chosen) == ("success", None)
    with Image.open(Path(image.layers[0].path)) as painted:
        assert painted.size == (64, 43)
