"""The form is the recipe: every field, its meaning, what was changed, and what a method does not know."""

import pytest

from impasto.recipe import Recipe
from impasto.studio.form import HINTS

ELSEWHERE = {"version", "method", "style_weights", "keep"}
"""Set by the preset, the method's own list, the sliders of the paintings, and the regions of masks."""
OF_REGIONS = {"region_weights", "region_content_weights", "region_scales", "region_styles", "gain_regions", "feather"}
"""They name regions, and are there when there are masks; strength is of a photograph."""


def test_every_setting_has_a_field_and_its_meaning(look):
    fields = look.page.locator("[data-field]").evaluate_all(
        "nodes => nodes.map(node => [node.dataset.field, node.querySelector('.hint').textContent])"
    )
    said = dict(fields)
    assert len(said) == len(fields)
    assert set(said) | ELSEWHERE == set(Recipe.model_fields)
    for key, line in said.items():
        meant = HINTS.get(key) or Recipe.model_fields[key].description or ""
        assert line.rstrip(".").lower() == meant.rstrip(".").lower()
        assert "command" not in line


def test_a_change_is_marked_and_can_be_taken_back(look):
    field = look.page.locator("[data-field=style_weight]")
    look.set(style_weight=250)
    group = look.page.locator("details.group", has=field)
    assert field.locator(".dot").is_visible()
    assert group.locator("summary .dot").is_visible()
    field.get_by_role("button", name="Reset").click()
    assert look.page.locator("#field-style_weight").input_value() == "100"
    assert field.locator(".dot").is_hidden()
    assert group.locator("summary .dot").is_hidden()


def test_a_preset_changes_what_unchanged_fields_show(look):
    look.page.get_by_role("button", name="Fine").click()
    assert look.page.locator("#field-iterations").input_value() == "600"
    look.page.get_by_label("Preset").select_option("zhao")
    assert look.page.locator("#field-iterations").input_value() == "300"
    assert look.page.locator("#field-solver").input_value() == "adam"
    assert look.page.locator(".dot:visible").count() == 0
    look.set(iterations=301)
    look.page.get_by_role("button", name="Draft").click()
    assert look.page.locator("#field-iterations").input_value() == "301"
    assert look.page.locator("#field-solver").input_value() == "lbfgs"


@pytest.mark.parametrize(
    ("key", "text", "said"),
    [
        ("size", "3", "16"),
        ("size", "", "number"),
        ("style_layers", "relu1_1=much", "much: is not a number"),
    ],
)
def test_what_cannot_be_read_is_said_beside_it(look, key, text, said):
    before = look.page.locator(f"#field-{key}").input_value()
    look.set(**{key: text})
    line = look.page.locator(f"[data-field={key}] .error-line")
    line.wait_for()
    assert said in line.inner_text()
    look.reload()
    assert look.page.locator(f"#field-{key}").input_value() == before


def test_what_the_server_refuses_is_said_beside_the_button(visit, studio, uploaded):
    look = visit(studio, forgiven=["422"])
    look.draft(*uploaded)
    look.set(style_layers="relu9_1")
    line = look.page.locator("#dock .error-line", has_text="style_layers")
    line.wait_for()
    look.page.locator("[data-field=style_layers]").get_by_role("button", name="Reset").click()
    line.wait_for(state="hidden")
    look.page.locator(".estimate", has_text="About").wait_for()


def test_fields_of_other_methods_are_not_shown(look):
    look.set(tv_weight=7)
    methods = look.run("return (await (await fetch('/api/schema')).json()).methods")
    for method in methods:
        # As if its networks were here: what is shown does not depend on that.
        look.page.locator(f"#field-method option[value={method['name']}]").evaluate("node => { node.disabled = false }")
        look.page.locator("#field-method").select_option(method["name"])
        shown = look.page.locator("[data-field]:not([hidden])").evaluate_all(
            "nodes => nodes.map(node => node.dataset.field)"
        )
        assert set(shown) == set(method["settings"]) - ELSEWHERE - OF_REGIONS - {"strength"}
    look.page.locator("#field-method").select_option("gatys")
    # What a method does not know is not sent, and there again with a method that knows it.
    assert look.page.locator("#field-tv_weight").input_value() == "7"


def test_the_theme_is_chosen_once(look):
    root = look.page.locator("html")
    color = "node => getComputedStyle(node.querySelector('body')).backgroundColor"
    light = root.evaluate(color)
    look.page.keyboard.press("t")
    dark = root.evaluate(color)
    assert dark != light
    look.reload()
    assert root.evaluate(color) == dark


def test_the_system_chooses_the_theme_at_first(visit, studio):
    dark = visit(studio, color_scheme="dark")
    assert dark.page.get_by_role("button", name="Switch to light").is_visible()
