"""The exact tiled evaluator: loss and gradient of the whole picture, in memory that a tile sets.

A tile is encoded with a halo of all that its neurons see, so its own neurons come out as those of the whole picture,
and a pooled term needs but two passes (the idea of Galerne et al. 2024). The first sums the tiles' States, which add.
The pooled losses are then differentiated with respect to these sums, S: with G = dL/dS, the loss has the same gradient
as the sum over tiles of <G, State of the tile>, which the second pass takes tile by tile.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from impasto.errors import NotTileableError
from impasto.losses.objective import LossReport, Objective, Window
from impasto.losses.statistics import State, SumStatistic
from impasto.losses.terms import Anchor, TotalVariation
from impasto.optim.evaluate import Encode, WholeImage
from impasto.optim.grid import Grid, Tile
from impasto.optim.memory import trim


def pieces(
    encode: Encode, image: Tensor, layers: Iterable[str], grid: Grid
) -> Iterator[tuple[dict[str, Tensor], dict[str, Window]]]:
    """Return the features of `image` (1, 3, H, W) tile by tile, without a graph.

    Each time a tile's own neurons and their windows in the layers' maps of the whole picture: all tiles together are
    the maps, each neuron once. Statistics of pictures that do not fit are summed over these.
    """
    layers = tuple(layers)
    for tile in grid.tiles:
        yield _piece(encode, image, layers, grid, tile), grid.windows(tile)
        trim()


@torch.no_grad()
def _piece(encode: Encode, image: Tensor, layers: Iterable[str], grid: Grid, tile: Tile) -> dict[str, Tensor]:
    return grid.own(tile, encode(tile.cut(image), layers))


@dataclass(frozen=True)
class Open:
    """A tile with its graph: its pixels, the states of its own neurons, and its part of the content losses."""

    leaf: Tensor
    states: list[State]
    contents: list[Tensor]


class Tiled:
    """Evaluate the picture in tiles: what `WholeImage` answers, for some 4/3 of its work times `grid.overhead`.

    Beside the picture and its gradient, memory is that of one tile and of what the objective itself holds: content
    targets and guides. These are moved to the picture's device and type tile by tile, so they may be kept elsewhere, or
    narrower. A single tile is evaluated by `WholeImage`.

    Raises `NotTileableError` for more tiles than one where a statistic sorts all positions at once, or patches are
    matched.
    """

    def __init__(self, encode: Encode, objective: Objective, grid: Grid) -> None:
        self.grid = grid
        self._encode, self._objective = encode, objective
        self._tiles: Sequence[Tile] = grid.tiles
        """Those that are evaluated here."""
        self._pooled = tuple(sorted({style.layer for style in objective.styles}))
        if len(grid.tiles) > 1 and (objective.patches or objective.global_terms):
            raise NotTileableError(
                "patches are matched over the whole picture at once and cannot be tiled; use --method gatys, a smaller "
                "--size, or --tile off"
            )
        for style in objective.styles:
            if len(grid.tiles) > 1 and not isinstance(style.statistic, SumStatistic):
                raise NotTileableError(
                    f"the statistic '{style.statistic.name}' needs the whole picture at once and cannot be tiled; use "
                    "--statistics gram (or mean_std, covariance), a smaller --size, or --tile off"
                )

    def __call__(self, image: Tensor) -> tuple[LossReport, Tensor]:
        """Return the report and the gradient of `image` (1, 3, H, W)."""
        self._check(image)
        if len(self.grid.tiles) == 1:
            return WholeImage(self._encode, self._objective)(image)
        image = image.detach()
        states, opened = self._first_pass(image)
        pooled, slopes = differentiate(self._objective, states, image.dtype)
        gradient = torch.zeros_like(image)
        contents, pixels = self._second_pass(image, gradient, slopes, opened)
        return self._objective.report([*contents, *pooled, *pixels]), gradient

    def _check(self, image: Tensor) -> None:
        if tuple(image.shape[-2:]) != self.grid.size:
            raise ValueError(f"a grid of {self.grid.size} does not fit a picture of {tuple(image.shape[-2:])}")

    def _first_pass(self, image: Tensor) -> tuple[list[State], list[Open]]:
        """Sum the states of the tiles; return them, and the last tile as it is open, in a list to take it out of."""
        if not self._objective.layers:
            return [], []
        *others, end = self._tiles
        states: list[State] = []
        for tile in others if self._pooled else ():
            features = _piece(self._encode, image, self._pooled, self.grid, tile)
            states = _add(states, self._objective.measure(features, self.grid.windows(tile)))
            del features
            trim()
        opened = self._open(image, end)
        return _add(states, [State(own.sums.detach(), own.total) for own in opened.states]), [opened]

    def _second_pass(
        self, image: Tensor, gradient: Tensor, slopes: Sequence[Tensor], opened: list[Open]
    ) -> tuple[list[float], list[float]]:
        """Return the values of the terms over features and over pixels, and add to the gradient."""
        contents = [0.0] * len(self._objective.contents)
        for tile in reversed(self._tiles) if self._objective.layers else ():
            # It begins with the tile that ended the first pass: that one is encoded once.
            last = opened.pop() if opened else self._open(image, tile)
            tile.add(gradient, _close(last, slopes))
            contents = [so_far + float(x.detach()) for so_far, x in zip(contents, last.contents, strict=True)]
            del last  # before the next tile is encoded
            trim()
        return contents, self._pixels(image, gradient)

    def _open(self, image: Tensor, tile: Tile) -> Open:
        leaf = tile.cut(image).requires_grad_()
        features = self.grid.own(tile, self._encode(leaf, self._objective.layers))
        windows = self.grid.windows(tile)
        contents = []
        for content in self._objective.contents:
            maps, window = features[content.layer], windows[content.layer]
            guide = None if content.guide is None else content.guide[window]
            contents.append(replace(content, target=content.target[(..., *window)].to(maps), guide=guide)(maps))
        return Open(leaf, self._objective.measure(features, windows), contents)

    def _pixels(self, image: Tensor, gradient: Tensor) -> list[float]:
        """Return the values of the terms over pixels, and add to the gradient."""
        terms = self._objective.pixels
        values = [0.0] * len(terms)
        for tile in self._tiles if terms else ():
            ends = tile.rows.stop == tile.rows.side, tile.columns.stop == tile.columns.side
            around = tile.beyond()
            leaf = around.cut(image).requires_grad_()
            own = leaf[..., :-1, :-1]
            losses = []
            for term in terms:
                if isinstance(term, TotalVariation):
                    # Beyond the picture lies its other border, where the term wraps.
                    below = None if ends[0] and not term.wrap else leaf[..., -1:, :-1]
                    beside = None if ends[1] and not term.wrap else leaf[..., :-1, -1:]
                    losses.append(term.part(own, below, beside))
                elif isinstance(term, Anchor):
                    target, weights = (around.cut(whole)[..., :-1, :-1] for whole in (term.target, term.weights))
                    losses.append(replace(term, target=target, weights=weights)(own))
                else:
                    losses.append(term(own))
            (part,) = torch.autograd.grad(torch.stack(losses).sum(), leaf)
            around.add(gradient, part)
            values = [so_far + float(x.detach()) for so_far, x in zip(values, losses, strict=True)]
        return values


def _close(opened: Open, slopes: Sequence[Tensor]) -> Tensor:
    """Return the gradient of a tile's pixels, halo included."""
    pulled = [(slope * own.sums).sum() for slope, own in zip(slopes, opened.states, strict=True)]
    losses = torch.stack([loss.to(opened.leaf.dtype) for loss in (*opened.contents, *pulled)])
    (part,) = torch.autograd.grad(losses.sum(), opened.leaf)
    return part


def _add(states: list[State], others: list[State]) -> list[State]:
    return [one + other for one, other in zip(states, others, strict=True)] if states else others


def differentiate(objective: Objective, states: list[State], dtype: torch.dtype) -> tuple[list[float], list[Tensor]]:
    """Return the values of the style terms, and their slopes with respect to the sums of the states."""
    if not states:
        return [], []
    leaves = [state.sums.requires_grad_() for state in states]
    losses = [style(state).to(dtype) for style, state in zip(objective.styles, states, strict=True)]
    stacked = torch.stack(losses)
    return stacked.detach().double().tolist(), list(torch.autograd.grad(stacked.sum(), leaves))
