"""Benchmarks: every method over every pair of photograph and painting, measured, as a report to compare them by."""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from impasto import files, images, metadata
from impasto.encoders import Encoder
from impasto.errors import ImpastoError, InputError, UsageError
from impasto.evaluation import METRICS
from impasto.images import Picture
from impasto.optim.resources import Resources
from impasto.recipe.catalogue import METHODS
from impasto.scene.inputs import Inputs
from impasto.series import external
from impasto.series.engine import WAITING, Series
from impasto.series.entrants import Entrant
from impasto.series.grid import Cell, Job, file_part
from impasto.series.measurements import Measurement, Measurements
from impasto.series.measuring import MeasuringEncoders, without_notices
from impasto.series.pairs import Input, Problem, balanced

REPORT, RESULTS, TABLE = "report.html", "results.json", "results.csv"
READY = ("kept", "painted", "external")
"""States of cells whose picture is there."""


class Benchmark(Series):
    """A benchmark in progress: `run` paints its cells and measures them.

    `added`: folders of pictures that other programs painted, by the name they stand under. `encoder` measures what
    names its layers, `second_encoder` the style, at layers that no method of the benchmark optimises with it.
    `painter`: the encoder that paints. `problems` are files that could not be read; more are added while painting.
    `against` is the method that the report compares with at first; `report` writes it:
    `impasto.series.report.write`. `pairs`: so many pairs, drawn by `balanced`, instead of all. `force`, `check`,
    `resources` and errors are those of `Series`.
    """

    RECORDS = "paintings.json"

    def __init__(
        self,
        entrants: Sequence[Entrant],
        contents: Sequence[Input],
        styles: Sequence[Input],
        folder: Path,
        *,
        added: Mapping[str, Path] | None = None,
        against: str | None = None,
        painter: str | Path | Encoder | None = None,
        encoder: str | Path | Encoder = "auto",
        second_encoder: str | Path | Encoder = "auto",
        problems: Sequence[Problem] = (),
        about: Mapping[str, str] | None = None,
        report: Callable[["Benchmark"], None] | None = None,
        pairs: int | None = None,
        max_pixels: int = images.DEFAULT_MAX_PIXELS,
        allow_truncated: bool = False,
        force: bool = False,
        check: bool = True,
        resources: Resources | None = None,
    ) -> None:
        self._report = report
        self._reading: dict[str, Any] = {"max_pixels": max_pixels, "allow_truncated": allow_truncated}
        self.entrants, self.contents, self.styles = list(entrants), list(contents), list(styles)
        self.problems, self.skipped = list(problems), list[Problem]()
        self.about = dict(about or {})
        self.labels = [*(entrant.label for entrant in entrants), *(added or {})]
        self.against = self.labels[0] if against is None else against
        if self.against not in self.labels:
            raise UsageError(f"--against {self.against}: is none of the methods; choose from {', '.join(self.labels)}")
        self._drawn = set(balanced(len(self.contents), len(self.styles), pairs))
        cells = self._lay_out(folder, added or {}, painter)
        if not cells:
            raise UsageError("no method can paint any of the styles; see the networks by impasto methods")
        self._measuring = MeasuringEncoders(encoder, second_encoder, [entrant.recipe for entrant in self.entrants])
        super().__init__(cells, folder, force=force, check=check, resources=resources)
        if check:
            # Weights that are not there are told of before the first picture is painted.
            self._measuring.load()
        self._measured = Measurements(folder)
        self._values: dict[Cell, Measurement] = {}
        self._broken: set[Cell] = set()
        self._digests = {item.path: files.digest(item.path) for item in (*self.contents, *self.styles)}
        for cell in self.cells:
            if cell.state in READY and (measurement := self._find(cell)) is not None:
                self._values[cell] = measurement

    @property
    def outputs(self) -> tuple[Path, ...]:
        """The report and its tables."""
        return tuple(self.folder / name for name in (REPORT, RESULTS, TABLE))

    @property
    def waiting(self) -> list[Cell]:
        """Cells that are to be painted or measured."""
        return [cell for cell in self.cells if cell.state in WAITING or self._unmeasured(cell)]

    @property
    def failed(self) -> list[Cell]:
        """Cells that could not be painted or measured."""
        return [cell for cell in self.cells if cell.state == "failed" or cell in self._broken]

    @property
    def pairs(self) -> int:
        """Number of pairs of a photograph and a painting."""
        return len(self._drawn)

    def conclude(self, cell: Cell) -> None:
        """Measure a picture that is there; an error is noted in the cell."""
        if self._unmeasured(cell):
            self._measure(cell)

    def measurement(self, cell: Cell) -> Measurement | None:
        """Return what the metrics said of a cell's picture; None where it is not measured."""
        return self._values.get(cell)

    def shown(self, cell: Cell) -> str:
        """Return a cell's file as the report names it."""
        if cell.state != "external":
            return self.key(cell)
        return f"{cell.labels['method']}: {cell.path.name}" if cell.path.name else ""

    def finish(self) -> None:
        """Write the report and its tables, of what there is."""
        super().finish()
        if self._report is not None:
            self._report(self)

    def _lay_out(self, folder: Path, added: Mapping[str, Path], painter: Any) -> list[Cell]:
        """Return the cells, photograph by photograph, so that what is measured of one is used for all its paintings."""
        places = _folders(self.labels, folder)
        taken: dict[str, str] = {}
        cells: list[Cell] = []
        for row, content in enumerate(self.contents):
            for column, style in enumerate(self.styles):
                if (row, column) not in self._drawn:
                    continue
                stem = f"{content.name}_{style.name}"
                pair = f"{content.name} in {style.name}"
                if taken.setdefault(stem.casefold(), pair) != pair:
                    raise UsageError(f"'{taken[stem.casefold()]}' and '{pair}' would both be {stem}; rename a picture")
                for entrant in self.entrants:
                    recipe = entrant.for_style(style.name)
                    if recipe is None:
                        self._skip(entrant.label, f"has no network for {style.name}")
                        continue
                    method = METHODS[recipe.method]
                    inputs = Inputs(
                        content.path, [style.path] if method.styles else [], masks=content.regions, **self._reading
                    )
                    job = Job(inputs, recipe, painter if method.optimizes else None)
                    labels = {"method": entrant.label, "content": content.name, "style": style.name}
                    cells.append(Cell(labels, (0, len(cells)), job, places[entrant.label] / f"{stem}.png"))
                for label, other in added.items():
                    # A set's photographs have names beside those of their files; another report's pictures use them.
                    picture = external.find(other, content.name, style.name)
                    picture = picture or external.find(other, content.path.stem, style.path.stem)
                    if picture is None:
                        self._skip(label, f"has no picture of {pair} in {other}")
                        continue
                    labels = {"method": label, "content": content.name, "style": style.name}
                    job = Job(Inputs(content.path, [style.path]), self.entrants[0].recipe)
                    cells.append(Cell(labels, (0, len(cells)), job, picture, state="external"))
        for label, other in added.items():
            if not any(cell.labels["method"] == label for cell in cells):
                raise InputError(
                    f"{other}: has no picture of any pair; names are PHOTOGRAPH_PAINTING, such as "
                    f"{self.contents[0].name}_{self.styles[0].name}.png"
                )
        return cells

    def _skip(self, label: str, note: str) -> None:
        problem = Problem(label, note)
        if problem not in self.skipped:
            self.skipped.append(problem)

    def _unmeasured(self, cell: Cell) -> bool:
        return cell.state in READY and cell not in self._broken and cell not in self._values

    def _find(self, cell: Cell) -> Measurement | None:
        picture = files.digest(cell.path)
        return self._measured.get(self.shown(cell), picture, self._key(cell)) if picture else None

    def _load(self, item: Input) -> Picture:
        return self._painter.picture(item.path, lambda source: images.load(source, **self._reading))

    def _measure(self, cell: Cell) -> None:
        began = time.monotonic()
        content = next(item for item in self.contents if item.name == cell.labels["content"])
        style = next(item for item in self.styles if item.name == cell.labels["style"])
        try:
            with without_notices():
                evaluation = self._measuring.evaluator.evaluate(
                    cell.path,
                    self._load(content),
                    [self._load(style)],
                    regions=content.regions,
                )
        except (ImpastoError, MemoryError, RuntimeError) as error:
            cell.note = " ".join(f"could not be measured: {error}".split())
            self._broken.add(cell)
            self.problems.append(Problem(self.shown(cell), cell.note))
            return
        measured = Measurement(
            self.shown(cell),
            files.digest(cell.path),
            self._key(cell),
            {key: None if value is None else float(f"{value:.7g}") for key, value in evaluation.values.items()},
            dict(evaluation.reasons),
            round(time.monotonic() - began, 3),
            evaluation.size,
        )
        self._measured.add(measured)
        self._values[cell] = measured

    @property
    def setting(self) -> dict[str, Any]:
        """What is measured with: the encoders by name and sha256, and the layers of the second."""
        return self._measuring.setting

    def _key(self, cell: Cell) -> str:
        """Return a digest of everything beside the picture that its values depend on."""
        inputs = [self._digests[source] for source in self._inputs(cell)]
        whole = metadata.canonical({"metrics": list(METRICS), "inputs": inputs, **self._measuring.setting})
        return hashlib.sha256(whole.encode()).hexdigest()[:16]

    def _inputs(self, cell: Cell) -> Iterator[Path]:
        for group, part in ((self.contents, "content"), (self.styles, "style")):
            yield next(item.path for item in group if item.name == cell.labels[part])


def _folders(labels: Sequence[str], folder: Path) -> dict[str, Path]:
    """Return the folder of each method's pictures. Raises `UsageError` where two would be one."""
    folders: dict[str, Path] = {}
    for label in labels:
        path = folder / file_part(label)
        for other, there in folders.items():
            if there.name.casefold() == path.name.casefold():
                raise UsageError(f"'{other}' and '{label}' would both be the folder {path.name}; rename one of them")
        folders[label] = path
    return folders
