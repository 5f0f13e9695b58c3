"""A network for one style within minutes: where it begins, what it is held against, and when it stops.

MetaStyle (Zhang, Zhu & Zhu 2019) begins with a network that any style is a few steps away from. Here that is the
network, of those that ship, whose pictures are nearest to the style by the objective itself. To teach a network first
what `avatar` makes of the crops was tried, and is slower: after 50 steps its objective was four times as high.
"""

from collections.abc import Generator, Iterator

from torch import Tensor

from impasto import images
from impasto.encoders import Petite
from impasto.errors import WeightsError
from impasto.events import notice
from impasto.nets import avatar, store
from impasto.nets.avatar import Avatar, matched
from impasto.recipe.shipped_networks import shipped
from impasto.training.fast_task import FastTask

STEPS = 300
RATE = 2e-3
BATCH = 2
CROP = 192
MEASURE_EVERY = 50
"""Steps between measurements on pictures that are held out, and checkpoints."""
SHEET_SECONDS = 30.0
PATIENCE = 2
"""Measurements without a gain after which a training ends."""
GAIN = 0.01
"""What counts as one, as a fraction of the objective."""
CROPS = 3
"""Batches of crops that are held out where no pictures are."""


def hold_out(task: FastTask) -> None:
    """Let `task` be measured on crops that no step sees, where it has no pictures for it."""
    if not task.held_out and task.stream is not None:
        task.held_out = [crop[None] for number in range(1, CROPS + 1) for crop in task.stream(-number)]


def begin_nearest(task: FastTask, method: str) -> str:
    """Begin with the network of `method` that ships and is nearest to the style; return its name.

    Raises `WeightsError` where none ships.
    """
    networks = {name: store.parse(file.read_bytes(), file.name)[0] for name, file in shipped(method).items()}
    if not networks:
        raise WeightsError(f"{method}: no network to begin with is in this installation; leave --quick out")

    def loss(name: str) -> float:
        task.net.load_state_dict(networks[name])
        return task.evaluate()["loss"]

    nearest = min(networks, key=loss)
    task.net.load_state_dict(networks[nearest])
    return nearest


def of_avatar(task: FastTask) -> float | None:
    """Return the objective of what `avatar` paints of the held-out pictures without training.

    None where there are no such pictures, or no network for this encoder.
    """
    encoder = Petite.embedded().to(task.device)
    networks = [(*store.parse(file.read_bytes(), file.name), file.name) for file in shipped(avatar.METHOD).values()]
    fitting = [Avatar.from_card(*network) for network in networks if network[1].encoder == encoder.sha256]
    if not fitting or not task.held_out:
        return None
    net = fitting[0].to(task.device)
    picture = task.styles[0]
    size = images.fit_size(picture.size, min(task.style_size, max(picture.size)))
    style = images.resize(picture.pixels, size).to(task.device)

    def paint(photo: Tensor) -> Tensor:
        painted: Tensor = net(*matched(encoder, photo, style))
        return painted.clamp(0, 1)

    return task.measure(paint)["loss"]


def until_flat(records: Generator[dict[str, float], None, None], beside: float | None) -> Iterator[dict[str, float]]:
    """Yield records until the held-out objective stops falling; `beside` it, that of `avatar`."""
    losses: list[float] = []
    for record in records:
        loss = record.get("held_out_loss")
        if loss is None:
            yield record
            continue
        yield record if beside is None else record | {"held_out_avatar": beside}
        losses.append(loss)
        if len(losses) > PATIENCE and min(losses[-PATIENCE:]) > (1 - GAIN) * min(losses[:-PATIENCE]):
            notice(f"no better by {GAIN:.0%} for {PATIENCE * MEASURE_EVERY} steps, so the training ends here")
            records.close()
            return
