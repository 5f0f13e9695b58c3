"""One painting from the command line: prepare and check, paint and watch, save and report."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from impasto.cli.checkpoints import CheckpointWriter
from impasto.cli.outputs import Outputs
from impasto.cli.paint_inputs import InputFiles
from impasto.cli.plot import PARTS
from impasto.cli.session import Session, write_out
from impasto.cli.sources import differences
from impasto.errors import OutputError, PeerError, ResourceError
from impasto.events import Progress, notice
from impasto.feedforward.any_style import TEXTURE_PASSES
from impasto.optim import memory, parallel
from impasto.optim.resources import Resources
from impasto.painting.api import begin_with
from impasto.recipe import STYLE_LAYERS, Recipe
from impasto.recipe.catalogue import ENCODERS, METHODS
from impasto.result import Result
from impasto.scene.painting import Painting
from impasto.scene.resolve import result_size


def prepare(files: InputFiles, outputs: Outputs | None, *, check: bool = True) -> Painting:
    """Read the inputs, check the outputs, and load the networks, in this order: the quickest refusal first.

    Without `check`, outputs are only looked at where that leaves nothing behind (no folder is made).
    """
    inputs, chosen = files.load(), files.chosen
    recipe = chosen.recipe
    if outputs is not None and (check or Path(outputs.output).parent.is_dir()):
        size = result_size(inputs.content, recipe, inputs.regions)
        outputs.check(size, _most(recipe), files.files)
    painting = begin_with(
        inputs,
        recipe,
        encoder=chosen.encoder,
        network=chosen.network,
        resources=Resources.choose(files.device, files.tile, files.memory),
    )
    digests = [(record["role"], record["sha256"]) for record in painting.scene.inputs()]
    for note in differences(chosen.recorded, digests, [record["sha256"] for record in painting.weights]):
        notice(note)
    return painting


def _encoder(painting: Painting) -> dict[str, str] | None:
    """Return name and sha256 of the encoder; None where a network paints without one."""
    encoder = painting.encoder
    return None if encoder is None else {"name": encoder.name, "sha256": encoder.sha256}


def _most(recipe: Recipe) -> int:
    """Return an upper bound on the number of steps."""
    if not METHODS[recipe.method].feed_forward:
        return recipe.steps
    return len(STYLE_LAYERS) * max(recipe.passes, TEXTURE_PASSES) + recipe.refine


def paint(stylizer: Painting, outputs: Outputs, session: Session, writer: CheckpointWriter, *, as_json: bool) -> int:
    """Paint and save; return the exit status, which is that of a signal when one stopped it early."""
    began = time.monotonic()
    # From here on Ctrl-C means: enough, keep what there is.
    with session.stop.gently():
        trouble, signum = _steps(stylizer, outputs, session, writer)
        if not parallel.is_first_process():
            if trouble is not None:
                raise ResourceError(str(trouble))
            return 128 + signum if signum else 0
        result = stylizer.result()
        _save(result, outputs, writer)
        outputs.draw(result)
        outputs.leave(stylizer, result)
        if isinstance(trouble, PeerError):
            going_on = f"; impasto resume {writer.path} --force goes on" if writer.begun else ""
            raise PeerError(f"{trouble}; saved {outputs.output} so far{going_on}")
        if trouble is not None:
            going_on = f", or impasto resume {writer.path} --force --tile 512" if writer.begun else ""
            raise ResourceError(
                f"not enough memory at step {stylizer.taken + 1} of {stylizer.steps}; saved {outputs.output} so far; "
                f"use a smaller --size{going_on}"
            )
        signum = signum or session.stop.asked or 0
        stopped = signum != 0
        kept = writer.stop(stylizer, outputs.output) if stopped and not result.finished else writer.done()
        if stopped:
            notice(f"stopped at step {stylizer.taken} of {stylizer.steps}; saved {outputs.output}{kept}")
        elif outputs.output != "-":
            height, width = result.picture.size
            session.terminal.say(f"saved {outputs.output}, {width}x{height} px, {time.monotonic() - began:.1f} s")
        if as_json:
            write_out(json.dumps(_report(stylizer, outputs, time.monotonic() - began), sort_keys=True))
    return 128 + signum if signum else 0


def _save(result: Result, outputs: Outputs, writer: CheckpointWriter) -> None:
    """Save the painting; on a disk that is full, after older checkpoints made room."""
    try:
        outputs.save(result)
    except OutputError as error:
        writer.make_room()
        try:
            outputs.save(result)
        except OutputError:
            if writer.begun:
                raise OutputError(f"{error}; impasto resume {writer.path} goes on from the last checkpoint") from None
            rescued = None if outputs.output == "-" else outputs.rescue(result)
            raise OutputError(f"{error}; saved {rescued} instead" if rescued else str(error)) from None


def _steps(
    stylizer: Painting, outputs: Outputs, session: Session, writer: CheckpointWriter
) -> tuple[Exception | None, int]:
    """Take the steps; return the error that ended them with steps worth keeping, and the signal that did, or 0.

    The error is that memory ran out, or that another process did.
    """
    progress: Progress | None = None
    terminal, chief, signum, judged = session.terminal, parallel.is_first_process(), 0, False
    try:
        with terminal.meter() as meter:
            for progress in stylizer:
                if progress.losses and not judged:
                    judged = True
                    terminal.say(f"start: {_losses(progress.losses)}")
                meter.painting(progress)
                if chief:
                    outputs.show(stylizer, progress)
                    outputs.snapshot(stylizer, progress.total_step)
                    if judged:
                        writer.keep(stylizer, progress)
                # All processes stop after the same step.
                if signum := parallel.maximum(session.stop.asked or 0):
                    break
    except (MemoryError, RuntimeError, PeerError) as error:
        _end_without_steps(error, begun=progress is not None)
        return error, 0
    if progress is not None:
        if chief:
            outputs.show(stylizer, progress, last=True)
        if judged:
            terminal.say(f"end:   {_losses(progress.losses)}")
    return None, signum


def _end_without_steps(error: Exception, *, begun: bool) -> None:
    """Raise what an `error` means where no step is worth keeping for it; return where the painting has `begun`."""
    other = isinstance(error, PeerError)
    if not other and not memory.is_out_of_memory(error):
        raise error
    if not begun and other:
        raise error
    if not begun:
        raise ResourceError("not enough memory for the first step; use --tile 512 or a smaller --size") from error


def plan(stylizer: Painting, *, as_json: bool) -> str:
    """Describe what would be painted."""
    recipe, (height, width) = stylizer.recipe, stylizer.size
    levels, tile = stylizer.schedule, stylizer.tile
    seconds, device = stylizer.seconds(), str(stylizer.resources.device)
    if as_json:
        document = {
            "encoder": _encoder(stylizer),
            "device": device,
            "levels": [
                {
                    "width": level.size[1],
                    "height": level.size[0],
                    "steps": level.steps,
                    "tiles": level.tiles,
                    "surrogate": level.surrogate,
                }
                for level in levels
            ],
            "memory_bytes": stylizer.memory_bytes,
            "method": recipe.method,
            "networks": [record for record in stylizer.weights if record["name"] not in ENCODERS],
            "precision": recipe.precision,
            "recipe": recipe.model_dump(mode="json"),
            "seconds": round(seconds, 1),
            "size": {"width": width, "height": height},
            "tile": tile,
        }
        return json.dumps(document, sort_keys=True)
    lines = [f"result     {width}x{height} px"]
    for number, level in enumerate(levels, 1):
        tiles = f", {level.tiles} tiles" if level.tiles > 1 else ""
        encoder = " with petite" if level.surrogate else ""
        lines.append(f"level {number}    {level.size[1]}x{level.size[0]} px, {level.steps} steps{encoder}{tiles}")
    if recipe.method != "gatys":
        lines.append(f"method     {recipe.method}{f', in tiles of {tile} px' if tile and not levels else ''}")
    for record in stylizer.weights:
        lines.append(f"{'encoder ' if record['name'] in ENCODERS else 'network '}   {record['name']}")
    lines += [f"precision  {recipe.precision}", f"device     {device}"]
    lines += [f"memory     about {stylizer.memory_bytes / 2**30:.2f} GiB", f"time       about {_spoken(seconds)}"]
    lines.append(f"recipe     {recipe.to_json()}")
    return "\n".join(lines)


def _spoken(seconds: float) -> str:
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def _report(stylizer: Painting, outputs: Outputs, seconds: float) -> dict[str, Any]:
    result = stylizer.result()
    height, width = result.picture.size
    history = result.history
    judged = bool(history) and "loss" in history[0]
    return {
        "encoder": _encoder(stylizer),
        "finished": result.finished,
        "losses": {"start": _parts(history[0]), "end": _parts(history[-1])} if judged else None,
        "method": result.recipe.method,
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
