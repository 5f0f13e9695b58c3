"""Pictures in memory: arrays, tensors, Pillow pictures, and `Picture` itself."""

import hashlib
import io
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from impasto import images
from impasto.errors import ImageError, UsageError
from tests.forked import Forked, forget_impasto
from tests.images.image_helpers import file_of, noise, smooth

PIXELS = noise(5, 7)
UNIT = torch.from_numpy(PIXELS).movedim(-1, 0).float() / 255


@pytest.mark.parametrize(
    "source",
    [
        PIXELS,
        PIXELS.astype(np.uint16) * 257,
        PIXELS.astype(np.float32) / 255,
        PIXELS.astype(np.float64) / 255,
        PIXELS[:, ::-1][:, ::-1],
        UNIT,
        UNIT[None],
        UNIT.double(),
        torch.from_numpy(PIXELS).movedim(-1, 0),
        UNIT.clone().requires_grad_(),
        Image.fromarray(PIXELS),
        file_of(PIXELS, "PNG"),
    ],
)
def test_kinds_of_input(source):
    picture = images.load(source)
    assert picture.pixels.shape == (1, 3, 5, 7)
    assert picture.pixels.dtype == torch.float32
    assert not picture.pixels.requires_grad
    assert torch.allclose(picture.pixels[0], UNIT, atol=1e-6)
    assert picture.alpha is None
    assert len(picture.sha256) == 64


def test_grey_and_alpha_arrays():
    gray = images.load(PIXELS[..., 0])
    assert torch.allclose(gray.pixels, UNIT[:1][None].expand(1, 3, 5, 7))
    both = noise(5, 7, 4)
    for source in (both, torch.from_numpy(both).movedim(-1, 0)[None]):
        picture = images.load(source)
        assert (picture.to_numpy() == both).all()
    assert images.load(np.array([[True, False]])).pixels[0, 0].tolist() == [[1, 0]]


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (PIXELS.astype(np.int64), "int64"),
        (PIXELS.astype(np.float32), "scale"),
        (np.full((3, 3), np.nan), "NaN"),
        (np.zeros((3, 3, 5)), "shape"),
        (np.zeros((0, 3, 3), np.uint8), "shape"),
        (np.zeros((2, 2, 2, 2)), "shape"),
        (torch.zeros(3, 3), "shape"),
        (torch.zeros(2, 3, 4, 4), "shape"),
        (torch.full((3, 2, 2), float("inf")), "infinite"),
        (12, "int"),
        (None, "NoneType"),
    ],
)
def test_unclear_input(source, problem):
    with pytest.raises(ImageError, match=problem):
        images.load(source)


def test_slight_overshoot_is_clamped():
    assert images.load(torch.tensor([-0.01, 1.01]).expand(3, 1, 2)).pixels[0, 0, 0].tolist() == [0, 1]


def test_limits_hold_for_lazy_pillow_pictures():
    with pytest.raises(ImageError, match="--max-pixels"):
        images.load(Image.open(io.BytesIO(file_of(smooth(9, 9), "PNG"))), max_pixels=80)
    with pytest.raises(UsageError):
        images.load(PIXELS, max_pixels=0)


def test_a_cut_off_lazy_pillow_picture():
    data = file_of(noise(40, 40), "PNG")
    with pytest.raises(ImageError):
        images.load(Image.open(io.BytesIO(data[:1000])))


def test_identity_and_digests(tmp_path):
    picture = images.load(PIXELS)
    assert images.load(picture) is picture
    assert images.load(UNIT).sha256 == picture.sha256
    assert images.load(PIXELS[::-1]).sha256 != picture.sha256
    data = file_of(PIXELS, "PNG")
    (tmp_path / "folder").mkdir()
    path = tmp_path / "folder" / "photo.png"
    path.write_bytes(data)
    for name in (path, str(path)):
        picture = images.load(name)
        assert picture.name == "photo.png"
        assert picture.sha256 == hashlib.sha256(data).hexdigest()
        assert str(tmp_path) not in repr(picture)


def test_out_again():
    picture = images.load(PIXELS)
    assert picture.size == (5, 7)
    assert (np.asarray(picture.to_pil()) == PIXELS).all()
    assert picture.to_pil().mode == "RGB"
    assert (np.asarray(Image.open(io.BytesIO(picture._repr_png_()))) == PIXELS).all()
    assert (picture.to_numpy(16) == PIXELS.astype(int) * 257).all()
    with pytest.raises(UsageError, match="bits"):
        picture.to_pil(16)
    with pytest.raises(UsageError, match="bits"):
        picture.to_numpy(12)


def test_rounding_is_to_nearest():
    levels = torch.tensor([0.49, 0.51, 1.49, 254.49, 254.51]) / 255
    picture = images.Picture(levels.expand(1, 3, 1, 5).contiguous())
    assert picture.to_numpy()[0, :, 0].tolist() == [0, 1, 1, 254, 255]
    wild = images.Picture(torch.tensor([-3.0, 7.0]).expand(1, 3, 1, 2))
    assert wild.to_numpy()[0, :, 0].tolist() == [0, 255]
    with pytest.raises(ImageError, match="NaN"):
        images.Picture(torch.full((1, 3, 2, 2), torch.nan)).to_numpy()


def test_pictures_are_checked_and_frozen():
    for wrong in (
        torch.zeros(3, 4, 4),
        torch.zeros(1, 1, 4, 4),
        torch.zeros(1, 3, 4, 4).double(),
        torch.zeros(1, 3, 0, 4),
    ):
        with pytest.raises(ImageError):
            images.Picture(wrong)
    with pytest.raises(ImageError, match="alpha"):
        images.Picture(torch.zeros(1, 3, 4, 4), torch.zeros(1, 1, 4, 5))
    with pytest.raises(AttributeError):
        images.load(PIXELS).name = "other"  # type: ignore[misc]
    assert images.Picture(torch.zeros(1, 3, 2, 2), torch.ones(1, 1, 2, 2)).opaque
    assert not images.Picture(torch.zeros(1, 3, 2, 2), torch.full((1, 1, 2, 2), 0.9)).opaque


def test_threads_do_not_share_leniency():
    from concurrent.futures import ThreadPoolExecutor

    data = file_of(noise(60, 60), "PNG")
    cut = data[: len(data) // 2]

    def attempt(allow):
        try:
            return images.load(cut, allow_truncated=allow).truncated
        except ImageError:
            return None

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(attempt, [True, False] * 40)) == [True, None] * 40


def test_import_changes_nothing():
    code = (
        "import warnings, PIL.Image as I, PIL.ImageFile as F; before = (I.MAX_IMAGE_PIXELS, F.LOAD_TRUNCATED_IMAGES, "
        "list(warnings.filters)); import impasto.images, impasto.metadata, sys; "
        "assert before == (I.MAX_IMAGE_PIXELS, F.LOAD_TRUNCATED_IMAGES, list(warnings.filters)); "
        "assert 'pillow_heif' not in sys.modules"
    )

    def look():
        forget_impasto()
        sys.modules.pop("pillow_heif", None)
        exec(code, {})

    # torch itself adds warning filters: here it is imported already.
    assert Forked(look).wait() == 0


def test_metadata_needs_no_torch():
    source = pathlib.Path(images.__file__).parents[2]
    code = "import sys, impasto.metadata as m; m.build({}, [], []); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": str(source)})
