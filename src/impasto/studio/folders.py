"""What lies in a job's folder. The worker writes, each file whole or not at all; the server only reads."""

import contextlib
import re
import shutil
from pathlib import Path

CHECKPOINT = "painting.checkpoint"
PREVIEW = "preview.jpg"
RESULT = "result.png"
CLIP = "result.mp4"
FRAMES = "result.mp4.painting"
"""What the frames of a clip are kept in until it is written (`impasto.video.store`)."""
STILL = "still.png"
"""The first frame of a clip that was uploaded."""
HISTORY = "history.json"
FIGURES = "figures.json"


def stem(title: str) -> str:
    """Return a name for a file that any system takes, from what a painting is called."""
    return re.sub(r"[^\w]+", "_", title, flags=re.ASCII).strip("_")[:60] or "painting"


def has_checkpoint(folder: Path) -> bool:
    """Return whether a painting could go on from there."""
    return (folder / CHECKPOINT).exists() or (folder / FRAMES / "0000000.png").exists()


def forget_checkpoint(folder: Path) -> None:
    """Remove what a job kept to go on from; it can be large."""
    for path in folder.glob(f"{CHECKPOINT}*"):
        with contextlib.suppress(OSError):
            path.unlink()
    forget(folder / FRAMES)


def forget(folder: Path) -> None:
    """Remove a folder with all that is in it."""
    shutil.rmtree(folder, ignore_errors=True)


def forget_results(folder: Path) -> None:
    """Remove what an earlier run of a job left to look at."""
    for path in (*folder.glob("result*"), *folder.glob("preview*"), folder / HISTORY, folder / FIGURES):
        with contextlib.suppress(OSError):
            path.unlink()
