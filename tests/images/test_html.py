"""Pieces of HTML for notebooks: nothing in them is taken for more than text, and pictures are no larger than shown."""

import base64
import re

import pytest
import torch

from impasto import images
from impasto.images import Picture
from impasto.images.html import figure, table


def picture_in(text):
    data = re.search(r'src="data:image/png;base64,([^"]+)"', text)
    assert data is not None
    return images.load(base64.b64decode(data[1]))


def test_a_small_picture_is_itself():
    picture = Picture(torch.rand(1, 3, 5, 7, generator=torch.Generator().manual_seed(0)), name="a <b>")
    text = figure(picture, {"loss": 0.123456, "by": "me & <you>"})
    assert (picture_in(text).to_numpy() == picture.to_numpy()).all()
    assert 'alt="a &lt;b&gt;"' in text
    assert "<tr><th>loss</th><td>0.1235</td></tr><tr><th>by</th><td>me &amp; &lt;you&gt;</td></tr>" in text


def test_a_large_one_is_made_smaller():
    assert picture_in(figure(Picture(torch.zeros(1, 3, 40, 80)), {}, side=20)).size == (10, 20)


def test_rows_become_a_table():
    assert table([]) == "<table></table>"
    text = table([{"a": 1, "b": None}, {"a": 2.5, "b": "x<y"}])
    assert text == (
        "<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td></td></tr><tr><td>2.5</td><td>x&lt;y</td></tr></table>"
    )


def test_a_sweep_shows_its_sheet_and_its_table(tmp_path):
    pytest.importorskip("impasto.series")
    from impasto.series import sweep

    photo = Picture(torch.rand(1, 3, 40, 48, generator=torch.Generator().manual_seed(1)))
    style = Picture(torch.rand(1, 3, 40, 48, generator=torch.Generator().manual_seed(2)))
    overrides = {"size": 48, "iterations": 1, "levels": 1, "precision": "float32"}
    made = sweep(
        photo, style, vary={"content_weight": [0.5, 2.0]}, folder=tmp_path / "s", encoder="petite", overrides=overrides
    )
    text = made._repr_html_()
    assert min(picture_in(text).size) > 40
    assert text.count("<tr>") == 3
