"""`Recipe`: a complete set of settings that go together, and how it is read, changed and written.

A recipe is frozen, complete and free of paths, so a picture can carry it.
"""

import json
import math
from collections.abc import Mapping
from typing import Any, Self, TypeVar

from pydantic import ValidationError, model_validator

from impasto.errors import RecipeError
from impasto.recipe.applicable import foreign, settings_of, with_strength
from impasto.recipe.catalogue import METHODS
from impasto.recipe.presets import load_preset
from impasto.recipe.settings import Settings
from impasto.recipe.spelling import first_mistake, parse_json, renamed, unknown

Number = TypeVar("Number", int, float)
VERSION = 1
"""The version of the format of recipes, which they carry; another is refused."""
LATER = frozenset(
    {
        "margin",
        "detail",
        "strength",
        "protect",
        "protect_weight",
        "protect_layers",
        "feather",
        "init_noise",
        "photo_colors",
        "mean_fraction",
        "step_ratio",
    }
)
"""Settings that came when pictures and checkpoints already carried recipes with every key."""
BEFORE: Mapping[str, Any] = {
    "margin": 0,
    "detail": 0.0,
    "protect_layers": {},
    "init_noise": 0.0,
    "photo_colors": "own",
    "mean_fraction": 0.0,
    "step_ratio": 0.5,
}
"""What those did, of them, that have another default."""
FORMER: Mapping[str, Any] = {"iterations": 200, "tv": "vector", "tv_weight": 1.5, "finishing_steps": 40}
"""Defaults that changed, as recipes have them that were recorded before, also where the method has no such setting."""
VARIATION_WEIGHTS = {"huber": 0.4}
"""What `tv_weight` is where it is automatic, by the kind; 1.5 of others. Chosen by figures and by eye among 0.2, 0.4,
0.8 and 1.5 (docs/evaluation.md)."""


class Recipe(Settings):
    """All settings of one painting. Immutable; `replace` gives a changed copy.

    Raises `RecipeError` (through `parse` and `replace`) naming the key, what is wrong, and the nearest known key.
    """

    @model_validator(mode="after")
    def _has_terms(self) -> Self:
        method = METHODS[self.method]
        if not getattr(self, method.content_key) and not self.layers_of_style:
            raise ValueError(f"{method.content_key} and {method.style_key} are both empty; name at least one layer")
        if 0 < self.gain_max < 1:
            raise ValueError("gain_max is at least 1, or 0 for the rule's own")
        if not any(self.hypercolumn_layers.values()):
            raise ValueError("hypercolumn_layers names none with a factor; name at least one layer")
        if self.style_weights and not math.fsum(self.style_weights) > 0:
            raise ValueError("style_weights are all zero; give at least one style a weight")
        if not math.fsum(self.neighbor_layers.values()) > 0:
            raise ValueError("neighbor_layers names none with a weight; name at least one, for example relu3_1")
        if not math.fsum(self.statistics.values()) > 0:
            raise ValueError("statistics names none with a weight; name at least one, for example gram")
        if self.patch_reuse and self.patch_capacity:
            raise ValueError("patch_reuse and patch_capacity both keep patches from being used too often; give one")
        for layer, weights in self.layer_style_weights.items():
            if not math.fsum(weights) > 0:
                raise ValueError(f"layer_style_weights of {layer} are all zero; give at least one style a weight")
        return self

    @model_validator(mode="after")
    def _of_one_method(self) -> Self:
        fields = type(self).model_fields
        changed = [name for name, field in fields.items() if getattr(self, name) != field.get_default()]
        if message := foreign(self.method, changed, refined=self.refine > 0):
            raise ValueError(message)
        return self

    @property
    def layers_of_style(self) -> Mapping[str, float]:
        """Return the layers that the method's style term looks at, with weights."""
        layers: Mapping[str, float] = getattr(self, METHODS[self.method].style_key)
        return layers

    @property
    def wanted_strength(self) -> float | None:
        """Return the strength that is asked for; None where weights stand as they are."""
        return None if isinstance(self.strength, str) else self.strength

    @property
    def steps(self) -> int:
        """Return the steps over all levels together: as many as the method needs, where `iterations` is automatic."""
        method = METHODS[self.method]
        return self._number(self.iterations, method.steps_from_photo, method.steps)

    @property
    def finishing(self) -> int:
        """Return the last steps, of all, that are of another kind where there are any: `finishing_steps`, decided."""
        method = METHODS[self.method]
        return self._number(self.finishing_steps, method.finishing_from_photo, method.finishing)

    @property
    def ratio(self) -> float:
        """Return the steps of a level over those of the next smaller one: `step_ratio`, decided."""
        method = METHODS[self.method]
        return self._number(self.step_ratio, method.step_ratio_from_photo, method.step_ratio)

    @property
    def averaged(self) -> float:
        """Return the fraction of a level's steps, the last ones, whose mean is the picture; 0: the last step's."""
        return self._number(self.mean_fraction, METHODS[self.method].mean_from_photo, 0.0)

    @property
    def variation(self) -> tuple[str, float]:
        """Return the kind of the total variation and its weight: what the method needs, where they are automatic."""
        kind = METHODS[self.method].variation if self.tv == "auto" else self.tv
        return kind, VARIATION_WEIGHTS.get(kind, 1.5) if isinstance(self.tv_weight, str) else self.tv_weight

    @property
    def recolors_photo(self) -> bool:
        """Return whether the photograph is painted in the paintings' colours."""
        return self.color == "style" and self._photo_colors == "style"

    def decided(self) -> "Recipe":
        """Return the recipe with what its method needs in the place of all that is automatic in it."""
        kind, weight = self.variation
        decisions = {
            "iterations": self.steps,
            "finishing_steps": self.finishing,
            "mean_fraction": self.averaged,
            "photo_colors": self._photo_colors,
            "step_ratio": self.ratio,
            "tv": kind,
            "tv_weight": weight,
        }
        known = settings_of(self.method, refined=bool(self.refine))
        return self.replace(**{key: value for key, value in decisions.items() if key in known})

    def _number(self, setting: Number | str, from_photo: Number, otherwise: Number) -> Number:
        """Return a setting, or what the method needs where it is automatic: from the photograph, if it has that."""
        if not isinstance(setting, str):
            return setting
        return (self.init == "content" and from_photo) or otherwise

    @property
    def _photo_colors(self) -> str:
        return METHODS[self.method].photo_colors if self.photo_colors == "auto" else self.photo_colors

    @property
    def solved_by(self) -> str:
        """Return the solver: the one that the method needs, or the one chosen."""
        return METHODS[self.method].solver or self.solver

    @property
    def layers_of_content(self) -> Mapping[str, float]:
        """Return the layers that the method's content term looks at, with weights; none where it has no such term."""
        method = METHODS[self.method]
        has_term = method.content_key in method.settings or (method.holds and self.wanted_strength is not None)
        if not has_term:
            return {}
        # What is protected may be so at other layers, which count nothing elsewhere.
        return {**dict.fromkeys(self.layers_of_protection, 0.0), **getattr(self, method.content_key)}

    @property
    def layers_of_protection(self) -> Mapping[str, float]:
        """Return the layers at which the photograph counts more where it is protected, with weights; none: nowhere."""
        method = METHODS[self.method]
        if self.protect == "nothing" or "protect" not in method.settings:
            return {}
        own: Mapping[str, float] = self.protect_layers if "protect_layers" in method.settings else {}
        content: Mapping[str, float] = getattr(self, method.content_key)
        return own or content

    def replace(self, **changes: Any) -> "Recipe":
        """Return a copy with `changes`; who sets a weight that `strength` would find turns that off."""
        return Recipe.parse({**self.model_dump(), **with_strength(renamed(changes))})

    def to_json(self) -> str:
        """Return the recipe as JSON with sorted keys."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True)

    @classmethod
    def parse(cls, values: Mapping[str, Any] | str | bytes) -> "Recipe":
        """Build a recipe from a mapping or JSON text; what is not named keeps its default."""
        if isinstance(values, str | bytes):
            values = parse_json(values)
        values = renamed(values)
        for key in values:
            if key not in cls.model_fields:
                raise RecipeError(unknown(str(key), cls.model_fields, "recipe key"))
        if isinstance(method := values.get("method"), str) and method not in METHODS:
            raise RecipeError(f"{unknown(method, METHODS, 'method')} (impasto methods says what each is)")
        if values.get("version", VERSION) != VERSION:
            version = str(values["version"])[:40]
            raise RecipeError(f"recipe version {version} is not known to this impasto (it reads version {VERSION})")
        try:
            return cls.model_validate(_complete(values, cls.model_fields))
        except ValidationError as error:
            raise RecipeError(first_mistake(error)) from None

    @classmethod
    def from_preset(cls, preset: str | None = None, **overrides: Any) -> "Recipe":
        """Build a recipe from the defaults, a named preset over them, and `overrides` over both."""
        return cls.parse({**(load_preset(preset) if preset else {}), **with_strength(renamed(overrides))})


def _complete(values: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values` with what a recipe means that was recorded before there was a margin or detail: it has none.

    A recorded recipe names every setting, those of other methods too, at defaults that may have changed since: they
    are left out.
    """
    missing = fields.keys() - values.keys()
    if not missing <= LATER or not isinstance(values["method"], str):
        return dict(values)
    known = settings_of(values["method"], refined=bool(values["refine"]))
    if not missing:
        return {key: value for key, value in values.items() if key in known or FORMER.get(key, ...) != value}
    before = {key: value for key, value in BEFORE.items() if key in missing & known}
    return {**{key: value for key, value in values.items() if key in known}, **before}
