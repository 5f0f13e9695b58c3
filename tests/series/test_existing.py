import json

import pytest

from impasto import metadata
from impasto.painting.api import begin
from impasto.series.existing import compare
from tests.type_helpers import present


@pytest.fixture
def saved(tmp_path, tiny_encoder, quick, content, style):
    """`saved(**changes)`: a picture painted by `quick` with changes, and what a painting by it would say of itself."""

    def save(**changes):
        painting = begin(content, style, quick.replace(**changes), encoder=tiny_encoder)
        wanted = json.loads(painting.result().metadata)
        for _ in painting:
            pass
        path = tmp_path / "out.png"
        painting.result().save(path, force=True)
        return path, wanted

    return save


def test_a_picture_is_kept_where_it_would_be_painted_the_same(saved):
    path, wanted = saved()
    assert compare(path, wanted) == ("kept", "")
    wanted["recipe"]["tv_weight"] = 9.0
    assert compare(path, wanted) == ("differs", "tv_weight was 0.4 and is 9.0 now")


def test_the_weight_that_a_strength_turned_out_to_mean_is_no_difference(saved):
    path, wanted = saved(strength=0.3)
    weight = present(metadata.read(path))["recipe"]["content_weight"]
    assert weight != wanted["recipe"]["content_weight"]
    assert compare(path, wanted) == ("kept", "")
    # Without a strength it is one, and so is another strength.
    wanted["recipe"]["strength"] = 0.4
    assert compare(path, wanted)[1] == "strength was 0.3 and is 0.4 now"
    wanted["recipe"] |= {"strength": "off", "content_weight": 3.0}
    assert compare(path, wanted)[0] == "differs"
