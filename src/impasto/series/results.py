"""What a benchmark found, as one document: pictures, values, medians with intervals, and differences."""

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from impasto._version import __version__
from impasto.evaluation import METRICS
from impasto.series.benchmark import READY, Benchmark
from impasto.series.grid import Cell
from impasto.series.statistics import Estimate, Table, difference, estimate

COSTS = {"seconds": "seconds to paint", "peak_bytes": "most memory of the process while painting, bytes"}
"""Measured of each painting beside the metrics, lower being better."""


def document(made: Benchmark) -> dict[str, Any]:
    """Return everything that the report shows, as JSON can hold it; the same for the same pictures and values."""
    keys = [*COSTS, *METRICS]
    tables = {label: {key: _table(made, label, key) for key in keys} for label in made.labels}
    kept = [key for key in keys if any(np.isfinite(tables[label][key]).any() for label in made.labels)]
    return {
        "impasto": __version__,
        "machine": {"processor": _processor(), "threads": torch.get_num_threads(), "torch": torch.__version__},
        "about": made.about,
        "against": made.against,
        "measured_with": made.setting,
        "metrics": [_metric(key) for key in kept],
        "methods": _methods(made),
        "contents": [{"name": item.name, "file": item.path.name, "credit": item.credit} for item in made.contents],
        "styles": [{"name": item.name, "file": item.path.name, "credit": item.credit} for item in made.styles],
        "pictures": [_picture(made, cell, kept) for cell in made.cells],
        "medians": {label: {key: _plain(estimate(tables[label][key])) for key in kept} for label in made.labels},
        "differences": _differences(made.labels, tables, kept),
        "problems": [asdict(problem) for problem in made.problems],
        "left_out": [asdict(problem) for problem in made.skipped],
    }


def rows(made: Benchmark) -> list[dict[str, Any]]:
    """Return a row for each picture: method, content, style, file, state, size, costs and every metric."""
    entries = []
    for cell in made.cells:
        entry = _picture(made, cell, [*COSTS, *METRICS])
        values = entry.pop("values")
        entry.pop("reasons")
        entries.append({**entry, **{key: values.get(key) for key in (*COSTS, *METRICS)}})
    return entries


def _picture(made: Benchmark, cell: Cell, keys: Sequence[str]) -> dict[str, Any]:
    measured = made.measurement(cell)
    values = {key: value for key in keys if (value := _value(made, cell, key)) is not None}
    size = cell.size if measured is None else measured.size
    file = _beside(cell.path, made.folder) if cell.state == "external" else made.key(cell)
    return {
        **cell.labels,
        "file": Path(file).as_posix(),
        "state": {"kept": "done", "painted": "done"}.get(cell.state, cell.state),
        "note": cell.note,
        "width": size[1],
        "height": size[0],
        "values": values,
        "reasons": {} if measured is None else dict(measured.reasons),
    }


def _beside(path: Path, folder: Path) -> str:
    """Return a path as it is seen from a folder; whole where it lies on another drive of Windows."""
    try:
        return os.path.relpath(path, folder)
    except ValueError:
        return str(path)


def _value(made: Benchmark, cell: Cell, key: str) -> float | None:
    if cell.state not in READY:
        return None
    if key in COSTS:
        return None if cell.record is None else getattr(cell.record, key)
    measured = made.measurement(cell)
    return None if measured is None else measured.values.get(key)


def _table(made: Benchmark, label: str, key: str) -> Table:
    """Return a method's values of one metric, (contents, styles)."""
    rows = {item.name: index for index, item in enumerate(made.contents)}
    columns = {item.name: index for index, item in enumerate(made.styles)}
    table = np.full((len(rows), len(columns)), np.nan)
    for cell in made.cells:
        if cell.labels["method"] == label and (value := _value(made, cell, key)) is not None:
            table[rows[cell.labels["content"]], columns[cell.labels["style"]]] = value
    return table


def _differences(
    labels: Sequence[str], tables: dict[str, dict[str, Table]], keys: Sequence[str]
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return {reference: {method: {metric: method - reference}}} on the pairs that both painted."""
    differences: dict[str, dict[str, dict[str, Any]]] = {label: {} for label in labels}
    for index, one in enumerate(labels):
        for other in labels[index + 1 :]:
            there: dict[str, Any] = {}
            back: dict[str, Any] = {}
            for key in keys:
                higher = key in METRICS and METRICS[key].direction == "higher"
                made = difference(tables[other][key], tables[one][key], higher=higher)
                there[key] = _plain(made)
                back[key] = _plain(made, turned=True)
            differences[one][other], differences[other][one] = there, back
    return differences


def _plain(estimated: Estimate | None, *, turned: bool = False) -> dict[str, Any] | None:
    if estimated is None:
        return None
    low, high, sign = estimated.low, estimated.high, 1
    if turned:
        low, high, sign = (None if high is None else -high), (None if low is None else -low), -1
    plain: dict[str, Any] = {
        "median": _digits(sign * estimated.median),
        "low": _digits(low),
        "high": _digits(high),
        "count": estimated.count,
    }
    if estimated.better is not None:
        plain["better"] = _digits(1 - estimated.better if turned else estimated.better)
    return plain


def _digits(value: float | None) -> float | None:
    # Seven digits are what float32 has to tell; -0.0 is written as 0.
    return None if value is None else float(f"{value:.7g}") + 0.0


def _metric(key: str) -> dict[str, Any]:
    if key in COSTS:
        return {"id": key, "group": "cost", "direction": "lower", "range": [0, None], "summary": COSTS[key]}
    metric = METRICS[key]
    return {
        "id": key,
        "group": metric.group,
        "direction": metric.direction,
        "range": list(metric.range),
        "summary": metric.summary,
    }


def _methods(made: Benchmark) -> list[dict[str, Any]]:
    own = [
        {
            "label": entrant.label,
            "method": entrant.recipe.method,
            "note": entrant.note,
            "recipe": entrant.recipe.model_dump(mode="json"),
        }
        for entrant in made.entrants
    ]
    names = [entry["label"] for entry in own]
    return own + [
        {"label": label, "method": None, "note": "pictures from elsewhere", "recipe": None}
        for label in made.labels
        if label not in names
    ]


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
