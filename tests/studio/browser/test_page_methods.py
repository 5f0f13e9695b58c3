"""Every method, quality and preset, with and without pictures: it paints, or the page says what is missing."""

import io
import itertools

import numpy as np
import pytest
from PIL import Image

from impasto.recipe import list_presets
from impasto.recipe.catalogue import METHODS
from impasto.studio import job_requests
from impasto.studio.order import Order, inputs
from impasto.studio.refusal_words import checked
from impasto.studio.request_models import JobRequest
from impasto.studio.settings import Refused
from tests.studio.browser.browser_helpers import TINY
from tests.studio.studio_helpers import in_thread

ASKED = """
const { draft, pictures } = await import('/static/js/state.js');
const { job, missing } = await import('/static/js/fitting.js');
return values.map(([method, preset, content, style, contentMask, styleMask, changed]) => {
  draft.preset = preset;
  draft.changed = { ...changed, method };
  draft.content = content && pictures.get(content);
  draft.styles = style ? [{ picture: pictures.get(style), mask: styleMask, weight: 1 }] : [];
  draft.contentMask = contentMask;
  return [missing(), job()];
});
"""


def halves(height, width):
    """The bytes of a mask: red above blue."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, :, 0] = pixels[height // 2 :, :, 2] = 255
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def masks(studio):
    """Ids of a mask of the photograph and of the painting."""
    return [
        studio.call("/api/pictures?role=mask", halves(*size), X_Name="mask.png").json["id"]
        for size in ((48, 64), (40, 56))
    ]


@pytest.fixture
def table(look, uploaded, masks):
    """What the page says is missing and what it sends, for each method, preset, and with and without each picture."""
    photo, painting = uploaded
    given = [
        (method, preset, content, style, mask, style_mask, TINY)
        for method, preset in itertools.product(METHODS, list_presets())
        for content, style in itertools.product((photo, None), (painting, None))
        for mask, style_mask in ((None, None), (masks[0], None), (masks[0], masks[1]))
        if style or not style_mask
    ]
    look.reload()
    return list(zip(given, look.run(ASKED, *given), strict=True))


def test_every_combination_is_taken_or_the_page_says_what_is_missing(table):
    taken = set()
    for (method, preset, *rest), (missing, job) in table:
        said, made = "", None
        try:
            # What `POST /api/jobs` does with it; nothing is queued.
            made = job_requests.job(checked(JobRequest, job), lambda _picture: {"name": "p.png"})
        except Refused as refused:
            said = str(refused)
        assert bool(said) == bool(missing), (method, preset, rest, missing, said)
        assert "--" not in missing + said
        if made is not None:
            taken.add((method, preset))
            assert made["recipe"]["method"] == method
    assert len(taken) == len(METHODS) * len(list_presets())


def test_what_the_page_sends_can_be_begun(studio, table):
    # The engine's word on each recipe, in this process: 64 pixels and petite, so that each takes a moment.
    folder = studio.data / "pictures"

    def source(picture):
        return None if picture is None else {"path": str(folder / picture / "original"), "name": "p.png"}

    def begin():
        from impasto.painting.api import begin_with

        begun = {}
        for given, (missing, job) in table:
            # These presets are of VGG-16's layers, whose weights are not here.
            if missing or given[1] in ("nnst", "strotss"):
                continue
            recipe = job_requests.parse(job["recipe"], job["preset"], photo=job["content"] is not None)
            key = repr((recipe, job["content"], job["styles"], job["content_mask"], job["style_masks"]))
            if key in begun:
                continue
            order = Order(
                job="", folder=folder, content=source(job["content"]), styles=[source(each) for each in job["styles"]],
                content_mask=source(job["content_mask"]), style_masks=[source(each) for each in job["style_masks"]],
                region_names=None, init=None, landmarks=None,
                recipe=recipe.model_dump(mode="json"), finish=False, checkpoint_s=5.0, pixels=10**8,
            )  # fmt: skip
            begun[key] = given
            begin_with(inputs(order), recipe)
        return begun

    assert len(in_thread(begin)) > 150
