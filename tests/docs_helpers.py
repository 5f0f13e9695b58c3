"""Commands on the pages of documentation: finding them, making them small, and the files that they name."""

import json
import re
import shlex
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import typer
from PIL import Image

from impasto.cli.app import app
from impasto.recipe.catalogue import METHODS

ROOT = Path(__file__).resolve().parent.parent
SIDE = 64
"""Pixels of the long side of the pictures that commands are tried with."""
OTHER_PROGRAMS = ("pipx", "uvx", "uv", "docker", "pip", "torchrun", ".venv/bin/impasto")
"""What may stand before `impasto` on a line; what comes after is tried, where it stands alone on other lines."""


@dataclass(frozen=True)
class Line:
    """A command as a page shows it."""

    page: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}: {shlex.join(self.words)}"


def commands(page: Path) -> Iterator[Line]:
    """Yield the commands that begin with `impasto` in the shell blocks of a page, in order."""
    for block in re.findall(r"^```(?:sh|bash|console)\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE):
        for line in re.sub(r"\\\n\s*", " ", block).splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True)
            if words and words[0] == "impasto":
                yield Line(page.name, tuple(words))
            elif "impasto" in words[1:]:
                assert words[0] in (*OTHER_PROGRAMS, "man") or "=" in words[0], f"{page.name}: {line}"


def options_of(words: tuple[str, ...]) -> set[str]:
    """Return the options that the command of a line knows; the command is its first words."""
    root: Any = typer.main.get_command(app)
    with root.make_context("impasto", ["--help"], resilient_parsing=True) as context:
        _, command, rest = root.resolve_command(context, [words[1], *words[2:]])
    if inner := getattr(command, "commands", None):
        command = inner[rest[0]]
    return {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}


def small(words: tuple[str, ...]) -> list[str]:
    """Return the arguments of a line so that they take a moment: a small picture, few steps, and outputs replaced."""
    known = options_of(words)
    arguments = list(words[1:])
    # What goes on with a folder alone knows its settings.
    if "--resume" in arguments and "--style" not in arguments:
        return arguments
    # What takes long by its nature says what it would do.
    if "--dry-run" in known and words[1] in ("benchmark", "figures"):
        return [*arguments, *(["--dry-run"] if "--dry-run" not in arguments else [])]
    _set(arguments, known, "--budget", "1", always=True)
    _set(arguments, known, "--draft-size", str(SIDE), always=True)
    if "--fix" in known:
        arguments += ["--fix", "iterations=2", "--fix", f"size={SIDE}"]
    _set(arguments, known, "--size", str(SIDE), always=words[1] not in ("evaluate", "masks"))
    _set(arguments, known, "--precision", "float32", always=True)
    _set(arguments, known, "--steps", "1", always=True)
    _set(arguments, known, "--batch", "1", always=words[1] == "train")
    _set(arguments, known, "--crop", "64", always=words[1] == "train")
    method = arguments[arguments.index("--method") + 1] if "--method" in arguments else "gatys"
    takes_steps = "iterations" in METHODS[method].settings if method in METHODS else False
    _set(arguments, known, "--iterations", "2", always=takes_steps and words[1] != "figures")
    if "--force" in known and "--force" not in arguments:
        arguments.append("--force")
    return arguments


def _set(arguments: list[str], known: set[str], option: str, value: str, *, always: bool) -> None:
    """Give an option a value where it is given, and with `always` wherever the command knows it."""
    if option in arguments:
        arguments[arguments.index(option) + 1] = value
    elif always and option in known:
        arguments += [option, value]


def make_files(folder: Path, page: str) -> None:
    """Make what a page names: pictures, masks, landmarks, networks, folders of all of them."""
    for number, name in enumerate(("photo", "painting", "other", "a", "b", "forms", "strokes", "style", "portrait")):
        _picture(folder / f"{name}.jpg", number)
    _picture(folder / "style.png", 3)
    for name in ("photo_mask", "painting_mask", "a_mask", "doodle"):
        _mask(folder / f"{name}.png")
    for name in ("sky", "sea"):
        for of in ("photo", "painting"):
            _half(folder / f"{of}_{name}.png", upper=name == "sky")
    for name in ("photos", "paintings", "pictures"):
        (folder / name).mkdir()
        for number, word in enumerate(("one", "two")):
            _picture(folder / name / f"{word}.jpg", 10 + number)
    with tarfile.open(folder / "photos.tar", "w") as archive:
        archive.add(folder / "photos" / "one.jpg", "one.jpg")
    points = {"unit": "fraction", "points": [[0.3, 0.3], [0.6, 0.3], [0.45, 0.6], [0.45, 0.8]]}
    for name in ("photo", "portrait"):
        (folder / f"{name}.json").write_text(json.dumps(points), "utf-8")
    for name in ("figure1", "figure2"):
        (folder / "pictures" / name).mkdir()
        for part in ("content", "style", "style1"):
            _picture(folder / "pictures" / name / f"{part}.jpg", 5)
    shutil.copy(ROOT / "assets" / "photos" / "astronaut.jpg", folder / "family.jpg")
    _half(folder / "white_where_it_counts.png", upper=True)
    jobs = [{"content": "a.jpg", "style": "b.jpg"}, {"content": "b.jpg", "style": ["a.jpg", "photo.jpg"]}]
    (folder / "jobs.jsonl").write_text("".join(f"{json.dumps(job)}\n" for job in jobs), "utf-8")
    _networks(folder, page)
    if page == "video.md":
        from tests.video.video_helpers import patches, write_film

        write_film(folder / "in.mp4", [patches(SIDE, SIDE + 16, 2 * number) for number in range(4)], [3600] * 4)
    (folder / "out" / "theirs").mkdir(parents=True)
    for pair in ("one_one", "one_two", "two_one", "two_two"):
        _picture(folder / "out" / "theirs" / f"{pair}.png", 7)
    (folder / "assets").symlink_to(ROOT / "assets")


def _networks(folder: Path, page: str) -> None:
    """Copy networks to where pages have trained theirs."""
    data = ROOT / "src" / "impasto"
    networks = {"wct4": "nets/data/wct-relu4_1.safetensors", "runs/mine": "encoders/petite.safetensors"}
    if page != "methods.md":  # which trains that network itself
        networks["painting"] = "nets/data/johnson-swirls.safetensors"
    for name, file in networks.items():
        (folder / name).mkdir(parents=True)
        shutil.copy(data / file, folder / name / "weights.safetensors")


def _picture(path: Path, seed: int) -> None:
    """Draw a picture of soft forms."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    coarse.resize((SIDE + 16, SIDE), Image.Resampling.BICUBIC).save(path)


def _mask(path: Path) -> None:
    """Draw a mask of two regions, red above blue."""
    mask = np.zeros((SIDE, SIDE + 16, 3), np.uint8)
    mask[: SIDE // 2, :, 0], mask[SIDE // 2 :, :, 2] = 255, 255
    Image.fromarray(mask).save(path)


def _half(path: Path, *, upper: bool) -> None:
    """Draw a grey mask of one half."""
    mask = np.zeros((SIDE, SIDE + 16), np.uint8)
    mask[: SIDE // 2] = 255
    Image.fromarray(mask if upper else 255 - mask).save(path)
