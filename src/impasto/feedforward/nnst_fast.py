"""`nnst_fast` (Kolkin et al. 2022): each neuron takes its nearest neighbour in the paintings."""

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.feedforward.rearranged import LAYERS, Rearranged, overlay
from impasto.losses import PatchBank, PatchSource
from impasto.nets.transforms import Moments

STEADY = 0.75
"""Fraction of the photograph's features in those that neighbours are searched for, beside those of the picture so far.
Chosen by eye."""
MARGIN = 2
"""Neurons of relu2_1 around what a neuron of relu3_1 stands for, which are laid down with it: with one, plain areas,
where one thing is found again and again, look woven."""


class NnstFast(Rearranged):
    """A painting with `nnst_fast` (Kolkin et al. 2022): each neuron takes its nearest neighbour in the paintings.

    Alike are two neurons with all they see, at `LAYERS` on one grid, each side centred by its own mean. At the
    shallowest layer, what was found at the one before is laid down with a margin that overlaps. Departures: how often a
    neuron may be taken is bounded (`SHARES`); progressive decoders in place of one that was trained for this, so the
    picture is looked at anew at each of two layers, which takes the place of the paper's pyramid; the paper's colours
    are `color luminance` or `match` here.
    """

    _matchings = 2

    @property
    def _bytes_of_bank(self) -> float:
        return 12 * self._matching_of("relu3_1")[0] / self.encoder.stride("relu3_1") ** 2 + 100

    def _matching_of(self, layer: str) -> tuple[int, int]:
        return sum(int(self.encoder.tensors[f"conv{name[4:]}.weight"].shape[0]) for name in LAYERS), 1

    def _once(self, image: Tensor, photo: Tensor, layer: str) -> Tensor:
        own = self._encode(image, layer)
        if layer == LAYERS[-1]:
            painted = self._overlaid(layer, (own.shape[2], own.shape[3]))
        else:
            painted = self._replaced(image, photo, layer)
        return self._decoded(image, own, painted, self.recipe.alpha, layer, False)

    def _replaced(self, image: Tensor, photo: Tensor, layer: str) -> Tensor:
        """Return the paintings' neurons (C, h, w) nearest to these."""
        cut = self._cut(layer, 1)
        parts = [
            (self._columns(painted.pixels, layer), painted, labels)
            for painted, labels in self._style_copies.paintings(self.level)
        ]
        moments = {
            name: [self._measured(columns[name], painted, layer) for columns, painted, _ in parts] for name in LAYERS
        }
        totals = {name: sum(parts_moments[1:], parts_moments[0]) for name, parts_moments in moments.items()}
        sources = []
        for columns, painted, labels in parts:
            centered = torch.cat([_centered(columns[name][0], totals[name])[0] for name in LAYERS])
            sources.append(self._source(centered, painted, labels, layer, cut))
        del parts
        bank = PatchBank(sources, size=cut[0], stride=cut[1], precision=self._products)
        query = self._query(photo, layer)
        if image is not photo:
            query = torch.lerp(self._query(image, layer), query, STEADY)
        self._matches = self._matched(bank, query, layer)
        total, count, _ = bank.vote(self._matches, (query.shape[1], query.shape[2]))
        begin = sum(totals[name].mean.numel() for name in LAYERS[: LAYERS.index(layer)])
        _, mean, scale = _centered(torch.zeros(1, 1, 1, device=query.device), totals[layer])
        return (total / count)[begin : begin + len(mean)] * scale + mean

    def _query(self, image: Tensor, layer: str) -> Tensor:
        columns = self._columns(image, layer)
        return torch.cat([_centered(features[0], Moments.measure(features))[0] for features in columns.values()])

    def _columns(self, image: Tensor, at: str) -> dict[str, Tensor]:
        """Return the features of a picture at all layers, (1, C, h, w) each, on the grid of the layer `at`."""
        features = {name: self._encode(image, name) for name in LAYERS}
        size = features[at].shape[2], features[at].shape[3]
        for name, maps in features.items():
            if maps.shape[2] > size[0]:
                features[name] = F.adaptive_avg_pool2d(maps, size)
            elif name != at:
                features[name] = F.interpolate(maps, size, mode="bilinear", align_corners=False)
        return features

    def _overlaid(self, layer: str, size: tuple[int, int]) -> Tensor:
        """Lay what was found at the layer before out of this layer's features, (C, h, w)."""
        _, stride = self._cut(LAYERS[-2], 1)
        sources = []
        for painted, _ in self._style_copies.paintings(self.level):
            features = self._encode(painted.pixels, layer)
            # As many whole neurons as the layer before has.
            height, width = (side // 2 * 2 for side in features.shape[2:])
            sources.append(PatchSource(F.pad(features[..., :height, :width], (MARGIN,) * 4, mode="replicate")[0]))
        bank = PatchBank(sources, size=2 * stride + 2 * MARGIN, stride=2 * stride)
        laid = overlay(bank, self._matches, (size[0] + 2 * MARGIN, size[1] + 2 * MARGIN))
        return laid[:, MARGIN:-MARGIN, MARGIN:-MARGIN]


def _centered(features: Tensor, moments: Moments) -> tuple[Tensor, Tensor, Tensor]:
    """Return features (C, h, w) less their mean, over the length that all channels have together; and both."""
    mean = moments.mean.float()[:, None, None]
    scale = moments.deviation.square().sum().sqrt().float().expand(len(mean))[:, None, None]
    return (features - mean) / scale, mean, scale
