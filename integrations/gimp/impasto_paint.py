#!/usr/bin/env python3
"""GIMP 3: paint the chosen layers in the style of a file or of another layer, with the `impasto` command.

Each painting becomes a layer above its own. Where something is selected, the new layer shows it there alone.
"""

import sys
import tempfile
from pathlib import Path

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("GimpUi", "3.0")
from gi.repository import Gimp, GimpUi, Gio, GLib, GObject  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parent))
import impasto_command  # noqa: E402

PROCEDURE = "plug-in-impasto-paint"
READ_WRITE = GObject.ParamFlags.READWRITE


class ImpastoPaint(Gimp.PlugIn):  # type: ignore[misc]
    """The plug-in: one procedure, under Filters > Artistic."""

    def do_query_procedures(self):
        """Return the names of the procedures."""
        return [PROCEDURE]

    def do_set_i18n(self, _name):
        """Say that there are no translations."""
        return False

    def do_create_procedure(self, name):
        """Return the procedure with its arguments, of which GIMP makes the dialogue."""
        procedure = Gimp.ImageProcedure.new(self, name, Gimp.PDBProcType.PLUGIN, self.run, None)
        procedure.set_image_types("RGB*, GRAY*")
        procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.DRAWABLE | Gimp.ProcedureSensitivityMask.DRAWABLES)
        procedure.set_menu_label("_Paint with impasto...")
        procedure.add_menu_path("<Image>/Filters/Artistic")
        procedure.set_documentation(
            "Paint layers in the style of a painting",
            "Neural style transfer on this machine, by the impasto command, which has to be installed.",
            name,
        )
        procedure.set_attribution("The impasto authors", "MIT", "2026")
        procedure.add_file_argument(
            "style", "_Style", "A painting whose style is taken", Gimp.FileChooserAction.OPEN, True, None, READ_WRITE
        )
        procedure.add_drawable_argument(
            "style-layer", "Style _layer", "A layer whose style is taken, in place of a file", True, READ_WRITE
        )
        methods, networks = choice(impasto_command.METHODS), choice(impasto_command.NETWORKS)
        procedure.add_choice_argument("method", "_Method", "How it is painted", methods, "gatys", READ_WRITE)
        procedure.add_choice_argument(
            "network", "_Network", "What johnson paints like", networks, impasto_command.NETWORKS[0], READ_WRITE
        )
        procedure.add_int_argument("size", "Si_ze", "Long side while painting, pixels", 64, 8192, 768, READ_WRITE)
        procedure.add_double_argument(
            "content-weight", "_Photograph", "How much of the layer stays", 0.01, 100.0, 1.0, READ_WRITE
        )
        return procedure

    def run(self, procedure, run_mode, image, drawables, config, _data):
        """Ask, paint each layer, and say how it went."""
        status = Gimp.PDBStatusType
        if run_mode == Gimp.RunMode.INTERACTIVE:
            GimpUi.init("impasto-paint")
            dialog = GimpUi.ProcedureDialog.new(procedure, config, "Paint with impasto")
            dialog.fill(None)
            wanted = dialog.run()
            dialog.destroy()
            if not wanted:
                return procedure.new_return_values(status.CANCEL, None)
        image.undo_group_start()
        try:
            with tempfile.TemporaryDirectory(prefix="impasto-") as folder:
                for number, drawable in enumerate(drawables):
                    paint(image, drawable, config, Path(folder), number, len(drawables))
        except impasto_command.Failed as error:
            why = GLib.Error.new_literal(Gimp.PlugIn.error_quark(), str(error), 0)
            return procedure.new_return_values(status.EXECUTION_ERROR, why)
        finally:
            image.undo_group_end()
        Gimp.displays_flush()
        return procedure.new_return_values(status.SUCCESS, None)


def choice(names):
    """Return a choice of GIMP's between names."""
    made = Gimp.Choice.new()
    for number, name in enumerate(names):
        made.add(name, number, name, "")
    return made


def paint(image, drawable, config, folder, number, count):
    """Paint one layer, and put the painting above it."""
    method = config.get_property("method")
    content, output = folder / f"content-{number}.png", folder / f"painted-{number}.png"
    export(drawable, content)
    size, weight, network = (config.get_property(name) for name in ("size", "content-weight", "network"))
    wanted = impasto_command.wanted(str(content), str(output), styles_of(config, folder), method, size, weight, network)
    Gimp.progress_init(f"Painting {drawable.get_name()}")
    impasto_command.run(wanted.arguments(), lambda part: Gimp.progress_update((number + part) / count))
    place(image, drawable, output, f"{drawable.get_name()}, {method}")


def styles_of(config, folder):
    """Return the files of the style: the layer's, or the one that was chosen, or none."""
    layer, file = config.get_property("style-layer"), config.get_property("style")
    if layer is not None:
        path = folder / "style.png"
        export(layer, path)
        return [str(path)]
    if file is not None:
        return [file.get_path()]
    return []


def export(drawable, path):
    """Save one layer, with its transparency, as a picture of its own."""
    copy = Gimp.Image.new(drawable.get_width(), drawable.get_height(), Gimp.ImageBaseType.RGB)
    try:
        layer = Gimp.Layer.new_from_drawable(drawable, copy)
        copy.insert_layer(layer, None, 0)
        layer.set_offsets(0, 0)
        Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, copy, Gio.File.new_for_path(str(path)), None)
    finally:
        copy.delete()


def place(image, drawable, path, name):
    """Put a picture above a layer, as large and in the same place; what is selected masks it."""
    layer = Gimp.file_load_layer(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(str(path)))
    layer.set_name(name)
    image.insert_layer(layer, drawable.get_parent(), image.get_item_position(drawable))
    layer.scale(drawable.get_width(), drawable.get_height(), False)
    _, left, top = drawable.get_offsets()
    layer.set_offsets(left, top)
    if not Gimp.Selection.is_empty(image):
        layer.add_mask(layer.create_mask(Gimp.AddMaskType.SELECTION))


if __name__ == "__main__":
    Gimp.main(ImpastoPaint.__gtype__, sys.argv)
