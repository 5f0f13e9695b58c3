import pytest

from impasto.errors import RecipeError, UsageError
from impasto.recipe import Recipe
from impasto.recipe.catalogue import METHODS
from impasto.tuning.draft import draft_recipe
from impasto.tuning.space import ORDER, OWN, SEARCHED, WEIGHTS, Space, tilt


def test_the_search_starts_with_the_recipe_as_it_is():
    space = Space.of(Recipe())
    assert space.recipe(space.start) == Recipe()
    own = Recipe(method="strotss", style_scale=0.8, content_weight=2.0)
    space = Space.of(own)
    assert space.methods[0] == "strotss"
    assert space.recipe(space.start) == own


@pytest.mark.parametrize("method", SEARCHED)
def test_every_value_of_every_method_is_a_recipe_of_its_own(method):
    space = Space.of(Recipe(), [method])
    point = space.default(method)
    for name in ORDER:
        values = space.values(name, method)
        recipes = [space.recipe(space.complete({**point, name: value})) for value in values]
        assert all(recipe.method == method for recipe in recipes)
        for place, recipe in enumerate(recipes):
            assert recipe not in recipes[:place]
            draft_recipe(recipe)


def test_a_point_has_what_its_method_has():
    space = Space.of(Recipe())
    assert list(space.default("gatys")) == ["style_scale", "method", "strength", "layers", "color", "statistic"]
    assert list(space.default("reshuffle")) == ["style_scale", "method", "alpha", "color"]
    left = space.complete({**space.default("gatys"), "method": "wct", "style_scale": 2.0, "statistic": "mean_std"})
    assert left == {"style_scale": 2.0, "method": "wct", "alpha": 1.0, "color": "style"}


def test_what_is_fixed_is_not_searched_and_holds_everywhere():
    space = Space.of(Recipe(), None, {"color": "luminance", "style_scale": 0.5, "tv": "l1"})
    for method in space.methods:
        recipe = space.recipe(space.default(method))
        assert (recipe.color, recipe.style_scale) == ("luminance", 0.5)
        assert recipe.tv == ("l1" if "tv" in METHODS[method].settings else Recipe().tv)
        assert not {"color", "style_scale"} & set(space.default(method))
    assert Space.of(Recipe(), None, {"method": "mrf"}).methods == ("mrf",)
    # By the key's old name, and a mixture of statistics, which no single one stands for.
    assert "statistic" not in Space.of(Recipe(), None, {"statistics": {"gram": 1, "histogram": 0.1}}).start
    assert Space.of(Recipe(method="nnst"), None, {"content_share": 0.5}).fixed == {"content_fraction": 0.5}


@pytest.mark.parametrize(
    ("methods", "fix", "message"),
    [
        (["gatyz"], {}, "did you mean 'gatys'"),
        (["portrait"], {}, "needs landmarks"),
        (["johnson"], {}, "cannot be searched"),
        (None, {"styl_scale": 1}, "--fix: unknown recipe key 'styl_scale'; did you mean 'style_scale'"),
        (None, {"version": 1}, "--fix"),
        (["wct"], {"tv": "l1"}, "--fix tv: is a setting of none of wct"),
        (["wct"], {"method": "gatys"}, "exclude each other"),
        (None, {"color": "pink"}, "color"),
        (None, {"style_scale": -1}, "style_scale"),
    ],
)
def test_what_cannot_be_searched_is_refused(methods, fix, message):
    with pytest.raises((UsageError, RecipeError), match=message):
        Space.of(Recipe(), methods, fix)


def test_tilting_by_hand():
    # Blocks 1 and 3 of equal weight: coarse multiplies them by 2 and 8, and keeps the sum.
    assert tilt({"relu1_1": 0.5, "relu3_1": 0.5}, 1.0) == {"relu1_1": 0.2, "relu3_1": 0.8}
    assert tilt({"relu1_1": 0.5, "relu3_1": 0.5}, -1.0) == {"relu1_1": 0.8, "relu3_1": 0.2}


def test_strengths_are_the_recipes_own_and_others():
    space = Space.of(Recipe())
    for method in ("gatys", "strotss", "mrf", "nnst"):
        start = space.default(method)
        assert space.recipe(start) == Recipe(method=method)
        assert space.recipe({**start, "strength": 0.2}) == Recipe(method=method, strength=0.2)
    assert space.recipe({**space.default("wct"), "alpha": 0.8}) == Recipe(method="wct", alpha=0.8)
    strong = Space.of(Recipe(strength=0.65))
    assert 0.65 not in strong.values("strength", "gatys")
    assert strong.recipe(strong.start).strength == 0.65
    assert strong.values("alpha", "wct")[0] == 0.65
    assert strong.span("alpha") == (0.6, 1.0)
    # A weight that is fixed is what strength would find, and a strength that is fixed goes for networks too.
    assert Space.of(Recipe(strength=0.65), None, {"content_weight": 3}).recipe(strong.start).strength == "off"
    fixed = Space.of(Recipe(), None, {"strength": 0.3})
    assert [fixed.recipe(fixed.default(method)).strength for method in ("gatys", "wct")] == [0.3, 0.3]
    assert not {"alpha", "strength"} & {*fixed.default("wct"), *fixed.default("gatys")}


def test_weights_are_multiples_of_the_recipes_own():
    space = Space.of(Recipe(content_weight=3.0))
    for method, weight in (("gatys", 3.0), ("mrf", 3.0), ("strotss", 3.0)):
        start = space.default(method)
        assert space.recipe({**start, "strength": "content x2"}).content_weight == 2 * weight
        assert space.recipe({**start, "strength": "content x0.5"}).content_weight == weight / 2
    # No content weight, one that a strength finds, and one that is fixed have no multiples.
    assert not {*WEIGHTS} & {*space.values("strength", "nnst")}
    assert not {*WEIGHTS} & {*Space.of(Recipe(strength=0.3)).values("strength", "gatys")}
    assert Space.of(Recipe(), None, {"content_weight": 2}).values("strength", "gatys") == ()
    # Of a method that takes long to find one, a strength is not tried.
    assert space.values("strength", "strotss") == (OWN, *WEIGHTS)


def test_drafts_are_small_and_short():
    draft = draft_recipe(Recipe(size=2048, iterations=600, finishing_steps=120), 256)
    assert (draft.size, draft.iterations, draft.levels, draft.encoder) == (256, 60, 2, "petite")
    assert draft_recipe(Recipe(size=128), 256).size == 128
    assert draft_recipe(Recipe(size="content"), 256).size == 256
    assert draft_recipe(Recipe(iterations=20), 256).iterations == 20
    assert draft_recipe(Recipe(encoder="vgg16"), 256).encoder == "vgg16"
    assert draft_recipe(Recipe(method="wct"), 256) == Recipe(method="wct", size=256, encoder="petite")
