"""Training crops: the same for the same seed and step, from folders and tar files, whatever lies in them."""

import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from impasto.errors import InputError
from impasto.training.data import PictureStream

MakePicture = Callable[..., torch.Tensor]


def write(path: Path, pixels: torch.Tensor) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((pixels[0].permute(1, 2, 0) * 255).byte().numpy()).save(path)


@pytest.fixture
def folder(tmp_path: Path, picture: MakePicture) -> Path:
    source = tmp_path / "pictures"
    for index, size in enumerate([(40, 60), (64, 48), (30, 30)]):
        write(source / f"{index}.png", picture(*size, seed=index))
    (source / "notes.txt").write_text("not a picture")
    return source


def test_batches_depend_on_seed_and_step_alone(folder: Path) -> None:
    stream = PictureStream([folder], crop=24, batch=3, seed=5)
    forwards = [stream(step) for step in range(6)]
    again = PictureStream([folder], crop=24, batch=3, seed=5)
    torch.manual_seed(99)
    backwards = [again(step) for step in reversed(range(6))][::-1]
    assert all(torch.equal(a, b) for a, b in zip(forwards, backwards, strict=True))
    assert not torch.equal(forwards[0], forwards[1])
    assert not torch.equal(PictureStream([folder], crop=24, batch=3, seed=6)(0), forwards[0])


def test_crops_are_pictures(folder: Path) -> None:
    stream = PictureStream([folder], crop=24, batch=4)
    assert len(stream) == 3
    for step in range(-3, 12):
        batch = stream(step)
        assert batch.shape == (4, 3, 24, 24)
        assert batch.dtype == torch.float32
        assert float(batch.min()) >= 0
        assert float(batch.max()) <= 1
        # Something is in each: a crop of waves and edges is never flat.
        assert float(batch.std((2, 3)).amax(1).min()) > 0.01


def test_all_pictures_get_their_turn(tmp_path: Path) -> None:
    for index in range(4):
        write(tmp_path / f"{index}.png", torch.full((1, 3, 16, 16), (index + 0.5) / 4))
    stream = PictureStream([tmp_path], crop=8, batch=4)
    seen = {round(float(crop.mean()) * 4 - 0.5) for step in range(12) for crop in stream(step)}
    assert seen >= {0, 1, 2, 3}


def test_tar_files_hold_the_same_pictures_as_folders(folder: Path, tmp_path: Path) -> None:
    archive = tmp_path / "pictures.tar"
    with tarfile.open(archive, "w") as stream:
        for path in sorted(folder.iterdir()):
            stream.add(path, path.name)
    one, other = PictureStream([folder], crop=24), PictureStream([archive], crop=24)
    assert len(other) == 3
    assert torch.equal(one(7), other(7))


def test_several_sources_are_joined(folder: Path, tmp_path: Path, picture: MakePicture) -> None:
    write(tmp_path / "more" / "deep" / "a.png", picture(32, 32))
    assert len(PictureStream([folder, tmp_path / "more"])) == 4


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (1, 400), (7, 7)])
def test_pictures_smaller_than_any_crop_are_no_trouble(tmp_path: Path, size: tuple[int, int]) -> None:
    write(tmp_path / "small.png", torch.rand(1, 3, *size))
    assert PictureStream([tmp_path], crop=16, batch=2)(0).shape == (2, 3, 16, 16)


def test_a_broken_picture_is_left_out_with_a_notice(folder: Path, notices: list[str]) -> None:
    (folder / "broken.png").write_bytes((folder / "0.png").read_bytes()[:200])
    stream = PictureStream([folder], crop=16, batch=4)
    for step in range(6):
        assert stream(step).shape == (4, 3, 16, 16)
    assert notices
    assert all("broken.png" in line for line in notices)


def test_nothing_but_broken_pictures_is_an_error_not_a_loop(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    with pytest.raises(InputError, match="could not be read"):
        PictureStream([tmp_path])(0)


def test_sources_that_are_missing_empty_or_no_archive_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "page.tar").write_text("<html>")
    for name in ("missing.tar", "empty", "page.tar"):
        with pytest.raises(InputError, match=name) as caught:
            PictureStream([tmp_path / name])
        assert "\n" not in str(caught.value)


def test_a_crop_is_part_of_its_picture(tmp_path: Path) -> None:
    # A picture that is red on the left and blue on the right: no crop holds green.
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:, :32, 0] = pixels[:, 32:, 2] = 255
    Image.fromarray(pixels).save(tmp_path / "two.png")
    stream = PictureStream([tmp_path], crop=16, batch=1)
    # Some crops are roughened on purpose; most are not.
    greens = sorted(float(stream(step)[:, 1].abs().max()) for step in range(20))
    assert greens[8] < 1e-6
