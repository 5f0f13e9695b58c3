"""What is wrong with a request, in one line: the first of what pydantic found, in words that a person can act on."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from impasto.studio.settings import Refused

Asked = TypeVar("Asked", bound=BaseModel)
OWN = "words"
"""The kind of errors that validators of ours raise, whose message is in words already."""
SOURCES = ("body", "query", "path", "header")
"""Where FastAPI looks for parameters: the first part of the place of an error."""
_WORDS = {
    "missing": "is missing",
    "string_type": "is no text",
    "string_unicode": "is no proper text",
    "string_too_long": "has more than {max_length} characters",
    "list_type": "is not a list",
    "dict_type": "is not a JSON object",
    "model_type": "is not a JSON object",
    "model_attributes_type": "is not a JSON object",
    "bool_type": "is true or false",
    "bool_parsing": "is 1 or 0",
    "int_type": "is no whole number",
    "int_parsing": "is no whole number",
    "int_parsing_size": "is too large a number",
    "int_from_float": "is no whole number",
    "float_type": "is no number",
    "float_parsing": "is no number",
    "literal_error": "is {expected}",
    "too_long": "has more than {max_length} entries",
    "too_short": "has fewer than {min_length} entries",
    "greater_than_equal": "is at least {ge}",
    "greater_than": "is more than {gt}",
    "less_than_equal": "is at most {le}",
    "less_than": "is less than {lt}",
}
"""By pydantic's kinds of errors, with what it says beside them."""


def own(message: str) -> PydanticCustomError:
    """Return the error of a validator, in words: `message` follows the name of the field."""
    # Half of a pair of surrogates, which JSON can carry, is no text that pydantic takes.
    clean = message.encode("utf-8", "replace").decode()
    return PydanticCustomError(OWN, "{said}", {"said": clean})


def line(errors: Sequence[Mapping[str, Any]]) -> str:
    """Return the first error in one line: where, and what is wrong there."""
    error = errors[0]
    kind, context = str(error["type"]), error.get("ctx", {})
    place = [str(part) for part in error["loc"]]
    place = place[1:] if place[:1] and place[0] in SOURCES else place
    words = str(context["said"]) if kind == OWN else _WORDS.get(kind, str(error["msg"])).format(**context)
    return ": ".join([*place[:1], " ".join([*place[1:], words])])


def checked(model: type[Asked], document: Any) -> Asked:
    """Read a document as a model. Raises `Refused` in one line."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise Refused(422, line(error.errors())) from None
