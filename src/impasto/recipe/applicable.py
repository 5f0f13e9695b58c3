"""Which settings a method knows, and what to say of one that it does not."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from impasto.errors import RecipeError
from impasto.recipe.catalogue import METHODS, REFINED, SHARED
from impasto.recipe.spelling import OFF

FOUND = ("content_weight", "alpha")
"""The settings that `strength` decides on."""


def settings_of(method: str, *, refined: bool = False) -> frozenset[str]:
    """Return the names of the settings that a method knows, `version` and `method` among them.

    `refined`: steps of gatys follow on what a network painted, and the settings of those count too.
    """
    own = METHODS[method]
    known = {*SHARED, *own.settings}
    if refined and own.feed_forward:
        known |= {*METHODS["gatys"].settings} - {*REFINED}
    return frozenset(known)


def with_strength(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `changes` of settings, with `strength` off where they name what it would decide on.

    Raises `RecipeError` where they name both.
    """
    named = [key for key in FOUND if key in changes]
    if not named:
        return dict(changes)
    if str(changes.get("strength", OFF)) != OFF and changes["strength"] is not None:
        raise RecipeError(f"strength decides on {named[0]}; give one of them, and leave the other out")
    return {**changes, "strength": OFF}


def foreign(method: str, changed: Iterable[str], *, refined: bool) -> str:
    """Say in one line which of the settings that were `changed` is another method's; empty where none is.

    `refined`: steps of gatys follow, whose settings count then.
    """
    own = METHODS[method]
    known = settings_of(method, refined=refined)
    for key in changed:
        if key in known:
            continue
        if refined and key in REFINED and own.feed_forward:
            return f"{key}: is what refine decides: so many steps at the last size, from what {method} paints"
        owners = [entry.name for entry in METHODS.values() if key in entry.settings]
        whose = f"{key} belongs to {_listed(owners)}, not to {method}"
        if not own.feed_forward:
            return f"{whose}; set method to {_listed(owners, 'or')}, or leave it out"
        choices = [name for name in (*own.settings, *SHARED) if name not in ("version", "method")]
        more = " (and gatys's settings with refine)" if "gatys" in owners else ""
        return f"{whose}, which knows {', '.join(choices)}{more}"
    return ""


def _listed(names: Sequence[str], word: str = "and") -> str:
    return f" {word} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
