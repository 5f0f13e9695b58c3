"""Several processes at one painting or one training, as `torchrun` starts them: who does what, and what they share.

All take the same steps: each evaluates some of the tiles, sums of states and of gradients go round, and what comes
back is the same in all of them to the last bit. The machines have to be alike for that, and the threads as many.
"""

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from impasto.errors import PeerError, ResourceError, UsageError
from impasto.losses.objective import LossReport, Objective
from impasto.losses.statistics import State
from impasto.optim import memory
from impasto.optim.evaluate import Encode, WholeImage
from impasto.optim.grid import Grid
from impasto.optim.tiling import Open, Tiled, differentiate

Result = TypeVar("Result")


def join_processes() -> None:
    """Join the processes that `torchrun` started with this one, and take this one's GPU where there are some.

    Raises `ResourceError` where they do not find one another.
    """
    local = int(os.environ.get("LOCAL_RANK", "0"))
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(local % torch.cuda.device_count())
    try:
        dist.init_process_group("cpu:gloo,cuda:nccl" if cuda and dist.is_nccl_available() else "gloo")
    except (RuntimeError, ValueError) as error:
        raise ResourceError(
            f"the processes of this run do not find one another ({error}); start them with torchrun"
        ) from None


def leave_processes() -> None:
    """Leave the processes that `join_processes` joined."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


def current_group() -> "Group | None":
    """Return the processes that this one is of: those of torch's own default group; None where it is alone."""
    if not dist.is_available() or not dist.is_initialized() or dist.get_world_size() < 2:
        return None
    return Group(dist.get_rank(), dist.get_world_size())


def process_count() -> int:
    """Return how many processes there are."""
    processes = current_group()
    return 1 if processes is None else processes.count


def is_first_process() -> bool:
    """Return whether this is the one process that writes files and talks."""
    processes = current_group()
    return processes is None or processes.rank == 0


@dataclass(frozen=True)
class Group:
    """The processes, and what they do together: every one of them has to call each method, in the same order.

    Methods raise `PeerError` when another process is gone.
    """

    rank: int
    count: int

    def sum(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Return the sums over all processes of `tensors`, like these; one message for all."""
        if not tensors:
            return []
        kind = tensors[0].dtype
        for tensor in tensors:
            kind = torch.promote_types(kind, tensor.dtype)
        flat = torch.cat([tensor.detach().flatten().to(kind) for tensor in tensors])
        self.add_up(flat)
        ends = [0]
        for tensor in tensors:
            ends.append(ends[-1] + tensor.numel())
        parts = [flat[begin:end] for begin, end in pairwise(ends)]
        return [part.reshape(tensor.shape).to(tensor.dtype) for part, tensor in zip(parts, tensors, strict=True)]

    def add_up(self, tensor: Tensor) -> None:
        """Replace `tensor` by its sum over all processes."""
        self._through(tensor, dist.all_reduce)

    def copy(self, tensor: Tensor) -> None:
        """Replace `tensor` by that of the first process."""
        self._through(tensor, lambda sent: dist.broadcast(sent, 0))

    def sum_numbers(self, values: Sequence[float]) -> list[float]:
        """Return the sums over all processes of some numbers."""
        total: list[float] = self.sum([torch.tensor(values, dtype=torch.float64)])[0].tolist()
        return total

    def of_first(self, values: Sequence[int]) -> list[int]:
        """Return the whole numbers of the first process."""
        sent = torch.tensor(values, dtype=torch.int64)
        self.copy(sent)
        values_of_first: list[int] = sent.tolist()
        return values_of_first

    def maximum(self, value: float) -> float:
        """Return the largest of the processes' numbers."""
        sent = torch.tensor(value, dtype=torch.float64)
        self._through(sent, lambda tensor: dist.all_reduce(tensor, dist.ReduceOp.MAX))
        return float(sent)

    def run_on_all(self, do: Callable[[], Result]) -> Result:
        """Return what `do` returns here; raise `MemoryError` in all processes where memory runs out in one of them.

        The others would otherwise wait for its part.
        """
        results: list[Result] = []
        why = "memory ran out in another process"
        try:
            results.append(do())
        except (MemoryError, RuntimeError) as error:
            if not memory.is_out_of_memory(error):
                raise
            why = str(error)
        if self.maximum(not results):
            raise MemoryError(why)
        return results[0]

    def _through(self, tensor: Tensor, message: Callable[[Tensor], object]) -> None:
        """Send `tensor`, in a place from which it can be sent, and put what comes back in its place."""
        device = {"nccl": "cuda", "gloo": "cpu"}.get(dist.get_backend(), "cuda" if tensor.is_cuda else "cpu")
        sent = tensor.to(device).contiguous()
        try:
            message(sent)
        except RuntimeError as error:
            if memory.is_out_of_memory(error):
                raise
            raise PeerError("another process of this run has ended; see what it said") from error
        if sent is not tensor:
            tensor.copy_(sent)


def device_of_process(device: torch.device) -> torch.device:
    """Return `device` where each of the processes can have one of its own.

    Raises `UsageError` where one GPU is named for all, `ResourceError` where there are fewer than processes.
    """
    if process_count() > 1 and device.type == "cuda":
        if device != torch.device("cuda"):
            raise UsageError(f"device '{device}': each process takes a GPU of its own; use --device cuda")
        processes, gpus = processes_on_this_machine(), torch.cuda.device_count()
        if processes > gpus:
            raise ResourceError(
                f"{processes} processes were started for {gpus} GPUs; use torchrun --nproc-per-node {gpus}, "
                "or --device cpu"
            )
    return device


def processes_on_this_machine() -> int:
    """Return how many of the processes share this machine's memory."""
    return max(1, min(process_count(), int(os.environ.get("LOCAL_WORLD_SIZE", "0")) or process_count()))


def minimum(value: int | None) -> int | None:
    """Return the smallest of the processes' numbers; None where no process knows one."""
    processes = current_group()
    if processes is None:
        return value
    lowest = -processes.maximum(-math.inf if value is None else -value)
    return None if math.isinf(lowest) else int(lowest)


def maximum(value: int) -> int:
    """Return the largest of the processes' numbers."""
    processes = current_group()
    return value if processes is None else int(processes.maximum(value))


def run_on_all(do: Callable[[], Result]) -> Result:
    """Return what `do` returns here; raise `MemoryError` in all processes where memory runs out in one of them."""
    processes = current_group()
    return do() if processes is None else processes.run_on_all(do)


def tiled_evaluator(encode: Encode, objective: Objective, grid: Grid) -> Tiled:
    """Return what evaluates a picture in tiles, here or by all processes. Raises `NotTileableError` as `Tiled` does."""
    processes = current_group()
    return Tiled(encode, objective, grid) if processes is None else ParallelTiled(encode, objective, grid, processes)


class ParallelTiled(Tiled):
    """Evaluate the picture in tiles, each process some of them; all get what `Tiled` answers, and all the same bits.

    A process without a tile adds nothing to the sums. A single tile is evaluated by the first process.
    """

    def __init__(self, encode: Encode, objective: Objective, grid: Grid, group: Group) -> None:
        super().__init__(encode, objective, grid)
        self._group = group
        self._tiles = grid.tiles[group.rank :: group.count]

    def __call__(self, image: Tensor) -> tuple[LossReport, Tensor]:
        """Return the report and the gradient of `image` (1, 3, H, W), which is the same in all processes."""
        self._check(image)
        image, group, objective = image.detach(), self._group, self._objective
        gradient = torch.zeros_like(image, memory_format=torch.contiguous_format)
        if len(self.grid.tiles) == 1:
            return self._whole(image, gradient)
        states, opened = group.run_on_all(lambda: self._first_pass(image))
        summed = group.sum([tensor for state in states for tensor in (state.sums, state.total)])
        states = [State(*pair) for pair in zip(summed[::2], summed[1::2], strict=True)]
        pooled, slopes = differentiate(objective, states, image.dtype)
        contents, pixels = group.run_on_all(lambda: self._second_pass(image, gradient, slopes, opened))
        if group.rank:
            # Of what all know, one says it.
            pooled = [0.0] * len(pooled)
        group.add_up(gradient)
        return objective.report(group.sum_numbers([*contents, *pooled, *pixels])), gradient

    def _whole(self, image: Tensor, gradient: Tensor) -> tuple[LossReport, Tensor]:
        names = tuple(dict.fromkeys(self._objective.names))
        values = [0.0] * (1 + len(names))

        def evaluate_whole() -> None:
            if self._group.rank == 0:
                report, whole_gradient = WholeImage(self._encode, self._objective)(image)
                gradient.copy_(whole_gradient)
                values[:] = [report.total, *(report.terms[name] for name in names)]

        self._group.run_on_all(evaluate_whole)
        self._group.add_up(gradient)
        total, *terms = self._group.sum_numbers(values)
        return LossReport(total, dict(zip(names, terms, strict=True))), gradient

    def _first_pass(self, image: Tensor) -> tuple[list[State], list[Open]]:
        return super()._first_pass(image) if self._tiles else (self._nothing(image), [])

    @torch.no_grad()
    def _nothing(self, image: Tensor) -> list[State]:
        """Return states of the right shapes that add nothing; a few pixels tell these."""
        side = max(self.grid.strides.values(), default=1)
        features = self._encode(image[..., :side, :side], self._pooled) if self._pooled else {}
        states = [style.statistic.measure(features[style.layer]) for style in self._objective.styles]
        return [State(torch.zeros_like(state.sums), torch.zeros_like(state.total)) for state in states]
