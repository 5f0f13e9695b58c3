"""One painting from the command line: prepare and check, paint and watch, save and report."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch

from impasto import images
from impasto.cli import maskfiles
from impasto.cli.checkpoints import Keeper
from impasto.cli.outputs import Outputs
from impasto.cli.plot import PARTS
from impasto.cli.session import Session, write_out
from impasto.cli.sources import Chosen, differences
from impasto.errors import OutputError, ResourceError, UsageError
from impasto.events import Progress, notice
from impasto.guides import Regions
from impasto.images import Picture
from impasto.optim.planner import Tiling
from impasto.reading import result_size
from impasto.result import Result
from impasto.stylizer import Stylizer


@dataclass(frozen=True)
class Masks:
    """The files that say where, by name."""

    content: str | None = None
    styles: list[str] = field(default_factory=list)
    regions: list[str] = field(default_factory=list)
    """NAME=CONTENT:STYLE."""


@dataclass(frozen=True)
class Inputs:
    """The pictures that a painting needs, by name, and how they may be read."""

    content: str | None
    """None: a texture."""
    styles: list[str]
    chosen: Chosen
    masks: Masks = Masks()
    recipe: str | None = None
    max_pixels: int | None = None
    allow_truncated: bool = False
    tile: Tiling = "auto"
    memory: int | None = None
    device: str = "auto"
    found: Mapping[str, str] = field(default_factory=dict)
    """Where files are that are not where their names say: a painting is gone on with from another folder."""
    digests: dict[str, str] = field(default_factory=dict, compare=False)
    """sha256 of each file that was read, by name."""

    @property
    def files(self) -> list[str | Path]:
        """Every file that is read, none of which an output may replace by accident."""
        chosen = self.chosen
        named = [self.content, *self.styles, chosen.init, self.recipe, chosen.encoder]
        named += maskfiles.files(self.masks.content, self.masks.styles, self.masks.regions)
        return [name for name in named if name is not None and name != "-"]

    def load(self) -> tuple[Picture | None, list[Picture], Picture | None, Regions | None]:
        """Read them, before any weights: content, styles, start, regions."""
        if [self.content, *self.styles, self.chosen.init].count("-") > 1:
            raise UsageError("only one picture can come from standard input; name a file for the others")
        limit = images.DEFAULT_MAX_PIXELS if self.max_pixels is None else self.max_pixels
        read = partial(images.load, max_pixels=limit, allow_truncated=self.allow_truncated)

        def load(name: str) -> Picture:
            # A path object for a file: only the very word `-` is standard input.
            picture = read(name if name == "-" else Path(self.found.get(name, name)))
            self.digests[name] = picture.sha256
            return picture

        content = None if self.content is None else load(self.content)
        styles = [load(name) for name in self.styles]
        init = None if self.chosen.init is None else load(self.chosen.init)
        masks = self.masks
        regions = maskfiles.read(
            masks.content,
            masks.styles,
            masks.regions,
            styles=len(styles),
            count=self.chosen.recipe.regions,
            load=load,
        )
        return content, styles, init, regions


def prepare(inputs: Inputs, outputs: Outputs | None, *, check: bool = True) -> Stylizer:
    """Read the inputs, check the outputs, and build the encoder, in this order: the quickest refusal first.

    Without `check`, outputs are only looked at where that leaves nothing behind (no folder is made).
    """
    content, styles, init, regions = inputs.load()
    recipe = inputs.chosen.recipe
    if outputs is not None and (check or Path(outputs.output).parent.is_dir()):
        outputs.check(result_size(content, recipe), recipe.iterations, inputs.files)
    stylizer = Stylizer(
        content,
        styles,
        recipe,
        encoder=inputs.chosen.encoder,
        init_image=init,
        regions=regions,
        tile=inputs.tile,
        memory=inputs.memory,
        device=inputs.device,
    )
    digests = [] if content is None else [("content", content.sha256)]
    digests += [("style", style.sha256) for style in styles]
    if init is not None:
        digests.append(("init", init.sha256))
    digests += [] if regions is None else regions.digests
    for note in differences(inputs.chosen.recorded, digests, stylizer.encoder.sha256):
        notice(note)
    return stylizer


def paint(stylizer: Stylizer, outputs: Outputs, session: Session, keeper: Keeper, *, as_json: bool) -> int:
    """Paint and save; give the exit status, which is that of a signal when one stopped it early."""
    began = time.monotonic()
    total = sum(level.steps for level in stylizer.levels)
    # From here on Ctrl-C means: enough, keep what there is.
    with session.stop.gently():
        trouble = _steps(stylizer, outputs, session, keeper)
        result = stylizer.result()
        _save(result, outputs, keeper)
        outputs.draw(result)
        taken = len(result.history)
        if trouble is not None:
            going_on = f", or impasto resume {keeper.path} --force --tile 512" if keeper.begun else ""
            raise ResourceError(
                f"not enough memory at step {taken + 1} of {total}; saved {outputs.output} so far; use a smaller "
                f"--size{going_on}"
            )
        stopped = session.stop.asked is not None
        kept = keeper.stop(stylizer, outputs.output) if stopped and not result.finished else keeper.done()
        if stopped:
            notice(f"stopped at step {taken} of {total}; saved {outputs.output}{kept}")
        elif outputs.output != "-":
            height, width = result.picture.size
            session.terminal.say(f"saved {outputs.output}, {width}x{height} px, {time.monotonic() - began:.1f} s")
        if as_json:
            write_out(json.dumps(_report(stylizer, outputs, time.monotonic() - began), sort_keys=True))
    return session.stop.exit_code


def _save(result: Result, outputs: Outputs, keeper: Keeper) -> None:
    """Save the painting; on a disk that is full, after older checkpoints made room."""
    try:
        outputs.save(result)
    except OutputError as error:
        keeper.make_room()
        try:
            outputs.save(result)
        except OutputError:
            if not keeper.begun:
                raise error from None
            raise OutputError(f"{error}; impasto resume {keeper.path} goes on from the last checkpoint") from None


def _steps(stylizer: Stylizer, outputs: Outputs, session: Session, keeper: Keeper) -> Exception | None:
    """Take the steps; give the error when memory ran out on the way, with steps worth keeping behind it."""
    progress: Progress | None = None
    terminal = session.terminal
    try:
        with terminal.meter() as meter:
            for progress in stylizer:
                if progress.total_step == 1:
                    terminal.say(f"start: {_losses(progress.losses)}")
                meter.painting(progress)
                outputs.show(stylizer, progress)
                outputs.snapshot(stylizer, progress.total_step)
                keeper.keep(stylizer, progress)
                if session.stop.asked is not None:
                    break
    except (MemoryError, RuntimeError) as error:
        if progress is None or not _is_memory(error):
            raise
        return error
    if progress is not None:
        outputs.show(stylizer, progress, last=True)
        terminal.say(f"end:   {_losses(progress.losses)}")
    return None


def _is_memory(error: Exception) -> bool:
    # torch tells of memory in words: its CPU allocator raises a plain RuntimeError.
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)


def plan(stylizer: Stylizer, *, as_json: bool) -> str:
    """Describe what would be painted."""
    recipe, (height, width) = stylizer.recipe, stylizer.size
    levels = [
        {"width": at.size[1], "height": at.size[0], "steps": at.steps, "tiles": len(how.grid.tiles)}
        for at, how in zip(stylizer.levels, stylizer.plans, strict=True)
    ]
    seconds, device = stylizer.seconds(), str(stylizer.resources.device)
    if as_json:
        document = {
            "encoder": {"name": stylizer.encoder.name, "sha256": stylizer.encoder.sha256},
            "device": device,
            "levels": levels,
            "memory_bytes": stylizer.memory_bytes,
            "precision": recipe.precision,
            "recipe": recipe.model_dump(mode="json"),
            "seconds": round(seconds, 1),
            "size": {"width": width, "height": height},
            "tile": stylizer.plans[-1].tile,
        }
        return json.dumps(document, sort_keys=True)
    lines = [f"result     {width}x{height} px"]
    for number, at in enumerate(levels, 1):
        tiles = f", {at['tiles']} tiles" if at["tiles"] > 1 else ""
        lines.append(f"level {number}    {at['width']}x{at['height']} px, {at['steps']} steps{tiles}")
    lines += [f"encoder    {stylizer.encoder.name}", f"precision  {recipe.precision}", f"device     {device}"]
    lines += [f"memory     about {stylizer.memory_bytes / 2**30:.2f} GiB", f"time       about {_spoken(seconds)}"]
    lines.append(f"recipe     {recipe.to_json()}")
    return "\n".join(lines)


def _spoken(seconds: float) -> str:
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def _report(stylizer: Stylizer, outputs: Outputs, seconds: float) -> dict[str, Any]:
    result = stylizer.result()
    height, width = result.picture.size
    history = result.history
    return {
        "encoder": {"name": stylizer.encoder.name, "sha256": stylizer.encoder.sha256},
        "finished": result.finished,
        "losses": {"start": _parts(history[0]), "end": _parts(history[-1])} if history else None,
        "output": outputs.output,
        "recipe": result.recipe.model_dump(mode="json"),
        "seconds": round(seconds, 3),
        "seed": result.recipe.seed,
        "size": {"width": width, "height": height},
        "steps": len(history),
    }


def _parts(record: Mapping[str, Any]) -> dict[str, float]:
    return {key: float(record[key]) for key in ("loss", *PARTS) if key in record}


def _losses(losses: Mapping[str, float]) -> str:
    return "  ".join(f"{part} {losses[part]:.3g}" for part in PARTS if part in losses)
