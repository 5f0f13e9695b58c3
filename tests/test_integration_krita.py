"""The panel for Krita, with Krita's interface and Qt replaced by recorders of the same names."""

import shutil
import sys
import time
from types import ModuleType, SimpleNamespace

import pytest
from PIL import Image

from tests.integration_helpers import draw, fake_command, lines, load_plugin, plugins, real_command

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for the command is a script of Unix")


WIDGETS = (
    *("QComboBox", "QDoubleSpinBox", "QFormLayout", "QLabel"),
    *("QProgressBar", "QPushButton", "QSpinBox", "QWidget"),
)


class Widget:
    """Any widget of Qt: takes every call, and remembers text, value and what is connected."""

    def __init__(self, text=""):
        self.words, self.number, self.items, self.index = text, 0.0, [], 0
        self.connected: list[object] = []
        self.clicked = self.timeout = SimpleNamespace(connect=self.connected.append)

    def setText(self, words):
        self.words = words

    def setValue(self, number):
        self.number = number

    def value(self):
        return self.number

    def addItems(self, items):
        self.items = list(items)

    def currentText(self):
        return self.items[self.index]

    def __getattr__(self, name):
        return lambda *_: None


class Node:
    """A layer; `save` writes the picture behind it."""

    quiet = staticmethod(lambda: False)

    def __init__(self, name, path=None):
        self.label, self.path, self.children, self.parent, self.calls = name, path, [], None, []

    def name(self):
        return self.label

    def parentNode(self):
        return self.parent

    def addChildNode(self, child, above):
        self.children.insert(self.children.index(above) + 1 if above in self.children else 0, child)
        child.parent = self

    def save(self, path, *_):
        """Write the file, and return nothing, as Krita 5 does."""
        assert self.quiet(), "Krita would ask for the settings of PNG"
        if self.path:
            shutil.copy(self.path, path)

    def __getattr__(self, name):
        return lambda *given: self.calls.append((name, given))


class Document:
    """A document of one layer; those of Krita before 5.2 have no `createTransparencyMask`."""

    def __init__(self, node):
        self.node, self.root, self.chosen, self.fresh = node, Node("root"), None, 0
        self.createTransparencyMask = Node
        self.root.addChildNode(node, None)

    def activeNode(self):
        return self.node

    def selection(self):
        return self.chosen

    def createNode(self, name, _kind):
        return Node(name)

    def refreshProjection(self):
        self.fresh += 1

    def width(self):
        return 48

    def height(self):
        return 32

    def xRes(self):
        return 300.0

    yRes = xRes

    def bounds(self):
        return None


class QImage:
    """A picture of Qt, by Pillow."""

    Format_ARGB32 = 5

    def __init__(self, path):
        with Image.open(path) as opened:
            self.image = opened.convert("RGBA")

    def scaled(self, width, height, *_):
        self.image = self.image.resize((width, height))
        return self

    def convertToFormat(self, _format):
        return self

    def bits(self):
        red, green, blue, alpha = self.image.split()
        data = Image.merge("RGBA", (blue, green, red, alpha)).tobytes()
        sizes: list[int] = []
        return SimpleNamespace(setsize=sizes.append, asstring=lambda: data[: sizes[0]])


@pytest.fixture
def krita(tmp_path, monkeypatch):
    """The panel, a document of one layer, and what noted the command lines."""
    document = Document(Node("photo", draw(tmp_path / "photo.png")))
    program, log = fake_command(tmp_path)
    monkeypatch.setenv("IMPASTO", str(program))
    made: list[tuple] = []
    open_documents = [document]
    batch = [False]
    instance = SimpleNamespace(
        activeDocument=lambda: open_documents[0],
        addDockWidgetFactory=made.append,
        batchmode=lambda: batch[0],
        setBatchmode=lambda value: batch.__setitem__(0, value),
    )
    monkeypatch.setattr(Node, "quiet", lambda _: batch[0])

    class DockWidget:
        def setWindowTitle(self, _title):
            pass

        def setWidget(self, _widget):
            pass

    fakes = {name: ModuleType(name) for name in ("krita", "PyQt5", "PyQt5.QtCore", "PyQt5.QtGui", "PyQt5.QtWidgets")}
    contents: dict[str, dict] = {
        "krita": {
            "DockWidget": DockWidget,
            "DockWidgetFactory": lambda *given: given,
            "DockWidgetFactoryBase": SimpleNamespace(DockRight="right"),
            "InfoObject": lambda: None,
            "Krita": SimpleNamespace(instance=lambda: instance),
        },
        "PyQt5.QtCore": {
            "QByteArray": bytes,
            "Qt": SimpleNamespace(IgnoreAspectRatio=0, SmoothTransformation=1),
            "QTimer": Widget,
        },
        "PyQt5.QtGui": {"QImage": QImage},
        "PyQt5.QtWidgets": dict.fromkeys(WIDGETS, Widget),
    }  # fmt: skip
    chosen = str(tmp_path / "style.png")
    contents["PyQt5.QtWidgets"]["QFileDialog"] = SimpleNamespace(getOpenFileName=lambda *_: (draw_style(), ""))

    def draw_style():
        return draw(tmp_path / "style.png", (10, 60, 200))

    for name, values in contents.items():
        for key, value in values.items():
            setattr(fakes[name], key, value)
    folder = plugins(tmp_path / "plugins")["krita"]
    load_plugin(folder.parent, "impasto_docker", fakes, monkeypatch)
    ((_, _, docker),) = made
    return SimpleNamespace(panel=docker(), document=document, log=log, chosen=chosen, open=open_documents)


def wait(panel):
    """Look as Krita's timer does, until it is done."""
    deadline = time.monotonic() + 60
    while panel._work is not None and time.monotonic() < deadline:
        panel.look()
        time.sleep(0.02)
    assert panel._work is None


def test_the_painting_lies_above_its_layer(krita):
    krita.panel.choose()
    krita.panel.press()
    assert krita.panel.button.words == "Stop"
    wait(krita.panel)
    photo, painting = krita.document.root.children
    assert (photo.name(), painting.name()) == ("photo", "photo, gatys")
    (data, left, top, width, height), *_ = (given for name, given in painting.calls if name == "setPixelData")
    assert (left, top, width, height, len(data)) == (0, 0, 48, 32, 48 * 32 * 4)
    # The stand-in paints the layer's colour, 200 100 50, in reverse; Krita has blue first.
    assert tuple(data[:4]) == (205, 155, 55, 255)
    words = next(lines(krita.log))
    assert words[words.index("--style") + 1] == krita.chosen
    assert "--content-weight" in words
    assert krita.document.fresh == 1
    assert krita.panel.button.words == "Paint"
    assert krita.panel.bar.number == 100


def test_a_selection_masks_it(krita):
    krita.document.chosen = "selection"
    krita.panel.choose()
    krita.panel.press()
    wait(krita.panel)
    (mask,) = krita.document.root.children[1].children
    assert ("setSelection", ("selection",)) in mask.calls


def test_before_krita_5_2_a_selection_is_the_layer_s_transparency(krita):
    """Scripts cannot fill a mask there."""
    selected = bytes([0, 255] * (48 * 32 // 2))
    krita.document.chosen = SimpleNamespace(pixelData=lambda *_: selected)
    del krita.document.createTransparencyMask
    krita.panel.choose()
    krita.panel.press()
    wait(krita.panel)
    painting = krita.document.root.children[1]
    (data, *_), *_ = (given for name, given in painting.calls if name == "setPixelData")
    assert data[3::4] == selected
    assert tuple(data[:3]) == (205, 155, 55)
    assert painting.children == []
    assert sys.modules["impasto_docker.docker"].within(b"abc\x80def\x00", b"\x80\xff") == b"abc\x40def\x00"


def test_a_layer_that_cannot_be_saved_is_said(krita):
    krita.document.node.path = None
    krita.panel.choose()
    krita.panel.press()
    assert krita.panel.message.words == "The layer cannot be saved."
    assert not krita.log.exists()


def test_a_network_has_its_own_style(krita):
    krita.panel.method.index = krita.panel.method.items.index("johnson")
    krita.panel.press()
    wait(krita.panel)
    words = next(lines(krita.log))
    assert words[words.index("--network") + 1] == "swirls"
    assert "--style" not in words


def test_what_is_missing_is_said(krita):
    krita.panel.press()
    assert krita.panel.message.words == "Choose a painting first."
    krita.panel.choose()
    krita.open[0] = None
    krita.panel.press()
    assert krita.panel.message.words == "Open a picture, and choose a layer."
    assert not krita.log.exists()


def test_what_goes_wrong_is_said_and_changes_nothing(krita, monkeypatch):
    monkeypatch.setenv("FAKE_FAILS", "1")
    krita.panel.choose()
    krita.panel.press()
    wait(krita.panel)
    assert krita.panel.message.words == "no style given; name at least one painting"
    assert len(krita.document.root.children) == 1
    assert krita.panel.button.words == "Paint"


def test_the_button_stops_it(krita, monkeypatch):
    monkeypatch.setenv("FAKE_WAITS", "1")
    krita.panel.choose()
    krita.panel.press()
    krita.panel.press()
    wait(krita.panel)
    assert krita.panel.message.words == "stopped"
    assert len(krita.document.root.children) == 1


@pytest.mark.slow
def test_it_paints_with_the_real_command(krita, tmp_path, monkeypatch):
    monkeypatch.setenv("IMPASTO", str(real_command(tmp_path)))
    krita.panel.choose()
    krita.panel.method.index = krita.panel.method.items.index("adain")
    krita.panel.size.setValue(64)
    krita.panel.press()
    wait(krita.panel)
    assert krita.panel.message.words == ""
    assert len(krita.document.root.children) == 2
