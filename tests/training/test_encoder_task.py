"""The task that teaches petite: what its losses mean, and that the export is what was trained."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from impasto import weights
from impasto.encoders import Petite, Vgg
from impasto.encoders.petite import LIFTED
from impasto.encoders.vgg import WIDTHS
from impasto.losses import Gram
from impasto.training.data import PictureStream
from impasto.training.encoder_task import PLAN, EncoderTask, initial
from impasto.weights import TORCHVISION
from tests.type_helpers import present

MakeTask = Callable[..., EncoderTask]
gram = Gram()


def relative(found: torch.Tensor, target: torch.Tensor) -> float:
    return float((found - target).square().sum() / target.square().sum())


def finished(features: torch.Tensor) -> torch.Tensor:
    return gram.finish(gram.measure(features))


def errors(petite: Petite, teacher: Vgg, image: torch.Tensor) -> dict[str, float]:
    """Relative errors of the exported encoder, computed from what a user of it sees."""
    small, wide = petite(image, LIFTED), teacher(image, LIFTED)
    found = {}
    for layer in LIFTED:
        lift = petite.lift(layer)
        found[layer] = relative(torch.einsum("nc,bchw->bnhw", lift, small[layer]), wide[layer])
        found[f"gram_{layer}"] = relative(lift @ finished(small[layer]) @ lift.T, finished(wide[layer]))
    return found


def test_zeros_score_one(make_task: MakeTask) -> None:
    task = make_task()
    with torch.no_grad():
        for key, value in task.parameters.items():
            if key.startswith("lift"):
                value.zero_()
    scores = task.evaluate()
    assert set(scores) == {*LIFTED, *(f"gram_{layer}" for layer in LIFTED)}
    assert all(score == pytest.approx(1.0) for score in scores.values())


def test_the_teacher_itself_scores_nothing(teacher: Vgg, stream: PictureStream, picture) -> None:
    tensors = dict(teacher.tensors)
    for layer in LIFTED:
        tensors[f"lift{layer[4:]}.weight"] = torch.eye(teacher.channels[layer])
    task = EncoderTask(teacher, stream, tensors, held_out=[picture(40, 40)])
    with torch.no_grad():
        for layer in LIFTED:
            task.parameters[f"lift{layer[4:]}.weight"].div_(task._scales[layer])
    assert max(task.evaluate().values()) < 1e-10


def test_loss_is_the_weighted_sum_of_its_parts(make_task: MakeTask) -> None:
    loss, record = make_task(gram_weight=0.7).loss(3)
    parts = sum(record[layer] + 0.7 * record[f"gram_{layer}"] for layer in LIFTED)
    assert float(loss.detach()) == pytest.approx(parts, rel=1e-5)
    assert loss.requires_grad


def test_loss_depends_on_the_step_alone(make_task: MakeTask) -> None:
    assert make_task().loss(3)[1] == make_task().loss(3)[1]
    assert make_task().loss(3)[1] != make_task().loss(4)[1]


def test_gradient_reaches_every_parameter(make_task: MakeTask) -> None:
    task = make_task()
    task.loss(0)[0].backward()
    assert [key for key, value in task.parameters.items() if not present(value.grad).any()] == []
    assert not any(tensor.requires_grad for tensor in task.teacher.tensors.values())


def test_the_tensors_given_are_not_trained_in_place(make_task: MakeTask, student: dict[str, torch.Tensor]) -> None:
    before = {key: value.clone() for key, value in student.items()}
    task = make_task()
    with torch.no_grad():
        for value in task.parameters.values():
            value.add_(1)
    assert all(torch.equal(before[key], value) for key, value in student.items())


def test_fitting_the_lifts_helps_on_pictures_it_did_not_see(make_task: MakeTask) -> None:
    task = make_task()
    before = task.evaluate()
    task.fit_lifts(8)
    after = task.evaluate()
    for layer in LIFTED:
        assert after[layer] < min(1.0, 0.5 * before[layer]), layer


def test_fitted_lifts_are_the_least_squares_solution(make_task: MakeTask) -> None:
    task = make_task()
    task.fit_lifts(4)
    # On the batches that were fitted, no small change of a lift does better.
    images = [task.stream(-1000 - index) for index in range(4)]

    def error(layer: str) -> float:
        lift = task.parameters[f"lift{layer[4:]}.weight"].detach()
        total = 0.0
        for image in images:
            with torch.no_grad():
                wide = task.teacher(image, [layer])[layer] / task._scales[layer]
                small = task._student(image, [layer])[layer]
                total += float((torch.einsum("nc,bchw->bnhw", lift, small) - wide).double().square().sum())
        return total

    random = torch.Generator().manual_seed(0)
    for layer in ("relu1_1", "relu4_1"):
        best = error(layer)
        lift = task.parameters[f"lift{layer[4:]}.weight"]
        # 1 % more or less of it, and some noise: all are worse.
        changes = [0.01 * lift.detach(), -0.01 * lift.detach(), 0.03 * torch.randn(lift.shape, generator=random)]
        for change in changes:
            with torch.no_grad():
                lift.add_(change)
                assert error(layer) > best
                lift.sub_(change)


def test_export_predicts_the_teacher_as_well_as_the_task_says(make_task: MakeTask, tmp_path: Path) -> None:
    task = make_task()
    task.fit_lifts(4)
    task.export(tmp_path / "weights.safetensors")
    petite = Petite.from_bytes((tmp_path / "weights.safetensors").read_bytes())
    expected = task.evaluate()
    found = [errors(petite, task.teacher, image) for image in task.held_out]
    for key, value in expected.items():
        mean = sum(each[key] for each in found) / len(found)
        # float16 rounds each weight by up to 5e-4.
        assert mean == pytest.approx(value, rel=0.02, abs=1e-4), key


def test_export_has_no_more_than_it_says(make_task: MakeTask, tmp_path: Path) -> None:
    task = make_task()
    path = tmp_path / "weights.safetensors"
    task.export(path)
    with safe_open(path, framework="pt") as stream:
        assert set(stream.keys()) == set(task.parameters)
        assert {stream.get_tensor(key).dtype for key in stream.keys()} == {torch.float16}  # noqa: SIM118
        metadata = stream.metadata()
    assert metadata["architecture"] == "petite"
    assert metadata["licence"] == "MIT"
    assert metadata["teacher"] == task.teacher.sha256
    assert str(tmp_path) not in str(metadata)


def test_initial_network_is_petites_and_small_enough_to_ship(stream: PictureStream) -> None:
    tensors = initial()
    count = sum(value.numel() for value in tensors.values())
    assert 2 * count <= 4_000_000, "float16, at most 4 MB"
    for name, width in PLAN.items():
        assert tensors[f"conv{name}.weight"].shape[0] == width
    for layer in LIFTED:
        assert tensors[f"lift{layer[4:]}.weight"].shape == (WIDTHS[int(layer[4])], PLAN[layer[4:]])
    again, other = initial(), initial(seed=1)
    assert all(torch.equal(again[key], value) for key, value in tensors.items())
    assert not torch.equal(other["conv1_1.weight"], tensors["conv1_1.weight"])
    # He et al.: the variance goes through, neither dying out nor exploding.
    found = Vgg({k: v for k, v in tensors.items() if k[0] == "c"}, TORCHVISION)(stream(0), LIFTED)
    for layer in LIFTED:
        assert 0.02 < float(found[layer].square().mean().sqrt()) < 50
        assert math.isfinite(float(found[layer].sum()))


def test_export_at_full_size_is_read_by_weights_load(stream: PictureStream, tmp_path: Path) -> None:
    wide = initial(dict.fromkeys(PLAN, 8))
    teacher = Vgg({key: value for key, value in wide.items() if key.startswith("conv")}, TORCHVISION)
    # A teacher of eight channels will not do for real lifts; only the file matters here.
    tensors = initial()
    for layer in LIFTED:
        tensors[f"lift{layer[4:]}.weight"] = tensors[f"lift{layer[4:]}.weight"][:, : PLAN[layer[4:]]]
    task = EncoderTask(teacher, stream, tensors)
    path = tmp_path / "weights.safetensors"
    task.export(path)
    loaded = weights.load(path)
    assert loaded.architecture == "petite"
    assert isinstance(Petite(loaded.tensors, sha256=loaded.sha256), Petite)
