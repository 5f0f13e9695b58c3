"""Lay out the pictures that `impasto figures cs229` reads: `python scripts/cs229_pictures.py --shared ../shared`.

Photographs and paintings are of the report's kind, not its own. The masks of the portrait are drawn here: polygons, in
thousandths of the picture's width and height.
"""

import argparse
import shutil
from pathlib import Path

from PIL import Image, ImageDraw

Polygon = tuple[tuple[int, int], ...]

COLORS = {
    "background": (0, 0, 0),
    "coat": (255, 0, 0),
    "shirt": (255, 255, 255),
    "skin": (255, 150, 0),
    "hair": (255, 255, 0),
}
"""All of the person far from black and near one another: two clusters are then person and background."""

PORTRAIT: list[tuple[str, Polygon]] = [
    (
        "coat",
        (
            (254, 327), (136, 421), (102, 567), (82, 654), (80, 814), (92, 872), (73, 894), (73, 1000), (572, 1000),
            (587, 945), (563, 872), (558, 610), (529, 451), (485, 385), (417, 342), (400, 331), (300, 330),
        ),
    ),
    ("shirt", ((276, 363), (291, 494), (233, 814), (407, 828), (373, 610), (373, 501), (339, 530), (301, 501))),
    (
        "skin",
        (
            (254, 218), (257, 298), (267, 312), (276, 378), (274, 421), (296, 501), (335, 530), (373, 494), (380, 407),
            (400, 320), (415, 291), (417, 244), (412, 189), (398, 115), (291, 110), (267, 150),
        ),
    ),
    (
        "skin",
        (
            (225, 807), (155, 887), (165, 930), (200, 975), (223, 985), (340, 960), (427, 952), (473, 905), (456, 872),
            (417, 828), (390, 812), (340, 826), (291, 828),
        ),
    ),
    (
        "hair",
        (
            (254, 218), (254, 160), (276, 102), (320, 73), (369, 76), (403, 116), (417, 174), (417, 240), (405, 218),
            (398, 167), (383, 131), (310, 128), (276, 153), (262, 218),
        ),
    ),
]  # fmt: skip
PAINTING: list[tuple[str, Polygon]] = [
    ("shirt", ((0, 880), (110, 930), (340, 840), (610, 1000), (0, 1000))),
    (
        "coat",
        (
            (340, 555), (445, 567), (483, 625), (720, 509), (729, 451), (786, 480), (814, 552), (1000, 683),
            (1000, 1000), (606, 1000), (379, 858), (284, 814), (189, 785), (208, 683), (284, 625),
        ),
    ),
    ("shirt", ((464, 632), (379, 727), (284, 821), (350, 858), (407, 727), (474, 647))),
    (
        "skin",
        (
            (305, 218), (388, 140), (620, 120), (653, 189), (653, 262), (701, 320), (748, 327), (758, 378), (720, 465),
            (701, 501), (511, 567), (492, 608), (464, 603), (445, 560), (379, 552), (341, 436), (294, 312), (294, 262),
        ),
    ),
    ("skin", ((208, 872), (284, 843), (360, 858), (407, 908), (322, 945), (208, 930))),
    (
        "hair",
        (
            (322, 160), (360, 87), (436, 58), (568, 58), (663, 94), (758, 160), (780, 218), (767, 305), (748, 327),
            (682, 312), (653, 247), (634, 160), (530, 138), (398, 174), (318, 211),
        ),
    ),
    (
        "hair",
        (
            (331, 421), (379, 414), (455, 436), (549, 421), (644, 378), (644, 436), (625, 494), (511, 545), (445, 560),
            (388, 545), (369, 501), (331, 458),
        ),
    ),
]  # fmt: skip


def draw(size: tuple[int, int], polygons: list[tuple[str, Polygon]], path: Path) -> None:
    """Draw the polygons one over another, on the background's colour."""
    mask = Image.new("RGB", size, COLORS["background"])
    pen = ImageDraw.Draw(mask)
    for name, points in polygons:
        pen.polygon([(x * size[0] / 1000, y * size[1] / 1000) for x, y in points], COLORS[name])
    mask.save(path)


def main() -> None:
    """Fill the four folders."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("out/cs229_pictures"))
    options = parser.parse_args()
    images, out = options.shared / "images", options.out
    files = {
        "figure1/content.jpg": "content/tubingen.jpg",
        "figure1/style.jpg": "style/van_gogh_starry_night.jpg",
        "figure2/content.jpg": "content/golden_gate.jpg",
        "figure2/style1.jpg": "style/hokusai_great_wave.jpg",
        "figure2/style2.jpg": "style/munch_scream.jpg",
        "figure2/style3.jpg": "style/picabia_udnie.jpg",
        "figure2/style4.jpg": "style/turner_shipwreck.jpg",
        "figure4/content.jpg": "content/portrait_man.jpg",
        "figure4/style.jpg": "style/van_gogh_self_1889.jpg",
    }
    pair = images / "masks" / "gns_house_wheatfield"
    files |= {f"figure3/{path.name}": str(path.relative_to(images)) for path in sorted(pair.iterdir())}
    for name, source in files.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(images / source, out / name)
    for part, polygons in (("content", PORTRAIT), ("style", PAINTING)):
        with Image.open(out / f"figure4/{part}.jpg") as picture:
            draw(picture.size, polygons, out / f"figure4/{part}_mask.png")
    # A portrait, not a room with a man in it.
    for name in ("content.jpg", "content_mask.png"):
        with Image.open(out / "figure4" / name) as picture:
            box = (0.05 * picture.width, 0.0, 0.64 * picture.width, 0.76 * picture.height)
            cut = picture.crop(box)
        cut.save(out / "figure4" / name, quality=95)


if __name__ == "__main__":
    main()
