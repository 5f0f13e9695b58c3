"""The wheel and the source archive: what they hold, that they are made alike, and that they paint once installed."""

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from impasto._version import __version__

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "impasto"
MOST_BYTES = 20_000_000
"""The size that a wheel, or an archive, stays under."""
SAMPLES = {"assets/photos": "photos", "assets/styles": "styles"}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (ROOT / "pyproject.toml").exists(), reason="there is no project to build here"),
]

OFFLINE = """
import socket

def refuse(self, address, *rest):
    if self.family != getattr(socket, "AF_UNIX", None):
        raise OSError(101, "Network is unreachable")
    return connect(self, address, *rest)

connect, socket.socket.connect = socket.socket.connect, refuse
"""
"""What Python runs as it starts in the fresh environment: whatever would go to the network is refused."""


def build(source: Path, out: Path, *kinds: str) -> dict[str, Path]:
    """Build what `kinds` name in a process of its own, without the network; return the files by their endings."""
    chosen = [word for kind in kinds for word in ("-t", kind)]
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(out), *chosen]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return {"wheel" if path.suffix == ".whl" else "sdist": path for path in out.iterdir()}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build(ROOT, tmp_path_factory.mktemp("built"), "wheel", "sdist")


@pytest.fixture(scope="module")
def unpacked(built, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(built["sdist"]) as archive:
        archive.extractall(folder, filter="data")
    return folder / f"impasto-{__version__}"


def files_of(folder: Path, *, but: tuple[str, ...] = ("__pycache__",)) -> set[str]:
    """The files under a folder, by their paths in it, but for what Python and tools leave there."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and not set(path.relative_to(folder).parts) & set(but) and path.suffix != ".pyc"
    }


def test_the_wheel_holds_the_package_the_samples_and_nothing_else(built):
    expected = {f"impasto/{name}" for name in files_of(PACKAGE)}
    expected |= {f"impasto/samples/{to}/{name}" for at, to in SAMPLES.items() for name in files_of(ROOT / at)}
    expected |= {"impasto/samples/README.md"}
    record = f"impasto-{__version__}.dist-info"
    expected |= {f"{record}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt")}
    expected |= {f"{record}/licenses/{name}" for name in ("LICENSE", "NOTICE")}
    with zipfile.ZipFile(built["wheel"]) as wheel:
        assert set(wheel.namelist()) == expected
        assert wheel.read(f"{record}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
        assert wheel.read(f"{record}/entry_points.txt").split() == [
            b"[console_scripts]", b"impasto", b"=", b"impasto.__main__:main",
        ]  # fmt: skip


def test_the_archive_holds_the_sources_the_tests_and_nothing_else(built):
    with tarfile.open(built["sdist"]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    tops = {name.partition("/")[0] for name in names}
    assert tops == {
        ".gitignore", "CHANGELOG.md", "LICENSE", "NOTICE", "PKG-INFO", "README.md", "assets", "pyproject.toml", "src",
        "tests",
    }  # fmt: skip
    assert {name for name in names if name.startswith("src/impasto/")} == {
        f"src/impasto/{name}" for name in files_of(PACKAGE)
    }


def test_both_are_small_and_alike_for_every_system(built):
    assert {path.stat().st_size < MOST_BYTES for path in built.values()} == {True}
    assert built["wheel"].name == f"impasto-{__version__}-py3-none-any.whl"
    assert built["sdist"].name == f"impasto-{__version__}.tar.gz"


def test_building_again_elsewhere_and_later_gives_the_same_bytes(built, unpacked, tmp_path):
    """The tree that is built here was just unpacked: another folder, other times, other permissions."""
    before = os.umask(0o077)
    try:
        for path in unpacked.rglob("*.py"):
            os.utime(path, (1_000_000_000, 1_000_000_000))
        again = build(unpacked, tmp_path, "wheel", "sdist")
    finally:
        os.umask(before)
    for kind, path in built.items():
        assert again[kind].read_bytes() == path.read_bytes(), f"the {kind} of another build differs"


def test_the_metadata_says_what_the_project_does(built):
    from email import message_from_bytes

    with zipfile.ZipFile(built["wheel"]) as wheel:
        told = message_from_bytes(wheel.read(f"impasto-{__version__}.dist-info/METADATA"))
    assert told["Version"] == __version__
    assert told["License-Expression"] == "MIT"
    assert told.get_all("License-File") == ["LICENSE", "NOTICE"]
    assert told["Requires-Python"] == ">=3.11"
    assert "torch>=2.10" in told.get_all("Requires-Dist", [])


@pytest.fixture
def fresh(tmp_path):
    """An environment of its own with an empty home and no network, which shares the packages that impasto needs.

    Shared, from the environment of the tests: torch, NumPy and the other requirements, as copies would take gigabytes;
    and pip. Not shared: impasto itself, which the tests' environment has by a link that only its own start reads.
    """
    root = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root], check=True, timeout=120)
    scripts = root / ("Scripts" if os.name == "nt" else "bin")
    paths = {"base": str(root), "platbase": str(root)}
    own = Path(sysconfig.get_path("purelib", "venv", paths))
    (own / "shared.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    (own / "sitecustomize.py").write_text(OFFLINE, "utf-8")
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "PATH") if name in os.environ}
    environment = {**kept, "HOME": str(home), "USERPROFILE": str(home), "OMP_NUM_THREADS": "1", "PIP_NO_CACHE_DIR": "1"}

    def run(*command, status=0):
        program = scripts / (command[0] + (".exe" if os.name == "nt" else ""))
        done = subprocess.run(
            [program, *map(str, command[1:])],
            cwd=home, env=environment, capture_output=True, text=True, timeout=280, check=False,
        )  # fmt: skip
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_it_paints_offline_where_it_was_installed(built, fresh, kind):
    # Without --no-deps: what the metadata asks for must be satisfied by what is there.
    fresh("python", "-m", "pip", "install", "--quiet", "--no-index", "--no-build-isolation", built[kind])
    where = Path(fresh("python", "-P", "-c", "import impasto; print(impasto.__file__)").strip())
    assert "environment" in where.parts, where
    assert fresh("impasto", "--version").split() == ["impasto", __version__]
    options = ("--size", 64, "--iterations", 2, "--precision", "float32", "-o", "out.png")
    # As the README says, which a wheel has not: its second command, and where the pictures in it come from.
    fresh("impasto", "samples", "-o", "assets")
    words = re.search(r"^impasto (paint .*) -o out.png$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert words is not None
    fresh("impasto", *words[1].split(), *options)
    assert '"size": 64' in fresh("impasto", "show", "out.png", "--json")
    assert "All is well" in (told := fresh("impasto", "doctor")) or "it could have more" in told


def test_without_the_network_there_is_an_error_of_one_line(built, fresh):
    """That the fresh environment is offline at all, and what it is like to fetch there."""
    fresh("python", "-m", "pip", "install", "--quiet", "--no-index", built["wheel"])
    fresh("impasto", "weights", "fetch", "vgg19", status=4)
