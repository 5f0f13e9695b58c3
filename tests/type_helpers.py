"""What tells the type checker what a test knows."""

from typing import TypeVar

Value = TypeVar("Value")


def present(value: Value | None) -> Value:
    """Return `value`, which a test knows not to be None, and fail where it is."""
    assert value is not None
    return value
