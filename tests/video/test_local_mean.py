"""Means about each pixel, against torch's pooling."""

import pytest
import torch
import torch.nn.functional as F

pytest.importorskip("cv2", reason="needs OpenCV (the extra video)")

from impasto.video.local_mean import local_mean


@pytest.mark.parametrize("side", [3, 15, 31])
@pytest.mark.parametrize("size", [(20, 33), (8, 64)])
def test_it_is_the_mean_of_what_there_is_of_a_square(side: int, size: tuple[int, int]) -> None:
    image = torch.rand(1, 3, *size)
    expected = F.avg_pool2d(image, side, 1, side // 2, count_include_pad=False)
    assert torch.allclose(local_mean(image, side), expected, atol=1e-6)


def test_a_plain_picture_stays_exactly() -> None:
    plain = torch.full((1, 1, 40, 40), 0.1)
    assert float((local_mean(plain, 27) - plain).abs().max()) < 1e-7
