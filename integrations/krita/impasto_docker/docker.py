"""The panel: what is asked for, a thread that waits for impasto, and the layer that comes of it."""

import tempfile
import threading
from pathlib import Path

from krita import DockWidget, InfoObject, Krita
from PyQt5.QtCore import QByteArray, Qt, QTimer
from PyQt5.QtGui import QImage
from PyQt5.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QWidget,
)

from . import impasto_command

PROFILE = "sRGB-elle-V2-srgbtrc.icc"
"""Krita's own name of the profile that impasto's pictures have."""
LOOK_MS = 200
"""Milliseconds between two looks at how far it is."""


class Work:
    """One painting in a thread: Krita's objects belong to the main one, which asks how far it is."""

    def __init__(self, painting):
        self.fraction, self.error, self.ended, self.stop = 0.0, "", False, False
        self._painting = painting
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        try:
            impasto_command.run(self._painting.arguments(), self._tell, lambda: self.stop)
        except impasto_command.Failed as error:
            self.error = str(error)
        except impasto_command.Cancelled:
            self.error = "stopped"
        finally:
            self.ended = True

    def _tell(self, fraction):
        self.fraction = fraction


class ImpastoDocker(DockWidget):
    """The panel."""

    def __init__(self):
        super().__init__()
        self.setWindowTitle("impasto")
        self.style_path = ""
        self._work = self._folder = self._target = None
        self.style = QPushButton("Choose a painting...")
        self.style.clicked.connect(self.choose)
        self.method = QComboBox()
        self.method.addItems(impasto_command.METHODS)
        self.network = QComboBox()
        self.network.addItems(impasto_command.NETWORKS)
        self.size = QSpinBox()
        self.size.setRange(64, 8192)
        self.size.setValue(768)
        self.weight = QDoubleSpinBox()
        self.weight.setRange(0.01, 100.0)
        self.weight.setValue(1.0)
        self.button = QPushButton("Paint")
        self.button.clicked.connect(self.press)
        self.bar, self.message = QProgressBar(), QLabel("")
        self.message.setWordWrap(True)
        form = QFormLayout()
        for label, widget in (
            ("Style", self.style),
            ("Method", self.method),
            ("Network (johnson)", self.network),
            ("Size", self.size),
            ("Photograph", self.weight),
        ):
            form.addRow(label, widget)
        for widget in (self.button, self.bar, self.message):
            form.addRow(widget)
        panel = QWidget()
        panel.setLayout(form)
        self.setWidget(panel)
        self.timer = QTimer()
        self.timer.timeout.connect(self.look)

    def canvasChanged(self, _canvas):
        """Do nothing: the layer is asked for when it is painted."""

    def choose(self):
        """Ask for the painting."""
        path, _ = QFileDialog.getOpenFileName(None, "A painting", "", "Pictures (*.png *.jpg *.jpeg *.webp *.tif)")
        if path:
            self.style_path = path
            self.style.setText(Path(path).name)

    def press(self):
        """Begin to paint, or stop."""
        if self._work is not None:
            self._work.stop = True
            return
        document = Krita.instance().activeDocument()
        node = document.activeNode() if document is not None else None
        if node is None:
            self.message.setText("Open a picture, and choose a layer.")
            return
        method = self.method.currentText()
        if not self.style_path and method != "johnson":
            self.message.setText("Choose a painting first.")
            return
        self._folder = tempfile.TemporaryDirectory(prefix="impasto-")
        content, output = (str(Path(self._folder.name) / name) for name in ("content.png", "painted.png"))
        if not save(node, document, content):
            self.message.setText("The layer cannot be saved.")
            self._folder.cleanup()
            return
        styles = [self.style_path] if self.style_path else []
        network = self.network.currentText()
        wanted = impasto_command.wanted(
            content, output, styles, method, self.size.value(), self.weight.value(), network
        )
        self._target = (document, node, output, f"{node.name()}, {method}")
        self._work = Work(wanted)
        self.message.setText("")
        self.button.setText("Stop")
        self.timer.start(LOOK_MS)

    def look(self):
        """Show how far it is; at the end, put the painting above its layer."""
        if self._work is None:
            return
        self.bar.setValue(round(100 * self._work.fraction))
        if not self._work.ended:
            return
        self.timer.stop()
        work, self._work = self._work, None
        try:
            if work.error:
                self.message.setText(work.error)
            else:
                place(*self._target)
                self.bar.setValue(100)
        finally:
            self._folder.cleanup()
            self.button.setText("Paint")


def save(node, document, path):
    """Save a layer as a picture of the document's size; return whether that went well."""
    krita = Krita.instance()
    before = krita.batchmode()
    krita.setBatchmode(True)  # else Krita asks for the settings of PNG, and waits
    try:
        node.save(path, document.xRes(), document.yRes(), InfoObject(), document.bounds())
    finally:
        krita.setBatchmode(before)
    return Path(path).is_file()  # Krita 5 returns nothing


def place(document, node, path, name):
    """Put a picture above a layer, as large as the document; what is selected shows it there alone."""
    width, height = document.width(), document.height()
    image = QImage(path).scaled(width, height, Qt.IgnoreAspectRatio, Qt.SmoothTransformation)
    image = image.convertToFormat(QImage.Format_ARGB32)  # in memory blue, green, red, alpha: as Krita has them
    bits = image.bits()
    bits.setsize(width * height * 4)
    pixels, selection = bits.asstring(), document.selection()
    maskable = hasattr(document, "createTransparencyMask")  # since Krita 5.2
    if selection is not None and not maskable:
        pixels = within(pixels, bytes(selection.pixelData(0, 0, width, height)))
    layer = document.createNode(name, "paintlayer")
    layer.setColorSpace("RGBA", "U8", PROFILE)
    layer.setPixelData(QByteArray(pixels), 0, 0, width, height)
    node.parentNode().addChildNode(layer, node)
    if selection is not None and maskable:
        mask = document.createTransparencyMask("selection")
        layer.addChildNode(mask, None)
        mask.setSelection(selection)
    document.refreshProjection()


def within(pixels, selected):
    """Return pixels of four bytes, the last of them alpha, as transparent as they are not selected."""
    shown = bytearray(pixels)
    alpha = shown[3::4]
    opaque = alpha.count(255) == len(alpha)
    # Krita's Python may be 3.8, whose zip knows no strict.
    shown[3::4] = selected if opaque else bytes(one * other // 255 for one, other in zip(alpha, selected))  # noqa: B905
    return bytes(shown)
