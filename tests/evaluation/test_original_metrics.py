"""The original metrics, with random weights of the right shapes: the machinery, its refusals, and its formulas."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.encoders import Vgg
from impasto.errors import InputError, UsageError, WeightsError
from impasto.evaluation.original import FILES, Store, inception, measure_pair, measure_set, protocol_of
from impasto.evaluation.original.distances import frechet_at_infinity, frechet_distance, kernel_distance
from impasto.evaluation.original.inception import BLOCKS, PAIRS, STEM, Inception
from impasto.evaluation.original.lpips import CONVOLUTIONS, SCALE, SHIFT, Lpips
from impasto.evaluation.original.protocols import cfsd
from impasto.images import Picture, save
from impasto.weights import TORCHVISION


def alexnet() -> dict[str, Tensor]:
    tensors = {}
    for at, (out, into, side, _, _) in CONVOLUTIONS.items():
        tensors[f"features.{at}.weight"] = torch.randn(out, into, side, side) * (2 / (into * side**2)) ** 0.5
        tensors[f"features.{at}.bias"] = 0.01 * torch.randn(out)
    return tensors


def heads() -> dict[str, Tensor]:
    widths = [shape[0] for shape in CONVOLUTIONS.values()]
    return {f"lin{number}.model.1.weight": torch.rand(1, width, 1, 1) for number, width in enumerate(widths)}


def art_inception() -> dict[str, Tensor]:
    """Tensors of the right names and shapes, found by running a network that makes what it is asked for."""
    made: dict[str, Tensor] = {"fc1.weight": torch.zeros(2, 2048), "fc2.weight": torch.zeros(2, 2048)}

    class Maker(dict[str, Tensor]):
        pass

    class Shaped(Inception):
        def _tensor(self, name: str, shape: tuple[int, ...]) -> Tensor:
            if name not in made:
                wide = name.endswith("conv.weight")
                ones = name.endswith(("running_var", "bn.weight"))
                scale = (2 / max(1, torch.Size(shape[1:]).numel())) ** 0.5
                made[name] = scale * torch.randn(shape) if wide else torch.full(shape, 1.0 if ones else 0.0)
            return made[name].double()

    Shaped(Maker(made))
    return made


def test_lpips_by_hand_and_of_a_picture_itself() -> None:
    weights, lins = alexnet(), heads()
    measure = Lpips(weights, lins)
    one, other = torch.rand(1, 3, 64, 70), torch.rand(1, 3, 64, 70)
    assert measure(one, one)[0] == 0
    distance, where = measure(one, other)
    assert where.shape == (64, 70)
    assert measure(other, one)[0] == pytest.approx(distance)
    # The first layer by hand: a convolution of 11x11 with the stride 4, ReLU, unit vectors, squares, the head.
    total = 0.0
    x = [
        (2 * each - 1 - torch.tensor(SHIFT)[:, None, None]) / torch.tensor(SCALE)[:, None, None]
        for each in (one, other)
    ]
    for number, (at, (_, _, _, stride, padding)) in enumerate(CONVOLUTIONS.items()):
        pooled = [F.max_pool2d(each, 3, 2) if number in (1, 2) else each for each in x]
        kernel, bias = weights[f"features.{at}.weight"], weights[f"features.{at}.bias"]
        x = [F.conv2d(each, kernel, bias, stride, padding).relu() for each in pooled]
        units = [each / (each.norm(dim=1, keepdim=True) + 1e-10) for each in x]
        total += float((lins[f"lin{number}.model.1.weight"] * (units[0] - units[1]) ** 2).sum(1).mean())
    assert distance == pytest.approx(total, rel=1e-4)


def test_lpips_of_a_grey_plane_is_that_of_three_alike() -> None:
    measure = Lpips(alexnet(), heads())
    one, other = torch.rand(1, 1, 64, 64), torch.rand(1, 1, 64, 64)
    assert measure(one, other)[0] == pytest.approx(measure(one.expand(-1, 3, -1, -1), other.expand(-1, 3, -1, -1))[0])


def test_weights_of_other_shapes_are_refused() -> None:
    broken = alexnet()
    broken["features.3.weight"] = torch.zeros(192, 64, 3, 3)
    with pytest.raises(WeightsError, match=r"features\.3\.weight of shape \(192, 64, 5, 5\)"):
        Lpips(broken, heads())
    with pytest.raises(WeightsError, match=r"fc1\.weight, so it is not ArtFID's"):
        Inception({"fc.weight": torch.zeros(1000, 2048)})
    with pytest.raises(WeightsError, match="Conv2d_1a_3x3"):
        Inception({"fc1.weight": torch.zeros(1), "fc2.weight": torch.zeros(1)})


def test_inception_has_the_published_shape() -> None:
    tensors = art_inception()
    units = [unit[0] for unit in STEM if unit is not None]
    for name, branches in BLOCKS.items():
        last = name in ("Mixed_7b", "Mixed_7c")
        for unit in (unit for branch in branches for unit in branch):
            pair = last and unit[0] in PAIRS
            units += [f"{name}.{unit[0]}{end}" for end in (("a", "b") if pair else ("",))]
    assert len(units) == 94  # convolutions of Inception v3 without its auxiliary heads
    assert {name.rsplit(".", 2)[0] for name in tensors if name.endswith("conv.weight")} == set(units)
    # 21.8 million weights of convolutions: 23.8 million with those of the 1000 classes.
    count = sum(tensor.numel() for name, tensor in tensors.items() if name.endswith("conv.weight"))
    assert count == 21_751_136
    features = Inception(tensors)(torch.rand(1, 3, 80, 96))
    assert features.shape == (2048,)
    assert bool((features >= 0).all())


def test_cfsd_by_hand_and_in_bands(tiny_tensors: Any) -> None:
    encoder = Vgg(tiny_tensors(), TORCHVISION, channels={1: 4, 2: 6, 3: 8, 4: 10, 5: 12}, pooling="max", padding="zero")
    content, result = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32)
    assert cfsd(encoder, content, content) == pytest.approx(0, abs=1e-5)
    rows = []
    for pixels in (content, result):
        features = encoder(pixels, ["relu3_1"])["relu3_1"].flatten(2)[0].T / 8
        rows.append((features @ features.T).log_softmax(1))
    wanted = (rows[0].exp() * (rows[0] - rows[1])).sum()
    assert cfsd(encoder, result, content) == pytest.approx(float(wanted), rel=1e-4)


def test_frechet_distance_by_hand() -> None:
    # Means 0 and 3; variances 2 and 8 along the first axis: 9 + (√2 - √8)² = 9 + 2.
    one = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    other = torch.tensor([[2.0, 3.0], [-2.0, 3.0]])
    assert frechet_distance(one, other) == pytest.approx(11)
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("count", [6, 40])
def test_frechet_distance_is_that_of_scipys_root(count: int) -> None:
    linalg, np = pytest.importorskip("scipy.linalg"), pytest.importorskip("numpy")
    one, other = torch.randn(count, 8, dtype=torch.float64), 2 * torch.randn(count, 8, dtype=torch.float64) + 1
    a, b = one.numpy(), other.numpy()
    covariances = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = linalg.sqrtm(covariances[0] @ covariances[1] + 1e-12 * np.eye(8)).real
    wanted = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert frechet_distance(one, other) == pytest.approx(float(wanted), rel=1e-4)


def test_kernel_distance_is_torchmetrics() -> None:
    kid = pytest.importorskip("torchmetrics.image.kid")
    one, other = torch.randn(20, 6), torch.randn(20, 6) + 0.5
    assert kernel_distance(one, other) == pytest.approx(float(kid.poly_mmd(one, other)), rel=1e-3)
    # By hand, in one dimension: k(x, y) = (xy + 1)³; two of 0 and two of 1: 1 + 8 - 2 · 1.
    assert kernel_distance(torch.zeros(2, 1), torch.ones(2, 1)) == pytest.approx(7)


def test_fid_at_infinity_needs_5000_pictures() -> None:
    with pytest.raises(UsageError, match="FID∞ of 800 pictures"):
        frechet_at_infinity(torch.randn(800, 4), torch.randn(800, 4))
    # Samples of one distribution: FID_N falls as 1/N, to nothing at infinity.
    one, other = torch.randn(6000, 4), torch.randn(6000, 4)
    assert abs(frechet_at_infinity(one, other)) < frechet_distance(one[:500], other[:500])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Random weights under the published names, whose digests count as the published ones here."""
    from dataclasses import replace

    for part, tensors in (("alexnet", alexnet()), ("lpips", heads()), ("inception", art_inception())):
        torch.save(tensors, tmp_path / FILES[part].names[0])
        monkeypatch.setitem(FILES, part, replace(FILES[part], sha256=()))
    return tmp_path


def pictures(folder: Path, count: int, size: tuple[int, int] = (80, 96), seed: int = 0) -> Path:
    folder.mkdir()
    random = torch.Generator().manual_seed(seed)
    for number in range(count):
        pixels = torch.rand(1, 3, *size, generator=random)
        save(Picture(pixels), folder / f"{number}.png")
    return folder


def test_a_pair_and_the_digests_of_its_weights(folder: Path) -> None:
    one, other = (Picture(torch.rand(1, 3, 80, 96), name=name) for name in "ab")
    report = measure_pair(one, other, Store(folder), "artfid")
    assert report.values["lpips_alex"] == pytest.approx(
        Lpips(torch.load(folder / "alexnet-owt-7be5be79.pth"), torch.load(folder / "alex.pth"))(
            (one.pixels * 255).round() / 255, (other.pixels * 255).round() / 255
        )[0]
    )
    assert report.values["cfsd"] is None
    assert "vgg19-dcbb9e9d.pth" in report.reasons["cfsd"]
    assert {part: len(digest) for part, digest in report.weights.items()} == {"alexnet": 64, "lpips": 64}
    assert report.record()["protocol"] == "artfid"


def test_a_set_as_the_protocols_measure_it(folder: Path, tmp_path: Path) -> None:
    results, contents, styles = (pictures(tmp_path / name, n, seed=n) for name, n in (("r", 4), ("c", 5), ("s", 2)))
    with pytest.raises(InputError, match="has 5 pictures, and"):
        measure_set(results, contents, styles, Store(folder), "artfid")
    (contents / "4.png").unlink()
    seen: list[tuple[int, int]] = []
    report = measure_set(
        results, contents, styles, Store(folder), "artfid", progress=lambda done, total: seen.append((done, total))
    )
    values = {name: value for name, value in report.values.items() if value is not None}
    assert values["art_fid"] == pytest.approx((1 + values["lpips_alex"]) * (1 + values["fid"]))
    assert values["lpips_alex_gray"] != values["lpips_alex"]
    assert "FID∞ of 4 pictures" in report.reasons["art_fid_infinity"]
    assert (report.count, report.styles) == (4, 2)
    assert any("rank of 1" in note for note in report.notes)
    assert seen[-1] == (5, 6)
    # Each style stands twice: the same as a folder in which it does.
    network = Inception(torch.load(folder / "art_inception.pth"))
    from impasto.images import load

    features = [
        torch.stack([network(load(path).pixels) for path in sorted(each.iterdir())]) for each in (results, styles)
    ]
    assert values["fid"] == pytest.approx(frechet_distance(features[0], features[1].repeat(2, 1)), rel=1e-3)


def test_a_damaged_picture_of_a_set_is_recorded(folder: Path, tmp_path: Path) -> None:
    results, contents, styles = (pictures(tmp_path / name, 3) for name in "rcs")
    (results / "1.png").write_bytes(b"no picture")
    report = measure_set(results, contents, styles, Store(folder), "artfid", wanted=["lpips_alex"])
    assert list(report.failed) == ["1.png"]
    assert report.values["lpips_alex"] == 0


def test_other_weights_are_never_called_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    monkeypatch.setitem(FILES, "alexnet", replace(FILES["alexnet"], sha256=("7be5be79",)))
    picture = Picture(torch.rand(1, 3, 80, 96))
    with pytest.raises(WeightsError, match="a metric of other weights is another metric"):
        measure_pair(picture, picture, Store(folder))


def test_absent_weights_say_where_they_come_from(tmp_path: Path) -> None:
    picture = Picture(torch.rand(1, 3, 80, 96))
    with pytest.raises(WeightsError, match=r"download\.pytorch\.org/models/alexnet-owt-7be5be79\.pth") as caught:
        measure_pair(picture, picture, Store(tmp_path))
    assert caught.value.exit_code == 4
    with pytest.raises(WeightsError, match=r"cfsd: .*vgg19-dcbb9e9d"):
        measure_pair(picture, picture, Store(tmp_path), wanted=["cfsd"])
    with pytest.raises(UsageError, match="unknown original metric"):
        measure_pair(picture, picture, Store(tmp_path), wanted=["clip"])
    with pytest.raises(UsageError, match="choose from artfid, styleid"):
        protocol_of("mine")


def test_the_heads_that_torchmetrics_carries_are_the_published_ones(tmp_path: Path) -> None:
    pytest.importorskip("torchmetrics")
    store = Store(tmp_path)
    assert store.has("lpips")
    tensors = store.tensors("lpips")
    assert store.digests["lpips"].startswith("df73285e")
    assert sum(tensor.numel() for tensor in tensors.values()) == sum(shape[0] for shape in CONVOLUTIONS.values())


def test_styleid_makes_the_short_side_512() -> None:
    from impasto.evaluation.original.protocols import _prepared

    wide = Picture(torch.rand(1, 3, 100, 150))
    assert _prepared(wide, "styleid").shape == (1, 3, 512, 768)
    assert _prepared(wide, "artfid").shape == (1, 3, 100, 150)
    assert _prepared(wide, "styleid", gray=True).shape == (1, 1, 512, 768)
    assert inception.SMALLEST == 75
