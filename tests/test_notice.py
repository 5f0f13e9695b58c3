"""NOTICE names what the wheels of dependencies carry, so that who passes an installation on knows what is in it."""

import importlib.metadata
import re
from pathlib import Path

import pytest

NOTICE = Path(__file__).resolve().parent.parent / "NOTICE"
SECTION = "## Libraries in the wheels of dependencies"
CALLED = {
    "aec": "libaec",
    "avif": "libavif",
    "brotlicommon": "brotli",
    "brotlidec": "brotli",
    "hdf5": "HDF5",
    "hdf5_hl": "HDF5",
    "jpeg": "libjpeg-turbo",
    "openblasp-r0": "openblas",
    "png16": "libpng",
    "scipy_openblas64_": "OpenBLAS",
    "sharpyuv": "libwebp",
    "sz": "libsz",
    "webpdemux": "libwebp",
    "webpmux": "libwebp",
    "xcb-shape": "libxcb",
    "xcb-shm": "libxcb",
    "xcb-xfixes": "libxcb",
    "z": "zlib",
}
"""What NOTICE calls a library whose file has another name."""


def paragraph(package: str) -> str:
    """What NOTICE says of a package."""
    section = NOTICE.read_text("utf-8").split(SECTION)[1]
    items = re.split(r"\n- ", section)
    found = [item for item in items if re.match(rf"(`impasto\[\w+\]`, )?{re.escape(package)}[,:] ", item)]
    assert len(found) == 1, f"NOTICE has no paragraph of {package}"
    return found[0]


def carried(package: str) -> set[str]:
    """Names of the shared libraries that a package's wheel brought, without `lib` and what build tools add."""
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"needs {package}")
    names = {Path(file).name for file in files if any(part.endswith((".libs", ".dylibs")) for part in file.parts)}
    stems = {re.split(r"-[0-9a-f]{8}|\.so|\.\d|\.dylib", name)[0].removeprefix("lib") for name in names}
    if not stems:
        pytest.skip(f"this build of {package} brings no libraries of its own")
    return stems


@pytest.mark.parametrize("package", ["numpy", "pillow", "h5py", "pillow-heif", "opencv-python-headless", "av"])
def test_every_library_of_an_installed_wheel_is_named(package: str) -> None:
    said = paragraph("PyAV" if package == "av" else package).lower()
    missing = [name for name in sorted(carried(package)) if CALLED.get(name, name).lower() not in said]
    assert not missing, f"NOTICE does not name {missing} in the paragraph of {package}"


def test_every_extra_that_pip_can_install_is_spoken_of() -> None:
    extras = importlib.metadata.metadata("impasto").get_all("Provides-Extra") or []
    pure = {"studio", "all", "dev"}
    said = NOTICE.read_text("utf-8")
    assert [extra for extra in extras if extra not in pure and f"`impasto[{extra}]`" not in said] == []


def test_what_is_under_the_gpl_stands_out() -> None:
    assert "**libx265 (GPL 2)**" in paragraph("pillow-heif")
    assert "**libx264 and libx265 (GPL 2)**" in paragraph("PyAV")
