"""The layering of docs and design: a lower rank never imports a higher one, siblings leave one another alone."""

import ast
import os
import posixpath
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.forked import Forked, forget_impasto

ROOT = Path(__file__).resolve().parents[1] / "src" / "impasto"

RANKS = {
    "_version": 0, "allocator": 0, "errors": 0, "events": 0, "files": 0, "limits": 0, "presets": 0,
    "recipe": 0, "threads": 0,
    "color": 1, "comparison": 1, "guides": 1, "images": 1, "landmarks": 1, "metadata": 1, "shards": 1, "weights": 1,
    "datasets": 2, "encoders": 2, "losses": 2, "result": 2,
    "masks": 3, "nets": 3, "optim": 3,
    "checkpoint": 4, "diagnosis": 4, "training": 4,
    "scene": 5,
    "evaluation": 6, "feedforward": 6, "methods": 6,
    "painting": 7,
    "notebook": 8,
    "executors": 8,
    "series": 9,
    "tuning": 10, "video": 10,
    "cli": 11, "studio": 11,
    "__main__": 12,
}  # fmt: skip
"""Rank of each module or package directly under impasto."""

MAY_IMPORT_SIBLING = {
    ("files", "errors"), ("recipe", "errors"), ("color", "images"), ("guides", "images"), ("landmarks", "images"),
    ("cli", "studio"),
}  # fmt: skip
"""Pairs on one rank where the first may import the second."""

HOMES = {
    "typer": {"cli"},
    "ray": {"executors"},
    "rich": {"cli"},
    "fastapi": {"studio"},
    "starlette": {"studio"},
    "uvicorn": {"studio"},
    "cv2": {"landmarks", "video"},
    "av": {"video"},
    "scenedetect": {"video"},
    "matplotlib": {"cli"},
    "h5py": {"weights"},
    "optuna": {"tuning"},
    "PIL": {"images"},
    "pyarrow": {"shards"},
    "IPython": {"notebook"},
    "huggingface_hub": {"weights"},
    "filelock": {"files", "weights", "studio"},
    "torchvision": set(),
    "requests": set(),
}
"""The only modules that may import these packages."""

FILES = sorted(path for path in ROOT.rglob("*.py"))


def unit(path: Path) -> str:
    """The module or package directly under impasto that a file belongs to; empty for impasto/__init__.py."""
    first = path.relative_to(ROOT).parts[0].removesuffix(".py")
    return "" if first == "__init__" else first


def imports(source: str, path: Path) -> set[str]:
    """Every dotted name a file imports, wherever: in functions and under TYPE_CHECKING too."""
    package = ("impasto", *path.relative_to(ROOT).parts[:-1])
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join((*package[: len(package) - node.level + 1], *filter(None, [node.module])))
            # `from impasto import images` is about impasto.images.
            found |= {f"{base}.{alias.name}" for alias in node.names} if base == "impasto" else {base}
    return found


def inner(names: set[str]) -> set[str]:
    """The units of impasto among imported names."""
    return {name.split(".")[1] for name in names if name.startswith("impasto.")}


def complaints(source: str, path: Path) -> list[str]:
    own = unit(path)
    found = []
    names = imports(source, path)
    for name in sorted(inner(names) - {own}):
        if name not in RANKS:
            found.append(f"{own} imports impasto.{name}, which has no rank")
        elif RANKS[name] > RANKS[own]:
            found.append(f"{own} (rank {RANKS[own]}) imports {name} (rank {RANKS[name]})")
        elif RANKS[name] == RANKS[own] and (own, name) not in MAY_IMPORT_SIBLING:
            found.append(f"{own} imports its sibling {name}")
    for name in sorted({name.split(".")[0] for name in names}):
        if name in HOMES and own not in HOMES[name]:
            found.append(f"{own} imports {name}, which belongs to {', '.join(sorted(HOMES[name])) or 'nobody'}")
        if name == "torch" and RANKS[own] == 0:
            found.append(f"{own} (rank 0) imports torch")
    if own == "optim" and "encoders" in inner(names):
        found.append("optim imports encoders; it sees an encoder as a callable")
    return found


def test_there_is_something_to_check() -> None:
    assert len(FILES) > 30
    assert {unit(path) for path in FILES} - {""} <= set(RANKS), "a new module needs a rank"


def test_contributing_names_every_unit() -> None:
    text = (ROOT.parents[1] / "CONTRIBUTING.md").read_text("utf-8")
    named = set(re.findall(r"`([a-z]+)/?`", text))
    assert {name for name in map(unit, FILES) if name and not name.startswith("_")} <= named


def test_imports_go_downwards() -> None:
    for path in filter(unit, FILES):
        assert complaints(path.read_text("utf-8"), path) == [], path


@pytest.mark.parametrize(
    ("own", "source"),
    [
        ("losses/terms.py", "from impasto.encoders import Vgg"),
        ("encoders/vgg.py", "import impasto.losses.terms"),
        ("encoders/vgg.py", "from impasto import losses"),
        ("encoders/vgg.py", "from ..losses import terms"),
        ("encoders/vgg.py", "from .. import stylize"),
        (
            "recipe/settings.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from impasto.painting.stylizer import Stylizer",
        ),
        ("recipe/settings.py", "def f():\n    import torch"),
        ("images/decode.py", "from impasto.metadata import read"),
        ("optim/evaluate.py", "from impasto.encoders import Encoder"),
        ("painting/stylizer.py", "import rich.progress"),
        ("painting/stylizer.py", "from impasto.cli import main"),
        ("result.py", "from impasto.painting.stylizer import Stylizer"),
        ("training/data.py", "from PIL import Image"),
        ("painting/stylizer.py", "from impasto.nowhere import x"),
    ],
)
def test_the_check_sees_what_it_should(own: str, source: str) -> None:
    assert len(complaints(source, ROOT / own)) == 1


@pytest.mark.parametrize(
    ("own", "source"),
    [
        ("encoders/vgg.py", "from .encoder import LAYERS"),
        (
            "painting/stylizer.py",
            "from impasto import images\nfrom impasto.result import Result\nimport torch",
        ),
        ("cli/paint.py", "import rich, typer\nfrom impasto.painting.stylizer import Stylizer"),
    ],
)
def test_the_check_allows_what_it_should(own: str, source: str) -> None:
    assert complaints(source, ROOT / own) == []


def circle(imported: Mapping[str, Iterable[str]]) -> list[str]:
    """Return files of which each imports the next and the last the first; none where there is no such circle."""
    try:
        TopologicalSorter(imported).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def imported_modules(sources: Mapping[str, str]) -> dict[str, set[str]]:
    """Return which of the modules each of them imports, from {path under impasto: source}, functions and all."""
    names = {
        ".".join(("impasto", *Path(path).with_suffix("").parts)).removesuffix(".__init__"): path for path in sources
    }
    graph = {}
    for name, path in names.items():
        imported = set()
        for node in ast.walk(ast.parse(sources[path])):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ""
                imported |= {full if (full := f"{base}.{alias.name}") in names else base for alias in node.names}
        graph[name] = {other for other in imported if other in names and other != name}
    return graph


def imported_scripts(sources: Mapping[str, str]) -> dict[str, set[str]]:
    """Return which scripts each script of the studio's page imports, from {path: source}."""
    line = re.compile(
        r"""^\s*(?:import|export)\b[^"';]*?["'](\.[^"']+)["']|\bimport\(["'](\.[^"']+)["']\)""", re.MULTILINE
    )
    return {
        path: {posixpath.normpath(posixpath.join(posixpath.dirname(path), a or b)) for a, b in line.findall(source)}
        for path, source in sources.items()
    }


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = imported_modules({path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in FILES})
    assert "impasto.errors" in graph["impasto.cli"]
    assert circle(graph) == []


def test_no_script_of_the_page_imports_itself_by_way_of_others() -> None:
    folder = ROOT / "studio" / "static" / "js"
    graph = imported_scripts(
        {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in folder.rglob("*.js")}
    )
    assert "masks/editor.js" in graph["main.js"]
    assert set().union(*graph.values()) <= set(graph), "a script that is imported is not there"
    assert circle(graph) == []


def test_the_check_sees_circles() -> None:
    modules = {
        "cli/one.py": "from impasto.cli import two",
        "cli/two.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from impasto.cli.three import x",
        "cli/three.py": "def f():\n    import impasto.cli.one",
    }
    assert set(circle(imported_modules(modules))) == {"impasto.cli.one", "impasto.cli.two", "impasto.cli.three"}
    assert circle(imported_modules({**modules, "cli/three.py": "import impasto.cli"})) == []
    scripts = {
        "a.js": 'import {\n  b,\n} from "./m/b.js";',
        "m/b.js": 'export { c } from "../c.js";',
        "c.js": 'import("./a.js")',
    }
    assert set(circle(imported_scripts(scripts))) == {"a.js", "m/b.js", "c.js"}
    assert circle(imported_scripts({**scripts, "c.js": "export const a = 1;"})) == []


def test_light_modules_do_not_load_torch() -> None:
    # `impasto --help` and `impasto show` answer at once because of this.
    modules = (
        "impasto, impasto.errors, impasto.events, impasto.files, impasto.recipe, impasto.metadata, impasto.threads, "
        "impasto.weights"
    )
    code = f"import {modules}, sys; sys.exit('torch' in sys.modules or 'PIL' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], env=_environment(), check=False)
    assert done.returncode == 0


def test_imports_have_no_side_effects(tmp_path: Path) -> None:
    code = """
import os, random, sys, torch, warnings
before = torch.get_num_threads(), torch.get_default_dtype(), torch.get_rng_state().sum(), set(os.environ)
import impasto.painting.stylizer, impasto.training.loop, impasto.training.encoder_task, impasto.result
import logging
after = torch.get_num_threads(), torch.get_default_dtype(), torch.get_rng_state().sum(), set(os.environ)
sys.exit(before != after or bool(logging.getLogger().handlers) or bool(os.listdir()))
"""
    environment = {
        **_environment(),
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path),
        "PYTHONDONTWRITEBYTECODE": "1",
    }

    def look() -> None:
        forget_impasto()
        exec(code, {})

    assert Forked(look, env=environment, cwd=tmp_path).wait() == 0
    assert list(tmp_path.iterdir()) == []


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT.parent)}
