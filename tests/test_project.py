"""What the project declares is what it uses: versions of Python, tools, and the steps of CI."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
WORKFLOW = (ROOT / ".github/workflows/test.yml").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()

MODULES = {
    "POT": "ot",
    "pillow": "PIL",
    "pillow-heif": "pillow_heif",
    "opencv-python-headless": "cv2",
    "opencv-python": "cv2",
    "scikit-image": "skimage",
}
"""What a package is imported as, where that is not its name."""
CALLED = {
    "pytest": r"-m pytest",
    "pytest-xdist": r"pytest -n \d",
    "pytest-cov": r"--cov",
    "pytest-timeout": r"^timeout = \d",
    "ruff": r"/ruff ",
    "mypy": r"/mypy",
    "oxlint": r"/oxlint ",
    "sphinx": r"-m sphinx ",
    "myst-parser": r"-m sphinx ",
    "furo": r"-m sphinx ",
    "hatchling": r"build-backend = \"hatchling",
    "uvicorn": r"uvicorn",
}
"""Packages that are run, or that another one loads: what shows so in the Makefile, the project file or the sources."""
LOADED = ("onnxscript",)
"""Packages that another one asks for when it is used: torch's export to ONNX."""

SOURCES = [
    path.read_text() for folder in ("src", "tests", "scripts", "benchmarks") for path in (ROOT / folder).rglob("*.py")
]
IMPORTED = {
    name
    for text in SOURCES
    for pattern in (r"^ *(?:from|import) (\w+)", r'(?:importorskip|find_spec|import_module)\("(\w+)')
    for name in re.findall(pattern, text, re.MULTILINE)
}


def versions(text: str) -> list[str]:
    return re.findall(r'"(3\.\d+)"', text)


def packages(extra: str) -> list[str]:
    listed = PROJECT["project"]["optional-dependencies"][extra] if extra else PROJECT["project"]["dependencies"]
    names = [re.split(r"[<>=!~ \[]", requirement)[0] for requirement in listed]
    return [name for name in names if name != "impasto"]


def test_ci_runs_the_versions_that_the_project_names() -> None:
    project = PROJECT["project"]
    named = [found[1] for line in project["classifiers"] if (found := re.search(r":: (3\.\d+)$", line))]
    (matrix,) = re.findall(r"python: (\[.*\])", WORKFLOW)
    (systems,) = re.findall(r"system: (\[.*\])", WORKFLOW)
    assert re.findall(r'"(\w+)-latest"', systems) == ["ubuntu", "macos", "windows"]
    assert versions(matrix) == named
    assert project["requires-python"] == f">={named[0]}"
    assert PROJECT["tool"]["ruff"]["target-version"] == f"py{named[0].replace('.', '')}"


def test_ci_runs_what_developers_run() -> None:
    assert re.findall(r"run: (.*)", WORKFLOW) == [".ci/run", ".ci/docker"]
    steps = re.findall(r"^make (\S+)", (ROOT / ".ci/run").read_text(), re.MULTILINE)
    assert steps == ["test", "test-slow"]
    rules = dict(re.findall(r"^([a-z-]+): ([^#\n]*)", MAKEFILE, re.MULTILINE))
    assert rules["test"].split() == ["lint"]
    lint = MAKEFILE.split("\nlint:")[1].split("\n\n")[0]
    assert re.findall(r"\$\(BIN\)/(\w+)", lint) == ["ruff", "ruff", "oxlint", "mypy"]


def test_the_suites_of_ci_are_the_whole_suite() -> None:
    """Every marker is in the core suite or in the slow one, but for what needs the internet."""
    rules = dict(re.findall(r"^(test|test-slow):.*\n(?:.*\n)*?.*-m \"([^\"]*)\"", MAKEFILE, re.MULTILINE))
    left_out, added = rules["test"], rules["test-slow"]
    core = set(re.findall(r"not (\w+)", left_out))
    assert core == {marker.split(":")[0] for marker in PROJECT["tool"]["pytest"]["ini_options"]["markers"]}
    assert core - set(added.split(" or ")) == {"network"}


def test_hooks_run_the_tools_of_lint() -> None:
    hooks = re.findall(r"entry: \.venv/bin/(\w+ ?\w*)", (ROOT / ".pre-commit-config.yaml").read_text())
    assert [hook.split()[0] for hook in hooks] == ["ruff", "ruff", "oxlint", "mypy"]


def test_types_are_checked_wherever_there_is_python() -> None:
    settings = PROJECT["tool"]["mypy"]
    assert settings["files"] == ["src", "tests", "scripts", "benchmarks", "examples", "docs", "integrations/shared"]
    relaxed = [part for part in settings["overrides"] if "tests.*" in part["module"]]
    assert [part.get("check_untyped_defs", True) for part in relaxed] == [True]
    own = [part["module"] for part in settings["overrides"] if part.get("ignore_errors") or part.get("follow_imports")]
    assert own == [], "what mypy skips is not checked"
    assert not {"exclude", "ignore_errors", "follow_imports"} & set(settings)


def test_folders_of_tests_are_those_of_the_package() -> None:
    tests = {path.parent.relative_to(ROOT / "tests") for path in (ROOT / "tests").glob("*/**/test_*.py")}
    packages = {path.parent.relative_to(ROOT / "src/impasto") for path in (ROOT / "src/impasto").rglob("__init__.py")}
    assert tests - packages == {Path("studio/browser")}, "tests in a folder that mirrors none of the package's"


@pytest.mark.parametrize("extra", ["", *(PROJECT["project"]["optional-dependencies"])])
def test_what_is_declared_is_used(extra: str) -> None:
    """A package that nothing imports and nothing runs is one to keep up to date for nothing."""
    told = MAKEFILE + (ROOT / "pyproject.toml").read_text()
    unused = []
    for name in packages(extra):
        imported = MODULES.get(name, name.replace("-", "_")) in IMPORTED
        called = name in CALLED and re.search(CALLED[name], told, re.MULTILINE)
        if not imported and not called and name not in LOADED:
            unused.append(name)
    assert unused == []


def test_what_is_pinned_is_declared_or_needed_by_what_is() -> None:
    """The tools of development are pinned, so that an install of today is one of next year."""
    pinned = {
        line.split("==")[0].lower().replace("_", "-") for line in (ROOT / "constraints.txt").read_text().splitlines()
    }
    for extra in ("", "dev", "report", "heif", "onnx", "studio", "tune", "video"):
        assert {name.lower() for name in packages(extra)} <= pinned, extra
