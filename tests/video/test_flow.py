"""Flow, what it cannot tell, pictures moved along it, and shots: values by hand and known motions."""

import pytest
import torch
from torch import Tensor

from impasto.errors import ResourceError
from impasto.video.flow import Flow, Motion, boundary, compose, of_camera, reliability, warp

pytest.importorskip("cv2", reason="needs OpenCV (the extra video)")


def even(x: float, y: float, height: int = 16, width: int = 16) -> Tensor:
    """A flow that is the same everywhere."""
    return torch.tensor([float(x), float(y)]).view(2, 1, 1).expand(2, height, width).clone()


def inner(weights: Tensor, margin: int = 4) -> Tensor:
    return weights[..., margin:-margin, margin:-margin]


def test_flow_there_and_back_is_reliable() -> None:
    assert inner(reliability(even(3, 0), even(-3, 0))).min() == 1


def test_flow_that_does_not_come_back_is_hidden() -> None:
    # A length of 3 squared is 9, and 0.01 * 9 + 0.5 is 0.59.
    assert reliability(even(3, 0), even(0, 0)).max() == 0


def test_flow_may_miss_by_a_little() -> None:
    # 0.49 < 0.01 * (9 + 5.29) + 0.5 = 0.64; 0.81 >= 0.01 * (9 + 4.41) + 0.5 = 0.63
    assert inner(reliability(even(-3, 0), even(2.3, 0))).min() == 1
    assert reliability(even(-3, 0), even(2.1, 0)).max() == 0


def test_what_came_from_beyond_the_border_is_not_reliable() -> None:
    weights = reliability(even(4, 0), even(-4, 0))[0, 0]
    assert weights[:, :12].min() == 1
    assert weights[:, 12:].max() == 0


def test_without_motion_everything_is_reliable() -> None:
    still = even(0, 0)
    assert reliability(still, still).min() == 1


def test_an_edge_of_motion_is_seen() -> None:
    moving = even(0, 0)
    moving[0, :, 8:] = 4  # a central difference of 2 at the columns 7 and 8: 4 > 0.01 * 16 + 0.002
    edges = boundary(moving)
    assert edges[:, 7:9].all()
    assert not edges[:, :7].any()
    assert not edges[:, 9:].any()


def test_a_slow_change_of_motion_is_no_edge() -> None:
    # A zoom by 2 %: gradient 0.02 in each direction, squares 0.0008 < 0.002.
    y, x = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    assert not boundary(0.02 * torch.stack([x, y])).any()


def test_a_warp_by_whole_pixels_is_a_shift(picture) -> None:
    image = picture(24, 32, 1)
    moved = warp(image, even(3, 2, 24, 32))
    assert torch.allclose(moved[..., :22, :29], image[..., 2:, 3:], atol=1e-6)


def test_a_still_flow_changes_nothing(picture) -> None:
    image = picture(17, 23, 1)
    assert torch.allclose(warp(image, even(0, 0, 17, 23)), image, atol=1e-6)


def test_composed_flows_lead_where_one_after_the_other_leads(picture) -> None:
    image = picture(32, 32, 1)
    together = warp(image, compose(even(2, 1, 32, 32), even(3, -2, 32, 32)))
    assert torch.allclose(inner(together, 6), inner(warp(image, even(5, -1, 32, 32)), 6), atol=1e-6)


def test_a_known_pan_is_found(picture) -> None:
    wide = picture(96, 160, 3)
    one, other = wide[..., 10:106], wide[..., 13:109]  # the camera went 3 px right, so things are 3 px further left
    found = Flow().between(other, one)
    assert inner(found[0], 12).median() == pytest.approx(3, abs=0.2)
    assert inner(found[1], 12).median() == pytest.approx(0, abs=0.2)
    motion = Flow().motion(other, one)
    assert inner(motion.reliable, 12).mean() > 0.9
    difference = inner((motion.warp(one) - other).abs() * motion.reliable, 12)
    assert difference.mean() < 0.01


def test_frames_smaller_than_dis_knows_are_enlarged_for_it(picture) -> None:
    image = picture(20, 24, 1)
    found = Flow().between(image, image)
    assert found.shape == (2, 20, 24)
    assert found.abs().mean() < 0.1


def test_without_the_library_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cv2", None)
    with pytest.raises(ResourceError, match=r'pip install "impasto\[video\]"'):
        Flow()


def test_the_motion_of_the_camera_is_that_of_most_of_a_picture() -> None:
    y, x = torch.meshgrid(torch.arange(60.0), torch.arange(80.0), indexing="ij")
    zoomed = torch.stack([2 + 0.05 * (x - 40), -1 + 0.05 * (y - 30)])
    flow = zoomed.clone()
    flow[:, 10:40, 10:40] = torch.tensor([9.0, 4.0])[:, None, None]  # a thing of a fifth of the picture
    found = of_camera(Motion(flow, torch.ones(1, 1, 60, 80))).backward
    assert float((found - zoomed).abs().max()) < 0.25
