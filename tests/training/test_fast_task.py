"""The task that teaches a network one style: what it is judged by, and what a run leaves behind."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import typer
from PIL import Image
from torch import Tensor

from impasto.cli.session import Session
from impasto.cli.train_fast import fast
from impasto.encoders import Vgg
from impasto.errors import ImpastoError, InputError, UsageError, WeightsError
from impasto.images import Picture
from impasto.losses import Gram
from impasto.nets import store
from impasto.nets.johnson import Johnson, JohnsonPlan
from impasto.nets.texture_net import TextureNet, TexturePlan
from impasto.recipe import Recipe
from impasto.training import fast_run
from impasto.training.data import PictureStream
from impasto.training.fast_run import FastTraining, learn
from impasto.training.fast_task import FastTask, same_style, style_terms
from impasto.training.loop import Schedule, train
from tests.type_helpers import present

MakeTask = Callable[..., FastTask]
PLAN = JohnsonPlan(narrow=4, wide=6, residuals=1, kernel=5)
SIX = Schedule(steps=6, save_every=3, rate=1e-3)
CPU = torch.device("cpu")


@pytest.fixture
def painting(picture: Callable[..., Tensor]) -> Picture:
    return Picture(picture(48, 64, seed=9), name="swirls.png", sha256="5" * 64)


@pytest.fixture
def make_fast(tiny_encoder: Vgg, stream: PictureStream, painting: Picture) -> MakeTask:
    """A fresh task each time it is called, as a new process would make it."""

    def make(net: Johnson | TextureNet | None = None, **options: object) -> FastTask:
        kind = options.pop("kind", "johnson")
        if net is None:
            net = Johnson(PLAN) if kind == "johnson" else TextureNet(TexturePlan(width=2, scales=3))
        given = {"recipe": Recipe(), "styles": [painting], "stream": stream, "batch": 1, "crop": 32, **options}
        return FastTask(net, tiny_encoder, **given)  # type: ignore[arg-type]

    return make


def parameters(task: FastTask) -> dict[str, Tensor]:
    return {key: value.detach().clone() for key, value in task.parameters.items()}


def test_a_painting_of_itself_costs_nothing(make_fast: MakeTask, painting: Picture) -> None:
    task = make_fast(recipe=Recipe.parse({"tv_weight": 0}))
    loss, groups = task._mean_objective(painting.pixels, painting.pixels)
    assert float(loss) < 1e-6
    assert set(groups) == {"content", "style", "gamut"}


def test_nothing_at_all_costs_the_weight(tiny_encoder: Vgg, painting: Picture) -> None:
    # With resolution_invariant a layer's distance to zero features is 1: what is left is the weights.
    recipe = Recipe.parse(
        {"statistics": "gram", "style_weight": 5, "style_layers": {"relu1_1": 0.25, "relu2_1": 0.5, "relu3_1": 0}}
    )
    terms = style_terms(recipe, tiny_encoder, [painting], 384, CPU)
    assert [term.layer for term in terms] == ["relu1_1", "relu2_1"]
    for term, share in zip(terms, (0.25, 0.5), strict=True):
        nothing = Gram().measure(torch.zeros(1, len(term.target), 4, 4))
        assert float(term(nothing)) == pytest.approx(5 * share, rel=1e-5)


def test_losing_the_content_costs_its_weight(make_fast: MakeTask, picture: Callable[..., Tensor]) -> None:
    content, painted = picture(32, 32, seed=1), picture(32, 32, seed=2)
    one, three = (make_fast(recipe=Recipe.parse({"content_weight": weight})) for weight in (1, 3))
    wanted, found = (one.encoder(image, ["relu4_2"])["relu4_2"] for image in (content, painted))
    share = float((found - wanted).square().sum() / wanted.square().sum())
    assert one._mean_objective(painted, content)[1]["content"] == pytest.approx(share, rel=1e-4)
    assert three._mean_objective(painted, content)[1]["content"] == pytest.approx(3 * share, rel=1e-4)


def test_a_batch_costs_the_mean_of_its_pictures(make_fast: MakeTask, picture: Callable[..., Tensor]) -> None:
    task = make_fast()
    contents = [picture(32, 32, seed=seed) for seed in (1, 2)]
    painted = [picture(32, 32, seed=seed) for seed in (3, 4)]
    alone = [float(task._mean_objective(p, c)[0]) for p, c in zip(painted, contents, strict=True)]
    loss, groups = task._mean_objective(torch.cat(painted), torch.cat(contents))
    assert float(loss) == pytest.approx(sum(alone) / 2, rel=1e-5)
    assert sum(groups.values()) == pytest.approx(float(loss), rel=1e-5)


def test_a_texture_is_judged_as_one_that_repeats(make_fast: MakeTask, picture: Callable[..., Tensor]) -> None:
    task = make_fast(kind="texture", mode="noise", stream=None)
    texture = picture(32, 32)
    loss, groups = task._mean_objective(texture, None)
    moved, _ = task._mean_objective(texture.roll((16, 16), (2, 3)), None)
    assert float(moved) == pytest.approx(float(loss), rel=1e-5)
    assert set(groups) == {"style", "tv", "gamut"}


def test_styles_are_measured_at_their_size(tiny_encoder: Vgg, painting: Picture) -> None:
    large, small, same = (style_terms(Recipe(), tiny_encoder, [painting], size, CPU) for size in (384, 32, 64))
    assert all(torch.equal(one.target, other.target) for one, other in zip(large, same, strict=True))
    assert not torch.allclose(large[0].target, small[0].target, rtol=1e-3)


def test_several_styles_are_mixed(tiny_encoder: Vgg, painting: Picture, picture: Callable[..., Tensor]) -> None:
    other = Picture(picture(40, 40, seed=5))
    both, one, two = (
        style_terms(Recipe(), tiny_encoder, styles, 384, CPU) for styles in ([painting, other], [painting], [other])
    )
    for mixed, first, second in zip(both, one, two, strict=True):
        assert torch.allclose(mixed.target, (first.target + second.target) / 2, rtol=1e-4)


def test_what_is_transparent_does_not_count(tiny_encoder: Vgg, painting: Picture) -> None:
    alpha = torch.ones(1, 1, 48, 64)
    opaque = style_terms(Recipe(), tiny_encoder, [replace(painting, alpha=alpha)], 384, CPU)
    plain = style_terms(Recipe(), tiny_encoder, [painting], 384, CPU)
    assert torch.allclose(opaque[0].target, plain[0].target, rtol=1e-5)
    alpha[..., 32:] = 0
    pixels = painting.pixels.clone()
    pixels[..., 40:] = 1
    # Far enough from the border that relu1_1, which sees three pixels, cannot tell.
    found, changed = (
        style_terms(Recipe(), tiny_encoder, [Picture(each, alpha)], 384, CPU) for each in (painting.pixels, pixels)
    )
    assert torch.allclose(found[0].target, changed[0].target, rtol=1e-5)
    assert not torch.allclose(found[0].target, plain[0].target, rtol=1e-3)


def test_loss_depends_on_the_step_alone(make_fast: MakeTask) -> None:
    for options in ({}, {"kind": "texture", "mode": "noise", "stream": None}):
        assert make_fast(**options).loss(3)[1] == make_fast(**options).loss(3)[1]
        assert make_fast(**options).loss(3)[1] != make_fast(**options).loss(5)[1]


def test_both_takes_turns(make_fast: MakeTask) -> None:
    task = make_fast(kind="texture", mode="both")
    assert ["content" in task.loss(step)[1] for step in range(4)] == [True, False, True, False]


def test_gradient_reaches_every_parameter(make_fast: MakeTask) -> None:
    for options in ({}, {"kind": "texture", "mode": "noise", "stream": None}):
        task = make_fast(**options)
        task.loss(0)[0].backward()
        # A convolution's bias is taken away again by the norm after it.
        left = [key for key, value in task.parameters.items() if value.grad is None]
        assert left == []
        still = [
            key for key, value in task.parameters.items() if key.endswith("weight") and not present(value.grad).any()
        ]
        assert still == []


class OnePicture:
    """A stream of the same picture for ever."""

    def __init__(self, pixels: Tensor) -> None:
        self.pixels = pixels

    def __call__(self, _step: int) -> Tensor:
        return self.pixels


def test_overfits_one_picture(make_fast: MakeTask, picture: Callable[..., Tensor], tmp_path: Path) -> None:
    content = picture(32, 32, seed=4)
    task = make_fast(stream=OnePicture(content), held_out=[content])
    before = task.evaluate()
    list(train(task, Schedule(steps=80, rate=5e-3, save_every=1000), tmp_path))
    after = task.evaluate()
    assert after["loss"] < 0.1 * before["loss"]
    assert after["style"] < 0.1 * before["style"]


def test_learns_a_texture(make_fast: MakeTask, tmp_path: Path) -> None:
    task = make_fast(kind="texture", mode="noise", stream=None)
    before = task.evaluate()["style"]
    list(train(task, Schedule(steps=60, rate=5e-3, save_every=1000), tmp_path))
    assert task.evaluate()["style"] < 0.2 * before


@pytest.mark.parametrize("options", [{}, {"kind": "texture", "mode": "both"}], ids=["johnson", "texture_net"])
def test_resumes_to_the_same_bits(make_fast: MakeTask, tmp_path: Path, options: dict[str, object]) -> None:
    unbroken = make_fast(**options)
    list(train(unbroken, SIX, tmp_path / "unbroken"))
    run = train(make_fast(**options), SIX, tmp_path / "broken")
    for _ in range(4):
        next(run)
    run.close()
    task = make_fast(**options)
    assert [record["step"] for record in train(task, SIX, tmp_path / "broken")] == [4, 5, 6]
    expected = parameters(unbroken)
    assert [key for key, value in parameters(task).items() if not torch.equal(value, expected[key])] == []
    one, other = (store.load(tmp_path / name / "weights.safetensors")[0] for name in ("broken", "unbroken"))
    assert all(torch.equal(value, other[key]) for key, value in one.items())


def test_export_paints_as_the_task_does(make_fast: MakeTask, tmp_path: Path, picture: Callable[..., Tensor]) -> None:
    task = make_fast(notes={"steps": 6}, held_out=[picture(32, 32)])
    list(train(task, SIX, tmp_path))
    tensors, card = store.load(tmp_path / "weights.safetensors")
    assert (card.method, card.kind, card.style, card.style_sha256) == ("johnson", "stylizer", "swirls", "5" * 64)
    assert card.training["steps"] == 6
    assert card.training["held_out_loss"] == pytest.approx(task.evaluate()["loss"], rel=1e-3)
    assert str(tmp_path) not in card.text()
    net = Johnson.from_card(tensors, card, "weights.safetensors")
    image = picture(24, 30, seed=8)
    assert torch.allclose(net(image), task.net(image), atol=0.02)


def test_another_style_is_no_continuation(make_fast: MakeTask, tmp_path: Path, painting: Picture) -> None:
    make_fast().export(tmp_path / "weights.safetensors")
    same_style(tmp_path, [painting])
    same_style(tmp_path / "empty", [painting])
    for others in ([replace(painting, sha256="6" * 64)], [painting, painting]):
        with pytest.raises(InputError, match="training on 'swirls'"):
            same_style(tmp_path, others)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mode": "sideways"}, "photos, noise, both"),
        ({"mode": "noise"}, "texture_net"),
        ({"stream": None}, "needs pictures"),
        ({"kind": "texture", "mode": "both", "stream": None}, "needs pictures"),
        ({"kind": "texture", "mode": "noise", "crop": 42}, "multiple of 4"),
    ],
)
def test_what_does_not_go_together_is_refused(make_fast: MakeTask, options: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        make_fast(**options)


def draw(path: Path, pixels: Tensor) -> Path:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray((255 * pixels[0].permute(1, 2, 0)).byte().numpy()).save(path)
    return path


@pytest.fixture
def work(tmp_path: Path, picture: Callable[..., Tensor]) -> FastTraining:
    for index in range(2):
        draw(tmp_path / "data" / f"{index}.png", picture(40, 44, seed=index))
    style = draw(tmp_path / "painting.png", picture(48, 48, seed=7))
    # An eighth of the channels, and petite itself.
    return FastTraining([tmp_path / "data"], [style], width=0.125, batch=1, crop=32, precision="float32", device="cpu")


def test_learn_leaves_weights_a_log_and_samples(work: FastTraining, tmp_path: Path) -> None:
    work = replace(work, settings={"style_weight": 20.0})
    records = list(learn(work, tmp_path / "run", steps=3, save_every=2, sheet_every=2))
    assert [record["eta_s"] > 0 for record in records] == [True, True, False]
    assert sorted(path.name for path in (tmp_path / "run" / "samples").iterdir()) == ["000002.png", "000003.png"]
    assert len(list(learn(work, tmp_path / "run", steps=5))) == 2
    log = [json.loads(line)["step"] for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert log == [1, 2, 3, 4, 5]
    _, card = store.load(tmp_path / "run" / "weights.safetensors")
    assert (card.style, card.plan["wide"], card.training["pictures"]) == ("painting", 10, 2)
    assert card.training["objective"]["style_weight"] == 20.0


def test_init_is_where_a_fresh_run_starts(work: FastTraining, tmp_path: Path) -> None:
    path = tmp_path / "start" / "weights.safetensors"
    list(learn(work, path.parent, steps=2))
    learnt, _ = store.load(path)
    begun = parameters(fast_run.prepare(replace(work, init=path)))
    for key, value in learnt.items():
        assert torch.equal(begun[key].half(), value), key
    assert [key for key, value in parameters(fast_run.prepare(work)).items() if not torch.equal(value, begun[key])]
    again = learn(replace(work, init=Path("not looked at")), path.parent, steps=3)
    assert [record["step"] for record in again] == [3]
    with pytest.raises(WeightsError, match=r"no convolution in common with a network of johnson with this --width"):
        fast_run.prepare(replace(work, init=path, width=0.25))
    with pytest.raises(WeightsError, match="'stylizer'"):
        fast_run.prepare(replace(work, init=path, method="texture_net", width=0.25))


def test_learn_textures_without_pictures(work: FastTraining, tmp_path: Path) -> None:
    work = replace(work, data=[], method="texture_net", mode="noise", width=0.25)
    assert len(list(learn(work, tmp_path / "run", steps=1))) == 1
    tensors, card = store.load(tmp_path / "run" / "weights.safetensors")
    assert TextureNet.from_card(tensors, card, "weights").texture((32, 32)).shape == (1, 3, 32, 32)
    assert (tmp_path / "run" / "samples" / "000001.png").exists()


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"styles": []}, 2, "--style"),
        ({"styles": [Path("nowhere.jpg")]}, 3, "nowhere.jpg"),
        ({"data": []}, 2, "needs pictures"),
        ({"data": [Path("nowhere")]}, 3, "nowhere"),
        ({"held_out": Path("nowhere")}, 3, "nowhere"),
        ({"method": "magic"}, 2, "johnson, texture_net"),
        ({"width": 1e-3}, 2, "narrow"),
        ({"settings": {"style_weight": -1.0}}, 2, "style_weight"),
        ({"mode": "both"}, 2, "texture_net"),
    ],
)
def test_learn_refuses_before_training(
    work: FastTraining, tmp_path: Path, change: dict[str, object], status: int, words: str
) -> None:
    with pytest.raises(ImpastoError, match=words) as caught:
        next(learn(replace(work, **change), tmp_path / "run", steps=2))  # type: ignore[arg-type]
    assert caught.value.exit_code == status
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_the_command(work: FastTraining, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(fast)
    arguments = [str(work.data[0]), "--style", str(work.styles[0]), "--out", str(tmp_path / "run"), "--steps", "2"]
    arguments += ["--batch", "1", "--crop", "32", "--width", "0.125", "--precision", "float32", "--device", "cpu"]
    with Session() as session:
        typer.main.get_command(app).main(arguments, obj=session, standalone_mode=False)
    talk = capsys.readouterr().err.splitlines()
    assert talk[0].startswith("step 2 of 2  loss ")
    assert talk[0].endswith("0.0 min left")
    assert talk[-1] == f"saved {tmp_path / 'run' / 'weights.safetensors'}"
