"""Landmarks from files and from Python, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from impasto import landmarks
from impasto.errors import InputError, UsageError
from impasto.landmarks import detect

ROOT = Path(__file__).resolve().parents[2]
POINTS = [[10.0, 20.0], [30.0, 20.0], [20.0, 40.0]]
SIZE = (80, 40)
FRACTIONS = [[0.25, 0.25], [0.75, 0.25], [0.5, 0.5]]


@pytest.mark.parametrize(
    "source",
    [
        POINTS,
        FRACTIONS,
        np.array(POINTS),
        torch.tensor(FRACTIONS),
        {"points": POINTS, "unit": "pixel"},
        {"points": FRACTIONS, "names": ["a", "b", "c"], "unit": "fraction"},
    ],
)
def test_units_and_kinds(source: object) -> None:
    found = landmarks.load(source, SIZE)
    assert torch.allclose(found.points, torch.tensor(FRACTIONS, dtype=torch.float64))


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "face.json"
    path.write_text(json.dumps(POINTS))
    found = landmarks.load(path, SIZE)
    assert found.points.tolist() == FRACTIONS
    assert found.sha256 == landmarks.load(FRACTIONS, SIZE).sha256
    assert found.sha256 != landmarks.load([[0.25, 0.26], *FRACTIONS[1:]], SIZE).sha256
    # ibug counts pixels from 1 at their middle.
    rows = "\n".join(f"{x + 0.5} {y + 0.5}" for x, y in POINTS)
    pts = tmp_path / "face.pts"
    pts.write_text(f"version: 1\nn_points: 3\n{{\n{rows}\n}}\n")
    assert landmarks.load(str(pts), SIZE).points.tolist() == FRACTIONS


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no proper file"),
        ("3", "list of"),
        ('{"points": [[1, 2], [3, "a"], [4, 5]]}', "list of"),
        ("[[1, 2], [3, 4]]", "2 points"),
        ("[[1, 2], [3, 4], [NaN, 4]]", "list of"),
        ("[[1, 2], [3, 4], [50, 4]]", "point 3 lies outside of the picture of 40x80"),
        ("[[1, 2], [2, 4], [3, 6], [8, 16]]", "on a line"),
        ("[[1, 2], [2, 4], [9, 6], [9, 6]]", "at one place"),
        ('{"points": [[1, 2], [2, 9], [9, 6]], "names": ["a", "a", "b"]}', "name of its own"),
        ('{"points": [[1, 2], [2, 9], [9, 6]], "unit": "mm"}', "unit is pixel or fraction"),
    ],
)
def test_what_makes_no_sense_is_told_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "face.json"
    path.write_text(text)
    with pytest.raises((UsageError, InputError), match=message) as told:
        landmarks.load(path, SIZE)
    assert str(told.value).startswith("face.json: ")


@pytest.mark.parametrize("text", ["", "n_points: 2\n{\n1 2\n}", "n_points: 1\n{\n1 2 3\n}", "n_points: x\n{\n1 2\n}"])
def test_a_broken_pts_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "face.pts"
    path.write_text(text)
    with pytest.raises(InputError, match=r"face\.pts"):
        landmarks.load(path, SIZE)


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.json"):
        with pytest.raises(InputError, match="not a file"):
            landmarks.load(path, SIZE)


def test_pairs_go_by_name_or_by_order() -> None:
    one = landmarks.load({"points": [*FRACTIONS, [0.1, 0.9]], "names": ["a", "b", "c", "d"]}, SIZE)
    other = landmarks.load({"points": FRACTIONS[::-1], "names": ["c", "b", "a"]}, SIZE)
    found = landmarks.pair(one, other)
    assert found.content.points.tolist() == found.style.points.tolist() == FRACTIONS
    with pytest.raises(UsageError, match="4 landmarks of the photograph and 3"):
        landmarks.pair(one, landmarks.load(FRACTIONS, SIZE))
    line = [[0.2, 0.2], [0.4, 0.4], [0.6, 0.6], [0.1, 0.9]]
    with pytest.raises(UsageError, match="share: the points lie on a line"):
        landmarks.pair(
            landmarks.load({"points": line, "names": ["a", "b", "c", "x"]}, SIZE),
            landmarks.load({"points": [*FRACTIONS, [0.1, 0.9]], "names": ["a", "b", "c", "y"]}, SIZE),
        )
    with pytest.raises(UsageError, match="share 0 names"):
        landmarks.pair(one, landmarks.load({"points": FRACTIONS, "names": ["x", "y", "z"]}, SIZE))


@pytest.mark.parametrize("path", sorted((ROOT / "assets" / "landmarks").glob("*.json")), ids=lambda path: path.stem)
def test_ours_fit_one_another(path: Path) -> None:
    found = landmarks.load(path, (100, 100))
    other = landmarks.load(ROOT / "assets" / "landmarks" / "astronaut.json", (100, 100))
    assert len(landmarks.pair(found, other).content.points) == 27
    assert found.points[found.names.index("eye_left"), 0] < found.points[found.names.index("eye_right"), 0]
    assert found.points[found.names.index("chin"), 1] > found.points[found.names.index("nose_tip"), 1]


def test_the_box_that_was_seen_most_often_is_the_face(monkeypatch: pytest.MonkeyPatch) -> None:
    boxes = [(0, 0, 200, 200), (100, 200, 100, 100), (100, 300, 100, 100)]
    monkeypatch.setattr(detect, "_detector", lambda: lambda _picture: (boxes, [3, 9, 9]))
    found = detect.find(torch.zeros(1, 3, 1024, 512))
    assert found is not None
    eye = found.points[found.names.index("eye_left")] * torch.tensor([256, 512])
    assert eye.tolist() == pytest.approx([131, 237])
    monkeypatch.setattr(detect, "_detector", lambda: lambda _picture: ([], []))
    assert detect.find(torch.zeros(1, 3, 64, 64)) is None


def test_a_detector_finds_a_face_where_there_is_one() -> None:
    pytest.importorskip("cv2", reason="needs the extra [faces]")
    from impasto import load

    photo = load(ROOT / "assets" / "photos" / "astronaut.jpg")
    found, ours = detect.find(photo.pixels), landmarks.load(ROOT / "assets/landmarks/astronaut.json", photo.size)
    assert found is not None
    for name in ("eye_left", "eye_right", "nose_tip"):
        away = found.points[found.names.index(name)] - ours.points[ours.names.index(name)]
        assert float(away.norm()) < 0.03
