"""The task behind `impasto train encoder`: teach a narrow network to predict VGG-19's features.

Knowledge distillation with linear maps from the narrow features to the wide ones, in the manner of
Collaborative Distillation (Wang et al. 2020, section 3.2), with relative errors so that no layer outweighs
another, and with the error of the Gram matrices, because Gram matrices are what petite is for.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from impasto.encoders.encoder import LAYERS
from impasto.encoders.petite import LIFTED
from impasto.encoders.vgg import WIDTHS, Vgg
from impasto.files import write_bytes
from impasto.training.data import PictureStream
from impasto.weights import TORCHVISION

PLAN: dict[str, int] = {"1_1": 16, "1_2": 24, "2_1": 48, "2_2": 64} | {
    layer[4:]: 96 if layer[4] == "3" else 128 for layer in LAYERS if "relu3_1" <= layer <= "relu5_1"
}
"""Channels of each convolution of petite. Convolution 1_1 and 1_2 run at full size and decide the time; the wider
blocks 2 and 3 are where a sixteenth of VGG-19 (16, 32, 64, 128, 128) loses most."""


def initial(plan: Mapping[str, int] = PLAN, seed: int = 0) -> dict[str, Tensor]:
    """Return random tensors (He et al. 2015) for a network of these channels, with its lifts."""
    random = torch.Generator().manual_seed(seed)
    tensors, channels = {}, 3
    for name, width in plan.items():
        spread = (2 / (9 * channels)) ** 0.5
        tensors[f"conv{name}.weight"] = spread * torch.randn(width, channels, 3, 3, generator=random)
        tensors[f"conv{name}.bias"] = torch.zeros(width)
        channels = width
    for layer in LIFTED:
        name = layer[4:]
        wide = WIDTHS[int(name[0])]
        tensors[f"lift{name}.weight"] = plan[name] ** -0.5 * torch.randn(wide, plan[name], generator=random)
    return tensors


class EncoderTask:
    """Predict the teacher's features and Gram matrices at the six layers petite serves.

    Losses are squared error over squared norm of the whole layer, so 1 is what a network of zeros scores.
    The student is trained on the teacher's features divided by their root mean square (per layer), which
    `export` multiplies back into the lifts.
    """

    def __init__(
        self,
        teacher: Vgg,
        stream: PictureStream,
        tensors: Mapping[str, Tensor],
        *,
        gram_weight: float = 0.3,
        precision: torch.dtype | None = None,
        held_out: Sequence[Tensor] = (),
        device: torch.device | str = "cpu",
    ) -> None:
        self.teacher, self.stream, self.gram_weight = teacher.to(device), stream, gram_weight
        self.device = torch.device(device)
        self.held_out = list(held_out)
        self.parameters = {
            key: value.detach().clone().to(self.device).requires_grad_() for key, value in tensors.items()
        }
        self._student = Vgg(
            {key: value for key, value in self.parameters.items() if key.startswith("conv")},
            TORCHVISION,
            padding=teacher.padding,
            precision=precision,
        ).to(self.device)
        self._scales: dict[str, float] = {}
        with torch.no_grad():
            squares = [
                {
                    layer: float(f.float().square().mean())
                    for layer, f in self.teacher.raw(self._batch(-1 - i), LIFTED).items()
                }
                for i in range(4)
            ]
        self._scales = {layer: (sum(s[layer] for s in squares) / len(squares)) ** 0.5 for layer in LIFTED}

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        """Return the sum over layers of the relative errors of features and of Gram matrices."""
        features, grams = self._errors(self._batch(step))
        loss = torch.stack([*features.values(), *(self.gram_weight * g for g in grams.values())]).sum()
        record = {layer: float(value.detach()) for layer, value in features.items()}
        return loss, record | {f"gram_{layer}": float(value.detach()) for layer, value in grams.items()}

    def evaluate(self) -> dict[str, float]:
        """Return the mean relative errors over the held-out pictures."""
        sums: dict[str, float] = {}
        with torch.no_grad():
            for image in self.held_out:
                features, grams = self._errors(image.to(self.device))
                for layer in LIFTED:
                    for key, value in ((layer, features[layer]), (f"gram_{layer}", grams[layer])):
                        sums[key] = sums.get(key, 0.0) + float(value) / len(self.held_out)
        return sums

    def fit_lifts(self, batches: int = 8) -> None:
        """Solve for the lifts by least squares on `batches` batches, with the convolutions as they are."""
        left: dict[str, Tensor] = {}
        right: dict[str, Tensor] = {}
        with torch.no_grad():
            for index in range(batches):
                image = self._batch(-1000 - index)
                wide, small = self.teacher.raw(image, LIFTED), self._student.raw(image, LIFTED)
                for layer in LIFTED:
                    target = wide[layer].float().transpose(0, 1).flatten(1) / self._scales[layer]
                    source = small[layer].float().transpose(0, 1).flatten(1)
                    left[layer] = left.get(layer, 0) + (source @ source.T).double()
                    right[layer] = right.get(layer, 0) + (target @ source.T).double()
            for layer in LIFTED:
                ridge = 1e-5 * left[layer].diagonal().mean() * torch.eye(len(left[layer])).to(left[layer])
                solved = torch.linalg.solve(left[layer] + ridge, right[layer].T).T
                self.parameters[f"lift{layer[4:]}.weight"].copy_(solved)

    def export(self, path: Path) -> None:
        """Write the encoder as float16 safetensors, lifts in the teacher's units."""
        tensors = {}
        for key, value in self.parameters.items():
            scale = self._scales["relu" + key[4:7]] if key.startswith("lift") else 1.0
            tensors[key] = (value.detach() * scale).half().cpu().contiguous()
        metadata = {
            "architecture": "petite",
            "licence": "MIT",
            "pooling": "average",
            "scales": json.dumps(self._scales),
            "teacher": self.teacher.sha256,
        }
        write_bytes(path, save(tensors, metadata=metadata))

    def _batch(self, step: int) -> Tensor:
        return self.stream(step).to(self.device)

    def _errors(self, image: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        with torch.no_grad():
            wide = self.teacher.raw(image, LIFTED)
        small = self._student.raw(image, LIFTED)
        features, grams = {}, {}
        for layer in LIFTED:
            target = wide[layer].float().flatten(2) / self._scales[layer]
            source = small[layer].float().flatten(2)
            lift = self.parameters[f"lift{layer[4:]}.weight"]
            features[layer] = (lift @ source - target).square().sum() / target.square().sum()
            gram = target @ target.mT
            # A G Aᵀ of the small Gram: the wide features are never multiplied with a graph.
            difference = lift @ (source @ source.mT) @ lift.T - gram
            grams[layer] = (difference.square().sum((1, 2)) / gram.square().sum((1, 2))).mean()
        return features, grams
