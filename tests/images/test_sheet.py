"""Contact sheets: every picture is there, whole, where its headers say, and words never run into anything."""

import numpy as np
import pytest
import torch

from impasto import images
from impasto.errors import UsageError
from impasto.images import Picture, Tile, contact_sheet, sheet

RED, GREEN, BLUE, OCHRE = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.8, 0.6, 0.2)


def plain(color, height=40, width=60, alpha=None):
    pixels = torch.tensor(color).view(1, 3, 1, 1).expand(1, 3, height, width).contiguous()
    return Picture(pixels, None if alpha is None else torch.full((1, 1, height, width), alpha))


def box(page, color):
    """(top, left, bottom, right) of the pixels of one colour, which must be a full rectangle."""
    levels = page.to_numpy().astype(int)
    found = (np.abs(levels - np.round(255 * np.array(color))) <= 1).all(axis=2)
    rows, columns = np.flatnonzero(found.any(1)), np.flatnonzero(found.any(0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    assert found[top:bottom, left:right].all()
    return top, left, bottom, right


def ink(page, top, left, bottom, right):
    """Bounding box of what is neither page nor any picture's pure colour, within a part of the page."""
    part = page.to_numpy()[top:bottom, left:right].astype(int)
    dark = part.max(axis=2) < 200
    rows, columns = np.flatnonzero(dark.any(1)), np.flatnonzero(dark.any(0))
    assert len(rows), "nothing is written there"
    return top + rows[0], left + columns[0], top + rows[-1] + 1, left + columns[-1] + 1


def test_every_picture_is_on_the_page_unchanged_and_in_its_place():
    first, second = plain(RED), Picture(torch.rand(1, 3, 37, 51).mul(255).round() / 255)
    page = contact_sheet([[Tile(first), Tile(second)], [Tile(plain(GREEN)), Tile(plain(BLUE))]])
    top, left, bottom, right = box(page, RED)
    assert (bottom - top, right - left) == (40, 60)
    green, blue = box(page, GREEN), box(page, BLUE)
    assert green[0] == blue[0] >= bottom
    assert green[1] == left
    assert blue[1] >= right
    # The other picture of the first row begins beside the red one, bit for bit.
    wanted, levels = second.to_numpy(), page.to_numpy()
    spots = [x for x in range(right, levels.shape[1] - 50) if (levels[top : top + 37, x : x + 51] == wanted).all()]
    assert len(spots) == 1


def test_tall_pictures_are_scaled_down_and_small_ones_left_alone():
    page = contact_sheet(
        [[Tile(plain(RED, 200, 100)), Tile(plain(GREEN, 30, 20)), Tile(plain(BLUE, 50, 900))]], height=50
    )
    sizes = [(b[2] - b[0], b[3] - b[1]) for b in (box(page, color) for color in (RED, GREEN, BLUE))]
    assert sizes == [(50, 25), (30, 20), (11, 200)]


def test_headers_stand_above_their_columns_and_beside_their_rows():
    grid = [[Tile(plain(RED)), Tile(plain(GREEN))], [Tile(plain(BLUE)), Tile(plain(OCHRE))]]
    page = contact_sheet(grid, columns=("one", "two"), names=("up", "down"), axes=("across", "along"))
    for color in (RED, GREEN):
        top, left, _, right = box(page, color)
        written = ink(page, 0, left, top, right)
        assert written[2] <= top
        assert written[1] - left < 6
    for color in (RED, BLUE):
        top, left, bottom, _ = box(page, color)
        written = ink(page, top, 0, bottom, left)
        assert written[3] < left
        assert abs((written[0] + written[2]) - (top + bottom)) < 12
    # Without headers the same page is smaller.
    bare = contact_sheet(grid)
    assert bare.size[0] < page.size[0]
    assert bare.size[1] < page.size[1]


def test_columns_line_up_below_their_widest_picture():
    page = contact_sheet(
        [[Tile(plain(RED, 40, 30)), Tile(plain(GREEN))], [Tile(plain(BLUE, 40, 150)), Tile(plain(OCHRE))]],
        columns=("a", "b"),
    )
    assert box(page, RED)[1] == box(page, BLUE)[1]
    assert box(page, GREEN)[1] == box(page, OCHRE)[1] >= box(page, BLUE)[3]


@pytest.mark.parametrize("text", ["w" * 300, "relu1_1,relu2_1=0.5," * 30, "one\ttwo\nthree " * 40])
def test_long_words_are_cut_and_stay_off_the_pictures(text):
    tiles = [Tile(plain(RED), text, text), Tile(plain(GREEN), text, text)]
    page = contact_sheet([tiles], title=text, note=text, names=(text,), columns=(text, text), axes=(text, text))
    for color in (RED, GREEN):
        top, left, bottom, right = box(page, color)
        assert (bottom - top, right - left) == (40, 60)
    assert page.size[1] < 1500
    levels = page.to_numpy()
    assert (levels[:, :8] == levels[0, 0]).all()
    assert (levels[:, -8:] == levels[0, 0]).all()


def test_a_cut_word_keeps_both_ends():
    font = sheet._Font(16)
    text = "relu1_1,relu2_1,relu3_1,relu4_1=0.25"
    short = font._shortened(text, font.width(text) // 2)
    head, _, tail = short.partition("…")
    assert text.startswith(head)
    assert text.endswith(tail)
    assert 0 <= len(head) - len(tail) <= 1
    assert font.width(short) <= font.width(text) // 2
    assert font._shortened(text, font.width(text)) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("naïve café", "naive cafe"),
        ("β=1e-2", "?=1e-2"),
        ("画", "?"),
        ("a\nb\x1b[1m", "a b?[1m"),
        ("\udcff.png", "?.png"),
    ],
)
def test_words_are_written_in_what_the_font_has(text, shown):
    assert sheet._plain(text) == shown
    contact_sheet([[Tile(plain(RED), head=text, label=text)]], title=text)


def test_a_missing_picture_is_a_box_with_words():
    note = "failed: the loss became NaN at step 3 and going back did not help"
    page = contact_sheet([[Tile(plain(RED)), Tile(None, text=note, size=(400, 600))]], height=100)
    levels = page.to_numpy().astype(int)
    gray = (np.abs(levels - sheet._BOX) <= 1).all(axis=2)
    rows, columns = np.flatnonzero(np.any(gray, axis=1)), np.flatnonzero(np.any(gray, axis=0))
    top, left, bottom, right = rows[0], columns[0], rows[-1] + 1, columns[-1] + 1
    assert (bottom - top, right - left) == (100, 150)
    written = ink(page, top, left, bottom, right)
    assert written[1] > left
    assert written[3] < right


def test_what_is_transparent_shows_the_page():
    page = contact_sheet([[Tile(plain(RED)), Tile(plain(BLUE, alpha=0.0))]])
    levels = page.to_numpy()
    assert not (levels == (0, 0, 255)).all(axis=2).any()
    half = contact_sheet([[Tile(plain(BLUE, alpha=0.5))]]).to_numpy()
    assert (np.abs(half.astype(int) - (126, 126, 252)).max(axis=2) <= 1).sum() == 40 * 60


def test_pictures_are_asked_for_one_after_the_other():
    asked = []

    def load(number):
        asked.append(number)
        return plain((RED, GREEN)[number])

    page = contact_sheet([[Tile(lambda: load(0)), Tile(lambda: load(1))]])
    assert asked == [0, 1]
    assert box(page, RED)[3] <= box(page, GREEN)[1]


def test_a_page_stays_small_enough_to_look_at(monkeypatch, notices):
    rows = [[Tile(plain(RED if i + j else GREEN, 60, 60)) for i in range(6)] for j in range(5)]
    monkeypatch.setattr(sheet, "MAX_PIXELS", 100_000)
    page = contact_sheet(rows, height=60)
    assert page.size[0] * page.size[1] <= 100_000
    top, left, bottom, right = box(page, GREEN)
    assert bottom - top == right - left < 60
    assert notices == [f"the sheet has cells of {bottom - top} px instead of 60: larger ones would not fit a page"]


def test_the_page_can_be_saved(tmp_path):
    page = contact_sheet([[Tile(plain(RED), "a")]], title="title")
    for name in ("sheet.png", "sheet.jpg"):
        images.save(page, tmp_path / name)
        assert images.load(tmp_path / name).size == page.size
    assert (images.load(tmp_path / "sheet.png").to_numpy() == page.to_numpy()).all()


@pytest.mark.parametrize(
    "options",
    [
        {"rows": []},
        {"rows": [[]]},
        {"rows": [[Tile()], []]},
        {"rows": [[Tile()]], "height": 5},
        {"rows": [[Tile()]], "names": ("a", "b")},
        {"rows": [[Tile()]], "columns": ("a", "b")},
    ],
)
def test_what_cannot_be_laid_out(options):
    with pytest.raises(UsageError):
        contact_sheet(**options)


def test_where_nothing_is_written_nothing_is_cut() -> None:
    # Without axes there is less than no room for their names; a sign of a cut line stood there.
    assert sheet._Font(13)._shortened("", -8) == ""
    assert sheet._Font(13)._shortened("a long line", 30).count("…") == 1
