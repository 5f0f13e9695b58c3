"""Put the plug-ins together, each with a copy of what they share: `make plugins`."""

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent / "integrations"
SHARED = ROOT / "shared" / "impasto_command.py"


def assemble(folder: Path) -> list[Path]:
    """Write every plug-in as its program wants it; return the folders that hold code."""
    gimp, krita, comfyui = (
        folder / "gimp" / "impasto_paint",
        folder / "krita" / "impasto_docker",
        folder / "comfyui" / "impasto",
    )
    for target in (gimp, krita, comfyui):
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        shutil.copy(SHARED, target)
    # GIMP takes a folder and the file of its name in it, which must be executable.
    (gimp / "impasto_paint.py").write_bytes((ROOT / "gimp" / "impasto_paint.py").read_bytes())
    (gimp / "impasto_paint.py").chmod(0o755)
    shutil.copy(ROOT / "krita" / "impasto_docker.desktop", folder / "krita")
    for source, target in ((ROOT / "krita" / "impasto_docker", krita), (ROOT / "comfyui", comfyui)):
        for path in source.iterdir():
            if path.suffix in (".py", ".html"):
                shutil.copy(path, target)
    return [gimp, krita, comfyui]


if __name__ == "__main__":
    for made in assemble(Path(sys.argv[1])):
        print(made)
