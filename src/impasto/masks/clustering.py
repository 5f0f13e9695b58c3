"""Coupled clustering: K-means of several pictures' points, so that a cluster is the same thing in all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor

from impasto.events import notice

MIN_FRACTION = 0.02
"""The fraction of the content and of a style that a region needs: smaller ones are noise of the clustering."""
_TIE, _TIE_COLOR = 10.0, 0.02
"""How strongly the centres of a cluster in two pictures are tied to each other, and how weakly in their colours: a
photograph's sky and a painting's are one thing in different colours."""
_STARTS, _ROUNDS = 16, 40
"""The random starts of K-means, of which the best is kept, and the most rounds of each."""
_CHOICES = range(2, 7)
"""The numbers of regions that are tried where the pictures decide: more than six nobody tells apart."""
_CLEAR = 0.07
"""By how much a region should be more like itself in a style than like any other: a difference of cosines."""
_WORTH = 0.05
"""The fraction of the content and of a style that a region needs where the count is chosen here: small ones are asked
for."""


@dataclass(frozen=True, eq=False)
class View:
    """What is clustered of one picture."""

    points: Tensor
    """(n, D): deep features, then three of colour and one of height."""
    grid: tuple[int, int]
    pixels: Tensor
    """(1, 3, H, W), as large as the maps."""


@dataclass(frozen=True, eq=False)
class Clusters:
    """One clustering of all pictures."""

    labels: list[Tensor]
    """Per picture (n,)."""
    distortion: float
    similarity: float
    """How much more a region is like itself in the styles than like another, at worst; in -2 ... 2."""


def cluster(views: Sequence[View], count: int, seed: int) -> Clusters:
    """Return the best of several coupled K-means.

    Minimises, over labels and centres, mean |x - c_kp|² + Σ_k λ |c_kp - c_k|² in the pictures p, every picture
    weighing the same. For given labels with fractions n_kp and means m_kp the centres are (n m + λ c) / (n + λ), with
    c_k the mean of m_kp weighted by n λ / (n + λ).
    """
    random = torch.Generator().manual_seed(seed)
    tie = torch.full((views[0].points.shape[1],), _TIE)
    tie[-4:-1] = _TIE_COLOR
    runs = [_run(views, _start(views, count, random), tie) for _ in range(_STARTS)]
    # Regions that answer to each other are worth a little distortion.
    return min(runs, key=lambda run: run.distortion * (1 + 0.5 * max(0.0, _CLEAR - run.similarity)))


def choose_count(views: Sequence[View], seed: int) -> list[Tensor]:
    """Take the most regions that still answer to each other between the pictures, and say so."""
    runs = {count: cluster(views, count, seed) for count in _CHOICES}
    clear = [
        count
        for count, run in runs.items()
        if run.similarity >= _CLEAR and _common_fraction(run.labels, count).min() >= _WORTH
    ]
    if clear:
        notice(
            f"{clear[-1]} regions: the most, of {_CHOICES[0]} to {_CHOICES[-1]}, that are each clearly more like "
            f"themselves in the other picture than like another region, and {_WORTH:.0%} of both or more"
        )
        return runs[clear[-1]].labels
    if runs[2].similarity <= 0:
        return [torch.zeros_like(one) for one in runs[2].labels]
    notice("2 regions, which hardly answer to each other between these pictures; look at the overlay")
    return runs[2].labels


def _similarity_of(means: Sequence[Tensor], labels: Sequence[Tensor]) -> float:
    """Compare regions by the directions of their deep features' means (K, D), in the style that shows most of each."""
    count = len(means[0])
    content, *styles = (functional.normalize(mean[:, :-4], dim=1) for mean in means)
    fractions = _fractions(labels[1:], count)
    worst = 2.0
    for region, style in enumerate(fractions.argmax(0).tolist()):
        cosines = content @ styles[style].T
        others = torch.cat([cosines[region], cosines[:, region]])
        others[[region, count + region]] = -1
        worst = min(worst, float(cosines[region, region] - others.max()))
    return worst


def _start(views: Sequence[View], count: int, random: torch.Generator) -> Tensor:
    """Draw the first centres by K-means++ (Arthur & Vassilvitskii 2007) on all pictures together."""
    points = torch.cat([view.points for view in views])
    weights = torch.cat([torch.full((len(view.points),), 1 / len(view.points)) for view in views])
    centers = points[torch.multinomial(weights, 1, generator=random)]
    while len(centers) < count:
        distance = torch.cdist(points, centers).square().amin(1)
        # Where all points are alike, any will do.
        centers = torch.cat([centers, points[torch.multinomial(weights * (distance + 1e-9), 1, generator=random)]])
    return centers


def _run(views: Sequence[View], start: Tensor, tie: Tensor) -> Clusters:
    count = len(start)
    centers = [start] * len(views)
    labels: list[Tensor] = []
    means: list[Tensor] = []
    common = start
    for _ in range(_ROUNDS):
        before, labels = labels, _assign(views, centers)
        if before and all(torch.equal(one, other) for one, other in zip(before, labels, strict=True)):
            break
        sums = [
            torch.zeros_like(start).index_add_(0, one, view.points) for view, one in zip(views, labels, strict=True)
        ]
        counts = [one.bincount(minlength=count)[:, None].float() for one in labels]
        means = [total / number.clamp_min(1) for total, number in zip(sums, counts, strict=True)]
        fractions = [number / number.sum() for number in counts]
        pulls = [part * tie / (part + tie) for part in fractions]
        weight = torch.stack(pulls).sum(0)
        common = torch.where(
            weight > 0,
            torch.stack([p * m for p, m in zip(pulls, means, strict=True)]).sum(0) / weight.clamp_min(1e-9),
            common,
        )
        centers = [(part * mean + tie * common) / (part + tie) for part, mean in zip(fractions, means, strict=True)]
    distortion = sum(
        float((view.points - center[one]).square().sum(1).mean() + (tie * (center - common).square()).sum())
        for view, one, center in zip(views, labels, centers, strict=True)
    )
    # A run that leaves a region out is worse than any that does not.
    distortion *= 1 + count - int(_present(labels, count).sum())
    return Clusters(labels, distortion, _similarity_of(means, labels))


def _present(labels: Sequence[Tensor], count: int) -> Tensor:
    """Return (K,) bool: which regions have a part of the content and in a style."""
    return _common_fraction(labels, count) >= MIN_FRACTION


def _common_fraction(labels: Sequence[Tensor], count: int) -> Tensor:
    """Return (K,): each region's fraction of the content, or of the style that shows most of it where that is less."""
    fractions = _fractions(labels, count)
    return torch.minimum(fractions[0], fractions[1:].amax(0))


def _fractions(labels: Sequence[Tensor], count: int) -> Tensor:
    """Return the fractions (pictures, K)."""
    return torch.stack([one.bincount(minlength=count) / len(one) for one in labels])


def _assign(views: Sequence[View], centers: Sequence[Tensor]) -> list[Tensor]:
    """Assign each point to its nearest centre, with a bonus for regions that a picture would otherwise lack."""
    distances = [torch.cdist(view.points, center).square() for view, center in zip(views, centers, strict=True)]
    labels = [distance.argmin(1) for distance in distances]
    count = len(centers[0])
    for _ in range(8):
        fractions = _fractions(labels, count)
        short = fractions < 2 * MIN_FRACTION
        # One style is enough: the one that has the most of it.
        best = fractions[1:].argmax(0) + 1
        needed = short & functional.one_hot(best, len(views)).T.bool()
        needed[0] = short[0]
        if not bool(needed.any()):
            break
        for index, distance in enumerate(distances):
            distance -= 0.1 * distance.clamp_min(0).mean() * needed[index]
            labels[index] = distance.argmin(1)
    return labels


def merge_absent(views: Sequence[View], labels: Sequence[Tensor]) -> list[Tensor]:
    """Merge each region that is not present into the nearest one that is, and number the rest from 0."""
    count = int(max(one.max() for one in labels)) + 1
    labels = list(labels)
    while count > 1:
        present = _present(labels, count)
        if bool(present.all()):
            break
        points = torch.cat([view.points for view in views])
        every = torch.cat(list(labels))
        sizes = every.bincount(minlength=count)
        means = torch.zeros(count, points.shape[1]).index_add_(0, every, points) / sizes.clamp_min(1)[:, None]
        gone = int(torch.where(present, sizes.max() + 1, sizes).argmin())
        distance = (means - means[gone]).norm(dim=1)
        distance[gone] = torch.inf
        distance[sizes == 0] = torch.inf
        target = int(distance.argmin()) if bool(distance.isfinite().any()) else (gone + 1) % count
        labels = [torch.where(one == gone, target, one) for one in labels]
        labels = [one - (one > gone).long() for one in labels]
        count -= 1
    return labels
