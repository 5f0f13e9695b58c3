"""One of three processes that judge pictures together; `test_parallel_tiles` starts them and compares them."""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file
from torch import Tensor

from impasto.encoders import Vgg
from impasto.errors import PeerError
from impasto.losses import Objective
from impasto.optim import parallel
from impasto.optim.evaluate import Encode
from impasto.optim.grid import Grid
from impasto.weights import CAFFE
from tests.optim.test_tiling import grid, objective, painting

Case = tuple[Encode, Objective, Grid, tuple[int, int]]


def cases(tensors: Mapping[str, Tensor]) -> dict[str, Case]:
    """What is judged: encoder, objective, tiles and the picture's size, by name."""
    widths = {block: tensors[f"conv{block}_1.bias"].numel() for block in range(1, 6)}

    def tiny(padding: str = "reflect") -> Vgg:
        return Vgg(tensors, CAFFE, padding=padding, channels=widths)

    found: dict[str, Case] = {}

    def add(name: str, encode: Encode, judge: Objective, size: tuple[int, int], tile: int, wrap: bool = False) -> None:
        found[name] = encode, judge, grid(judge, size, tile, wrap=wrap), size

    size = (64, 80)
    full = objective(tiny(), size, statistics=("gram", "mean_std", "covariance"), regions=2)
    add("many tiles", tiny(), full, size, 40)
    add("a process without a tile", tiny(), full, size, 66)
    add("one tile", tiny(), objective(tiny(), size, statistics=("gram", "sliced_wasserstein")), size, 4096)
    add("no style", tiny(), Objective(full.contents, (), full.pixels), size, 66)
    add("style alone", tiny(), Objective((), full.styles), size, 66)
    repeats = objective(tiny("circular"), size, wrap=True)
    add("repeats", tiny("circular"), repeats, size, 48, wrap=True)
    pixels = Objective(pixels=full.pixels)
    found["pixels alone"] = tiny(), pixels, Grid(size, tile=40, reach=0, strides={}), size
    return found


def failing(encode: Encode, when: Callable[[bool], bool]) -> Encode:
    def short(image: Tensor, layers: Iterable[str]) -> Mapping[str, Tensor]:
        if when(image.requires_grad):
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return encode(image, layers)

    return short


def main(folder: Path, rank: int, count: int) -> None:
    """Judge all cases, try what can go wrong, and write what was found."""
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=count, timeout=timedelta(seconds=60)
    )
    group = parallel.current_group()
    if group is None:
        raise RuntimeError("no group")
    gradients, said = {}, dict[str, Any](chief=parallel.is_first_process(), count=parallel.process_count(), reports={})
    several = cases(load_file(folder / "encoder.safetensors"))
    for name, (encode, judge, cut, size) in several.items():
        report, gradients[name] = parallel.tiled_evaluator(encode, judge, cut)(painting(size))
        said["reports"][name] = [report.total, report.terms]

    mixed = [torch.tensor([1.5, 2.0]), torch.full((2, 1), 10.0**rank, dtype=torch.float64), torch.tensor(rank)]
    said["sum"] = [[part.flatten().tolist(), list(part.shape), str(part.dtype)] for part in group.sum(mixed)]
    strided = torch.arange(6.0).reshape(2, 3).T * (rank + 1)
    group.add_up(strided)
    said["strided"] = strided.tolist()
    said["most"], said["least"] = parallel.maximum(rank), parallel.minimum(10 - rank)
    said["least of none"] = parallel.minimum(None)
    said["least of some"] = parallel.minimum(None if rank else 5)
    said["firsts"] = group.of_first([7 + rank, 2**40 - rank])
    copied = torch.full((2,), float(rank))
    group.copy(copied)
    said["copied"] = copied.tolist()

    encode, judge, cut, size = several["many tiles"]
    said["short"] = []
    for when in (lambda graph: rank == 1 and not graph, lambda graph: rank == 2 and graph):
        try:
            parallel.tiled_evaluator(failing(encode, when), judge, cut)(painting(size))
        except MemoryError as error:
            said["short"].append(str(error))
    try:
        group.run_on_all(lambda: [][rank])
    except IndexError:
        said["another error"] = "IndexError"
    # All go on from the same place after that.
    said["after"] = parallel.maximum(rank)

    save_file(gradients, folder / f"{rank}.safetensors")
    if rank == count - 1:
        (folder / f"{rank}.json").write_text(json.dumps(said))
        os._exit(0)
    try:
        group.maximum(1)
    except PeerError as error:
        said["lost"] = str(error)
    (folder / f"{rank}.json").write_text(json.dumps(said))
    # The others are gone, or going.
    os._exit(0)
