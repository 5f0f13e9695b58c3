"""The content term of methods that compare features of the picture with the photograph's."""

import torch
from torch import Tensor

from impasto import guides
from impasto.losses import NORMALIZATIONS, Content
from impasto.losses.normalization import power
from impasto.methods.base import Method
from impasto.optim.pyramid import Level


class WithContent(Method):
    """A method whose content term is of features at layers of the recipe."""

    def contents(self, level: Level, tile: int | None) -> tuple[Content, ...]:
        """Build the content terms of a level, one a layer; none where there is no photograph."""
        recipe, scene = self._recipe, self._scene
        if scene.content is None:
            return ()
        normal = NORMALIZATIONS[recipe.normalization]
        ratio = self._pixels / (level.size[0] * level.size[1])
        maps = scene.maps(level)
        weights = None
        if scene.regions is not None and maps is not None and recipe.region_content_weights:
            region_weights = [recipe.region_content_weights.get(name, 1.0) for name in scene.regions.names]
            weights = torch.tensor(region_weights)
        protected, protecting = scene.protected(level), recipe.layers_of_protection
        terms = []
        for layer, (features, squares) in self._content_targets(level, tile).items():
            weight, more = recipe.layers_of_content[layer], protecting.get(layer, 0.0)
            if more and not weight and protected is None:
                # A layer that only faces would be compared at, of a picture in which none is seen.
                continue
            base = weight or more or 1.0
            channels, positions = self._encoder.channels[layer], round(features[0, 0].numel() * ratio)
            factor = recipe.content_weight * base * ratio
            factor *= normal.content(channels, positions, squares * ratio)
            guide = None
            if weights is not None and maps is not None:
                at_layer = guides.propagate(maps, self._encoder.steps(layer), "simple")
                guide = torch.einsum("r,rhw->hw", weights, at_layer)
            if protected is not None:
                covered = guides.propagate(protected[None], self._encoder.steps(layer), "simple")[0]
                # The layer's own weight everywhere, and what protection adds where it is; the factor holds `base`.
                here = (weight + (recipe.protect_weight - 1) * more * covered) / base
                guide = here if guide is None else guide * here
            terms.append(Content(layer, features, factor, guide))
        return tuple(terms)

    def _content_targets(self, level: Level, tile: int | None) -> dict[str, tuple[Tensor, float]]:
        """Return what each content layer is to be, and the sum of its squares."""
        return self._content_maps(self._scene.subject(level), tile)

    def _content_maps(self, photo: Tensor, tile: int | None) -> dict[str, tuple[Tensor, float]]:
        """Return the features of each content layer, and the sum of their squares."""
        layers = self._recipe.layers_of_content
        if tile is None:
            return {
                layer: (layer_features, power(layer_features))
                for layer, layer_features in self._encode(photo, layers).items()
            }
        maps: dict[str, tuple[Tensor, float]] = {}
        # What comes out of bfloat16 convolutions loses nothing in bfloat16.
        narrow = self._encoder.precision is torch.bfloat16
        for features, windows in self._pieces(photo, layers, tile):
            for layer, layer_features in features.items():
                if layer not in maps:
                    size = (side // self._encoder.stride(layer) for side in photo.shape[2:])
                    dtype = torch.bfloat16 if narrow else layer_features.dtype
                    maps[layer] = layer_features.new_empty(1, layer_features.shape[1], *size, dtype=dtype), 0.0
                target, squares = maps[layer]
                target[(..., *windows[layer])] = layer_features
                maps[layer] = target, squares + power(layer_features)
        return maps
