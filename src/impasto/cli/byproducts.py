"""What a painting can leave beside the picture for other programs: its colours as a table, its regions as layers."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from impasto import files
from impasto.errors import OutputError, UsageError

if TYPE_CHECKING:
    from impasto.images import Picture
    from impasto.result import Result
    from impasto.scene.painting import Painting

HALD_SUFFIX = ".hald.png"
"""What the name of the HALD picture ends in, beside the table of the same name."""


@dataclass(frozen=True)
class Byproducts:
    """The files to write: `cube`, a `.cube` table with a HALD picture beside it; `layers`, an OpenRaster file."""

    cube: str | None = None
    layers: str | None = None

    @property
    def named(self) -> dict[str, str]:
        """Return the files that are written, by the option that names them."""
        named = {} if self.cube is None else {"--cube": self.cube, "--cube's HALD picture": self.hald}
        return named if self.layers is None else {**named, "--ora": self.layers}

    @property
    def hald(self) -> str:
        """Return the name of the HALD picture."""
        return str(Path(self.cube or "").with_suffix(HALD_SUFFIX))

    def check(self, inputs: Iterable[str | Path], *, force: bool) -> None:
        """Refuse now what could not be written later. Raises `OutputError`, and `UsageError` for other suffixes."""
        for option, path, suffix in (("--cube", self.cube, ".cube"), ("--ora", self.layers, ".ora")):
            if path is not None and Path(path).suffix.lower() != suffix:
                raise UsageError(f"{option} {path}: a name that ends in {suffix} says what it is; name it so")
        taken = {files.identity(source) for source in inputs}
        for path in self.named.values():
            if not force and files.identity(path) in taken:
                raise OutputError(f"{path}: is also an input; name another file or pass --force")
            files.check_output(Path(path), force=force)

    def write(self, painting: "Painting", result: "Result") -> None:
        """Write what is asked for, whole or not at all. Raises `ImpastoError`."""
        if self.cube is not None and painting.content is not None:
            self._write_cube(painting.content, result.picture)
        if self.layers is not None:
            self._write_layers(painting, result.picture)

    def _write_cube(self, content: "Picture", picture: "Picture") -> None:
        from impasto import images
        from impasto.color import lut
        from impasto.images import Picture

        change = lut.color_map(content.pixels, picture.pixels, content.alpha, picture.alpha)
        title = Path(self.cube or "").stem
        files.write_bytes(Path(self.cube or ""), lut.to_cube(lut.table(change), title).encode(), follow=True)
        hald = Picture(lut.to_hald(lut.table(change, lut.HALD_LEVEL**2)))
        # 16 bits: in 8, a map this smooth would make bands.
        files.write_bytes(Path(self.hald), images.encode(hald, "png", bits=16), follow=True)

    def _write_layers(self, painting: "Painting", picture: "Picture") -> None:
        from impasto import guides, images
        from impasto.images import Picture
        from impasto.images.openraster import Layer, openraster

        layers = []
        if (regions := painting.scene.regions) is not None:
            maps = guides.fit(regions.content, picture.size)
            for name, shown in zip(regions.names, maps, strict=True):
                alpha = shown[None, None] if picture.alpha is None else shown * picture.alpha
                layers.append(Layer(name, Picture(picture.pixels, alpha.contiguous())))
        # Below the regions lies the whole: where soft ones meet, two half layers alone would let something through.
        layers.append(Layer("painting", picture))
        if (content := painting.content) is not None:
            fitted = images.resize_picture(content, picture.size)
            layers.append(Layer("photograph", fitted, visible=False))
        files.write_bytes(Path(self.layers or ""), openraster(layers, picture), follow=True)
