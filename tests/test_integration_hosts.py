"""The plug-ins in GIMP 3 and Krita themselves, where these are installed: without a screen, with the real command."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration_helpers import draw, plugins, real_command

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(360),
    pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for the command is a script of Unix"),
]


@pytest.fixture
def environment(tmp_path):
    """A home of its own. The programs' plug-ins want the system's Python, and not one that is first on the PATH."""
    command = str(real_command(tmp_path))
    (tmp_path / "run").mkdir(mode=0o700)
    return {
        "PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8", "IMPASTO": command,
        "XDG_RUNTIME_DIR": str(tmp_path / "run"),
    }  # fmt: skip


@pytest.fixture
def given(tmp_path):
    """What the scripts are given: two pictures, and where to write what they saw."""
    style = draw(tmp_path / "style.png", (10, 60, 200), (40, 40))
    return {"PHOTO": draw(tmp_path / "photo.png"), "STYLE": style, "ANSWER": str(tmp_path / "answer.json")}


def answer(command, environment, given):
    """Run a program, and return what the script in it saw; where it hangs, end it with all that it started."""
    said = Path(given["ANSWER"]).with_name("said.txt")
    with said.open("wb") as stream:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True
        )
        try:
            process.wait(280)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert Path(given["ANSWER"]).exists(), said.read_text("utf-8", "replace")[-2000:]
    return json.loads(Path(given["ANSWER"]).read_text("utf-8"))


WITHIN_GIMP = """
from gi.repository import Gimp, Gio

def load(path):
    return Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(path))

def paint(image, drawables, **values):
    procedure = Gimp.get_pdb().lookup_procedure("plug-in-impasto-paint")
    config = procedure.create_config()
    config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
    config.set_property("image", image)
    config.set_core_object_array("drawables", drawables)
    for key, value in values.items():
        config.set_property(key.replace("_", "-"), value)
    return [procedure.run(config).index(0).value_nick, Gimp.get_pdb().get_last_error()]

def layers(image):
    return [
        [layer.get_name(), layer.get_width(), layer.get_height(), *layer.get_offsets()[1:], bool(layer.get_mask())]
        for layer in image.get_layers()
    ]

photo, painting = load(PHOTO), load(STYLE)
base = photo.get_layers()[0]
base.set_name("photo")
told = {"file": [*paint(photo, [base], style=Gio.File.new_for_path(STYLE), method="adain", size=64), layers(photo)]}
moved = Gimp.Layer.new_from_drawable(base, photo)
photo.insert_layer(moved, None, 0)
moved.scale(30, 20, False)
moved.set_offsets(7, 5)
moved.set_name("moved")
photo.select_rectangle(Gimp.ChannelOps.REPLACE, 8, 6, 10, 10)
style = painting.get_layers()[0]
told["layers"] = [*paint(photo, [base, moved], style_layer=style, method="wct", size=64), layers(photo)]
painting.convert_grayscale()
told["network"] = paint(painting, painting.get_layers(), method="johnson", network="woodblock", size=64)
told["none"] = paint(photo, [base], method="adain", size=64)
told["images"] = len(Gimp.get_images())
with open(ANSWER, "w", encoding="utf-8") as file:
    json.dump(told, file)
"""


def test_layers_are_painted_in_gimp(tmp_path, environment, given):
    """Offsets, masks of the selection, grey pictures, networks, and what is refused."""
    console = shutil.which("gimp-console-3.0")
    if console is None:
        pytest.skip("GIMP 3 is not installed")
    profile = tmp_path / "profile"
    shutil.copytree(plugins(tmp_path / "plugins")["gimp"], profile / "plug-ins" / "impasto_paint")
    script = tmp_path / "script.py"
    script.write_text(f"import json\nglobals().update({given!r})\n{WITHIN_GIMP}", "utf-8")
    words = ["-i", "--batch-interpreter", "python-fu-eval", "-b", f"exec(open({str(script)!r}).read())", "--quit"]
    told = answer([console, *words], {**environment, "GIMP3_DIRECTORY": str(profile)}, given)
    photo, moved = ["photo", 48, 32, 0, 0, False], ["moved", 30, 20, 7, 5, False]
    once = [["photo, adain", *photo[1:]], photo]
    assert told["file"] == ["success", "success", once]
    twice = [["moved, wct", *moved[1:-1], True], moved, once[0], ["photo, wct", *photo[1:-1], True], photo]
    assert told["layers"] == ["success", "success", twice]
    assert told["network"] == ["success", "success"]
    assert told["none"] == ["execution-error", "no style is chosen; name a painting, or a layer"]
    assert told["images"] == 2, "what was made on the way is gone"


WITHIN_KRITA = """
import json, os, traceback
from krita import Extension, Krita, Selection
from PyQt5.QtCore import QTimer

class Drive(Extension):
    begun, told = False, {}

    def setup(self):
        pass

    def createActions(self, window):
        if not Drive.begun:
            Drive.begun = True
            self.later(2000, self.open)

    def later(self, milliseconds, do):
        def safely():
            try:
                do()
            except BaseException:
                self.end(trouble=traceback.format_exc())
        QTimer.singleShot(milliseconds, safely)

    def open(self):
        self.window = Krita.instance().activeWindow() or Krita.instance().windows()[0]
        self.document = Krita.instance().openDocument(PHOTO)
        self.window.addView(self.document)
        Krita.instance().setActiveDocument(self.document)
        self.later(1000, self.paint)

    def paint(self):
        selection = Selection()
        selection.select(5, 5, 20, 10, 255)
        self.document.setSelection(selection)
        self.panel = next(docker for docker in Krita.instance().dockers() if docker.windowTitle() == "impasto")
        self.panel.style_path = STYLE
        self.panel.method.setCurrentText("adain")
        self.panel.size.setValue(64)
        self.panel.press()
        self.later(200, self.look)

    def look(self):
        if self.panel._work is not None:
            self.later(200, self.look)
            return
        self.document.waitForDone()
        pixel = lambda x, y: list(bytes(self.document.pixelData(x, y, 1, 1)))
        layers = [
            [layer.name(), [mask.type() for mask in layer.childNodes()]]
            for layer in self.document.rootNode().childNodes() if layer.type() == "paintlayer"
        ]
        self.end(message=self.panel.message.text(), layers=layers, inside=pixel(10, 8), outside=pixel(40, 30))

    def end(self, **told):
        with open(ANSWER, "w", encoding="utf-8") as file:
            json.dump({**told, "version": Krita.instance().version()}, file)
        os._exit(0)

Krita.instance().addExtension(Drive(Krita.instance()))
"""
DESKTOP = """[Desktop Entry]
Type=Service
ServiceTypes=Krita/PythonPlugin
X-KDE-Library=drive
X-Python-2-Compatible=false
Name=drive
Comment=Presses the buttons.
"""


def test_the_panel_paints_in_krita(tmp_path, environment, given):
    """Its own window, on a screen that nobody sees: what is selected is painted above the layer, the rest is not."""
    krita, screen = shutil.which("krita"), shutil.which("xvfb-run")
    if krita is None or screen is None:
        pytest.skip("Krita and Xvfb are not installed")
    installed = tmp_path / ".local" / "share" / "krita" / "pykrita"
    plugins(tmp_path / "plugins")
    shutil.copytree(tmp_path / "plugins" / "krita", installed)
    (installed / "drive").mkdir()
    (installed / "drive" / "__init__.py").write_text(f"globals().update({given!r})\n{WITHIN_KRITA}", "utf-8")
    (installed / "drive.desktop").write_text(DESKTOP, "utf-8")
    (tmp_path / ".config").mkdir()
    (tmp_path / ".config" / "kritarc").write_text("[python]\nenable_impasto_docker=true\nenable_drive=true\n", "utf-8")
    told = answer([screen, "-a", krita, "--nosplash"], {**environment, "LIBGL_ALWAYS_SOFTWARE": "1"}, given)
    assert told.get("trouble") is None
    assert told["message"] == ""
    # A mask of its own where Krita can fill one from a script, since 5.2; the layer's transparency before.
    masks = ["transparencymask"] if tuple(map(int, told["version"].split(".")[:2])) >= (5, 2) else []
    assert told["layers"] == [["Background", []], ["Background, adain", masks]]
    assert told["outside"] == [50, 100, 200, 255], "blue, green, red"
    assert told["inside"] != told["outside"]
