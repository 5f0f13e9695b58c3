"""Groups of options that several commands have: a dataclass whose fields are options, handed over as one argument."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, get_type_hints


def group_parameters(kind: type, **defaults: object) -> list[inspect.Parameter]:
    """Make a parameter of each field of a dataclass of options; `defaults` go before those of the fields."""
    annotations = get_type_hints(kind, include_extras=True)
    parameters = []
    for field in fields(kind):
        default = defaults.get(field.name, inspect.Parameter.empty if field.default is MISSING else field.default)
        parameters.append(
            inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotations[field.name]
            )
        )
    return parameters


def with_group(argument: str, kind: type, **defaults: object) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add the options of the dataclass `kind` to a command, which takes them as its parameter called `argument`.

    `defaults` are the command's own, by the names of the fields.
    """
    shared = group_parameters(kind, **defaults)

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def command(*args: Any, **kwargs: Any) -> None:
            kwargs[argument] = kind(**{option.name: kwargs.pop(option.name) for option in shared})
            function(*args, **kwargs)

        own = [option for option in inspect.signature(function).parameters.values() if option.name != argument]
        last = [option for option in own if option.kind is option.VAR_KEYWORD]
        first = [option for option in own if option.kind is not option.VAR_KEYWORD]
        # Typer reads a command's options from its signature, and takes the one that is set here.
        command.__signature__ = inspect.Signature([*first, *shared, *last])  # type: ignore[attr-defined]
        return command

    return decorate
